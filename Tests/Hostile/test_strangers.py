"""Those who have not said who they are: what they may cost, and what is told of them."""

import json
import re
import resource
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness import DEADLINE, Broker, binaries, clean_environment
from mesh_http import http_call
from mesh_keys import Key, mesh_hello
from raw import CONTINUATION, PING, PONG, TEXT, Socket, frame


def metric(target, name: str) -> float:
    """The value of one line of the broker's metrics; 0 when there is none."""
    status, _, body = http_call(target.broker.http, "GET", "/metrics",
                                headers={"Authorization": f"Bearer {target.broker.admin_token}"})
    assert status == 200
    found = re.search(rf"^{re.escape(name)} (\S+)$", body.decode(), re.MULTILINE)
    return float(found[1]) if found else 0


def refusals(target, reason: str) -> float:
    return metric(target, f'broker_gateway_refusals_total{{reason="{reason}"}}')


def until(question, holds, what: str):
    end = time.monotonic() + DEADLINE
    while not holds(answer := question()):
        assert time.monotonic() < end, f"{what}: the last answer was {answer}"
        time.sleep(0.02)
    return answer


# --- before a hello ------------------------------------------------------------------------------------------------


def test_a_frame_before_the_hello_is_small(target):
    fits = target.socket().upgrade()
    hello = mesh_hello(target.mesh, target.members["mallory"], Key(), target.broker.node)
    text = json.dumps(hello)
    fits.send(frame(TEXT, text + " " * (16_384 - len(text))))
    fits.until(lambda one: one.get("type") == "hello_ack")
    # Whoever is let in has the full size.
    fits.send(frame(TEXT, '{"type":"whoami","_reqId":"x"}' + " " * 900_000))
    assert fits.until(lambda one: one.get("_reqId") == "x")["name"] == "mallory"
    fits.close()
    large = target.socket().upgrade()
    large.send(frame(TEXT, text + " " * (16_385 - len(text))))
    assert large.close_code() == 1009
    target.check()


def test_pieces_before_the_hello_are_summed(target):
    peer = target.socket().upgrade()
    peer.send(frame(TEXT, " " * 10_000, fin=False) + frame(CONTINUATION, " " * 10_000, fin=False))
    assert peer.close_code() == 1009


def test_what_follows_a_hello_at_once_is_answered_in_order(target):
    peer = target.socket().upgrade()
    hello = mesh_hello(target.mesh, target.members["mallory"], Key(), target.broker.node)
    large = '{"type":"whoami","_reqId":"%d"}' + " " * 30_000
    peer.send(frame(TEXT, json.dumps(hello)) + b"".join(frame(TEXT, large % n) for n in range(20)))
    peer.until(lambda one: one.get("type") == "hello_ack")
    for n in range(20):
        assert peer.until(lambda one: "_reqId" in one)["_reqId"] == str(n)
    peer.close()


def test_many_strangers_who_say_half_of_what_they_may_cost_little(target):
    half = frame(TEXT, b" " * 16_000)[:-1]

    def crowd():
        sockets = [target.socket().upgrade() for _ in range(200)]
        for one in sockets:
            one.send(frame(PING, b"here") + half)
        for one in sockets:
            assert one.next() == (PONG, b"here")
        target.check()
        grown = target.resident()
        for one in sockets:
            one.close()
        return grown

    crowd()
    before = target.resident()
    # 200 x 16 kB, twice for a buffer that has grown, and what a connection costs by itself.
    assert crowd() - before < 24 << 20
    target.check()


def test_bodies_of_strangers_share_their_memory(target):
    head = b"POST /v1/join HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n"
    refused_before = refusals(target, "body_memory")
    waiting = [target.socket() for _ in range(64)]
    for one in waiting:
        one.send(head + b" ")
    until(lambda: probe(target, head), lambda status: status == 503, "the bodies of 65 requests were taken")
    assert refusals(target, "body_memory") > refused_before
    # Small requests go on, and the memory comes back.
    assert http_call(target.broker.http, "GET", "/health")[0] == 200
    for one in waiting:
        one.close()
    until(lambda: probe(target, head), lambda status: status != 503, "the memory does not come back")
    target.check()


def probe(target, head: bytes) -> int:
    """The status of one more such request, whose body is all there; 0 when it is not answered."""
    one = target.socket()
    try:
        one.send(head + b" " * (1 << 20))
        return one.response()[0]
    finally:
        one.close()


# --- small things without end --------------------------------------------------------------------------------------


def test_a_message_in_a_million_empty_pieces_is_ended(target):
    before = refusals(target, "too_many_fragments")
    peer = target.peer()
    peer.send(frame(TEXT, b"", fin=False))
    pieces = frame(CONTINUATION, b"", fin=False) * 10_000
    for _ in range(100):
        peer.send(pieces)
    assert peer.close_code() in (1008, 1006)
    assert refusals(target, "too_many_fragments") == before + 1
    target.check()


def test_a_flood_of_pongs_is_ended(target):
    before = refusals(target, "pong_flood")
    peer = target.peer()
    peer.send(frame(PONG, b"") * 20_000)
    assert peer.close_code() in (1008, 1006)
    assert refusals(target, "pong_flood") == before + 1
    target.check()


def test_line_ends_without_end_cost_no_memory(target):
    one = target.socket()
    one.send(b"\r\n" * 20_000)
    before = target.resident()
    for _ in range(64):
        one.send(b"\r\n" * (256 << 10))
    target.check()
    assert target.resident() - before < 16 << 20
    one.close()


# --- lines about the refused ---------------------------------------------------------------------------------------


def lines_of(broker: Broker) -> list[dict]:
    text = (broker.folder / "meshd.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def counted(broker: Broker, words: str, reason: str) -> int:
    """How many refusals the log tells of, those that it only counts included."""
    lines = [line for line in lines_of(broker) if line["msg"].startswith(words) and line.get("reason") == reason]
    return sum(int(line.get("left_out", 1)) for line in lines)


def test_wrong_tokens_leave_lines_but_few_and_without_the_token(target):
    for n in range(200):
        status, _, _ = http_call(target.broker.http, "GET", "/metrics",
                                 headers={"Authorization": f"Bearer mesh_admin_guess{n:04}"})
        assert status == 401
    until(lambda: counted(target.broker, "a call with a wrong admin token was refused", "unauthenticated"),
          lambda count: count >= 200, "the refusals are not told")
    lines = [line for line in lines_of(target.broker) if "wrong admin token" in line["msg"]]
    assert len(lines) <= 20
    assert lines[0]["from"] == "127.0.0.1"
    assert "guess" not in (target.broker.folder / "meshd.log").read_text()


def test_a_refused_hello_leaves_a_line_with_the_beginning_of_its_key(target):
    stranger = Key()
    peer = target.socket().upgrade()
    hello = mesh_hello(target.mesh, stranger, Key(), target.broker.node)
    peer.text(hello)
    assert peer.close_code() == 1008

    def line():
        return [one for one in lines_of(target.broker)
                if one["msg"] == "a hello was refused" and one.get("key") == stranger.hex[:8] + "…"]

    told = until(line, bool, "no line tells of the hello")
    assert told[0]["reason"] == "unauthorized" and told[0]["from"] == "127.0.0.1"
    text = (target.broker.folder / "meshd.log").read_text()
    for secret in (hello["signature"], hello["binding"], hello["nonce"]):
        assert secret not in text


# --- no descriptors ------------------------------------------------------------------------------------------------


@pytest.fixture
def scarce(tmp_path):
    """A broker that may open 64 files."""
    ready = tmp_path / "ready.json"
    log = open(tmp_path / "log", "wb")
    process = subprocess.Popen(
        [binaries() / "meshd", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--ready-file", ready],
        stderr=log, env=clean_environment(tmp_path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    until(lambda: ready.exists(), bool, "the broker is not ready")
    yield json.loads(ready.read_text()), tmp_path / "log", process
    process.terminate()
    process.wait(DEADLINE)
    log.close()


def test_without_descriptors_the_broker_waits_tells_it_and_goes_on(scarce):
    facts, log, process = scarce
    port, token = int(facts["http"].rsplit(":", 1)[1]), Path(facts["adminTokenFile"]).read_text().strip()
    watcher = Socket(port)

    def failures() -> int:
        watcher.send(f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        status, head = watcher.response()
        assert status == 200
        size = int(re.search(r"content-length: (\d+)", head.lower())[1])
        while len(watcher.buffer) < size:
            assert watcher._more(time.monotonic() + DEADLINE)
        body, watcher.buffer = watcher.buffer[:size].decode(), watcher.buffer[size:]
        return int(re.search(r"^broker_accepts_failed_total (\d+)$", body, re.MULTILINE)[1])

    assert failures() == 0
    held = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(100)]
    count = until(failures, lambda count: count >= 3, "accepting does not fail")
    # Tried without pause it would have failed some ten thousand times by now.
    assert count < 50
    until(log.read_text, lambda text: "too many open files" in text, "the log does not tell it")
    for one in held:
        one.close()
    until(log.read_text, lambda text: "accepted again" in text, "accepting does not go on")
    assert http_call(facts["http"], "GET", "/health")[0] == 200
    warnings = [line for line in log.read_text().splitlines() if "no connection can be accepted" in line]
    assert 1 <= len(warnings) <= 3
    assert process.poll() is None

"""Bad inputs against the running broker: each gets its own answer, and nobody else notices anything."""

import json
import socket
import time

import pytest

from bad_frames import ROWS
from bad_requests import HTTP, JSON, request
from mesh_keys import Key, legacy_session_hello, mesh_hello, now_ms
from raw import PING, TEXT, frame


def frames(target, sent, expected):
    peer = target.peer()
    try:
        for data in sent:
            peer.send(data)
        if expected == 0:
            assert peer.ask("whoami")["name"] == "mallory"
        else:
            assert peer.close_code() == expected
    finally:
        peer.close()


def http(target, sent, expected):
    connection = target.socket()
    try:
        connection.send(sent)
        status, head = connection.response()
        assert status == expected, head
        if expected == 426:
            assert "sec-websocket-version: 13" in head.lower()
    finally:
        connection.close()


def json_frame(target, sent, expected):
    peer = target.peer()
    try:
        peer.send(frame(TEXT, sent))
        error = peer.until(lambda one: one.get("type") == "error")
        assert error["code"] == expected, error
        assert error["message"] and "0x" not in error["message"]
        assert peer.ask("whoami")["name"] == "mallory", "the connection goes on"
    finally:
        peer.close()


TABLE = [pytest.param(run, sent, expected, id=f"{run.__name__}: {name}")
         for run, rows in ((frames, ROWS), (http, HTTP), (json_frame, JSON)) for name, sent, expected in rows]


@pytest.mark.parametrize("run, sent, expected", TABLE)
def test_a_bad_input_gets_its_answer_and_nobody_else_notices(target, run, sent, expected):
    run(target, sent, expected)
    target.check()


TIMES = [-2**63, -2**63 + 1, -1, 0, 2**53, 2**63 - 1]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("stamp", TIMES)
def test_a_hello_from_another_age_is_refused(target, version, stamp):
    """The signature is right: anyone could make it, for a key of its own."""
    connection = target.socket().upgrade()
    member, session = target.members["mallory"], Key()
    if version == 2:
        hello = mesh_hello(target.mesh, member, session, target.broker.node, timestamp=stamp)
    else:
        hello = legacy_session_hello(target.mesh, member, session, timestamp=stamp, expires_at=now_ms() + 60_000)
    connection.text(hello)
    error = connection.until(lambda one: one.get("type") == "error")
    assert error["code"] == "timestamp_skew", error
    assert connection.close_code() == 1008
    target.check()


@pytest.mark.parametrize("end", TIMES)
def test_an_attestation_from_another_age_is_refused(target, end):
    connection = target.socket().upgrade()
    connection.text(legacy_session_hello(target.mesh, target.members["mallory"], Key(), timestamp=now_ms(),
                                         expires_at=end))
    error = connection.until(lambda one: one.get("type") == "error")
    assert error["code"] in ("expired", "ttl_too_long"), error
    target.check()


@pytest.mark.parametrize("stamp", TIMES)
def test_a_call_from_another_age_is_refused(target, stamp):
    connection = target.socket()
    connection.send(request("POST /v1/meshes/" + target.mesh + "/whoami HTTP/1.1", "Host: localhost",
                            "Mesh-Session: " + Key().hex, f"Mesh-Timestamp: {stamp}", "Mesh-Nonce: " + "ab" * 16,
                            "Mesh-Signature: " + "ab" * 64, "Content-Length: 2", body="{}"))
    status, head = connection.response()
    assert status == 401, head
    connection.close()
    target.check()


@pytest.mark.parametrize("stamp", TIMES)
def test_a_join_from_another_age_is_refused(target, stamp):
    key = Key()
    body = json.dumps({"meshId": target.mesh, "code": "x", "name": "eve", "pubkey": key.hex, "timestamp": stamp,
                       "signature": key.sign("x"), "session": {"pubkey": Key().hex, "binding": key.sign("x")}})
    connection = target.socket()
    connection.send(request("POST /v1/join HTTP/1.1", "Host: localhost", "Content-Type: application/json",
                            f"Content-Length: {len(body)}", body=body))
    status, head = connection.response()
    assert status in (400, 401), head
    connection.close()
    target.check()


def test_no_bad_input_costs_memory_for_ever(target):
    def all_rows():
        for row in TABLE:
            run, sent, expected = row.values
            run(target, sent, expected)

    all_rows()
    before = target.resident()
    for _ in range(3):
        all_rows()
    # Sessions of the bad peers stay known: some kilobytes each. What must not stay is what they sent.
    assert target.resident() - before < 24 << 20
    target.check()


def test_a_flood_of_pings_slows_nobody_else(target):
    peer = target.peer()
    peer.send(frame(PING, b"flood") * 20_000)
    started = time.monotonic()
    target.check()
    assert time.monotonic() - started < 5
    peer.close()


def test_a_peer_that_never_reads_is_ended_and_loses_nothing(target):
    deaf = target.peer()
    deaf.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    body = "A" * 80_000
    for number in range(400):
        target.witness.text({"type": "send", "id": str(number), "targetSpec": "*", "ciphertext": body,
                             "encrypted": False})
        if number % 20 == 19:
            target.check()
    target.check()
    assert target.resident() < 400 << 20
    deaf.close()


def test_many_silent_connections_leave_room_for_others(target):
    silent = [target.socket() for _ in range(300)]
    target.check()
    assert target.peer().ask("whoami")["name"] == "mallory"
    for one in silent:
        one.close()
    target.check()


def test_a_strike_is_counted_and_the_connection_ends_in_the_end(target):
    peer = target.peer()
    for _ in range(40):
        peer.send(frame(TEXT, "no json"))
    assert peer.close_code() == 1008
    target.check()

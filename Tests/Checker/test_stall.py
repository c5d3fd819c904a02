"""What one member asks for is paid by itself: counts and bytes, where `make stall` measures time on a large mesh."""

import asyncio
import json

import pytest
from harness import Broker, Mesh
from mesh_keys import Key
from stall import BURST, REQUESTS, Costly, Crowd, connect, masked

KEYS = 60
MEMORY = 24 << 20


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.finish_now()


def burst(kind: str, **fields) -> list[bytes]:
    frames = []
    while sum(map(len, frames)) < BURST:
        frames.append(json.dumps({"type": kind, "_reqId": str(len(frames))} | fields).encode())
    return frames


def test_every_request_of_the_protocol_can_be_sent_at_its_costliest():
    costly = Costly({"broadcast": "0" * 13})
    requests = list(REQUESTS.values())
    assert len(requests) >= 60
    for request in requests:
        frames = costly.burst(request)
        assert sum(map(len, frames)) <= BURST or len(frames) == 1, request.name
        assert all(json.loads(frame)["type"] == request.name for frame in frames)


def test_answers_that_are_not_read_are_not_made(broker, tmp_path):
    asyncio.run(unread(broker, tmp_path))


async def unread(broker, folder):
    crowd = Crowd(broker, folder, 0, 0)
    crowd.mesh = mesh = await Mesh(broker, folder / "mesh").create()
    crowd.admin = await mesh.peer("ada")
    other = await mesh.peer("other")
    member = await mesh.member("greedy")
    greedy = await connect(broker, mesh.id, member.key, Key())
    try:
        await crowd.pipeline([
            {"type": "set_state", "key": f"k{n:02}", "value": "v" * 60_000} for n in range(KEYS)])
        greedy.transport.pause_reading()
        before = crowd.resident()
        # More than all buffers of a machine between the two.
        frames = burst("list_state")[:100]
        done = greedy.expect(len(frames))
        greedy.transport.write(b"".join(masked(frame) for frame in frames))
        for _ in range(50):
            assert (await other.request("get_state", key="k00"))["found"]
            assert (await other.request("set_state", key="own", value=1))["changed"] == 1
        assert crowd.resident() - before < MEMORY
        hits = crowd.metrics()
        assert hits.get('broker_reads_held_total{budget="connection"}', 0) > 0, hits
        assert hits["broker_slow_consumers_total"] == 0
        # Whoever reads at last gets every answer.
        greedy.transport.resume_reading()
        await done
        assert greedy.answers == len(frames) and not greedy.codes
        assert greedy.largest <= 1 << 20
        assert crowd.resident() - before < MEMORY
    finally:
        greedy.transport.abort()
        await mesh.finish()


def test_others_are_answered_in_between(broker, tmp_path):
    asyncio.run(between(broker, tmp_path))


async def between(broker, folder):
    crowd = Crowd(broker, folder, 0, 0)
    crowd.mesh = mesh = await Mesh(broker, folder / "mesh").create()
    crowd.admin = await mesh.peer("ada")
    other = await mesh.peer("other")
    member = await mesh.member("greedy")
    greedy = await connect(broker, mesh.id, member.key, Key())
    try:
        await crowd.pipeline([
            {"type": "set_state", "key": f"k{n:02}", "value": "v" * 60_000} for n in range(KEYS)])
        frames = burst("list_state")[:200]
        done = greedy.expect(len(frames))
        greedy.transport.write(b"".join(masked(frame) for frame in frames))
        while greedy.answers == 0:
            await asyncio.sleep(0)
        assert (await other.request("whoami"))["name"] == "other"
        assert greedy.answers < len(frames) / 2
        await done
    finally:
        greedy.transport.abort()
        await mesh.finish()


def test_what_a_member_leaves_unread_is_bounded_over_all_its_connections(broker, tmp_path):
    asyncio.run(left_unread(broker, tmp_path))


async def left_unread(broker, folder):
    crowd = Crowd(broker, folder, 0, 0)
    crowd.mesh = mesh = await Mesh(broker, folder / "mesh").create()
    crowd.admin = await mesh.peer("ada")
    member = await mesh.member("deaf")
    lines = [await connect(broker, mesh.id, member.key, Key()) for _ in range(6)]
    try:
        for line in lines:
            # Two watches that see the same are told together.
            done = line.expect(2)
            for name in ("one", "two"):
                line.transport.write(masked(json.dumps(
                    {"type": "state_watch", "watchId": name, "snapshot": False, "_reqId": name}).encode()))
            await done
        reading, deaf = lines[0], lines[1:]
        for line in deaf:
            line.transport.pause_reading()
        before = crowd.resident()
        writes = 0
        while crowd.metrics().get('broker_gateway_refusals_total{reason="slow_member"}', 0) < len(deaf) - 2:
            await crowd.pipeline([{"type": "set_state", "key": "k", "value": "v" * 60_000} for _ in range(10)])
            writes += 10
            assert crowd.resident() - before < 40 << 20
            assert writes < 2_000
        assert crowd.metrics()["broker_slow_consumers_total"] > 0
        # Who reads is told everything, once.
        while reading.changes < writes:
            await asyncio.sleep(0)
        await crowd.admin.request("set_state", key="k", value=1)
        while reading.changes < writes + 1:
            await asyncio.sleep(0)
        assert not reading.is_closed
        assert reading.changes == writes + 1
    finally:
        for line in lines:
            line.transport.abort()
        await mesh.finish()


def test_a_state_of_any_size_is_watched(broker, tmp_path):
    asyncio.run(watched(broker, tmp_path))


async def watched(broker, folder):
    crowd = Crowd(broker, folder, 0, 0)
    crowd.mesh = mesh = await Mesh(broker, folder / "mesh").create()
    crowd.admin = ada = await mesh.peer("ada")
    try:
        await crowd.pipeline([
            {"type": "set_state", "key": f"k{n:02}", "value": "v" * 60_000} for n in range(KEYS)])
        watch = await mesh.run_on(mesh.owner, "state", "watch", "--json")
        first = await watch.line(lambda line: True)
        assert [entry["key"] for entry in first["entries"]] == [f"k{n:02}" for n in range(KEYS)], first.keys()
        await ada.request("set_state", key="late", value=7)
        change = await watch.line(lambda line: "late" in json.dumps(line))
        assert "7" in json.dumps(change)
    finally:
        await mesh.finish()

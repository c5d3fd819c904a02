"""Consumers that are slow in each of the ways there are, among others that are not."""

import asyncio
import socket

import pytest
from harness import Broker, Mesh
from mesh_keys import Key

#: Offers of a session that may be unacknowledged, as Docs/Operating.md says.
WINDOW = 1000
WINDOW_BYTES = 4 << 20


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.finish_now()


def resident(broker) -> int:
    """Bytes of memory."""
    with open(f"/proc/{broker.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def deafen(peer) -> None:
    """Reads no more, with hardly any room in between."""
    raw = peer.socket.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.socket.transport.pause_reading()


async def read_slowly(peer) -> None:
    """A thousandth of a second in which it reads, then a long pause, over and over."""
    while peer.close_code is None:
        peer.socket.transport.resume_reading()
        await asyncio.sleep(0.001)
        peer.socket.transport.pause_reading()
        await asyncio.sleep(0.2)


async def everything(peer, count: int) -> list[str]:
    return [(await peer.message())[1] for _ in range(count)]


def test_the_slow_lose_nothing_and_cost_the_others_nothing(broker, tmp_path):
    asyncio.run(crowd(broker, tmp_path))


async def crowd(broker, folder):
    mesh = await Mesh(broker, folder / "mesh").create()
    keys = {name: Key() for name in ("deaf", "slow", "mute", "fast")}
    slow_reader = None
    try:
        ada = await mesh.peer("ada")
        fast = await mesh.peer("fast", keys["fast"])
        deaf = await mesh.peer("deaf", keys["deaf"], auto_ack=False)
        slow = await mesh.peer("slow", keys["slow"], auto_ack=False)
        mute = await mesh.peer("mute", keys["mute"], auto_ack=False)
        deafen(deaf)
        deafen(slow)
        slow_reader = asyncio.create_task(read_slowly(slow))
        before = resident(broker)
        texts = [f"{n} " + "x" * 12_000 for n in range(WINDOW + 200)]
        for text in texts:
            await asyncio.gather(*(ada.say(keys[name].hex, text) for name in keys))
        # The fast one has it all, in order, while the others have not.
        assert await everything(fast, len(texts)) == texts
        # Who reads and acknowledges nothing gets its window, and no more: here the bytes are what is full.
        assert (await mute.request("list_inbox", limit=1))["total"] == len(texts)
        window = sum(push["attempt"] == 1 for push in mute.pushes())
        assert WINDOW_BYTES / 18_000 < window < WINDOW_BYTES / 12_000
        assert await everything(mute, window) == texts[:window]
        # 3 x 15 MB wait; what is unsent of a connection is at most 8 MiB.
        assert resident(broker) - before < 96 << 20
        # Whoever was cut off comes back, and whoever was not goes on: each has everything once, in order.
        for name in ("deaf", "slow", "mute"):
            again = await mesh.peer(name, keys[name], replace=True)
            assert await everything(again, len(texts)) == texts, name
            attempts = [push["attempt"] for push in again.pushes()]
            assert set(attempts) <= {1, 2, 3}, name
    finally:
        if slow_reader is not None:
            slow_reader.cancel()
        await mesh.finish()

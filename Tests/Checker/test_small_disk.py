"""A broker on a real disk that is full: it refuses what it cannot store, serves the rest, and needs nobody to go on."""

import asyncio
import json
import secrets
import subprocess

import ledger_verify
import pytest
from harness import Broker, Mesh, accepted_in, binaries, poll
from mesh_client import Refused
from mesh_http import http_call
from mesh_keys import Key
from small_disk import SmallDisk

BODY = 40_000


@pytest.fixture
def disk(tmp_path):
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.remove()


@pytest.fixture
def broker(tmp_path, disk):
    broker = Broker(tmp_path)
    broker.data = disk.path / "data"
    broker.start()
    yield broker
    broker.finish_now()


def ready(broker: Broker) -> tuple[int, list[str]]:
    """The status of `/health/ready`, and the reasons that it gives."""
    status, _, body = http_call(broker.http, "GET", "/health/ready")
    return status, json.loads(body)["reasons"]


async def until_ready(broker: Broker, status: int = 200) -> None:
    async def asked():
        return await asyncio.to_thread(ready, broker)

    await poll(asked, lambda answer: answer[0] == status)


async def send_until_refused(peer, target: Key) -> list[str]:
    """Sends until it is refused for want of space; gives the ids of what was accepted."""
    accepted = []
    with pytest.raises(Refused) as refusal:
        for _ in range(5000):
            accepted.append((await peer.say(target.hex, secrets.token_hex(BODY // 2)))["messageId"])
    assert refusal.value.code == "storage_full" and refusal.value.hint
    return accepted


async def drain(peer, count: int) -> set[str]:
    """Takes and acknowledges so many messages; gives their ids."""
    seen: set[str] = set()
    while len(seen) < count:
        push, _ = await peer.message()
        seen.add(push["messageId"])
        await peer.acknowledge(push)
    return seen


def test_sends_fill_a_small_disk_and_nothing_is_lost(broker, disk, tmp_path):
    asyncio.run(fill_up(broker, disk, tmp_path))


async def fill_up(broker, disk, folder):
    mesh = await Mesh(broker, folder / "mesh").create()
    session = Key()
    try:
        bob = await mesh.peer("bob", session, auto_ack=False)
        ada = await mesh.peer("ada")
        assert ready(broker) == (200, [])
        promised = await send_until_refused(ada, session)
        assert len(promised) > 50
        assert ready(broker) == (503, ["disk_full"])
        # Reads and acknowledgements go on, for those who are here and those who come.
        assert (await bob.request("list_inbox", limit=1))["total"] == len(promised)
        done = await drain(bob, 20)
        with pytest.raises(Refused) as refusal:
            await ada.say(session.hex, "small")
        assert refusal.value.code == "storage_full"
        bob = await mesh.peer("bob", session, auto_ack=False, replace=True)
        assert (await bob.request("list_inbox", limit=1))["total"] == len(promised) - 20
        assert (await mesh.owner.run("whoami", "--json")).json["name"]
        assert broker.process.poll() is None

        # A start on the full disk serves what it can.
        broker.kill()
        disk.fill()
        assert disk.free == 0
        await asyncio.to_thread(broker.start)
        assert ready(broker) == (503, ["disk_full"])
        bob = await mesh.peer("bob", session, auto_ack=False, replace=True)
        assert (await bob.request("list_inbox", limit=1))["total"] == len(promised) - 20
        done |= await drain(bob, 5)
        assert (await mesh.owner.run("whoami", "--json")).json["name"]
        ada = await mesh.peer("ada")
        with pytest.raises(Refused) as refusal:
            await ada.say(session.hex, "small")
        assert refusal.value.code == "storage_full"

        # With space it goes on by itself, and everything that was promised is there.
        disk.grow(64)
        await until_ready(broker)
        promised.append((await ada.say(session.hex, "after"))["messageId"])
        assert done | await drain(bob, len(promised) - len(done)) == set(promised)
        exported = await mesh.owner.run("ledger", "export")
        ledger_verify.verify_export(exported.out.encode())
        assert set(accepted_in(exported.out)) == set(promised)
    finally:
        await mesh.finish()


def test_when_even_the_space_set_aside_is_gone_reads_go_on(broker, disk, tmp_path):
    asyncio.run(used_up(broker, disk, tmp_path))


async def used_up(broker, disk, folder):
    mesh = await Mesh(broker, folder / "mesh").create()
    session = Key()
    try:
        bob = await mesh.peer("bob", session, auto_ack=False)
        ada = await mesh.peer("ada")
        promised = [(await ada.say(session.hex, f"{n}"))["messageId"] for n in range(40)]
        disk.fill()
        # Nothing has failed yet, and it is known all the same that the next write would.
        await until_ready(broker, 503)
        await send_until_refused(ada, session)
        disk.fill()
        pushes = [(await bob.message())[0] for _ in range(40)]

        async def acknowledged_all():
            """Whether the last acknowledgement was refused."""
            try:
                await bob.acknowledge(pushes[0])
            except Refused as refused:
                assert refused.code == "storage_full"
                return True
            disk.fill()
            return False

        await poll(acknowledged_all, bool)
        total = (await bob.request("list_inbox", limit=1))["total"]
        assert total >= len(promised) - 1
        assert (await bob.request("whoami"))["name"] == "bob"
        assert broker.process.poll() is None

        # A start with not one byte free: whoever was known before still reads over HTTP.
        broker.kill()
        disk.fill()
        await asyncio.to_thread(broker.start)
        assert (await mesh.owner.run("whoami", "--json")).json["name"]

        disk.clear()
        await until_ready(broker)
        bob = await mesh.peer("bob", session, auto_ack=False, replace=True)
        left = (await bob.request("list_inbox", limit=1))["total"]
        assert left >= len(promised) - 1
        await drain(bob, left)
        assert (await bob.request("list_inbox", limit=1))["total"] == 0
        await mesh.owner.run("state", "set", "k", "1")
    finally:
        await mesh.finish()


def test_everything_else_that_writes_says_that_the_disk_is_full(broker, disk, tmp_path):
    asyncio.run(others(broker, disk, tmp_path))


async def others(broker, disk, folder):
    mesh = await Mesh(broker, folder / "mesh").create()
    await mesh.owner.run("state", "set", "k", "1")
    record = disk.path / "record"
    record.mkdir()
    broker.terminate()
    broker.arguments = ["--record-commands", str(record)]
    await asyncio.to_thread(broker.start)
    await mesh.owner.run("state", "set", "k", "2")
    recorded = next(record.iterdir()).read_bytes()
    assert recorded.endswith(b"\n")
    admin = {"MESH_ADMIN_TOKEN": broker.admin_token, "MESH_BROKER": broker.http}
    made = (await mesh.owner.run("backup", "create", "--json", **admin)).json["file"]
    try:
        disk.fill()
        for words in (["mesh", "create", "second"], ["backup", "create"], ["restore", made, "--replace"]):
            refused = await mesh.owner.run(*words, "--json", code=None, **admin)
            assert refused.code != 0
            assert refused.json["error"]["code"] == "storage_full", refused
        leftovers = [path.name for path in broker.data.rglob("*") if path.name.endswith((".creating", ".writing"))]
        assert leftovers == []
        refused = await mesh.owner.run("state", "set", "k", "x" + secrets.token_hex(30_000), "--json", code=None)
        while refused.code == 0:
            refused = await mesh.owner.run("state", "set", "k", "x" + secrets.token_hex(30_000), "--json", code=None)
        assert refused.json["error"]["code"] == "storage_full", refused
        # Nothing was closed for a restore that could not be.
        assert (await mesh.owner.run("whoami", "--json")).json["name"]
        # What was recorded is whole lines.
        for line in next(record.iterdir()).read_bytes().splitlines():
            json.loads(line)
        # The ready file and the log are on the full disk, too.
        broker.kill()
        await start_with_ready_file_on(broker, disk)
        disk.clear()
        await until_ready(broker)
        await mesh.owner.run("state", "set", "k", "3")
        made = await mesh.owner.run("mesh", "create", "second", "--json", **admin)
        assert made.json["mesh"]["slug"] == "second"
        assert broker.process.poll() is None
    finally:
        await mesh.finish()


async def start_with_ready_file_on(broker, disk):
    """Starts with log and ready file on the full disk; the ready file comes once there is space."""
    disk.fill()
    file = disk.path / "ready.json"
    arguments = [binaries() / "meshd", "--data", broker.data, "--listen", f"127.0.0.1:{broker.port}", "--ready-file", file]
    with open(disk.path / "log", "ab") as log:
        broker.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    async def serves():
        try:
            return (await asyncio.to_thread(http_call, broker.http, "GET", "/health"))[0]
        except OSError:
            return 0

    await poll(serves, lambda status: status == 200)
    assert not file.exists() or file.read_bytes()
    disk.clear()

    async def written():
        return file.exists() and json.loads(file.read_text())["pid"] == broker.process.pid

    await poll(written, bool)


def test_a_broker_that_never_goes_on_is_seen(tmp_path, disk):
    """The planted fault: without it the tests above would say nothing."""
    broker = Broker(tmp_path)
    broker.data = disk.path / "data"
    broker.environment["MESH_PLANTED_FAULT"] = "never_room_again"
    broker.start()

    async def run():
        mesh = await Mesh(broker, tmp_path / "mesh").create()
        try:
            session = Key()
            await mesh.peer("bob", session, auto_ack=False)
            await send_until_refused(await mesh.peer("ada"), session)
            disk.grow(64)
            with pytest.raises(AssertionError):
                await poll(lambda: asyncio.to_thread(ready, broker), lambda answer: answer[0] == 200, deadline=8)
        finally:
            await mesh.finish()

    try:
        asyncio.run(run())
    finally:
        broker.finish_now()

"""The short form of failing file calls, and a disk that is full for a while. `make storage-errors` is the long form."""

import asyncio
import time

import ledger_verify
import pytest
from harness import Broker, Mesh, accepted_in, poll
from mesh_client import Refused
from mesh_keys import Key
from storage_errors import prepare, walk

import shim


def test_a_failing_file_call_loses_nothing_that_was_acknowledged(tmp_path):
    async def run():
        return await walk(await prepare(tmp_path), sample=16, seed=3)

    struck, problems = asyncio.run(run())
    assert problems == []
    assert struck >= 8


def test_a_full_disk_refuses_sends_keeps_its_promises_and_needs_no_restart(tmp_path):
    asyncio.run(full_for_a_while(tmp_path))


async def full_for_a_while(folder):
    broker = Broker(folder)
    flag = folder / "full"
    shim.load(broker, full=flag)
    await asyncio.to_thread(broker.start)
    mesh = await Mesh(broker, folder / "mesh").create()
    session = Key()
    try:
        bob = await mesh.peer("bob", session, auto_ack=False)
        ada = await mesh.peer("ada")
        promised = [(await ada.say(session.hex, f"before {n}"))["messageId"] for n in range(20)]
        flag.touch()
        with pytest.raises(Refused) as refusal:
            for n in range(2000):
                promised.append((await ada.say(session.hex, f"while {n} " + "x" * 8000))["messageId"])
        assert refusal.value.code == "storage_full" and refusal.value.hint
        # Reads and acknowledgements go on: they are what frees space.
        assert (await bob.request("list_inbox", limit=200))["total"] == len(promised)
        done = [(await bob.message())[0] for _ in range(10)]
        assert await bob.acknowledge(*done) == 10
        with pytest.raises(Refused):
            await ada.say(session.hex, "still " + "x" * 8000)
        flag.unlink()

        async def again():
            try:
                return (await ada.say(session.hex, "after"))["messageId"]
            except Refused as refused:
                assert refused.code == "storage_full"
                return None

        promised.append(await poll(again, bool))
        assert broker.process.poll() is None
        broker.kill()
        shim.unload(broker)
        await asyncio.to_thread(broker.start)
        exported = await mesh.owner.run("ledger", "export")
        ledger_verify.verify_export(exported.out.encode())
        accepted = set(accepted_in(exported.out))
        assert accepted == set(promised)
        bob = await mesh.peer("bob", session, auto_ack=False, replace=True)
        end = time.monotonic() + 20
        waiting: set[str] = set()
        while len(waiting) < len(promised) - 10 and time.monotonic() < end:
            waiting.add((await bob.message())[0]["messageId"])
        assert waiting == set(promised) - {one["messageId"] for one in done}
    finally:
        await mesh.finish()
        broker.finish_now()

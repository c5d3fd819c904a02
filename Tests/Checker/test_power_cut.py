"""The short form of the power cuts; `make power-cut` is the long one."""

import asyncio
import random

import pytest

from power_cut import File, Disk, Record, judge, record


def test_no_power_cut_loses_what_was_acknowledged_and_a_lying_disk_would_be_seen(tmp_path):
    async def run():
        recording = await record(tmp_path, messages=180, body=2000)
        honest = await judge(recording, states=24, seed=5)
        # The control: a disk that forgets the log's syncs loses what was promised, and the judge must see it.
        lying = await judge(recording, states=12, seed=5, lies_about="-wal")
        return honest, lying

    honest, lying = asyncio.run(run())
    assert honest.faults == []
    assert honest.states == 24 and honest.promised > 100
    assert any("acknowledged messages are not in the ledger" in fault for fault in lying.faults), lying.faults


@pytest.mark.parametrize("synced, expected", [(True, {b"new"}), (False, {b"old", b"new", b""})])
def test_a_cut_undoes_only_what_was_not_synced(synced, expected):
    disk = Disk("/d")
    for one in (Record("O", "/d/a", 0, b""), Record("D", "/d", 0, b""), Record("W", "/d/a", 0, b"old"),
                Record("S", "/d/a", 0, b""), Record("T", "/d/a", 0, b""), Record("W", "/d/a", 0, b"new"),
                *([Record("S", "/d/a", 0, b"")] if synced else [])):
        disk.apply(one)
    seen = {disk.cut(random.Random(seed))["a"] for seed in range(60)}
    assert seen == expected


def test_a_name_is_safe_when_its_folder_was_synced():
    disk = Disk("/d")
    for one in (Record("O", "/d/a", 0, b""), Record("W", "/d/a", 0, b"x"), Record("S", "/d/a", 0, b"")):
        disk.apply(one)
    assert {"a" in disk.cut(random.Random(seed)) for seed in range(40)} == {True, False}
    disk.apply(Record("D", "/d", 0, b""))
    assert all(disk.cut(random.Random(seed))["a"] == b"x" for seed in range(40))


def test_a_torn_write_is_torn_at_sectors():
    file = File(safe=bytearray(b"a" * 2048), pending=[(0, b"b" * 2048)])
    seen = {file.after_cut(random.Random(seed), 0.4) for seed in range(200)}
    assert len(seen) > 2
    assert all(len(set(one[at:at + 512])) == 1 for one in seen for at in range(0, 2048, 512))

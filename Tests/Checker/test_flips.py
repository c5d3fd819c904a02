"""The short form of the flipped bits; `make flips` is the long one."""

import asyncio
import random
import shutil
import subprocess

import pytest
from harness import Broker, binaries, clean_environment

from flips import Error, ask_on_a_copy, judge, places, prepare, values_in


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return asyncio.run(prepare(tmp_path_factory.mktemp("flips")))


def test_no_flipped_bit_is_served_as_the_truth(prepared):
    outcome = asyncio.run(judge(prepared, places(prepared, 12, random.Random(3))))
    assert outcome.untrue == []
    # Nearly every byte of the file is in use: flips without any effect would mean that nobody looked.
    assert outcome.refused >= 6


def test_a_flipped_value_is_seen_when_it_is_planted(prepared):
    spots = [(place, 0) for place in values_in(prepared)[:2]]
    assert spots
    outcome = asyncio.run(judge(prepared, spots, environment={"MESH_PLANTED_FAULT": "trust_pages"}))
    assert outcome.untrue, "a broker that trusts its pages serves flipped values, and nothing noticed it"


def test_a_damaged_value_is_an_error_and_the_rest_is_served(prepared):
    # A value that is larger than a page lies apart from the rows.
    data = prepared.file.read_bytes()
    large = prepared.truth["value of large/2"]["value"].encode()
    place = data.find(large[9_000:9_040])
    assert place > 0
    seen = asyncio.run(ask_on_a_copy(prepared, place, 3))
    assert isinstance(seen["value of large/2"], Error), seen["value of large/2"]
    assert seen["value of large/2"].startswith("damaged") and "large/2" in seen["value of large/2"]
    for name in ("hello", "value of key/003", "members", "rights", "history of deploys", "ledger", "inbox"):
        assert seen[name] == prepared.truth[name], name


def check(folder, data):
    return subprocess.run([binaries() / "meshd", "check", "--data", data], capture_output=True, text=True, timeout=60,
                          env=clean_environment(folder), stdin=subprocess.DEVNULL)


def test_the_check_of_a_folder_names_what_is_damaged(prepared, tmp_path):
    shutil.copytree(prepared.broker.data, tmp_path / "data")
    sound = check(tmp_path, tmp_path / "data")
    assert sound.returncode == 0 and f"{prepared.mesh.slug}: sound" in sound.stdout, sound
    file = tmp_path / "data" / "meshes" / prepared.file.name
    data = bytearray(file.read_bytes())
    large = prepared.truth["value of large/2"]["value"].encode()
    data[data.find(large[9_000:9_040])] ^= 8
    file.write_bytes(data)
    damaged = check(tmp_path, tmp_path / "data")
    assert damaged.returncode == 1, damaged
    assert prepared.mesh.slug in damaged.stdout and "state_entry: the contents of large/2" in damaged.stdout


def test_a_folder_in_use_is_not_checked(tmp_path):
    broker = Broker(tmp_path).start()
    try:
        refused = check(tmp_path, broker.data)
        assert refused.returncode == 6 and str(broker.process.pid) in refused.stderr, refused
    finally:
        broker.finish_now()


def test_damage_that_a_mesh_needs_stops_that_mesh_behind_an_unclean_start(prepared, tmp_path):
    """A flip in an old part of the ledger is found by the check behind the start, and named."""
    shutil.copytree(prepared.broker.data, tmp_path / "data")
    file = tmp_path / "data" / "meshes" / prepared.file.name
    data = bytearray(file.read_bytes())
    place = data.find(prepared.truth["ledger"][40].encode())
    assert place > 0
    data[place + 30] ^= 1
    file.write_bytes(data)
    (tmp_path / "data" / "running").touch()
    broker = Broker(tmp_path).start()
    try:
        assert asyncio.run(stopped(broker)), broker.log()
        assert '"part":"ledger: ' in broker.log(), broker.log()
    finally:
        broker.finish_now()


async def stopped(broker):
    from harness import poll
    from mesh_http import http_call

    async def ask():
        return http_call(broker.http, "GET", "/health/ready")[0]

    return await poll(ask, lambda status: status == 503) == 503


def test_leftovers_of_creations_go_at_the_start(tmp_path):
    left = [tmp_path / "data" / "meshes" / name for name in ("a.sqlite.creating", "a.sqlite.creating-wal")]
    left[0].parent.mkdir(parents=True, mode=0o700)
    (tmp_path / "data" / "backups").mkdir()
    left.append(tmp_path / "data" / "backups" / "b.sqlite.creating")
    for path in left:
        path.write_bytes(b"half")
    broker = Broker(tmp_path).start()
    try:
        assert not [path for path in left if path.exists()]
    finally:
        broker.finish_now()

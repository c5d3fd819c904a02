"""Shared state: versions, compare-and-set, all or none, and watches without a gap."""

import asyncio

import pytest

from mesh_client import Refused
from mesh_keys import Key

VALUES = [
    None, True, 0, -7, 9_007_199_254_740_991, 0.5, "text ✓", "", [], {}, {"b": [1, {"a": None}], "a": "\u0000\n"}]


async def refusal(client, kind, **fields):
    with pytest.raises(Refused) as caught:
        await client.request(kind, **fields)
    return caught.value


@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_a_value_comes_back_as_it_was_set(mesh, value):
    client = await mesh.peer("pia")
    written = await client.request("set_state", key="sim:floor:k", value=value)
    assert (written["version"], written["changed"]) == (1, 1)
    answer = await client.request("get_state", key="sim:floor:k")
    assert answer["value"] == value and type(answer["value"]) is type(value)
    assert (answer["found"], answer["version"], answer["updatedBy"]) == (True, 1, "pia")
    assert answer["revision"] == written["revision"] and answer["updatedAt"].endswith("Z")


async def test_a_missing_key_answers_null_and_not_found(mesh):
    answer = await (await mesh.legacy("pia")).request("get_state", key="nothing")
    facts = {"value": None, "found": False, "version": 0, "revision": 0, "updatedBy": "", "updatedAt": ""}
    assert {name: answer[name] for name in facts} == facts


async def test_versions_count_writes_of_a_key_and_revisions_writes_of_the_mesh(mesh):
    client = await mesh.peer("pia")
    answers = [await client.request("set_state", key=key, value=1) for key in ("a", "a", "b", "a")]
    assert [answer["version"] for answer in answers] == [1, 2, 1, 3]
    revisions = [answer["revision"] for answer in answers]
    assert revisions == sorted(set(revisions))


async def test_compare_and_set_needs_the_version_that_was_seen(mesh):
    client = await mesh.peer("pia")
    assert (await client.request("cas_state", key="k", expectedVersion=0, value="new"))["version"] == 1
    assert (await client.request("cas_state", key="k", expectedVersion=1, value="newer"))["version"] == 2
    error = await refusal(client, "cas_state", key="k", expectedVersion=1, value="late")
    assert error.code == "version_conflict" and 2 in error.details.values()
    assert (await client.request("get_state", key="k"))["value"] == "newer"


async def test_of_many_who_compare_and_set_one_wins(mesh):
    clients = [await mesh.peer(f"racer{number}") for number in range(8)]

    async def race(client):
        try:
            await client.request("cas_state", key="seat", expectedVersion=0, value=client.session.hex)
            return client.session.hex
        except Refused as refused:
            assert refused.code == "version_conflict"

    winners = [winner for winner in await asyncio.gather(*map(race, clients)) if winner]
    assert winners == [(await clients[0].request("get_state", key="seat"))["value"]]


async def test_a_deleted_key_is_gone_and_deleting_it_again_is_not_found(mesh):
    client = await mesh.peer("pia")
    await client.request("set_state", key="k", value=1)
    error = await refusal(client, "delete_state", key="k", expectedVersion=7)
    assert error.code == "version_conflict"
    assert (await client.request("delete_state", key="k", expectedVersion=1))["changed"] == 1
    assert (await client.request("get_state", key="k"))["found"] is False
    assert (await refusal(client, "delete_state", key="k")).code == "not_found"


async def test_a_list_is_sorted_and_read_by_prefix_and_page(mesh):
    client = await mesh.peer("pia")
    for key in ("b:2", "a", "b:10", "b:1", "c"):
        await client.request("set_state", key=key, value=key)
    everything = await client.request("list_state")
    assert [e["key"] for e in everything["entries"]] == ["a", "b:1", "b:10", "b:2", "c"]
    page = await client.request("list_state", prefix="b:", limit=2)
    assert [e["key"] for e in page["entries"]] == ["b:1", "b:10"] and page["more"] is True
    rest = await client.request("list_state", prefix="b:", after="b:10")
    assert [(e["key"], e["value"]) for e in rest["entries"]] == [("b:2", "b:2")] and rest["more"] is False


async def test_a_batch_is_all_or_none(mesh):
    client = await mesh.peer("pia")
    operations = [{"op": "set", "key": "x", "value": 1}, {"op": "set", "key": "y", "value": 2}]
    assert (await client.request("batch_state", operations=operations))["changed"] == 2
    spoiled = [{"op": "set", "key": "x", "value": 9}, {"op": "delete", "key": "y"},
               {"op": "check", "key": "z", "expectedVersion": 1}]
    assert (await refusal(client, "batch_state", operations=spoiled)).code == "version_conflict"
    entries = (await client.request("list_state"))["entries"]
    assert [(e["key"], e["value"], e["version"]) for e in entries] == [("x", 1, 1), ("y", 2, 1)]
    assert len({e["revision"] for e in entries}) == 1


async def test_a_watch_begins_with_a_snapshot_and_tells_one_frame_for_each_write(mesh):
    writer, watcher = await mesh.peer("writer"), await mesh.peer("watcher")
    await writer.request("set_state", key="p:old", value=0)
    await writer.request("set_state", key="q:old", value=0)
    snapshot = await watcher.request("state_watch", prefix="p:", watchId="w")
    assert snapshot["type"] == "state_snapshot" and snapshot["watchId"] == "w"
    assert [e["key"] for e in snapshot["entries"]] == ["p:old"]
    await writer.request("set_state", key="p:a", value=1)
    await writer.request("set_state", key="q:a", value=1)
    await writer.request("batch_state", operations=[
        {"op": "set", "key": "p:b", "value": 2}, {"op": "set", "key": "q:b", "value": 2},
        {"op": "delete", "key": "p:old"}])
    first, second = [await watcher.take("state_change", watchId="w") for _ in range(2)]
    assert (first["key"], first["value"], first["version"], first["deleted"]) == ("p:a", 1, 1, False)
    assert first["updatedBy"] == "writer"
    assert [(c["key"], c["value"], c["deleted"]) for c in second["changes"]] == [
        ("p:b", 2, False), ("p:old", None, True)]
    assert snapshot["revision"] < first["revision"] < second["revision"]


async def test_a_watch_among_writes_has_no_gap_and_no_repetition(mesh):
    writer, watcher = await mesh.peer("writer"), await mesh.peer("watcher")

    begun = asyncio.Event()

    async def write():
        for number in range(300):
            await writer.request("set_state", key="n", value=number)
            if number == 20:
                begun.set()

    writing = asyncio.create_task(write())
    await begun.wait()
    snapshot = await watcher.request("state_watch", watchId="w")
    seen = [e["version"] for e in snapshot["entries"]]
    while seen[-1] < 300:
        seen.append((await watcher.take("state_change", watchId="w"))["version"])
    await writing
    assert seen == list(range(seen[0], 301))


async def test_an_ended_watch_is_silent(mesh):
    writer, watcher = await mesh.peer("writer"), await mesh.peer("watcher")
    for name in ("ended", "kept"):
        await watcher.request("state_watch", watchId=name)
    assert (await watcher.request("unwatch_state", watchId="ended"))["existed"] is True
    await writer.request("set_state", key="k", value=1)
    await watcher.take("state_change", watchId="kept")
    assert [f["watchId"] for f in watcher.history if f["type"] == "state_change"] == ["kept"]


async def test_a_legacy_write_gets_no_answer_and_the_other_legacy_clients_a_change(mesh):
    writer, other = await mesh.legacy("writer"), await mesh.legacy("other")
    await writer.write({"type": "set_state", "key": "k", "value": {"n": 1}, "_reqId": "silent"})
    change = await other.take("state_change")
    assert (change["key"], change["value"], change["updatedBy"]) == ("k", {"n": 1}, "writer")
    assert (await writer.request("get_state", key="k"))["value"] == {"n": 1}
    assert [f for f in writer.history if f.get("_reqId") == "silent" or f["type"] == "state_change"] == []


async def test_state_of_one_mesh_is_unknown_in_another(mesh, own_mesh):
    await (await mesh.peer("pia", Key())).request("set_state", key="k", value=1)
    assert (await (await own_mesh.peer("pia", Key())).request("get_state", key="k"))["found"] is False

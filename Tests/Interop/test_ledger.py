"""The ledger as a stranger reads it: what the broker exports is checked by a verifier that shares no code with it."""

import json

import pytest

import ledger_verify as ledger
from harness import poll
from mesh_keys import Key, b64

SECRET = "a text that must not stand in the ledger"


async def with_history(mesh):
    """A reader, in a mesh where something happened; the newest checkpoint covers all of it."""
    reader, other = await mesh.peer("reader"), await mesh.legacy("other")
    for number in range(40):
        await reader.say("*", f"{SECRET} {number}")
        await reader.request("set_state", key=f"k{number % 5}", value=f"{SECRET} {number}")
    for _ in range(40):
        await other.message()
    await reader.request("delete_state", key="k1")
    await poll(lambda: reader.request("ledger_head"),
               lambda head: head.get("checkpointSize") == head["size"] and head["size"] > 80)
    return reader


async def export_of(reader):
    """All entries and the newest checkpoint, page by page."""
    lines, page = [], None
    while page is None or len(lines) < page["size"]:
        page = await reader.request("ledger_export", **{"from": len(lines), "limit": 37})
        assert page["from"] == len(lines) and page["entries"]
        lines += [entry.encode() for entry in page["entries"]]
    return lines, page["checkpoint"]


async def log_key(reader):
    return (await reader.request("ledger_prove", seq=0))["nodeKey"]


def spoiled(lines, seq):
    """The same lines with one letter of the entry's actor changed."""
    mark = b'"actor":"'
    place = lines[seq].index(mark) + len(mark)
    letter = b"0" if lines[seq][place:place + 1] != b"0" else b"1"
    return lines[:seq] + [lines[seq][:place] + letter + lines[seq][place + 1:]] + lines[seq + 1:]


async def test_the_exported_pages_verify_up_to_the_signature(mesh):
    reader = await with_history(mesh)
    lines, note = await export_of(reader)
    chain, level = ledger.verify_export(b"\n".join(lines), await log_key(reader), [note])
    assert (chain.origin, level) == (f"mesh/{mesh.id}", 2)
    head = await reader.request("ledger_head")
    assert (head["size"], head["head"]) == (len(lines), chain.leaves[-1].hex())
    assert head["root"] == ledger.root_of(chain.leaves).hex() and head["owner"] == mesh.owner_key


async def test_every_entry_says_who_did_what_and_no_content(mesh):
    reader = await with_history(mesh)
    lines, _ = await export_of(reader)
    chain = ledger.check_chain(lines)
    assert all(isinstance(entry["act"], str) and entry["actor"] for entry in chain.entries)
    data = b"\n".join(lines)
    assert SECRET.encode() not in data and b64(SECRET.encode())[:40].encode() not in data
    assert len(chain.entries) >= 40 + 41


async def test_only_what_changed_something_makes_an_entry(mesh):
    reader = await mesh.peer("reader")
    size = (await reader.request("ledger_head"))["size"]
    for kind, fields in (("list_peers", {}), ("get_state", {"key": "k"}), ("whoami", {})):
        await reader.request(kind, **fields)
    frame = reader.frame_to("nobody", "refused")
    await reader.write(frame)
    await reader.take("ack", id=frame["id"])
    assert (await reader.request("ledger_head"))["size"] == size
    await reader.request("set_state", key="k", value=1)
    assert (await reader.request("ledger_head"))["size"] == size + 1


async def test_the_log_key_is_admitted_by_an_entry_of_this_ledger(mesh):
    reader = await with_history(mesh)
    name, public = ledger.parse_vkey(await log_key(reader))
    lines, _ = await export_of(reader)
    data = b"\n".join(lines)
    assert public.hex().encode() in data or b64(public).encode() in data, name


async def test_an_altered_page_is_named_by_its_entry(mesh):
    lines, note = await export_of(await with_history(mesh))
    with pytest.raises(ledger.Broken) as caught:
        ledger.verify_export(b"\n".join(spoiled(lines, 20)), None, [note])
    assert caught.value.seq == 21


@pytest.mark.parametrize("seq", [0, 1, 17, 63, 80])
async def test_an_inclusion_proof_verifies_and_fits_no_other_entry(mesh, seq):
    reader = await with_history(mesh)
    answer = await reader.request("ledger_prove", seq=seq)
    found = ledger.verify_proof(answer["proof"], answer["entry"].encode(), answer["nodeKey"])
    assert found.origin == f"mesh/{mesh.id}" and found.size > seq
    lines, _ = await export_of(reader)
    assert lines[seq] == answer["entry"].encode()
    with pytest.raises(ledger.Broken):
        ledger.verify_proof(answer["proof"], spoiled(lines, seq)[seq], answer["nodeKey"])
    with pytest.raises(ledger.Broken):
        ledger.verify_proof(answer["proof"], answer["entry"].encode(), Key().hex)


async def test_a_message_is_proved_by_its_id(mesh):
    reader = await mesh.peer("reader")
    ack = await reader.say("*", "prove me")
    await poll(lambda: reader.request("ledger_head"), lambda head: head.get("checkpointSize") == head["size"])
    answer = await reader.request("ledger_prove", messageId=ack["messageId"])
    ledger.verify_proof(answer["proof"], answer["entry"].encode(), answer["nodeKey"])
    assert ack["messageId"] in answer["entry"]


async def test_a_later_checkpoint_continues_an_earlier_one(mesh):
    reader = await with_history(mesh)
    _, early = await export_of(reader)
    await reader.request("set_state", key="more", value=1)
    await poll(lambda: reader.request("ledger_head"), lambda head: head["checkpointSize"] == head["size"])
    lines, late = await export_of(reader)
    chain, key = ledger.check_chain(lines), await log_key(reader)
    assert ledger.check_checkpoint(chain, early, key) == ledger.check_checkpoint(chain, late, key) == 2
    assert ledger.parse_checkpoint(early).size < ledger.parse_checkpoint(late).size


async def test_the_command_lines_export_verifies_here_and_there(mesh, tmp_path):
    reader = await with_history(mesh)
    data = (await mesh.owner.run("ledger", "export")).out.encode()
    chain, level = ledger.verify_export(data, await log_key(reader))
    assert (chain.origin, level) == (f"mesh/{mesh.id}", 2)
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(data)
    assert ledger.main(["export", str(file), "--key", await log_key(reader)]) == 0
    await mesh.owner.run("ledger", "verify", str(file))
    await mesh.owner.run("ledger", "verify")


async def test_an_altered_export_is_named_here_and_there(mesh, tmp_path):
    await with_history(mesh)
    lines = (await mesh.owner.run("ledger", "export")).out.encode().split(b"\n")
    place = next(i for i, line in enumerate(lines) if b'"seq":20,' in line)
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b"\n".join(spoiled(lines, place)))
    assert ledger.main(["export", str(file)]) == 1
    result = await mesh.owner.run("ledger", "verify", str(file), code=None)
    assert result.code != 0
    assert "20" in result.out + result.err or "21" in result.out + result.err, result


async def test_the_command_lines_proof_file_verifies_here(mesh):
    await with_history(mesh)
    answer = (await mesh.owner.run("ledger", "prove", "17", "--json")).json
    ledger.verify_proof(answer["proof"], answer["entry"].encode(), answer["nodeKey"])
    assert json.loads(answer["entry"])["seq"] == 17

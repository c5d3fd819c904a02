"""What a member can prove later: consistency of what it kept, the tree as tiles, and every alteration named by two
verifiers that share no code."""

import asyncio
import json
import struct
from pathlib import Path

import ledger_verify as ledger
import pytest
from harness import poll
from mesh_client import Refused
from mesh_keys import Key, b64, unb64


async def with_history(mesh, count: int = 40):
    peer = await mesh.peer("historian")
    for start in range(0, count, 100):
        await peer.request("batch_state", operations=[{"op": "set", "key": "start", "value": start}])
        for n in range(start, min(start + 100, count)):
            await peer.write({"type": "set_state", "key": f"k{n}", "value": n})
    await peer.request("get_state", key=f"k{count - 1}")
    await poll(lambda: peer.request("ledger_head"), lambda head: head.get("checkpointSize") == head["size"])
    return peer


# --- consistency -----------------------------------------------------------------------------------------------------


async def test_a_kept_checkpoint_is_the_beginning_of_a_later_one(mesh, tmp_path):
    peer = await with_history(mesh)
    early, late = tmp_path / "early.note", tmp_path / "late.note"
    await mesh.owner.run("ledger", "head", "--out", str(early))
    for n in range(30):
        await peer.request("set_state", key="more", value=n)
    await poll(lambda: peer.request("ledger_head"), lambda head: head.get("checkpointSize") == head["size"])
    await mesh.owner.run("ledger", "head", "--out", str(late))
    told = (await mesh.owner.run("ledger", "consistency", str(early), "--json")).json
    assert told["consistent"] is True and told["new"] - told["old"] == 30
    assert (await mesh.owner.run("ledger", "consistency", str(early), str(late), "--json")).json == told
    assert "unchanged" in (await mesh.owner.run("ledger", "consistency", str(early), str(early))).out
    refused = await mesh.owner.run("ledger", "consistency", str(late), str(early), code=3)
    assert "earlier one first" in refused.err
    # The proof is what an independent implementation makes of the entries.
    lines = [line.encode() for line in (await mesh.owner.run("ledger", "export")).out.splitlines()
             if not line.startswith('{"checkpoint"')]
    answer = await peer.request("ledger_consistency", old=told["old"], new=told["new"])
    expected = ledger.consistency_path([ledger.leaf_hash(line) for line in lines[:told["new"]]], told["old"])
    assert [unb64(one) for one in answer["proof"]] == expected


async def test_a_restored_backup_cannot_hide_what_was_signed_after_it(own_mesh, tmp_path):
    token = {"MESH_ADMIN_TOKEN": own_mesh.broker.admin_token}
    peer = await with_history(own_mesh)
    made = (await own_mesh.owner.run("backup", "--json", **token)).json
    for n in range(30):
        await peer.request("set_state", key="lost", value=n)
    await poll(lambda: peer.request("ledger_head"), lambda head: head.get("checkpointSize") == head["size"])
    note = tmp_path / "kept.note"
    await own_mesh.owner.run("ledger", "head", "--out", str(note))
    await own_mesh.owner.run("restore", made["file"], "--replace", **token)
    refused = await own_mesh.owner.run("ledger", "consistency", str(note), code=None)
    assert refused.code != 0 and "missing" in refused.err
    # Grown beyond it again, it is another history.
    again = await own_mesh.peer("historian", peer.session, replace=True)
    for n in range(60):
        await again.request("set_state", key="other", value=n)
    await poll(lambda: again.request("ledger_head"), lambda head: head.get("checkpointSize") == head["size"])
    refused = await own_mesh.owner.run("ledger", "consistency", str(note), code=None)
    assert refused.code != 0 and "rewritten" in refused.err


# --- tiles -----------------------------------------------------------------------------------------------------------


def tile_name(number: int) -> str:
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    return "/".join(groups)


async def test_the_tree_is_served_as_tiles_that_lead_to_the_signed_root(mesh):
    peer = await with_history(mesh, 700)
    web = await mesh.http("historian", peer.session)
    status, headers, note = await web.get("log/checkpoint")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    checkpoint = ledger.parse_checkpoint(note.decode())
    assert checkpoint.size > 600
    leaves: list[bytes] = []
    for number in range(0, checkpoint.size // 256 + 1):
        width = min(256, checkpoint.size - 256 * number)
        part = "" if width == 256 else f".p/{width}"
        status, headers, hashes = await web.get(f"log/tile/0/{tile_name(number)}{part}")
        assert status == 200 and len(hashes) == 32 * width
        assert ("immutable" in headers["cache-control"]) == (width == 256)
        status, _, bundle = await web.get(f"log/tile/entries/{tile_name(number)}{part}")
        entries = []
        while bundle:
            size, = struct.unpack(">H", bundle[:2])
            entries.append(bundle[2:2 + size])
            bundle = bundle[2 + size:]
        assert [ledger.leaf_hash(entry) for entry in entries] == [hashes[i:i + 32] for i in range(0, len(hashes), 32)]
        leaves += [hashes[i:i + 32] for i in range(0, len(hashes), 32)]
    assert ledger.root_of(leaves) == checkpoint.root
    full = checkpoint.size // 256
    status, _, hashes = await web.get(f"log/tile/1/000.p/{full}")
    assert status == 200
    assert [hashes[i:i + 32] for i in range(0, len(hashes), 32)] == [
        ledger.root_of(leaves[256 * i:256 * i + 256]) for i in range(full)]


@pytest.mark.parametrize("path", [
    "log/tile/0/00", "log/tile/0/x000/001", "log/tile/00/000", "log/tile/8/000", "log/tile/0/000.p/0",
    "log/tile/0/000.p/256", "log/tile/0/999", "log/tile/entries/x123", "log/other", "log/tile/0/-01",
])
async def test_what_is_no_tile_is_not_there(mesh, path):
    peer = await mesh.peer("reader")
    web = await mesh.http("reader", peer.session)
    assert (await web.get(path))[0] == 404


async def test_tiles_are_for_members(mesh):
    stranger = await mesh.http("reader", Key())
    stranger.member = Key()
    assert (await stranger.get("log/checkpoint"))[0] == 401


# --- alterations ------------------------------------------------------------------------------------------------------


def flip(place: float):
    def change(lines: list[bytes]) -> list[bytes]:
        index = int(place * (len(lines) - 1))
        line = bytearray(lines[index])
        line[len(line) // 2] ^= 1
        return [*lines[:index], bytes(line), *lines[index + 1:]]
    return change


def rewrite(lines: list[bytes]) -> list[bytes]:
    """An entry is changed and every entry after it made anew, so that the chain holds."""
    entries, rest = lines[:-1], lines[-1:]
    changed = json.loads(entries[10])
    changed["ts"] += 1
    result = entries[:10] + [ledger.canonical(changed)]
    for line in entries[11:]:
        entry = json.loads(line)
        entry["prev"] = ledger.leaf_hash(result[-1]).hex()
        entry["ts"] = max(entry["ts"], changed["ts"])
        result.append(ledger.canonical(entry))
    return result + rest


def with_note(change):
    def apply(lines: list[bytes]) -> list[bytes]:
        note = json.loads(lines[-1])["checkpoint"]
        return [*lines[:-1], json.dumps({"checkpoint": change(note)}, separators=(",", ":"), ensure_ascii=False).encode()]
    return apply


def foreign(note: str) -> str:
    """The same statement, signed by another key under the same name."""
    text, signature = note.split("\n\n", 1)
    name = signature.split(" ")[1]
    key = Key()
    blob = ledger.key_id(name, bytes.fromhex(key.hex)) + bytes.fromhex(key.sign(text + "\n"))
    return f"{text}\n\n— {name} {b64(blob)}\n"


def other_size(note: str) -> str:
    lines = note.split("\n")
    return "\n".join([lines[0], str(int(lines[1]) - 1), *lines[2:]])


ALTERATIONS = {
    "flip in the first": flip(0), "flip in the middle": flip(0.5), "flip in the last": flip(0.97),
    "one deleted": lambda lines: lines[:20] + lines[21:], "the last deleted": lambda lines: lines[:-2] + lines[-1:],
    "two exchanged": lambda lines: [*lines[:20], lines[21], lines[20], *lines[22:]],
    "rewritten": rewrite, "foreign signature": with_note(foreign), "another size": with_note(other_size),
    "line endings of the note": with_note(lambda note: note.replace("\n", "\r\n")),
    "line endings of an entry": lambda lines: [*lines[:5], lines[5] + b"\r", *lines[6:]],
    "one twice": lambda lines: [*lines[:20], lines[19], *lines[20:]],
}


@pytest.fixture(scope="module")
def exported(broker, tmp_path_factory):
    """One mesh's export, its owner's key and its log key, for all alterations."""
    from harness import Mesh

    async def make():
        mesh = await Mesh(broker, tmp_path_factory.mktemp("evidence")).create()
        peer = await with_history(mesh)
        lines = (await mesh.owner.run("ledger", "export")).out.encode().rstrip(b"\n").split(b"\n")
        proof = await peer.request("ledger_prove", seq=17)
        await mesh.finish()
        return mesh, lines, proof

    return asyncio.run(make())


def test_what_is_not_altered_verifies_for_both(exported, tmp_path):
    mesh, lines, proof = exported
    assert judged(mesh, lines, proof["nodeKey"], tmp_path) == (True, True)


@pytest.mark.parametrize("name", ALTERATIONS)
def test_every_alteration_of_an_export_is_named_by_both(exported, tmp_path, name):
    mesh, lines, proof = exported
    altered = ALTERATIONS[name](list(lines))
    assert altered != lines
    assert judged(mesh, altered, proof["nodeKey"], tmp_path) == (False, False)


def judged(mesh, lines: list[bytes], key: str, folder: Path) -> tuple[bool, bool]:
    path = folder / "export.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    ours = asyncio.run(mesh.owner.run("ledger", "verify", str(path), "--owner", mesh.owner_key, code=None))
    assert ours.code == 0 or (ours.err.startswith("error:") and ours.code != 8), ours
    try:
        ledger.verify_export(path.read_bytes(), key, owner=mesh.owner_key)
        return ours.code == 0, True
    except ledger.Broken:
        return ours.code == 0, False


@pytest.mark.parametrize("place", range(0, 60, 3))
def test_every_flip_in_a_proof_is_found_by_both(exported, tmp_path, place):
    mesh, _, proof = exported
    data = bytearray(proof["proof"].encode())
    index = len(data) * place // 60
    data[index] ^= 1
    # Ours takes the entry from the proof itself: a flip in it is a flip in what is proved.
    path = tmp_path / "altered.proof"
    path.write_bytes(bytes(data))
    ours = asyncio.run(mesh.owner.run("ledger", "verify", str(path), "--key", proof["nodeKey"], code=None))
    assert ours.code not in (0, 8), ours
    path.write_text(proof["proof"])
    assert asyncio.run(mesh.owner.run("ledger", "verify", str(path), "--key", proof["nodeKey"])).code == 0
    try:
        text = bytes(data).decode()
        found = ledger.verify_proof(text, proof["entry"].encode(), proof["nodeKey"])
    except (ledger.Broken, UnicodeDecodeError):
        return
    # Only what is not part of the proof may differ: the copy of the entry that stands beside it.
    assert text.splitlines()[1].startswith("extra ") and found is not None
    assert data[:data.index(b"extra ")] == proof["proof"].encode()[:data.index(b"extra ")]


# --- keys of the log, receipts ----------------------------------------------------------------------------------------


async def checkpointed(peer):
    return await poll(lambda: peer.request("ledger_head"), lambda head: head.get("checkpointSize") == head["size"])


async def test_the_owner_gives_the_log_another_key(own_mesh, tmp_path):
    peer = await with_history(own_mesh)
    before, note = tmp_path / "before.note", tmp_path / "after.note"
    await own_mesh.owner.run("ledger", "head", "--out", str(before))
    told = (await own_mesh.owner.run("ledger", "rotate-key", "--json")).json
    old, new = [one["key"] for one in told["keys"]]
    assert old != new and told["keys"][1]["admitted"] >= 40
    await peer.request("set_state", key="later", value=1)
    await checkpointed(peer)
    await own_mesh.owner.run("ledger", "head", "--out", str(note))
    ledger.check_signature(ledger.parse_checkpoint(note.read_text()), new)
    with pytest.raises(ledger.Broken):
        ledger.check_signature(ledger.parse_checkpoint(note.read_text()), old)
    # What was kept before the change is still the beginning, and old entries are still proved.
    assert (await own_mesh.owner.run("ledger", "consistency", str(before), str(note), "--json")).json["consistent"]
    await own_mesh.owner.run("ledger", "prove", "7")
    await own_mesh.owner.run("ledger", "verify")
    export = (await own_mesh.owner.run("ledger", "export")).out.encode()
    assert ledger.verify_export(export, old, [before.read_text()], own_mesh.owner_key)[1] == 2
    for owner in (None, Key().hex):
        with pytest.raises(ledger.Broken):
            ledger.verify_export(export, old, owner=owner)
    # The broker signs with it after a restart, and its successor is another.
    assert await asyncio.to_thread(own_mesh.broker.terminate) == 0
    await asyncio.to_thread(own_mesh.broker.start)
    again = await own_mesh.peer("historian", peer.session, replace=True)
    await again.request("set_state", key="later", value=2)
    assert ledger.parse_checkpoint((await checkpointed(again))["checkpoint"]).signatures[0][1] == ledger.key_id(
        *ledger.parse_vkey(new))
    told = (await own_mesh.owner.run("ledger", "rotate-key", "--json")).json
    assert [one["key"] for one in told["keys"]][:2] == [old, new] and len(told["keys"]) == 3


async def test_only_the_owner_admits_a_key_and_only_one_that_the_broker_holds(mesh, tmp_path):
    admin = await mesh.cli("deputy")
    await mesh.owner.run("member", "rights", "deputy", "--role", "admin")
    refused = await admin.run("ledger", "rotate-key", code=7)
    assert "only the mesh's owner" in refused.err
    peer = await mesh.peer("deputy2")
    await mesh.owner.run("member", "rights", "deputy2", "--role", "admin")
    key = Key()
    word = f"mesh-log-key-v1|{mesh.id}|{mesh.broker.node}|{key.hex}|1"
    for signer in (peer.member, key):
        with pytest.raises(Refused, match="bad_signature: the owner did not sign"):
            await peer.request("rotate_log_key", key=key.hex, timestamp=1, signature=signer.sign(word),
                               held=key.sign(f"mesh-log-key-held-v1|{key.hex}|{mesh.broker.node}"))
    assert len((await mesh.owner.run("ledger", "keys", "--json")).json["keys"]) == 1


def test_what_an_abandoned_key_signs_later_is_worth_nothing(exported, tmp_path):
    """A ledger with a rotation, made by hand: the old key's note over later entries fails for both, as does a rotation that
    the owner did not sign."""
    mesh, lines, proof = exported
    node, owner, forger = Key(), Key(), Key()
    entries = [json.loads(line) for line in lines[:20]]
    origin = entries[0]["log"]
    meshid = origin.removeprefix("mesh/")
    made = entries[0]["pub"]
    made["owner"], made["node"] = owner.hex, node.hex
    made["claim"] = owner.sign("|".join(["mesh-create-v1", meshid, made["slug"], owner.hex, node.hex, str(made["created"])]))

    def build(signer, note_key, size):
        successor = Key()
        word = f"mesh-log-key-v1|{meshid}|{node.hex}|{successor.hex}|5"
        rotation = {**entries[10], "act": "ledger.key_rotated", "obj": successor.hex, "pub": {
            "old": node.hex, "new": successor.hex, "signed": 5, "claim": signer.sign(word)}}
        result, previous = [], ledger.ZEROS
        for entry in [*entries[:10], rotation, *entries[11:]]:
            result.append(ledger.canonical({**entry, "prev": previous}))
            previous = ledger.leaf_hash(result[-1]).hex()
        key = {"old": node, "new": successor}[note_key]
        root = ledger.root_of([ledger.leaf_hash(line) for line in result[:size]])
        text = f"{origin}\n{size}\n{b64(root)}\n"
        blob = ledger.key_id(origin, bytes.fromhex(key.hex)) + bytes.fromhex(key.sign(text))
        note = f"{text}\n\u2014 {origin} {b64(blob)}\n"
        return result + [json.dumps({"checkpoint": note}, separators=(",", ":"), ensure_ascii=False).encode()]

    mesh_like = type("Made", (), {"owner": mesh.owner, "owner_key": owner.hex})
    for signer, note_key, size, holds in [
        (owner, "new", 20, True), (owner, "new", 11, True), (owner, "old", 10, True), (owner, "old", 20, False),
        (owner, "old", 11, False), (owner, "new", 10, False), (forger, "new", 20, False),
    ]:
        verdict = judged(mesh_like, build(signer, note_key, size), node.hex, tmp_path)
        assert verdict == (holds, holds), (note_key, size)


async def test_a_send_can_ask_for_a_signed_receipt(mesh, tmp_path):
    ada = await mesh.cli("ada")
    await mesh.cli("bob")
    file = tmp_path / "receipt.proof"
    sent = (await ada.run("send", "bob", "offer: 40", "--receipt", str(file), "--json")).json
    key = (await ada.run("ledger", "keys", "--json")).json["keys"][-1]["key"]
    ledger.verify_proof(file.read_text(), None, key)
    checked = (await ada.run("ledger", "verify", str(file), "--json")).json
    assert checked["verified"] and checked["object"] == sent["messageId"]
    assert (await ada.run("ledger", "verify", str(file), "--key", key, "--json")).json == checked
    other = key.rsplit("+", 2)[0]
    wrong = ledger.vkey(other, bytes.fromhex(Key().hex))
    assert (await ada.run("ledger", "verify", str(file), "--key", wrong, code=None)).code != 0
    entry = json.loads(ledger.parse_proof(file.read_text()).extra)
    assert entry["act"] == "message.accepted" and entry["obj"] == sent["messageId"] and "content" in entry["com"]


# --- safety numbers ---------------------------------------------------------------------------------------------------


async def test_two_members_see_the_same_number_and_a_verified_key_cannot_be_changed(mesh):
    ada, bob = await mesh.cli("ada"), await mesh.cli("bob")
    hers = (await ada.run("peer", "verify", "bob", "--json")).json
    his = (await bob.run("peer", "verify", "ada", "--json")).json
    assert hers["safetyNumber"] == his["safetyNumber"] and hers["verified"] is False
    wrong = await ada.run("peer", "verify", "bob", "--heard", "1" * 60, code=1)
    assert "differ" in wrong.err
    assert (await ada.run("peer", "verify", "bob", "--heard", his["safetyNumber"], "--json")).json["verified"] is True
    await ada.run("send", "bob", "sealed to the verified key")
    # The broker now shows another key under the same name.
    await mesh.owner.run("member", "remove", "bob")
    await mesh.owner.run("member", "add", "--name", "bob", "--pubkey", Key().hex)
    refused = await ada.run("send", "bob", "to whom?", code=None)
    assert refused.code != 0 and "another key than the one that was verified" in refused.err
    assert (await ada.run("peer", "verify", "bob", "--json")).json["changed"] is True
    await ada.run("peer", "verify", "bob", "--forget")
    await ada.run("send", "bob", "to the new one")

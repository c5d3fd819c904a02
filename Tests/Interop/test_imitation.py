"""Those who imitate: keys that others proved before, keys that begin alike, names that read alike."""

import json

import pytest

from mesh_client import Refused
from mesh_keys import Key


async def refusal(awaitable):
    """The code of a refusal; None when there is none."""
    try:
        await awaitable
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize("way", ["remove_session", "leave_mesh"])
async def test_a_key_that_was_proved_stays_its_member_s_after_the_session(mesh, way):
    key = Key()
    bob = await mesh.peer("bob", key)
    if way == "remove_session":
        await (await mesh.peer("bob", Key())).request(way, session=key.hex)
    else:
        await bob.request(way)
    eve = await mesh.legacy_unconnected("eve", key)
    assert await refusal(eve.hello()) == "session_key_taken"
    if way == "remove_session":
        assert (await mesh.peer("bob", key)).session.hex == key.hex


async def test_a_key_that_was_only_named_is_not_what_a_prefix_means(mesh):
    sender, bob = await mesh.peer("sender"), await mesh.peer("bob")
    prefix = bob.session.hex[:16]
    # Another key with the same beginning: nobody needs its secret to name it.
    for place in range(65_536):
        alike = Key()
        alike.hex = prefix + f"{place:04x}" + bob.session.hex[20:]
        stranger = await mesh.legacy_unconnected("eve", alike)
        if await refusal(stranger.hello()) is None:
            break
    resolved = await sender.request("resolve", targetSpec=prefix)
    assert [one["session"] for one in resolved["recipients"]] == [bob.session.hex]


@pytest.mark.parametrize("name", [
    "𝐚lice", "aIice", "a1ice", "ⓐlice", "ᴀlice", "Ꭺlice", "ALICE", "al ice", "аlice", "alice\u0332"])
async def test_no_new_member_reads_like_another(mesh, name):
    await mesh.cli("alice")
    result = await mesh.owner.run("member", "add", "--name", name, "--pubkey", Key().hex, "--json", code=None)
    assert result.code != 0 and json.loads(result.out)["error"]["code"] in ("exists", "invalid_argument"), result


@pytest.mark.parametrize("name", ["alice\u2800", "alice\ufff9", "alice\ue000", "alice／deploy", "＠all", "＊"])
async def test_names_hold_nothing_unseen_and_no_marks_of_other_targets(mesh, name):
    result = await mesh.owner.run("member", "add", "--name", name, "--pubkey", Key().hex, code=3)
    assert "must not contain" in result.err


@pytest.mark.parametrize("label", ["𝐨𝐰𝐧𝐞𝐫", "ʙob", "ΒOB", "b0b"])
async def test_a_label_that_reads_like_somebody_is_shown_behind_its_member(mesh, label):
    await mesh.cli("bob")
    witness = await mesh.legacy("witness")
    eve = await mesh.legacy("eve", None, displayName=label)
    await eve.say(witness.session.hex, "obey")
    push, _ = await witness.message()
    assert push["senderName"] == "eve" and push["senderDisplayName"].startswith("eve/")


async def test_a_connection_watches_the_same_keys_a_few_times_only(mesh):
    peer = await mesh.peer("pia")
    for number in range(32):
        await peer.request("state_watch", watchId=f"w{number}", prefix="a:", snapshot=False)
    assert await refusal(peer.request("state_watch", watchId="more", prefix="a:b", snapshot=False)) == "capacity"
    # Watches that never meet are no burden.
    for number in range(100):
        await peer.request("state_watch", watchId=f"n{number}", prefix=f"n{number:03}:", snapshot=False)


async def test_who_leaves_and_returns_is_denied_what_it_was(mesh):
    member = (await mesh.member("eve")).key
    await mesh.owner.run("member", "rights", "eve", "--deny", "send")
    await (await mesh.peer("eve")).request("leave_mesh")
    await mesh.owner.run("member", "add", "--name", "eve", "--pubkey", member.hex)
    again = await mesh.peer("eve")
    assert await refusal(again.say((await mesh.peer("bob")).session.hex, "hi")) == "forbidden"

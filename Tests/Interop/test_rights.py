"""Who may do what: changed rights hold at once, and whoever is taken out is out within a second."""

import time

import pytest
from harness import Cli, poll
from mesh_client import Refused
from mesh_keys import Key

SOON = 1.0


@pytest.mark.parametrize("dialect", ["legacy", "peer"])
@pytest.mark.parametrize("verb, code, reason", [
    (("member", "kick"), 4001, "kicked"), (("member", "ban"), 4002, "banned"), (("member", "remove"), 4002, "removed"),
])
async def test_whoever_is_taken_out_is_out_within_a_second(mesh, dialect, verb, code, reason):
    eve = await getattr(mesh, dialect)("eve")
    began = time.monotonic()
    await mesh.owner.run(*verb, "eve")
    assert await eve.closed(5) == code and eve.close_reason == reason
    assert time.monotonic() - began < SOON + 1.0  # the command itself takes a part of it
    again = await mesh.peer_unconnected("eve", Key())
    if verb[1] == "kick":
        assert (await again.hello())["type"] == "hello_ack"
    else:
        with pytest.raises(Refused) as refused:
            await again.hello()
        assert refused.value.code == "revoked" and await again.closed() == 4002


async def test_a_watch_without_presence_ends_too(mesh):
    eve = await mesh.peer("eve", attach=False)
    await eve.request("state_watch", prefix="", watchId="w")
    await mesh.owner.run("member", "remove", "eve")
    assert await eve.closed(5) == 4002


async def test_http_is_closed_to_whoever_was_taken_out(mesh):
    eve = await mesh.cli("eve")
    await eve.run("state", "list")
    await mesh.owner.run("member", "remove", "eve")
    refused = await eve.run("state", "list", code=2)
    assert "removed" in refused.err
    invite = (await mesh.owner.run("invite", "--json")).json["invite"]
    await eve.run("join", invite, "--name", "eve-again")
    assert (await poll(lambda: eve.run("whoami", "--json", code=None), lambda result: result.code == 0)).json["name"] == "eve-again"


async def test_rights_and_blocks_hold_at_once(mesh):
    eve, bob = await mesh.peer("eve"), await mesh.peer("bob")
    await mesh.owner.run("member", "rights", "eve", "--deny", "write")
    with pytest.raises(Refused) as refused:
        await eve.request("set_state", key="k", value=1)
    assert refused.value.code == "forbidden"
    await mesh.owner.run("member", "rights", "eve", "--reset")
    assert (await eve.request("set_state", key="k", value=1))["version"] == 1
    await bob.request("set_grants", peer="eve", grants=[])
    ack = await eve.say(bob.session.hex, "unwanted")
    await bob.request("set_grants", peer="eve")
    await eve.say(bob.session.hex, "wanted")
    assert (await bob.message())[1] == "wanted" and len(bob.pushes()) == 1
    row = (await eve.status_of(ack["messageId"]))["recipients"][0]
    # As what waits behind others.
    assert row["state"] == "held" and row["reason"] == "behind"


async def test_the_administration_of_claudemesh(mesh):
    ada, bob = await mesh.legacy("root"), await mesh.legacy("bob")
    for type_ in ("kick", "ban", "unban", "list_bans", "disconnect"):
        with pytest.raises(Refused) as refused:
            await bob.request(type_, target="root")
        assert refused.value.code == "forbidden", type_
    await mesh.owner.run("member", "rights", "root", "--role", "admin")
    assert (await ada.request("disconnect", target="bob"))["affected"] == ["bob"]
    assert await bob.closed() == 1000
    bob = await mesh.legacy("bob")
    assert (await ada.request("kick", all=True))["kicked"] == ["bob"]
    assert await bob.closed() == 4001
    assert (await ada.request("ban", target="bob"))["banned"] == "bob"
    bans = (await ada.request("list_bans"))["bans"]
    assert [(row["name"], row["pubkey"]) for row in bans] == [("bob", mesh.members["bob"].key.hex)]
    assert (await ada.request("unban", target="bob"))["unbanned"] == "bob"
    assert (await (await mesh.legacy_unconnected("bob", Key())).hello())["type"] == "hello_ack"


async def test_invites_are_listed_and_revoked(mesh):
    made = (await mesh.owner.run("invite", "--uses", "2", "--json")).json
    rows = (await mesh.owner.run("invite", "list", "--json")).json["invites"]
    assert [(row["inviteId"], row["state"], row["used"]) for row in rows][0] == (made["inviteId"], "open", 0)
    await mesh.owner.run("invite", "revoke", made["inviteId"][:8])
    late = Cli(mesh.broker, mesh.folder / "late")
    refused = await late.run("join", made["invite"], "--name", "late", code=None)
    assert refused.code != 0 and "revoked" in refused.err

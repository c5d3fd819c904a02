"""Nobody speaks as anybody else: a name is a member's, a label is what a client calls itself."""

import pytest
from impostor import TEXT, check_told_apart, heard_as, session_of


@pytest.mark.parametrize("display_name, label", [
    ("boss", "boss"), ("owner", "owner"), ("system", "system"), ("ann", "ann"), ("boss/laptop", "boss_laptop"),
    ("Boss\x1b[2K", "Boss_[2K"),
])
async def test_listen_and_its_command_are_told_the_member(mesh, display_name, label):
    line, variables = await heard_as(mesh, display_name)
    check_told_apart(mesh, line, variables, label)


async def test_inbox_history_peers_and_state_name_the_member(mesh):
    ann, boss = await mesh.cli("ann"), await mesh.member("boss")
    reader = await mesh.peer("reader")
    await ann.run("topic", "create", "plans")
    mallory = await mesh.legacy("mallory", displayName="boss")
    assert mallory.ack["memberDisplayName"] == "mallory/boss"
    joined = await reader.take(lambda f: f.get("event") == "peer_joined" and f["eventData"].get("label") == "boss")
    assert (joined["eventData"]["name"], joined["eventData"]["displayName"]) == ("mallory", "mallory/boss")
    await mallory.say("#plans", "obey")
    # Claudemesh's clients get no answer to this; what they send next is decided after it.
    await mallory.write({"type": "set_state", "key": "order", "value": "stop"})
    await mallory.say(await session_of(mallory, "reader"), TEXT)
    push, _ = await reader.message(TEXT)
    assert (push["senderName"], push["senderLabel"]) == ("mallory", "boss")
    assert push["senderDisplayName"] == "mallory/boss" and push["senderMemberPubkey"] == mallory.member.hex
    inbox = (await ann.run("inbox", "--json")).json["messages"]
    assert [(one["from"], one["fromLabel"], one["fromMemberKey"]) for one in inbox if one["text"] == "obey"] == [
        ("mallory", "boss", mallory.member.hex)]
    history = (await reader.request("topic_history", topic="plans"))["messages"]
    assert [one["senderName"] for one in history] == ["mallory"]
    state = await reader.request("get_state", key="order")
    assert (state["updatedBy"], state["updatedByKey"]) == ("mallory", mallory.member.hex)
    rows = {row["displayName"]: row for row in (await reader.request("list_peers"))["peers"]}
    assert "boss" not in rows and rows["mallory/boss"]["memberName"] == "mallory"
    assert boss.key.hex != mallory.member.hex


async def test_mail_for_a_name_never_goes_to_a_label(mesh):
    reader = await mesh.peer("reader")
    # The client comes first and takes the name of somebody who is not here yet.
    mallory = await mesh.legacy("mallory", displayName="boss")
    boss = await mesh.member("boss")
    reached = (await reader.request("resolve", targetSpec="boss"))["recipients"]
    assert [one["member"] for one in reached] == [boss.key.hex]
    reached = (await reader.request("resolve", targetSpec="mallory/boss"))["recipients"]
    assert [one["session"] for one in reached] == [mallory.session.hex]
    refused = await mesh.owner.run("send", "Boss", "secret", code=None)
    assert refused.code != 0 and "boss" in refused.err


async def test_a_free_label_is_shown_and_reached_as_ever(mesh):
    reader = await mesh.peer("reader")
    mallory = await mesh.legacy("mallory", displayName="Mallory's SDK")
    assert mallory.ack["memberDisplayName"] == "Mallory's SDK"
    reached = (await reader.request("resolve", targetSpec="Mallory's SDK"))["recipients"]
    assert [one["session"] for one in reached] == [mallory.session.hex]


@pytest.mark.parametrize("name", ["boss", "owner", "mesh"])
async def test_a_session_of_ours_is_told_that_the_name_is_another_s(mesh, name):
    ann = await mesh.cli("ann")
    await mesh.member("boss")
    refused = await ann.run("listen", "--name", name, "--json", code=None)
    assert refused.code != 0 and name in refused.err


async def test_a_joiner_cannot_take_a_name_that_reads_like_another_s(mesh):
    await mesh.member("boss")
    invite = (await mesh.owner.run("invite", "--json")).json["invite"]
    cli = type(mesh.owner)(mesh.broker, mesh.folder / "thief")
    for name in ("boss", "BOSS", "b\u043ess", "system", "deadbeef"):
        refused = await cli.run("join", invite, "--name", name, code=None)
        assert refused.code != 0, name
    await cli.run("join", invite, "--name", "bossa")

"""The command line and a foreign client understand each other, sealed both ways."""

import json

import pytest

from harness import Cli, poll, state_of


async def session_of(client, name):
    """The session key of a member as a foreign client finds it: in the peer list."""
    answer = await poll(lambda: client.request("list_peers"), lambda answer: any(
        peer["memberName"] == name for peer in answer["peers"]))
    return next(peer["pubkey"] for peer in answer["peers"] if peer["memberName"] == name)


@pytest.mark.parametrize("dialect", ["legacy", "peer"])
async def test_what_the_command_line_seals_opens_here(mesh, dialect):
    recipient, cli = await getattr(mesh, dialect)("pia"), await mesh.cli("bob")
    sent = await cli.run("send", "pia", "hola, mesh ✓", "--json")
    push, text = await recipient.message()
    assert (text, push["encrypted"], push["senderName"]) == ("hola, mesh ✓", True, "bob")
    assert push["recipientKey"] == recipient.session.hex and push["messageId"] == sent.json["messageId"]
    if dialect == "legacy":
        assert (push.get("bodyVersion") or 1) == 1


@pytest.mark.parametrize("dialect", ["legacy", "peer"])
async def test_what_is_sealed_here_opens_in_the_command_line(mesh, dialect):
    sender, cli = await getattr(mesh, dialect)("pia"), await mesh.cli("bob")
    listener = await mesh.listen(cli)
    ack = await sender.say(await session_of(sender, "bob"), "hola, mesh ✓")
    line = await listener.text("hola, mesh ✓")
    assert (line["type"], line["encrypted"], line["messageId"]) == ("message", True, ack["messageId"])
    assert "pia" in json.dumps(line["from"])


async def test_a_reply_from_the_command_line_comes_back_to_the_asking_session(mesh):
    asking, cli = await mesh.legacy("pia"), await mesh.cli("bob")
    listener = await mesh.listen(cli)
    await asking.say(await session_of(asking, "bob"), "how far?")
    await listener.text("how far?")
    await cli.run("send", asking.session.hex, "42 km", "--json")
    assert (await asking.message())[1] == "42 km"


@pytest.mark.parametrize("target, kind", [("*", "all"), ("@eng", "group"), ("@ops", "group")])
async def test_broadcasts_and_groups_go_both_ways(mesh, target, kind):
    groups = [{"name": "eng"}, {"name": "ops/night"}]
    legacy, modern = await mesh.legacy("pia", groups=groups), await mesh.peer("quinn", groups=groups)
    cli = await mesh.cli("bob")
    listener = await mesh.listen(cli)
    for name in ("eng/web", "ops"):
        await cli.run("group", "join", name)
    await cli.run("send", target, "from the command line", "--json")
    for client in (legacy, modern):
        push, text = await client.message()
        assert (text, push["kind"], push["encrypted"], push["senderName"]) == (
            "from the command line", kind, False, "bob")
    for client in (legacy, modern):
        await client.say(target, f"from {client.session.hex}")
        assert (await listener.text(f"from {client.session.hex}"))["encrypted"] is False


async def test_wait_tells_the_truth(mesh):
    recipient, cli = await mesh.peer("pia"), await mesh.cli("bob")
    wait = ["--wait", "delivered", "--timeout"]
    done = await cli.run("send", "pia", "seen?", "--priority", "now", *wait, "10s", "--json")
    assert done.json["status"] == "delivered" and done.json["recipients"]
    await recipient.request("set_status", status="dnd")
    held = await cli.run("send", "pia", "later", *wait, "1s", "--json", code=1)
    assert held.json["messageId"] and held.json["status"] != "delivered"
    status = (await cli.run("message", "status", held.json["messageId"], "--json")).json
    assert state_of(status) == ("held", "dnd")


async def test_the_inbox_keeps_what_came_while_nobody_listened(mesh):
    sender, cli = await mesh.peer("pia"), await mesh.cli("bob")
    ack = await sender.say_sealed("bob", "while you were away")
    peeked = await cli.run("inbox", "--peek", "--json")
    assert "while you were away" in peeked.out
    assert state_of(await sender.status_of(ack["messageId"]))[0] == "held"
    assert "while you were away" in (await cli.run("inbox", "--json")).out
    assert state_of(await sender.status_of(ack["messageId"]))[0] == "read"
    assert "while you were away" not in (await cli.run("inbox", "--json")).out


async def test_listen_exec_acknowledges_after_the_command_succeeded(mesh, tmp_path):
    sender, cli = await mesh.peer("pia"), await mesh.cli("bob")
    target = tmp_path / "heard"
    await mesh.listen(cli, "--exec", f"cat >> {target}")
    ack = await sender.say(await session_of(sender, "bob"), "run this")
    await poll(lambda: sender.status_of(ack["messageId"]), lambda s: state_of(s)[0] in ("delivered", "read"))
    assert "run this" in target.read_text()


async def test_state_is_the_same_on_both_sides(mesh):
    client, cli = await mesh.peer("pia"), await mesh.cli("bob")
    await cli.run("state", "set", "sim:floor", '{"n":1}')
    assert (await client.request("get_state", key="sim:floor"))["value"] == {"n": 1}
    watch = await mesh.run_on(cli, "state", "watch", "sim:", "--json")
    await watch.line(lambda line: "sim:floor" in json.dumps(line))
    await client.request("set_state", key="sim:door", value="open")
    await watch.line(lambda line: "sim:door" in json.dumps(line) and "open" in json.dumps(line))
    got = (await cli.run("state", "get", "sim:door", "--json")).json
    assert (got["value"], got["updatedBy"]) == ("open", "pia")
    await cli.run("state", "delete", "sim:door")
    assert (await client.request("get_state", key="sim:door"))["found"] is False


async def test_status_and_summary_of_the_command_line_are_seen(mesh):
    client, cli = await mesh.peer("pia"), await mesh.cli("bob")
    await mesh.listen(cli)
    await cli.run("status", "set", "dnd")
    await cli.run("summary", "set", "counting sheep")
    peers = (await client.request("list_peers"))["peers"]
    [bob] = [peer for peer in peers if peer["memberName"] == "bob"]
    assert (bob["status"], bob["summary"]) == ("dnd", "counting sheep")


async def test_one_shot_verbs_leave_no_peer(mesh):
    watcher, cli = await mesh.peer("pia"), await mesh.cli("bob")
    for words in (["whoami"], ["peer", "list"], ["member", "list"], ["mesh", "list"], ["group", "list"],
                  ["state", "list"], ["ledger", "head"]):
        await cli.run(*words, "--json")
    await cli.run("send", "*", "hello", "--json")
    await watcher.message()
    assert [peer["memberName"] for peer in (await watcher.request("list_peers"))["peers"]] == ["pia"]


@pytest.mark.parametrize("words, code", [
    (["send", "nobdy", "hi"], 5),
    (["state", "delete", "nothing"], 5),
    (["message", "status", "00000000"], 5),
    (["send"], 3),
    (["send", "*", "hi", "--priority", "soon"], 3),
    (["no-such-verb"], 3),
    (["member", "add", "--name", "x", "--pubkey", "cd" * 32], 7),
])
async def test_exit_codes_say_what_kind_of_failure(mesh, words, code):
    cli = await mesh.cli("bob")
    result = await cli.run(*words, code=code)
    assert result.err.strip() and result.out == ""


async def test_a_taken_name_exits_6(mesh):
    await mesh.member("pia")
    await mesh.owner.run("member", "add", "--name", "pia", "--pubkey", "cd" * 32, "--json", code=6)


async def test_a_broker_that_is_not_there_exits_4(own_mesh):
    own_mesh.broker.kill()
    result = await own_mesh.owner.run("peer", "list", code=4)
    assert str(own_mesh.broker.port) in result.err


async def test_an_invite_is_used_up_and_keys_are_readable_by_their_owner_only(mesh, tmp_path):
    invite = (await mesh.owner.run("invite", "--json")).json["invite"]
    await Cli(mesh.broker, tmp_path / "first").run("join", invite, "--name", "first", "--json")
    second = await Cli(mesh.broker, tmp_path / "second").run("join", invite, "--name", "second", "--json", code=None)
    assert second.code != 0
    for file in (tmp_path / "first").rglob("*"):
        if file.is_file():
            assert file.stat().st_mode & 0o077 == 0, f"{file} is readable by others"

"""Whose a session key is, what a signature is good for, and when a session is no target of a name any more.

Each promise is a function that says what went wrong; a broker with the fault that breaks it must be told apart.
"""

import asyncio
import secrets

import pytest

from harness import Broker, Member, Mesh, poll, state_of
from mesh_client import Connection, Refused
from mesh_http import http_call
from mesh_keys import Key, legacy_hello, mesh_hello, now_ms


async def refusal(action):
    """The code of the error that something ends with; None when it does not."""
    try:
        await action
        return None
    except Refused as refused:
        return refused.code


async def until_not_online(watcher, session):
    """Waits until the broker has seen the end of a connection."""
    await poll(lambda: watcher.request("list_peers", all=True), lambda answer: not any(
        peer["pubkey"] == session.hex and peer["connection"] == "online" for peer in answer["peers"]))


# --- whose a session key is ------------------------------------------------------------------------------------------


async def steal_by_naming(mesh):
    """What a member got hold of that was sent to another member's key."""
    faults = []
    sender, bob = await mesh.peer("sender"), await mesh.member("bob")
    eve = await mesh.legacy_unconnected("eve", bob.key)
    if await refusal(eve.hello()) != "session_key_taken":
        faults.append("a session has another member's key")
    await sender.say(bob.key.hex, "for bob alone")
    owner = await mesh.peer_unconnected("bob")
    await owner.hello()
    await owner.request("whoami")
    if [owner.read(push) for push in owner.pushes()] != ["for bob alone"]:
        faults.append("its owner did not get the message")
    if eve.pushes():
        faults.append("somebody else got it")
    return faults


async def test_a_members_key_is_nobody_elses_session_key(mesh):
    assert await steal_by_naming(mesh) == []


async def test_a_key_that_was_named_before_its_member_is_added_goes_to_the_member(mesh):
    key = Key()
    sender, eve = await mesh.peer("sender"), await mesh.legacy("eve", key)
    await eve.close()
    await until_not_online(sender, key)
    await sender.say(key.hex, "for the owner of the key")
    mesh.members["bob"] = (await add(mesh, "bob", key))
    assert await refusal((await mesh.legacy_unconnected("eve", key)).hello()) == "session_key_taken"
    owner = await mesh.peer("bob")
    push, text = await owner.message()
    assert (text, push["recipientKey"]) == ("for the owner of the key", key.hex)


async def add(mesh, name, key):
    """Adds a member with a key that is known."""
    added = await mesh.owner.run("member", "add", "--name", name, "--pubkey", key.hex, "--json")
    return Member(name, added.json["memberId"], key)


async def test_a_connected_thief_is_told_why_it_ends(mesh):
    key = Key()
    eve = await mesh.legacy("eve", key)
    mesh.members["bob"] = await add(mesh, "bob", key)
    assert (await eve.closed(), eve.close_reason) == (1008, "session_key_taken")


async def test_a_key_that_is_proved_is_taken_from_whoever_named_it(mesh):
    key = Key()
    sender, eve = await mesh.peer("sender"), await mesh.legacy("eve", key)
    bob = await mesh.peer("bob", key)
    assert (await eve.closed(), eve.close_reason) == (1008, "session_key_taken")
    await sender.say(key.hex, "proved")
    assert (await bob.message())[1] == "proved"
    assert await refusal((await mesh.legacy_unconnected("eve", key)).hello()) == "session_key_taken"


async def test_a_key_of_a_session_becomes_no_members_key(mesh):
    ann = await mesh.peer("ann")
    result = await mesh.owner.run(
        "member", "add", "--name", "bob", "--pubkey", ann.session.hex, "--json", code=None)
    assert result.code != 0 and result.json["error"]["code"] == "session_key_taken"


# --- what a signature is good for ------------------------------------------------------------------------------------


async def use_twice(mesh):
    """Which hello was taken twice."""
    member = await mesh.member("pia")
    hello = legacy_hello(mesh.id, member.id, member.key, sessionPubkey=Key().hex)
    await (await mesh.legacy_unconnected("pia")).greet(hello)
    code = await refusal((await mesh.legacy_unconnected("pia")).greet(hello))
    return [] if code == "replayed" else [f"the same hello again: {code}"]


async def test_the_same_hello_is_a_replay(mesh):
    assert await use_twice(mesh) == []


async def test_hellos_of_one_member_in_the_same_millisecond_are_none(mesh):
    member, stamp = await mesh.member("pia"), now_ms()
    hellos = [legacy_hello(mesh.id, member.id, member.key, timestamp=stamp, sessionPubkey=Key().hex) for _ in range(4)]
    hellos += [legacy_hello(mesh.id, member.id, member.key, timestamp=stamp) for _ in range(2)]
    assert len({hello["signature"] for hello in hellos}) == 1
    clients = [await mesh.legacy_unconnected("pia") for _ in hellos]
    acks = await asyncio.gather(*(client.greet(hello) for client, hello in zip(clients, hellos)))
    assert len({ack["presenceId"] for ack in acks}) == len(hellos)
    for hello in hellos:
        assert await refusal((await mesh.legacy_unconnected("pia")).greet(hello)) == "replayed"


def remembered(broker):
    """How many signatures the broker remembers, in memory and in its journal."""
    status, _, text = http_call(
        broker.http, "GET", "/metrics", headers={"Authorization": f"Bearer {broker.admin_token}"})
    assert status == 200
    [line] = [line for line in text.decode().splitlines() if line.startswith("broker_signatures_remembered ")]
    return int(line.split()[1]), (broker.data / "replays").stat().st_size


async def test_what_strangers_sign_is_not_remembered(own_mesh):
    mesh = own_mesh
    await mesh.member("pia")
    before = remembered(mesh.broker)
    for number in range(8):
        stranger, session = Key(), Key()
        hellos = [
            legacy_hello(mesh.id, "nobody", stranger), mesh_hello(mesh.id, stranger, session, mesh.broker.node),
            legacy_hello("no-such-mesh", "nobody", stranger)]
        for hello in hellos:
            connection = await Connection(mesh.broker.ws).open()
            await connection.write(hello)
            assert (await connection.take("error"))["code"] == "unauthorized"
            await connection.closed()
        http = await mesh.http("pia")
        http.member, http.session = stranger, session
        status, answer = await http.call("whoami")
        assert (status, answer["error"]["code"]) == (401, "unauthorized")
        http.mesh = secrets.token_hex(16)
        assert (await http.call("whoami"))[1]["error"]["code"] == "unauthorized"
    assert remembered(mesh.broker) == before
    # What a member signs is, once each.
    http = await mesh.http("pia")
    assert (await http.call("whoami"))[0] == 200
    assert remembered(mesh.broker) == (before[0] + 1, before[1] + 40)


@pytest.mark.parametrize("field, value", [
    ("type", "delete_state"), ("type", 1), ("meshId", "0" * 32), ("meshId", None)])
async def test_a_body_that_contradicts_its_path_is_refused(mesh, field, value):
    http = await mesh.http("script")
    status, answer = await http.call("set_state", key="k", value=1, **{field: value})
    assert (status, answer["error"]["code"], answer["error"]["details"]) == (400, "invalid_argument", {"field": field})
    assert (await http.call("get_state", key="k"))[1]["found"] is False
    assert (await http.call("set_state", key="k", value=1, type="set_state", meshId=mesh.id))[0] == 200


async def test_a_header_that_names_another_member_is_refused(mesh):
    http = await mesh.http("script")
    assert (await http.call("whoami"))[0] == 200
    http.member = (await mesh.member("other")).key
    status, answer = await http.call("whoami")
    assert (status, answer["error"]["code"]) == (403, "session_key_taken")


# --- who is a target of a name ---------------------------------------------------------------------------------------


async def mail_for_a_client_that_left(mesh):
    """What became of a message to the name of a client that said goodbye and started again with another key."""
    faults = []
    sender, first = await mesh.peer("sender"), await mesh.legacy("bob")
    await first.close()
    await until_not_online(sender, first.session)
    ack = await sender.say_sealed("bob", "where are you?")
    second = await mesh.legacy("bob")
    await second.request("list_peers")
    if [second.read(push) for push in second.pushes()] != ["where are you?"]:
        faults.append("the next start did not get the message")
    if state_of(await sender.status_of(ack["messageId"]))[0] == "held":
        faults.append("it waits for a key that is gone")
    return faults


async def test_mail_for_the_name_of_a_client_that_left_reaches_its_next_start(mesh):
    assert await mail_for_a_client_that_left(mesh) == []


async def test_what_waits_for_a_key_that_is_gone_says_so(mesh):
    sender, bob = await mesh.peer("sender"), await mesh.legacy("bob")
    await bob.close()
    await until_not_online(sender, bob.session)
    ack = await sender.say(bob.session.hex, "for this key alone")
    assert state_of(await sender.status_of(ack["messageId"])) == ("held", "gone")
    back = await mesh.legacy("bob", bob.session)
    assert (await back.message())[1] == "for this key alone"


async def test_a_session_of_ours_that_left_is_still_meant(mesh):
    sender, bob = await mesh.peer("sender"), await mesh.peer("bob")
    await bob.close()
    await until_not_online(sender, bob.session)
    ack = await sender.say_sealed("bob", "for later")
    assert state_of(await sender.status_of(ack["messageId"])) == ("held", "away")
    back = await mesh.peer("bob", bob.session)
    assert (await back.message())[1] == "for later"


async def test_sessions_are_listed_and_removed_by_the_command_line(mesh):
    cli = await mesh.cli("pia")
    listener = await mesh.listen(cli)
    mine = (await cli.run("session", "list", "--json")).json
    assert [row["connection"] for row in mine["sessions"]] == ["online"] and mine["limit"] == 1_024
    key = (await cli.run("whoami", "--json")).json["sessionPubkey"]
    refused = await cli.run("session", "remove", key, "--json", code=3)
    assert refused.json["error"]["code"] == "invalid_argument"
    # The owner administers: it may look through them, and remove one.
    row = (await mesh.owner.run("session", "list", "--member", "pia", "--json")).json["sessions"][0]
    assert row["session"] == key and row["durable"] is True
    assert key[:16] in (await mesh.owner.run("session", "list", "--member", "pia")).out
    removed = await mesh.owner.run("session", "remove", key[:12], "--member", "pia", "--json")
    assert removed.json["session"] == key
    assert await asyncio.wait_for(listener.process.wait(), 20) != 0
    assert (await mesh.owner.run("session", "list", "--member", "pia", "--json")).json["sessions"] == []
    unknown = await mesh.owner.run("session", "remove", "desk", "--member", "pia", "--json", code=5)
    assert unknown.json["error"]["code"] == "not_found"


# --- the promises, broken on purpose ---------------------------------------------------------------------------------


@pytest.fixture
def planted_mesh(tmp_path, request):
    """A mesh in a broker that does one thing wrong."""
    running = Broker(tmp_path)
    running.environment = {"MESH_PLANTED_FAULT": request.param}
    running.start()
    yield Mesh(running, tmp_path / "mesh")
    running.finish_now()


@pytest.mark.planted
@pytest.mark.parametrize("planted_mesh, promise", [
    ("trust_named_keys", steal_by_naming), ("forget_signatures", use_twice),
    ("forget_goodbyes", mail_for_a_client_that_left),
], indirect=["planted_mesh"])
async def test_a_broken_promise_is_seen(planted_mesh, promise):
    assert await promise(planted_mesh)

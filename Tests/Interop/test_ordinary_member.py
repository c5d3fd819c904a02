"""What an ordinary member might try: to come back, to rise, to read what is others', to keep others from their mail."""

import base64
import hashlib
import json

import pytest

from harness import Cli, Mesh
from mesh_client import MeshClient, Refused
from mesh_http import http_call
from mesh_keys import Key, binding_text, now_ms
from test_imitation import refusal


def join(broker, link, name, key, session=None, label=None):
    """Claims an invite as any program may; gives the status and the answer."""
    mesh, fragment = link.rsplit("/join/", 1)[1].split("#")
    code = fragment.split(".")[0]
    invite = "inv_" + hashlib.sha256(base64.urlsafe_b64decode(code + "==")).hexdigest()[:16]
    stamp = now_ms()
    body = {"meshId": mesh, "code": code, "name": name, "pubkey": key.hex, "timestamp": stamp,
            "signature": key.sign(f"mesh-join-v1|{mesh}|{invite}|{name}|{key.hex}|{stamp}")}
    if session is not None:
        body["session"] = {"pubkey": session.hex, "binding": key.sign(binding_text(mesh, key.hex, session.hex))}
        if label is not None:
            body["session"]["label"] = label
    status, _, data = http_call(
        broker.http, "POST", "/v1/join", json.dumps(body).encode(), {"Content-Type": "application/json"})
    return status, json.loads(data)


def beginning_like(key: str, digits: int = 16):
    """Keys with the same beginning: nobody needs their secret to name them."""
    for place in range(65_536):
        alike = Key()
        alike.hex = key[:digits] + f"{place:04x}" + key[digits + 4:]
        if alike.hex != key:
            yield alike


async def name_a_key_like(mesh, who, key, digits=16):
    """A connected claudemesh client whose session key has the beginning of another key."""
    for alike in beginning_like(key, digits):
        client = await mesh.legacy_unconnected(who, alike)
        if await refusal(client.hello()) is None:
            return client
    raise AssertionError("none of these is a point of the curve")


# --- coming back, and rising --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [("remove",), ("ban",), ("rights", "--role", "member"), ("rights", "--deny", "admin")])
async def test_who_may_not_invite_any_more_lets_nobody_in(mesh, tmp_path, verb):
    link = (await mesh.owner.run("invite", "--role", "admin", "--json")).json["invite"]
    boss = Cli(mesh.broker, tmp_path / "boss")
    await boss.run("join", link, "--name", "boss")
    back_door = (await boss.run("invite", "--uses", "3", "--json")).json["invite"]
    first = Key()
    assert join(mesh.broker, back_door, "friend", first)[0] == 201
    await mesh.owner.run("member", verb[0], "boss", *verb[1:])
    status, answer = join(mesh.broker, back_door, "boss-again", Key())
    assert (status, answer["error"]["code"]) == (404, "invite_invalid")
    # Who is in already gets its answer again.
    assert join(mesh.broker, back_door, "friend", first)[0] == 200


async def test_only_the_owner_decides_about_an_admin_whom_it_has_denied_that(mesh):
    await mesh.member("denied", role="admin")
    other = await mesh.peer("other")
    await mesh.owner.run("member", "rights", "other", "--role", "admin")
    await mesh.owner.run("member", "rights", "denied", "--deny", "admin")
    assert await refusal(other.request("set_rights", member="denied", deny=[])) == "forbidden"
    assert await refusal(other.request("set_rights", member="denied", role="member")) == "forbidden"
    assert await refusal(other.request("remove_member", member="denied")) == "forbidden"
    assert await refusal((await mesh.peer("denied")).request("list_invites")) == "forbidden"


async def test_only_the_owner_lets_a_banned_admin_in_again(mesh):
    await mesh.member("banned", role="admin")
    other = await mesh.peer("other")
    await mesh.owner.run("member", "rights", "other", "--role", "admin")
    await mesh.owner.run("member", "ban", "banned")
    assert await refusal(other.request("unban", target="banned")) == "forbidden"
    await mesh.owner.run("member", "unban", "banned")


async def test_a_hello_joins_no_groups_without_the_right_to(mesh):
    await mesh.owner.run("member", "add", "--name", "watcher", "--pubkey", (key := Key()).hex, "--role", "observer")
    watcher = MeshClient(mesh.broker.ws, mesh.id, key, Key(), mesh.broker.node)
    await watcher.hello(groups=[{"name": "secret"}])
    assert (await watcher.request("whoami"))["groups"] == []
    await watcher.close()


# --- reading what is others' --------------------------------------------------------------------------------------------


async def test_the_id_of_a_private_topic_does_not_tell_its_name(mesh):
    alice, eve = await mesh.peer("alice"), await mesh.peer("eve")
    await alice.request("topic_create", name="merger", visibility="private")
    page = await eve.request("ledger_export")
    entries = [json.loads(entry) for entry in page["entries"]]
    topic = next(entry["obj"] for entry in entries if entry["act"] == "topic.created")
    with pytest.raises(Refused) as told:
        await eve.request("topic_join", topic=topic)
    assert "merger" not in str(told.value)
    made = await eve.request("topic_create", name=topic)
    assert made["created"] and made["topic"]["name"] == topic


async def test_who_was_taken_out_comes_back_into_no_private_topic(mesh):
    alice, eve = await mesh.peer("alice"), await mesh.peer("eve")
    await alice.request("topic_create", name="secret", visibility="private")
    await alice.request("topic_join", topic="secret", member="eve", role="lead")
    await mesh.owner.run("member", "remove", "eve")
    await alice.say("#secret", "while eve was away")
    await mesh.owner.run("member", "add", "--name", "eve", "--pubkey", eve.member.hex, "--role", "observer")
    again = await mesh.peer("eve", Key())
    assert await refusal(again.request("topic_history", topic="secret")) == "not_found"
    assert [row["memberCount"] for row in (await alice.request("topic_list"))["topics"]] == [1]


async def test_who_was_taken_out_of_a_topic_reads_none_of_its_mentions(mesh):
    alice, eve = await mesh.peer("alice"), await mesh.peer("eve")
    for name, visibility in (("secret", "private"), ("open", "public")):
        await alice.request("topic_create", name=name, visibility=visibility)
        await alice.request("topic_join", topic=name, member="eve")
        await alice.say(f"#{name}", f"hello @eve in {name}", mentions=["eve"])
        await alice.request("topic_leave", topic=name, member="eve")
    mentions = (await eve.request("topic_mentions"))["messages"]
    assert [message["topic"] for message in mentions] == ["open"]


@pytest.mark.parametrize("is_here", [True, False])
async def test_a_blocked_sender_sees_what_anybody_sees_who_waits(mesh, is_here):
    bob, eve = await mesh.peer("bob", auto_ack=False), await mesh.peer("eve")
    await bob.request("set_grants", peer="eve", grants=[])
    if not is_here:
        await bob.close()
    sent = await eve.say(bob.session.hex, "hello", receipts=True)
    row = (await eve.status_of(sent["messageId"]))["recipients"][0]
    assert row["state"] == "held" and row["reason"] in (("behind",) if is_here else ("away",))
    receipt = await eve.take("receipt")
    assert (receipt["recipient"]["state"], receipt["recipient"]["reason"]) == ("held", row["reason"])


# --- others' mail -------------------------------------------------------------------------------------------------------


async def test_a_prefix_of_a_key_that_was_taken_out_is_nobody_elses(mesh):
    sender, bob = await mesh.peer("sender"), await mesh.member("bob")
    await name_a_key_like(mesh, "eve", bob.key.hex)
    prefix = bob.key.hex[:16]
    assert [one["name"] for one in (await sender.request("resolve", targetSpec=prefix))["recipients"]] == ["bob"]
    await mesh.owner.run("member", "remove", "bob")
    assert await refusal(sender.request("resolve", targetSpec=prefix)) == "unknown_target"


async def test_a_prefix_never_means_a_key_that_was_only_named(mesh):
    sender, victim = await mesh.peer("sender"), await mesh.legacy("victim")
    prefix = victim.session.hex[:16]
    with pytest.raises(Refused) as told:
        await sender.request("resolve", targetSpec=prefix)
    assert told.value.code == "unknown_target" and "victim" in told.value.hint
    whole = await sender.request("resolve", targetSpec=victim.session.hex)
    assert [one["name"] for one in whole["recipients"]] == ["victim"]


async def test_a_short_prefix_of_a_proved_key_beside_a_named_one_is_ambiguous(mesh):
    # Who was there first may be the one that is meant: a proved key with the same few digits is made in minutes.
    sender, bob = await mesh.peer("sender"), await mesh.peer("bob")
    await name_a_key_like(mesh, "eve", bob.session.hex)
    assert await refusal(sender.request("resolve", targetSpec=bob.session.hex[:8])) == "ambiguous_target"
    meant = await sender.request("resolve", targetSpec=bob.session.hex[:16])
    assert [one["name"] for one in meant["recipients"]] == ["bob"]


async def test_an_acknowledgement_by_the_senders_id_is_exact(mesh):
    alice, bob = await mesh.peer("alice"), await mesh.peer("bob", auto_ack=False)
    await alice.say(bob.session.hex, "one", client_message_id="caf\u00e9")
    await alice.say(bob.session.hex, "two", client_message_id="cafe\u0301")
    await bob.texts(2)
    assert (await bob.request("client_ack", clientMessageId="caf\u00e9"))["changed"] == 1


# --- taking more than a share -------------------------------------------------------------------------------------------


async def test_an_invite_that_was_used_up_makes_no_sessions_without_end(mesh):
    link = (await mesh.owner.run("invite", "--uses", "1", "--json")).json["invite"]
    key = Key()
    for number in range(1_024):
        status, answer = join(mesh.broker, link, "eve", key, Key(), label=f"{number:04}" + "字" * 60)
        assert status in (200, 201), answer
    status, answer = join(mesh.broker, link, "eve", key, Key())
    assert (status, answer["error"]["code"]) == (503, "capacity")
    # Nor does an error list them all.
    with pytest.raises(Refused) as told:
        await (await mesh.peer("bob")).request("resolve", targetSpec="eve/nobody")
    assert len(json.dumps(told.value.error)) < 4_096


@pytest.mark.parametrize("dialect", ["legacy", "peer"])
async def test_a_hello_joins_no_more_groups_than_a_session_may(mesh, dialect):
    unconnected = mesh.legacy_unconnected if dialect == "legacy" else mesh.peer_unconnected
    greedy = await unconnected("eve", Key())
    assert await refusal(greedy.hello(groups=[{"name": f"g{n}"} for n in range(65)])) == "capacity"
    twice = await unconnected("eve", Key())
    await twice.hello(groups=[{"name": "a", "role": "x"}, {"name": "a", "role": "y"}])
    peers = (await (await mesh.peer("bob")).request("list_peers"))["peers"]
    assert [row["groups"] for row in peers if row["memberName"] == "eve"] == [[{"name": "a", "role": "y"}]]


async def test_one_member_leaves_connections_for_the_others(own_broker, tmp_path):
    own_broker.terminate()
    own_broker.arguments = ["--maximum-connections", "80"]
    own_broker.start()
    mesh = await Mesh(own_broker, tmp_path / "mesh").create()
    session, refused = Key(), None
    for _ in range(80):
        watcher = await mesh.peer_unconnected("eve", session)
        refused = await refusal(watcher.hello(attach=False))
        if refused:
            break
    assert refused == "capacity"
    await mesh.peer("bob")
    # Places that are given up are free again.
    first = mesh._open[0]
    await first.close()
    watcher = await mesh.peer_unconnected("eve", session)
    await watcher.hello(attach=False)
    await mesh.finish()


async def test_whoever_hides_and_shows_itself_is_told_of_now_and_then(mesh):
    flicker, witness = await mesh.peer("flicker"), await mesh.peer("witness")
    for number in range(100):
        await flicker.write({"type": "set_visible", "visible": number % 2 == 1})
    await flicker.request("set_visible", visible=False)
    # The first change, and the last one when its time has come.
    await witness.take("push", event="peer_hidden")
    await flicker.request("set_visible", visible=True)
    await witness.take("push", event="peer_visible")
    await flicker.request("set_visible", visible=False)
    await witness.take("push", event="peer_hidden")
    assert len(witness.events("peer_hidden")) + len(witness.events("peer_visible")) < 20


async def test_an_id_is_found_among_many_that_wait(mesh):
    bob = await mesh.peer("bob", auto_ack=False)
    for name in ("alice", "ann"):
        sender = await mesh.peer(name)
        for number in range(200):
            await sender.write(sender.frame_to(bob.session.hex, f"{name} {number}", client_message_id=f"id {number}"))
        await sender.say(bob.session.hex, "last", client_message_id=f"last of {name}")
    assert (await bob.request("whoami"))["pending"] == 402
    assert (await bob.request("client_ack", clientMessageId="id 7"))["changed"] == 2
    assert (await bob.request("client_ack", clientMessageId="id 7"))["changed"] == 0
    assert (await bob.request("client_ack", clientMessageId="last of ann"))["changed"] == 1
    assert (await bob.request("whoami"))["pending"] == 399


# --- names --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["\u00a0", "\u200b", "\u3164", "\U000e0041", "\U0001d159", "\u0301", "\u00a0eve"])
async def test_a_name_is_seen(mesh, name):
    await mesh.owner.run("member", "add", "--name", name, "--pubkey", Key().hex, code=3)
    eve = await mesh.legacy("eve", Key(), displayName=name)
    assert eve.ack["memberDisplayName"] in ("eve", "_")


@pytest.mark.parametrize("name", ["alice∕laptop", "alice⁄laptop", "alice╱laptop", "﹫all", "﹟ops", "∗"])
async def test_what_is_drawn_like_a_mark_of_targets_is_in_no_name(mesh, name):
    await mesh.owner.run("member", "add", "--name", name, "--pubkey", Key().hex, code=3)

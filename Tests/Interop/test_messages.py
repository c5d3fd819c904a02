"""Who gets a message, sealed or plain, and what the sender is told when nobody can."""

import pytest

from mesh_client import Refused
from mesh_keys import Key, b64, binding_text, open_box, seal, signature_holds, unb64

DIALECTS = ["legacy", "peer"]


@pytest.mark.parametrize("to", DIALECTS)
@pytest.mark.parametrize("by", DIALECTS)
async def test_a_message_to_a_session_key_arrives_sealed_in_both_dialects(mesh, by, to):
    sender, recipient = await getattr(mesh, by)("sender"), await getattr(mesh, to)("recipient")
    ack = await sender.say(recipient.session.hex, "hola, mesh ✓")
    push, text = await recipient.message()
    assert text == "hola, mesh ✓"
    assert push["encrypted"] is True and push["kind"] == "direct"
    assert push["messageId"] == ack["messageId"] and push["attempt"] == 1
    assert push["senderPubkey"] == sender.session.hex and push["recipientKey"] == recipient.session.hex
    assert b"hola" not in unb64(push["ciphertext"])


@pytest.mark.parametrize("to", DIALECTS)
@pytest.mark.parametrize("by", DIALECTS)
async def test_a_broadcast_reaches_everyone_but_its_sender(mesh, by, to):
    sender, recipient = await getattr(mesh, by)("sender"), await getattr(mesh, to)("recipient")
    sibling = await mesh.peer("sender")
    await sender.say("*", "to all")
    for client in (recipient, sibling):
        push, text = await client.message()
        assert (text, push["encrypted"], push["kind"]) == ("to all", False, "all")
    # What the sender gets next is the answer, not its own broadcast.
    await recipient.say("*", "answer to all")
    assert (await sender.message())[1] == "answer to all"
    assert len(sender.pushes()) == 1


@pytest.mark.parametrize("to", DIALECTS)
@pytest.mark.parametrize("by", DIALECTS)
async def test_a_group_reaches_its_members_and_those_nested_below_and_nobody_else(mesh, by, to):
    sender = await getattr(mesh, by)("sender", groups=[{"name": "eng"}])
    web = await getattr(mesh, to)("web", groups=[{"name": "eng/web", "role": "lead"}])
    eng = await getattr(mesh, to)("eng", groups=[{"name": "eng"}])
    english = await getattr(mesh, to)("english", groups=[{"name": "english"}])
    await sender.say("@eng", "to engineers")
    for client in (web, eng):
        push, text = await client.message()
        assert (text, push["kind"], push["encrypted"]) == ("to engineers", "group", False)
    await sender.say("@eng/web", "to the web team")
    assert (await web.message())[1] == "to the web team"
    await sender.say("*", "last")
    for client, expected in ((english, ["last"]), (eng, ["last"]), (web, ["last"])):
        assert await client.texts(1) == expected


async def test_groups_are_joined_and_left_while_connected(mesh):
    sender, peer, legacy = await mesh.peer("sender"), await mesh.peer("peer"), await mesh.legacy("legacy")
    assert (await peer.request("join_group", name="ops", role="lead"))["groups"] == [{"name": "ops", "role": "lead"}]
    await legacy.write({"type": "join_group", "name": "ops"})
    await legacy.request("list_groups")
    await sender.say("@ops", "both")
    assert (await peer.message())[1] == "both" and (await legacy.message())[1] == "both"
    assert (await peer.request("leave_group", name="ops"))["groups"] == []
    await sender.say("@ops", "one")
    await sender.say("*", "last")
    assert await legacy.texts(2) == ["one", "last"]
    assert await peer.texts(1) == ["last"]


async def test_the_sender_is_named_on_every_kind_of_push(mesh):
    sender = await mesh.peer("sender")
    recipient = await mesh.legacy("recipient", groups=[{"name": "eng"}])
    await sender.say(recipient.session.hex, "direct")
    await sender.say("@eng", "group")
    await sender.say("*", "all")
    member = await mesh.member("sender")
    for _ in range(3):
        push, _ = await recipient.message()
        assert push["senderName"] == push["senderDisplayName"] == "sender"
        assert push["senderMemberPubkey"] == member.key.hex and push["senderMemberId"] == member.id
        assert push["meshId"] == mesh.id and push["createdAt"].endswith("Z")


async def test_a_message_to_a_member_name_is_a_sealed_copy_for_each_session(mesh):
    sender = await mesh.peer("sender")
    first, second = await mesh.peer("recipient"), await mesh.legacy("recipient")
    ack = await sender.say_sealed("recipient", "to both of you")
    assert ack["recipients"] == 2
    for client in (first, second):
        push, text = await client.message()
        assert (text, push["recipientKey"]) == ("to both of you", client.session.hex)


async def test_resolve_proves_whose_sessions_it_names(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    answer = await sender.request("resolve", targetSpec="recipient")
    [one] = answer["recipients"]
    assert answer["sealed"] is True and one["session"] == recipient.session.hex and 1 in one["bodyVersions"]
    text = binding_text(mesh.id, recipient.member.hex, recipient.session.hex)
    assert signature_holds(recipient.member.hex, one["binding"], text)


async def test_a_changed_set_of_recipients_is_told_and_nothing_is_stored(mesh):
    sender, first = await mesh.peer("sender"), await mesh.peer("recipient")
    frame = await sender.sealed_frame("recipient", "for the first")
    second = await mesh.peer("recipient")
    with pytest.raises(Refused) as caught:
        await sender.send_frame(frame)
    assert caught.value.code == "recipients_changed"
    await sender.say_sealed("recipient", "for both")
    assert await first.texts(1) == await second.texts(1) == ["for both"]


async def test_a_member_without_a_session_gets_a_copy_for_its_member_key(mesh):
    sender = await mesh.peer("sender")
    await mesh.member("newcomer")
    ack = await sender.say_sealed("newcomer", "welcome")
    assert ack["recipients"] == 1
    newcomer = await mesh.peer("newcomer")
    push, text = await newcomer.message()
    assert (text, push["recipientKey"]) == ("welcome", newcomer.member.hex)


async def test_a_list_of_targets_reaches_each_recipient_once(mesh):
    sender = await mesh.peer("sender")
    one, two = await mesh.peer("one", groups=[{"name": "eng"}]), await mesh.peer("two", groups=[{"name": "ops"}])
    await sender.say(["@eng", "@ops", "*"], "once")
    await sender.say("*", "last")
    assert await one.texts(2) == await two.texts(2) == ["once", "last"]


async def test_a_body_bound_to_its_recipient_opens_for_a_version_2_client(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    await sender.say_sealed("recipient", "bound", version=3)
    push, text = await recipient.message()
    assert (text, push["bodyVersion"]) == ("bound", 3)


async def test_the_broker_passes_on_exactly_the_sealed_bytes(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    frame = sender.frame_to(recipient.session.hex, "bytes")
    await sender.send_frame(frame)
    push, _ = await recipient.message()
    assert (push["nonce"], push["ciphertext"]) == (frame["nonce"], frame["ciphertext"])
    assert open_box(push["nonce"], push["ciphertext"], recipient.member, sender.session.hex) is None


async def test_a_direct_message_in_plain_text_is_refused(mesh):
    sender = await mesh.legacy("sender")
    await mesh.peer("recipient")
    with pytest.raises(Refused) as caught:
        await sender.say("recipient", "readable by the broker")
    assert caught.value.code == "plaintext_refused"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_unknown_target_is_an_error_with_the_nearest_name_and_then_a_failed_ack(mesh, dialect):
    sender = await getattr(mesh, dialect)("sender")
    await mesh.member("charlotte")
    frame = sender.frame_to("charlote", "lost?")
    await sender.write(frame)
    answers = [await sender.take(lambda f: f.get("id") == frame["id"]) for _ in range(2)]
    assert [answer["type"] for answer in answers] == ["error", "ack"]
    assert answers[0]["code"] == "unknown_target" and "charlotte" in answers[0]["hint"]
    assert answers[1]["queued"] is False and answers[1]["messageId"] == "" and answers[1]["error"]


@pytest.mark.parametrize("target", [Key(b"a key of nobody".ljust(32)).hex, "@nobody-joined-it", "#topic", "deadbeef"])
async def test_a_target_that_nobody_has_is_never_queued(mesh, target):
    sender = await mesh.peer("sender")
    with pytest.raises(Refused) as caught:
        await sender.say(target, "lost?")
    assert caught.value.code == "unknown_target"


async def test_a_message_to_oneself_only_is_refused(mesh):
    sender = await mesh.peer("sender")
    with pytest.raises(Refused) as caught:
        await sender.say(sender.session.hex, "echo")
    assert caught.value.code == "no_recipients"


async def test_a_key_prefix_names_a_session(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    await sender.say_sealed(recipient.session.hex[:12], "by prefix")
    assert (await recipient.message())[1] == "by prefix"


async def test_the_reply_goes_to_the_one_session_that_asked(mesh):
    asking, sibling = await mesh.peer("asker"), await mesh.peer("asker")
    answering = await mesh.peer("answerer")
    question = await asking.say(answering.session.hex, "how far?")
    push, _ = await answering.message()
    await answering.say(push["senderPubkey"], "42 km", replyToId=push["messageId"])
    reply, text = await asking.message()
    assert (text, reply["replyToId"]) == ("42 km", question["messageId"])
    assert (await asking.status_of(question["messageId"]))["recipients"][0]["state"] == "answered"
    await answering.say("*", "last")
    assert await sibling.texts(1) == ["last"]


async def test_an_empty_nonce_is_accepted_in_plain_text(mesh):
    sender, recipient = await mesh.legacy("sender"), await mesh.peer("recipient")
    await sender.say("*", "no nonce", nonce="")
    assert (await recipient.message())[1] == "no nonce"


async def test_a_body_well_over_the_limit_is_refused_and_one_at_the_limit_is_not(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    with pytest.raises(Refused) as caught:
        await sender.say("*", "x" * 66_000)  # a sealed body may be a little longer than its text
    assert caught.value.code == "too_large"
    await sender.say("*", "y" * 65_536)
    assert (await recipient.message())[1] == "y" * 65_536


async def test_an_altered_box_opens_for_nobody(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    nonce, box = seal(b"secret", sender.session, Key().hex)
    await sender.say(recipient.session.hex, "", nonce=nonce, ciphertext=box)
    push = await recipient.take("push", encrypted=True)
    with pytest.raises(AssertionError, match="no key of ours"):
        recipient.read(push)
    assert b64(unb64(push["ciphertext"])) == box

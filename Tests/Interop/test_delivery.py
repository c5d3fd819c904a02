"""Nothing is lost, nothing is doubled in silence, and the sender can see where a message is."""

import pytest

from harness import poll, state_of
from mesh_client import Refused
from mesh_keys import Key


async def until_state(sender, message_id, state, reason=None):
    return await poll(
        lambda: sender.status_of(message_id),
        lambda status: state_of(status)[0] == state and (reason is None or state_of(status)[1] == reason))


@pytest.mark.parametrize("dialect", ["legacy", "peer"])
async def test_an_away_recipient_gets_its_queue_on_return_in_order(mesh, dialect):
    session = Key()
    sender, recipient = await mesh.peer("sender"), await getattr(mesh, dialect)("recipient", session)
    await recipient.close()
    for number in range(30):
        await sender.say(session.hex, f"n{number}")
    back = await getattr(mesh, dialect)("recipient", session)
    assert await back.texts(30) == [f"n{number}" for number in range(30)]


async def test_groups_and_broadcasts_wait_for_an_away_recipient_too(mesh):
    session = Key()
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient", session)
    await recipient.request("join_group", name="eng")
    await recipient.close()
    await sender.say("@eng", "group")
    await sender.say("*", "all")
    back = await mesh.peer("recipient", session)
    assert back.ack["pending"] == 2
    assert await back.texts(2) == ["group", "all"]


async def test_a_message_goes_from_held_away_to_offered_to_delivered_to_read(mesh):
    session = Key()
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient", session)
    await recipient.close()
    # The broker may not have seen the end of the connection yet: then the offer goes nowhere and is made again.
    await poll(lambda: sender.request("list_peers", all=True), lambda answer: any(
        peer["pubkey"] == session.hex and peer["connection"] != "online" for peer in answer["peers"]))
    ack = await sender.say(session.hex, "where are you?")
    status = await sender.status_of(ack["messageId"])
    assert state_of(status) == ("held", "away")
    assert status["delivered"] is False and status["deliveredAt"] is None
    assert status["recipients"][0]["status"] in ("held", "disconnected")
    back = await mesh.peer("recipient", session, auto_ack=False)
    push, _ = await back.message()
    status = await sender.status_of(ack["messageId"])
    assert state_of(status)[0] == "offered" and status["recipients"][0]["attempts"] == 1
    assert await back.acknowledge(push) == 1
    status = await sender.status_of(ack["messageId"])
    assert state_of(status)[0] == "delivered" and status["delivered"] is True and status["deliveredAt"].endswith("Z")
    assert status["recipients"][0]["status"] == "delivered" and status["recipients"][0]["name"] == "recipient"
    assert await back.acknowledge(push, read=True) == 1
    assert state_of(await sender.status_of(ack["messageId"]))[0] == "read"


async def test_an_acknowledgement_twice_changes_nothing_the_second_time(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient", auto_ack=False)
    await sender.say("*", "once")
    push, _ = await recipient.message()
    assert await recipient.acknowledge(push) == 1
    assert await recipient.acknowledge(push) == 0


async def test_what_a_version_2_client_never_acknowledged_is_offered_again_with_attempt_2(mesh):
    session = Key()
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient", session, auto_ack=False)
    await sender.say(session.hex, "first")
    await sender.say(session.hex, "second")
    before = [(await recipient.message())[0] for _ in range(2)]
    await recipient.acknowledge(before[0])
    await recipient.close()
    back = await mesh.peer("recipient", session)
    push, text = await back.message()
    assert (text, push["attempt"], push["messageId"]) == ("second", 2, before[1]["messageId"])
    await sender.say(session.hex, "last")
    assert await back.texts(1) == ["last"]


async def test_a_legacy_client_that_never_acknowledges_gets_a_message_once(mesh):
    session = Key()
    sender, recipient = await mesh.peer("sender"), await mesh.legacy("recipient", session)
    ack = await sender.say(session.hex, "once")
    push, _ = await recipient.message()
    assert push["attempt"] == 1
    # Its pong says that the frame got through.
    await until_state(sender, ack["messageId"], "delivered")
    await recipient.close()
    back = await mesh.legacy("recipient", session)
    await sender.say(session.hex, "last")
    assert await back.texts(1) == ["last"]


async def test_a_refused_message_tells_its_sender_why(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient", auto_ack=False)
    ack = await sender.say(recipient.session.hex, "unwanted")
    push, _ = await recipient.message()
    await recipient.acknowledge(push, reject="not my job")
    assert state_of(await sender.status_of(ack["messageId"])) == ("rejected", "not my job")
    letters = (await sender.request("list_dead_letters"))["letters"]
    assert [letter["messageId"] for letter in letters] == [ack["messageId"]]


async def test_a_retry_with_the_same_client_message_id_changes_nothing(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    frame = sender.frame_to(recipient.session.hex, "once", client_message_id="retry-1")
    first = await sender.send_frame(frame)
    again = await sender.send_frame(frame | {"id": "another-number"})
    assert first.get("duplicate") in (None, False) and again["duplicate"] is True
    assert again["messageId"] == first["messageId"]
    await sender.say(recipient.session.hex, "last")
    assert await recipient.texts(2) == ["once", "last"]


async def test_a_retry_from_a_new_connection_is_the_same_message(mesh):
    session = Key()
    sender, recipient = await mesh.peer("sender", session), await mesh.peer("recipient")
    frame = sender.frame_to(recipient.session.hex, "once", client_message_id="retry-2")
    first = await sender.send_frame(frame)
    await sender.close()
    again = await (await mesh.peer("sender", session)).send_frame(frame)
    assert (again["duplicate"], again["messageId"]) == (True, first["messageId"])


async def test_the_same_client_message_id_with_another_body_is_a_conflict(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    await sender.say(recipient.session.hex, "first", client_message_id="same")
    with pytest.raises(Refused) as caught:
        await sender.say(recipient.session.hex, "second", client_message_id="same")
    assert caught.value.code == "conflict"
    await sender.say(recipient.session.hex, "last")
    assert await recipient.texts(2) == ["first", "last"]


async def test_the_id_of_a_send_alone_does_not_make_two_messages_one(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    for text in ("first", "second"):
        await sender.say(recipient.session.hex, text, id="same")
    assert await recipient.texts(2) == ["first", "second"]


async def test_the_senders_own_id_and_fingerprint_are_echoed_to_the_recipient(mesh):
    sender, recipient = await mesh.legacy("sender"), await mesh.legacy("recipient")
    await sender.say("*", "hi", client_message_id="c-1", request_fingerprint="ab" * 32)
    push, _ = await recipient.message()
    assert (push["client_message_id"], push["request_fingerprint"]) == ("c-1", "ab" * 32)


@pytest.mark.parametrize("status", ["working", "dnd"])
async def test_a_busy_recipient_gets_now_and_the_rest_when_it_is_idle_in_order(mesh, status):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    assert (await recipient.request("set_status", status=status))["status"] == status
    held = [await sender.say(recipient.session.hex, f"{p}{n}", p) for n in range(5) for p in ("next", "low")]
    await sender.say(recipient.session.hex, "urgent", "now")
    assert await recipient.texts(1) == ["urgent"]
    for ack in held:
        assert state_of(await sender.status_of(ack["messageId"])) == ("held", status)
    await recipient.request("set_status", status="idle")
    texts = await recipient.texts(10)
    for priority in ("next", "low"):
        assert [t for t in texts if t.startswith(priority)] == [f"{priority}{n}" for n in range(5)]


async def test_groups_and_broadcasts_wait_for_a_busy_recipient_too(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    await recipient.request("join_group", name="eng")
    await recipient.request("set_status", status="working")
    for target in ("@eng", "*"):
        ack = await sender.say(target, target)
        assert state_of(await sender.status_of(ack["messageId"]), "recipient") == ("held", "working")
    await recipient.request("set_status", status="idle")
    assert await recipient.texts(2) == ["@eng", "*"]


async def test_a_working_lease_that_is_not_renewed_ends_and_drains(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    await recipient.request("set_status", status="working", lease=1_000)
    await sender.say(recipient.session.hex, "when you have time")
    assert (await recipient.message())[1] == "when you have time"
    assert (await recipient.request("whoami"))["status"] == "idle"


async def test_a_legacy_client_that_says_working_holds_too(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.legacy("recipient")
    await recipient.write({"type": "set_status", "status": "working"})
    await recipient.request("list_peers")
    ack = await sender.say(recipient.session.hex, "later")
    assert state_of(await sender.status_of(ack["messageId"])) == ("held", "working")
    await recipient.write({"type": "set_status", "status": "idle"})
    assert (await recipient.message())[1] == "later"


async def test_a_message_that_outlives_its_time_is_a_visible_dead_letter(mesh):
    session = Key()
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient", session)
    await recipient.request("set_status", status="dnd")
    ack = await sender.say(session.hex, "short-lived", ttl=1_000)
    await until_state(sender, ack["messageId"], "expired")
    letters = (await sender.request("list_dead_letters"))["letters"]
    assert [letter["messageId"] for letter in letters] == [ack["messageId"]]
    await recipient.request("set_status", status="idle")
    await sender.say(session.hex, "last")
    assert await recipient.texts(1) == ["last"]


async def test_a_watched_message_tells_each_change(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient", auto_ack=False)
    await recipient.request("set_status", status="working")
    ack = await sender.say(recipient.session.hex, "watched")
    snapshot = await sender.request("watch_message", messageId=ack["messageId"])
    assert state_of(snapshot) == ("held", "working")
    await recipient.request("set_status", status="idle")
    push, _ = await recipient.message()
    await recipient.acknowledge(push)
    receipt = await sender.take(
        lambda f: f["type"] == "receipt" and f["recipient"]["state"] == "delivered")
    assert receipt["messageId"] == ack["messageId"]


async def test_an_inbox_session_fetches_on_demand(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient", auto_ack=False, messageMode="inbox")
    ack = await sender.say(recipient.session.hex, "when you look")
    assert state_of(await sender.status_of(ack["messageId"])) == ("held", "inbox")
    inbox = await recipient.request("list_inbox")
    assert [recipient.read(push) for push in inbox["messages"]] == ["when you look"] and inbox["total"] == 1
    await recipient.acknowledge(*inbox["messages"], read=True)
    assert (await recipient.request("list_inbox"))["total"] == 0
    assert state_of(await sender.status_of(ack["messageId"]))[0] == "read"
    assert recipient.pushes() == []


async def test_a_thousand_messages_arrive_in_order(mesh):
    sender, recipient = await mesh.peer("sender"), await mesh.peer("recipient")
    frames = [sender.frame_to(recipient.session.hex, str(number)) for number in range(1_000)]
    for frame in frames:
        await sender.write(frame)
    for frame in frames:
        assert (await sender.take("ack", id=frame["id"]))["queued"] is True
    assert await recipient.texts(1_000) == [str(number) for number in range(1_000)]

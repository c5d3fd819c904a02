"""One live connection for each session, and the older one is told why it ends."""

import pytest

from mesh_client import Refused
from mesh_keys import Key, mesh_hello


async def test_a_legacy_session_with_the_same_id_replaces_the_older_one(mesh):
    session = Key()
    older = await mesh.legacy("pia", session, sessionId="sdk-1")
    newer = await mesh.legacy("pia", session, sessionId="sdk-1")
    assert (await older.closed(), older.close_reason) == (1000, "session_replaced")
    sender = await mesh.peer("sender")
    await sender.say(session.hex, "to the newer")
    assert (await newer.message())[1] == "to the newer"


async def test_a_legacy_session_without_a_key_is_replaced_by_its_id(mesh):
    older = await mesh.legacy_unconnected("telegram")
    await older.hello(sessionId="tg-1")
    newer = await mesh.legacy_unconnected("telegram")
    await newer.hello(sessionId="tg-1")
    assert (await older.closed(), older.close_reason) == (1000, "session_replaced")
    await (await mesh.peer("sender")).say("*", "to the newer")
    assert (await newer.message())[1] == "to the newer"


async def test_a_session_id_of_another_member_replaces_nobody(mesh):
    first = await mesh.legacy("pia", sessionId="connector-1")
    await mesh.legacy("mallory", sessionId="connector-1")
    sender = await mesh.peer("sender")
    await sender.say(first.session.hex, "still here?")
    assert (await first.message())[1] == "still here?"


async def test_a_legacy_session_key_that_comes_back_under_a_new_id_is_one_peer(mesh):
    session = Key()
    older = await mesh.legacy("pia", session)
    await mesh.legacy("pia", session)
    assert (await older.closed(), older.close_reason) == (1000, "session_replaced")
    peers = (await (await mesh.peer("watcher")).request("list_peers"))["peers"]
    assert [p["pubkey"] for p in peers].count(session.hex) == 1


async def test_a_replaced_version_2_session_closes_with_4004(mesh):
    session = Key()
    older = await mesh.peer("pia", session)
    newer = await mesh.peer("pia", session, replace=True)
    assert await older.closed() == 4004
    assert (await newer.request("whoami"))["sessionPubkey"] == session.hex


async def test_a_live_version_2_session_is_not_replaced_by_accident(mesh):
    session = Key()
    first = await mesh.peer("pia", session)
    second = await mesh.peer_unconnected("pia", session)
    with pytest.raises(Refused) as caught:
        await second.greet(mesh_hello(mesh.id, second.member, session, mesh.broker.node))
    assert caught.value.code == "session_in_use"
    assert await second.closed() == 4009
    assert (await first.request("whoami"))["sessionPubkey"] == session.hex


async def test_a_replaced_session_keeps_what_waits_for_it(mesh):
    session = Key()
    sender, older = await mesh.peer("sender"), await mesh.peer("pia", session, auto_ack=False)
    await sender.say(session.hex, "unacknowledged")
    await older.message()
    newer = await mesh.peer("pia", session, replace=True)
    push, text = await newer.message()
    assert (text, push["attempt"]) == ("unacknowledged", 2)

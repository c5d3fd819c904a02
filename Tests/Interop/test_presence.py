"""Who is here: told once, and not for every lost connection."""

import pytest

from harness import poll
from mesh_keys import Key


def seen(client, *names):
    """Keys of the sessions in these events, in the order of arrival."""
    return [f["eventData"]["pubkey"] for f in client.history if f["type"] == "push" and f.get("event") in names]


async def joined(client, session):
    await client.take(lambda f: f.get("event") == "peer_joined" and f["eventData"]["pubkey"] == session.hex)


async def test_a_new_session_is_told_once_to_everyone_in_both_dialects(mesh):
    watchers = [await mesh.peer("watcher"), await mesh.legacy("old-watcher")]
    first, second = Key(), Key()
    await mesh.peer("newcomer", first, groups=[{"name": "eng"}])
    await mesh.legacy("other", second)
    for watcher in watchers:
        await joined(watcher, second)
        assert [k for k in seen(watcher, "peer_joined") if k in (first.hex, second.hex)] == [first.hex, second.hex]
        [event] = [f for f in watcher.events("peer_joined") if f["eventData"]["pubkey"] == first.hex]
        assert (event["subtype"], event["senderPubkey"], event["priority"]) == ("system", "system", "low")
        assert event["eventData"]["name"] == "newcomer"
        assert event["eventData"]["groups"] == [{"name": "eng"}]


@pytest.mark.parametrize("dialect", ["legacy", "peer"])
async def test_a_reconnect_within_the_grace_is_silent(mesh, dialect):
    session, last = Key(), Key()
    watchers = [await mesh.peer("watcher"), await mesh.legacy("old-watcher")]
    client = await getattr(mesh, dialect)("comes-and-goes", session)
    for _ in range(3):
        await client.close()
        client = await getattr(mesh, dialect)("comes-and-goes", session)
    await mesh.peer("last", last)
    for watcher in watchers:
        await joined(watcher, last)
        told = seen(watcher, "peer_joined", "peer_left", "peer_returned")
        assert [k for k in told if k == session.hex] == [session.hex]


async def test_a_version_2_client_is_told_that_it_reattached(mesh):
    session = Key()
    first = await mesh.peer("pia", session)
    presence = first.ack["presenceId"]
    await first.close()
    again = await mesh.peer("pia", session)
    assert again.ack["reattached"] is True and again.ack["presenceId"] == presence


async def test_the_peer_list_shows_everyone_once_with_status_summary_and_groups(mesh):
    one = await mesh.peer("one", groups=[{"name": "eng", "role": "lead"}])
    two = await mesh.legacy("two", displayName="Two's SDK")
    await one.request("set_summary", summary="counting")
    await one.request("set_status", status="dnd")
    peers = {peer["pubkey"]: peer for peer in (await two.request("list_peers"))["peers"]}
    mine = peers[one.session.hex]
    assert (mine["status"], mine["summary"], mine["displayName"]) == ("dnd", "counting", "one")
    assert mine["groups"] == [{"name": "eng", "role": "lead"}] and mine["memberPubkey"] == one.member.hex
    assert mine["sessionProven"] is True
    other = peers[two.session.hex]
    assert (other["displayName"], other["memberName"]) == ("Two's SDK", "two")
    assert other["sessionProven"] is False and other["connectedAt"].endswith("Z")
    assert len(peers) == 2 and "cwd" in other


async def test_a_lost_connection_is_in_grace_and_not_gone(mesh):
    session = Key()
    watcher, client = await mesh.peer("watcher"), await mesh.peer("pia", session)
    await client.close()
    answer = await poll(lambda: watcher.request("list_peers"), lambda answer: any(
        p["pubkey"] == session.hex and p["connection"] == "grace" for p in answer["peers"]))
    assert [p["pubkey"] for p in answer["peers"]].count(session.hex) == 1


async def test_a_hidden_session_is_not_listed_and_still_gets_its_messages(mesh):
    watcher, hidden = await mesh.peer("watcher"), await mesh.peer("hidden")
    assert (await hidden.request("set_visible", visible=False))["visible"] is False
    listed = [p["pubkey"] for p in (await watcher.request("list_peers"))["peers"]]
    assert hidden.session.hex not in listed and watcher.session.hex in listed
    await watcher.say(hidden.session.hex, "I know")
    assert (await hidden.message())[1] == "I know"


async def test_an_unattached_connection_leaves_no_ghost(mesh):
    watcher, session, last = await mesh.peer("watcher"), Key(), Key()
    quiet = await mesh.peer("quiet", session, attach=False)
    assert (await quiet.request("whoami"))["name"] == "quiet"
    assert session.hex not in [p["pubkey"] for p in (await watcher.request("list_peers"))["peers"]]
    await quiet.close()
    await mesh.peer("last", last)
    await joined(watcher, last)
    assert session.hex not in seen(watcher, "peer_joined", "peer_left", "peer_returned")


@pytest.mark.slow
async def test_after_the_grace_a_session_has_left_and_its_return_is_told(mesh):
    session = Key()
    modern, legacy = await mesh.peer("watcher"), await mesh.legacy("old-watcher")
    client = await mesh.peer("pia", session)
    for watcher in (modern, legacy):
        await joined(watcher, session)
    await client.close()
    for watcher in (modern, legacy):
        await watcher.take(
            lambda f: f.get("event") == "peer_left" and f["eventData"]["pubkey"] == session.hex, deadline=120)
    listed = [p["pubkey"] for p in (await modern.request("list_peers"))["peers"]]
    assert session.hex not in listed
    await mesh.peer("pia", session)
    await modern.take(lambda f: f.get("event") == "peer_returned" and f["eventData"]["pubkey"] == session.hex)
    await joined(legacy, session)
    assert seen(legacy, "peer_returned") == []

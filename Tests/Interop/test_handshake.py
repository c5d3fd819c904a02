"""Who gets in, and what the others are told before their connection ends."""

import asyncio

import pytest

from mesh_client import Connection, Refused
from mesh_keys import (
    Key, attestation_text, hello_text, legacy_hello, legacy_session_hello, mesh_hello, now_ms)


async def refused(mesh, hello):
    """The error's code, after the connection ended; the error frame must come first."""
    connection = await Connection(mesh.broker.ws).open()
    await connection.write(hello)
    error = await connection.take("error")
    assert error["message"], error
    code = await connection.closed()
    assert [frame["type"] for frame in connection.history] == ["error"]
    return error["code"], code


async def test_a_hello_without_cwd_is_answered(mesh):
    client = await mesh.legacy_unconnected("pia", Key())
    ack = await client.hello()
    assert ack["memberDisplayName"] == "pia"


async def test_a_hello_ack_has_what_claudemesh_clients_read(mesh):
    client = await mesh.legacy("pia", displayName="Pia's SDK", groups=[{"name": "eng", "role": "lead"}])
    assert isinstance(client.ack["presenceId"], str) and client.ack["presenceId"]
    assert isinstance(client.ack["memberDisplayName"], str)
    profile = client.ack["memberProfile"]
    assert profile["groups"] == [{"name": "eng", "role": "lead"}]
    assert isinstance(profile["roleTag"], str) and profile["messageMode"] == "push"


async def test_a_version_2_hello_ack_tells_member_role_limits_and_time(mesh):
    client = await mesh.peer("pia")
    member = await mesh.member("pia")
    facts = {"protocolVersion": 2, "meshSlug": mesh.slug, "memberId": member.id, "role": "member", "pending": 0,
             "status": "idle", "memberDisplayName": "pia"}
    assert {name: client.ack.get(name) for name in facts} == facts
    assert client.ack["limits"]["bodyBytes"] == 65_536
    assert client.ack["limits"]["frameBytes"] == 1_048_576
    assert abs(client.ack["serverTime"] - now_ms()) < 60_000


async def test_a_legacy_client_without_a_session_key_gets_in(mesh):
    client = await mesh.legacy_unconnected("telegram")
    assert (await client.hello(cwd="/", channel="telegram"))["type"] == "hello_ack"


async def test_a_legacy_session_hello_with_an_attestation_gets_in(mesh):
    member = await mesh.member("pia")
    client = await mesh.legacy_unconnected("pia", Key())
    ack = await client.greet(legacy_session_hello(mesh.id, member.key, client.session))
    assert ack["presenceId"]


@pytest.mark.parametrize("spoil, code", [
    (dict(signature="0" * 128), "bad_signature"),
    (dict(signature="xyz"), "malformed"),
    (dict(sessionPubkey="A" * 64), "bad_session_pubkey"),
    (dict(sessionPubkey="abc"), "bad_session_pubkey"),
    (dict(meshId="no-such-mesh"), "bad_signature"),
    (dict(memberId="somebody-else"), "bad_signature"),
])
async def test_a_spoiled_hello_is_named_and_closed_with_1008(mesh, spoil, code):
    member = await mesh.member("pia")
    assert await refused(mesh, legacy_hello(mesh.id, member.id, member.key) | spoil) == (code, 1008)


@pytest.mark.parametrize("minutes", [-5, 5])
async def test_a_hello_of_another_time_is_timestamp_skew(mesh, minutes):
    member = await mesh.member("pia")
    hello = legacy_hello(mesh.id, member.id, member.key, timestamp=now_ms() + minutes * 60_000)
    assert await refused(mesh, hello) == ("timestamp_skew", 1008)


async def test_a_hello_within_the_skew_gets_in(mesh):
    client = await mesh.legacy_unconnected("pia", Key())
    assert (await client.hello(timestamp=now_ms() - 40_000))["type"] == "hello_ack"


async def test_an_unknown_key_is_unauthorized(mesh):
    assert await refused(mesh, legacy_hello(mesh.id, "nobody", Key())) == ("unauthorized", 1008)


async def test_a_member_of_one_mesh_is_nobody_in_another(mesh, own_mesh):
    stranger = await mesh.member("pia")
    hello = legacy_hello(own_mesh.id, stranger.id, stranger.key)
    assert await refused(own_mesh, hello) == ("unauthorized", 1008)


async def test_a_repeated_legacy_signature_is_replayed(mesh):
    member = await mesh.member("pia")
    hello = legacy_hello(mesh.id, member.id, member.key)
    first = await mesh.legacy_unconnected("pia")
    await first.greet(hello)
    assert await refused(mesh, hello) == ("replayed", 1008)


async def test_a_repeated_version_2_hello_is_replayed(mesh):
    client = await mesh.peer_unconnected("pia")
    hello = mesh_hello(mesh.id, client.member, client.session, mesh.broker.node)
    await client.greet(hello)
    assert await refused(mesh, hello) == ("replayed", 1008)


async def test_a_version_2_hello_for_another_node_is_wrong_audience(mesh):
    member = await mesh.member("pia")
    assert await refused(mesh, mesh_hello(mesh.id, member.key, Key(), Key().hex)) == ("wrong_audience", 1008)


@pytest.mark.parametrize("field", ["binding", "signature"])
async def test_a_version_2_hello_must_prove_both_keys(mesh, field):
    member, session = await mesh.member("pia"), Key()
    hello = mesh_hello(mesh.id, member.key, session, mesh.broker.node) | {field: Key().sign("something")}
    assert await refused(mesh, hello) == ("bad_signature", 1008)


async def test_a_session_key_belongs_to_its_first_member(mesh):
    session = Key()
    await mesh.legacy("pia", session)
    thief = await mesh.member("thief")
    hello = legacy_hello(mesh.id, thief.id, thief.key, sessionPubkey=session.hex)
    assert await refused(mesh, hello) == ("session_key_taken", 1008)


@pytest.mark.parametrize("hours, code", [(-1, "expired"), (25, "ttl_too_long")])
async def test_an_attestation_lasts_at_most_a_day(mesh, hours, code):
    member = await mesh.member("pia")
    hello = legacy_session_hello(mesh.id, member.key, Key(), expires_at=now_ms() + hours * 3_600_000)
    assert await refused(mesh, hello) == (code, 1008)


async def test_an_attestation_must_be_the_members_own(mesh):
    member, session = await mesh.member("pia"), Key()
    hello = legacy_session_hello(mesh.id, member.key, session)
    expires = hello["parentAttestation"]["expiresAt"]
    hello["parentAttestation"]["signature"] = Key().sign(attestation_text(member.key.hex, session.hex, expires))
    assert await refused(mesh, hello) == ("bad_signature", 1008)


async def test_a_request_before_hello_is_no_hello_and_the_socket_stays_open(mesh):
    client = await mesh.legacy_unconnected("pia", Key())
    await client.open()
    await client.write({"type": "list_peers", "_reqId": "early"})
    error = await client.take("error")
    assert (error["code"], error["_reqId"]) == ("no_hello", "early")
    member = await mesh.member("pia")
    stamp = now_ms()
    signature = member.key.sign(hello_text(mesh.id, member.id, member.key.hex, stamp))
    await client.write(legacy_hello(mesh.id, member.id, member.key, timestamp=stamp) | {"signature": signature})
    assert (await client.take("hello_ack"))["presenceId"]


async def test_a_second_hello_is_refused_and_the_first_holds(mesh):
    client = await mesh.peer("pia")
    await client.write(mesh_hello(mesh.id, client.member, Key(), mesh.broker.node))
    assert (await client.take("error"))["code"] == "already_greeted"
    assert (await client.request("whoami"))["sessionPubkey"] == client.session.hex


async def test_many_hellos_at_once_are_all_answered(mesh):
    await mesh.member("pia")
    clients = await asyncio.gather(*(mesh.peer("pia") for _ in range(20)))
    assert len({client.ack["presenceId"] for client in clients}) == 20


async def test_an_observer_may_look_and_not_send(mesh):
    await mesh.member("watcher", role="observer")
    await mesh.peer("pia")
    watcher = await mesh.peer("watcher")
    assert (await watcher.request("list_peers"))["peers"]
    with pytest.raises(Refused) as caught:
        await watcher.say("*", "hello")
    assert caught.value.code == "forbidden"

"""A frame that cannot be used is answered, and the connection goes on."""

import json

import pytest

from mesh_client import Refused


async def still_answers(client):
    assert (await client.request("list_peers"))["type"] == "peers_list"


async def test_an_unknown_type_is_named_and_the_socket_stays_open(mesh):
    client = await mesh.peer("pia")
    with pytest.raises(Refused) as caught:
        await client.request("teleport", to="mars")
    assert caught.value.code == "unknown_type"
    assert "teleport" in caught.value.error["message"]
    await still_answers(client)


async def test_claudemesh_types_that_are_not_here_cost_no_strike(mesh):
    client = await mesh.legacy("pia")
    for name in ["vault_list", "mcp_list", "vector_search", "list_streams", "mesh_query"] * 20:
        with pytest.raises(Refused) as caught:
            await client.request(name)
        assert caught.value.code == "unknown_type"
    await still_answers(client)


@pytest.mark.parametrize("raw", [
    "", "not json", "[]", "null", '"send"', "{}", '{"type": 7}', '{"type":"send"', '{"a":1}', '{"type":"send"} {}'])
@pytest.mark.parametrize("dialect", ["legacy", "peer"])
async def test_a_bad_frame_is_named_and_the_socket_stays_open(mesh, dialect, raw):
    client = await getattr(mesh, dialect)("pia")
    await client.write(raw)
    assert (await client.take("error"))["code"] == "bad_frame"
    await still_answers(client)


async def test_a_binary_frame_with_json_is_read(mesh):
    client = await mesh.peer("pia")
    await client.write(b'{"type":"whoami","_reqId":"binary"}')
    assert (await client.take("whoami_result"))["_reqId"] == "binary"


@pytest.mark.parametrize("kind, fields", [
    ("get_state", {}),
    ("get_state", {"key": 7}),
    ("get_state", {"key": ""}),
    ("set_state", {"key": "x" * 257, "value": 1}),
    ("set_status", {"status": "asleep"}),
    ("join_group", {"name": "two words"}),
    ("cas_state", {"key": "k", "expectedVersion": "one", "value": 1}),
    ("message_status", {"messageId": "x"}),
])
async def test_a_bad_field_is_an_error_with_the_request_id(mesh, kind, fields):
    client = await mesh.peer("pia")
    with pytest.raises(Refused) as caught:
        await client.request(kind, **fields)
    assert caught.value.code in ("bad_frame", "invalid_argument")
    assert caught.value.error["message"]
    await still_answers(client)


async def test_unknown_fields_are_ignored(mesh):
    client = await mesh.peer("pia")
    answer = await client.request("get_state", key="k", flavour="vanilla", nested={"a": [1, 2]})
    assert answer["found"] is False


async def test_errors_of_legacy_clients_are_answered_although_success_is_silent(mesh):
    client = await mesh.legacy("pia")
    with pytest.raises(Refused) as caught:
        await client.request("set_status", status="asleep")
    assert caught.value.code in ("bad_frame", "invalid_argument")


async def test_type_stands_first_in_every_frame(mesh):
    client = await mesh.peer("pia")
    await client.request("list_peers")
    with pytest.raises(Refused):
        await client.request("teleport")
    assert [next(iter(frame)) for frame in client.history] == ["type"] * len(client.history)


async def test_answers_carry_the_request_id_of_their_request(mesh):
    client = await mesh.peer("pia")
    for number in range(200):
        await client.write({"type": "get_state", "key": f"k{number}", "_reqId": f"r{number}"})
    for number in range(200):
        answer = await client.take("state_result", _reqId=f"r{number}")
        assert answer["key"] == f"k{number}"


#: Values that are JSON, in form at least, and that the mesh does not take.
REFUSED_VALUES = ["18446744073709551615", "-9223372036854775809", "1e400", "-0", "-0.0", '"\\ud800"', '{"a":1,"a":2}',
                  "[" * 40 + "]" * 40]


@pytest.mark.parametrize("value", REFUSED_VALUES)
async def test_a_refusal_reaches_the_asker_whatever_was_refused(mesh, value):
    client = await mesh.peer("pia")
    for frame in (
        '{"type":"cas_state","key":"k","expectedVersion":0,"value":%s,"_reqId":"r1"}',
        '{"_reqId":"r2","value":%s,"type":"set_state","key":"k"}',
        '{"_reqId":"r3","type":"whoami","unknown":%s}',
    ):
        await client.write(frame % value)
        answer = await client.take(lambda f: "_reqId" in f)
        assert answer["type"] == "error" and answer["_reqId"] == json.loads(frame % 0)["_reqId"]
    # A send is answered as each refused send: the error, then a failed ack, both with its id.
    await client.write('{"type":"send","id":"s1","targetSpec":"*","ciphertext":"aGk=","priority":%s}' % value)
    assert (await client.take("error", id="s1"))["code"]
    assert (await client.take("ack", id="s1"))["queued"] is False
    # These are requests like any other: they do not count as nonsense.
    for _ in range(40):
        await client.write('{"type":"whoami","_reqId":"more","x":%s}' % value)
        assert (await client.take(lambda f: f.get("_reqId") == "more"))["type"] == "error"
    await still_answers(client)


@pytest.mark.parametrize("name", [7, 1.5, True, ["a"], {"a": 1}])
async def test_a_request_id_that_is_no_string_is_refused_with_it(mesh, name):
    client = await mesh.peer("pia")
    for frame in ({"type": "whoami"}, {"type": "client_ack", "messageIds": ["x"]}):
        await client.write(frame | {"_reqId": name})
        answer = await client.take("error")
        assert answer["_reqId"] == name and answer["code"] == "invalid_argument"
    await still_answers(client)

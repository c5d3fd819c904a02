"""Every frame type and every route, against whoever must not use it: the lists come from the tables in Docs/Protocol.md,
and a new entry fails here until it is classified."""

import json
import re
import secrets

import pytest

from declared import KEY, PAGE, REQUESTS
from mesh_client import LegacyClient, MeshClient, Refused
from mesh_http import SignedHttp, http_call
from mesh_keys import Key, now_ms

#: Types with the right that each needs, and a form that can be read: what is refused is refused for who asks, not for what is asked.
RIGHTS = {name: request.right for name, request in REQUESTS.items()}
KINDS = {name: request.kind for name, request in REQUESTS.items()}
FIELDS = {name: request.sample() for name, request in REQUESTS.items()}
ROUTES = re.findall(r"^\| (GET|POST) \| `([^`]+)` \| (\w+) \|", PAGE, re.MULTILINE)

#: Refusals that say who may not, whatever was asked.
NOT_YOU = {"forbidden", "revoked", "unauthorized", "unauthenticated"}


def test_every_route_is_classified():
    assert {access for _, _, access in ROUTES} <= {"open", "admin", "invite", "session"}
    assert {path for method, path, access in ROUTES if access == "open" and method != "GET"} == set()
    assert {(method, path) for method, path, access in ROUTES if access == "open"} == {
        ("GET", "/"), ("GET", "/join/*"), ("GET", "/health"), ("GET", "/health/ready"), ("GET", "/v1/node"),
        ("GET", "/v1/openapi.json")}


# --- by WebSocket ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FIELDS)
async def test_nothing_is_answered_before_the_hello(mesh, kind):
    stranger = await mesh.peer_unconnected("stranger")
    await stranger.open()
    with pytest.raises((Refused, AssertionError)) as refused:
        await stranger.request(kind, **FIELDS[kind])
    if isinstance(refused.value, Refused):
        assert refused.value.code in ("no_hello", "malformed"), refused.value


async def of_role(mesh, role: str):
    await mesh.member(role, role=None if role == "member" else role)
    return await mesh.peer(role)


async def test_roles_may_what_the_table_says_and_nothing_else(mesh):
    await mesh.peer("victim")
    granted = {"observer": {"observe"}, "member": {"observe", "send", "write"},
               "admin": {"observe", "send", "write", "admin"}}
    peers = {role: await of_role(mesh, role) for role in ("observer", "member")}
    for role, peer in peers.items():
        for kind, right in RIGHTS.items():
            if kind == "leave_mesh":
                continue  # Whoever has left is asked nothing more: test_mesh_life.py.
            try:
                await peer.request(kind, **FIELDS[kind])
                answer = "done"
            except Refused as refused:
                answer = refused.code
            if right in granted[role]:
                # Whatever it is told, it is not that it may not; topics have leads of their own.
                assert answer not in NOT_YOU or kind.startswith("topic_"), (role, kind, answer)
            else:
                assert answer == "forbidden", (role, kind, answer)


async def test_denied_rights_are_denied_for_every_type(mesh):
    peer = await mesh.peer("eve")
    await mesh.owner.run("member", "rights", "eve", "--deny", "send", "--deny", "write")
    for kind, right in RIGHTS.items():
        if right in ("send", "write", "admin"):
            with pytest.raises(Refused) as refused:
                await peer.request(kind, **FIELDS[kind])
            assert refused.value.code == "forbidden", kind


# --- by HTTP -----------------------------------------------------------------------------------------------------------


def code_of(answer: tuple[int, dict]) -> str:
    return answer[1].get("error", {}).get("code", "")


async def test_every_type_wants_a_good_signature_over_http(mesh):
    session = (await mesh.peer("eve")).session
    good = await mesh.http("eve", session)
    other = await mesh.http("mallory", Key())
    for kind, fields in FIELDS.items():
        body = json.dumps(fields).encode()
        path, headers = good.signed(kind, body)
        forged = {
            "nothing": {"Content-Type": "application/json"},
            "half": {name: value for name, value in headers.items() if name != "Mesh-Signature"},
            "foreign key": headers | {"Mesh-Session": Key().hex},
            "stale": good.signed(kind, body, timestamp=now_ms() - 3_600_000)[1],
            "from the future": good.signed(kind, body, timestamp=now_ms() + 3_600_000)[1],
            "other nonce": headers | {"Mesh-Nonce": secrets.token_hex(16)},
            "flipped": headers | {"Mesh-Signature": headers["Mesh-Signature"][:-1]
                                  + ("0" if headers["Mesh-Signature"][-1] != "0" else "1")},
            "other type": good.signed("whoami" if kind != "whoami" else "list_peers", body)[1],
            "other method": good.signed(kind, body, method="GET")[1],
        }
        for name, bad in forged.items():
            status, answer = await good.post(path, body, bad)
            assert status == 401, (kind, name, status, answer)
        status, answer = await good.post(path, body + b" ", headers)
        assert status == 401, (kind, "other body", answer)
        elsewhere = SignedHttp(good.base, mesh.id, good.member, session, Key().hex)
        status, answer = await good.post(path, body, elsewhere.signed(kind, body)[1])
        assert status == 401, (kind, "other audience", answer)
        # A session key that somebody else's member has signed is not this member's.
        status, answer = await good.post(path, body, headers | {"Mesh-Session": other.session.hex})
        assert status == 401, (kind, "other session", answer)


@pytest.mark.parametrize("kind", sorted(kind for kind in KINDS if KINDS[kind] != "watch"))
async def test_a_request_is_taken_once(mesh, kind):
    web = await mesh.http("eve", (await mesh.peer("eve")).session)
    body = json.dumps(FIELDS[kind]).encode()
    path, headers = web.signed(kind, body)
    first = await web.post(path, body, headers)
    assert code_of(first) not in ("unauthenticated", "bad_signature", "replayed"), first
    assert code_of(await web.post(path, body, headers)) == "replayed"


async def test_a_stranger_learns_nothing_of_any_mesh(mesh):
    stranger = SignedHttp(mesh.broker.http, mesh.id, Key(), Key(), mesh.broker.node)
    answers = set()
    for target in (mesh.id, mesh.slug, "f" * 32, "no-such-mesh"):
        stranger.mesh = target
        for kind in ("whoami", "list_members", "set_state"):
            status, answer = await stranger.call(kind, **FIELDS[kind])
            assert status == 401, answer
            answers.add(code_of((status, answer)))
    assert answers == {"unauthorized"}


async def test_a_stranger_is_told_the_same_of_every_mesh_and_of_none(mesh):
    told = {"both": [], "no headers": [], "spoiled": [], "hello": [], "session_hello": []}
    for target in (mesh.id, mesh.slug, "f" * 32, "no-such-mesh"):
        member, session = Key(), Key()
        web = SignedHttp(mesh.broker.http, target, member, session, mesh.broker.node)
        told["both"].append(await web.call("whoami"))
        path, headers = web.signed("whoami", b"{}")
        bare = {name: value for name, value in headers.items() if name not in ("Mesh-Member", "Mesh-Binding")}
        told["no headers"].append(await web.post(path, b"{}", bare))
        path, headers = web.signed("whoami", b"{}")
        told["spoiled"].append(await web.post(path, b"{}", headers | {"Mesh-Binding": "0" * 128}))
        for name, client in (("hello", LegacyClient(mesh.broker.ws, target, "someone", member, session)),
                             ("session_hello", MeshClient(mesh.broker.ws, target, member, session, mesh.broker.node))):
            with pytest.raises(Refused) as refused:
                await client.hello()
            told[name].append(refused.value.error)
            await client.close()
    for way, answers in told.items():
        assert answers[1:] == answers[:-1], way


async def test_a_member_of_one_mesh_is_nobody_in_another(mesh, tmp_path):
    from harness import Mesh
    other = await Mesh(mesh.broker, tmp_path / "other").create()
    web = await mesh.http("eve", (await mesh.peer("eve")).session)
    web.mesh = other.id
    for kind, fields in FIELDS.items():
        status, answer = await web.call(kind, **fields)
        assert status == 401, (kind, answer)
    await other.finish()


@pytest.mark.parametrize("method, path, access", ROUTES)
def test_every_route_refuses_whoever_has_no_right(broker, method, path, access):
    url = path.replace("**", "checkpoint").replace("*", "x")
    body = b"{}" if method == "POST" else None
    headers = {"Content-Type": "application/json"} if body else {}
    status = http_call(broker.http, method, url, body, headers)[0]
    if access == "open":
        assert status == 200
        return
    # An invite is checked with the body: an empty one is no claim.
    assert status == (400 if access == "invite" else 401)
    for bearer in ("", "Bearer", "Bearer wrong", f"Basic {broker.admin_token}", f"Bearer {broker.admin_token}x",
                   f"bearer  {broker.admin_token}"):
        if access == "admin":
            assert http_call(broker.http, method, url, body, headers | {"Authorization": bearer})[0] == 401, bearer
    # The admin token is no member.
    if access == "session":
        assert http_call(broker.http, method, url, body,
                         headers | {"Authorization": f"Bearer {broker.admin_token}"})[0] == 401


@pytest.mark.parametrize("word", ["..%2f", "%2e%2e/", "x/../", "x%00"])
@pytest.mark.parametrize("method, path, access", [route for route in ROUTES if route[2] == "admin"])
def test_no_spelling_of_an_admin_route_goes_around_the_token(broker, method, path, access, word):
    for url in (path + "/", path.upper(), "/" + word + path.lstrip("/"), path + "?x=1", path + ";x"):
        body = b"{}" if method == "POST" else None
        assert http_call(broker.http, method, url, body, {})[0] in (400, 401, 404, 405), url

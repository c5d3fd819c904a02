"""Keys that may not enter are refused wherever a key comes in, with signatures that hold under them where there are such."""

import hashlib
import json
import secrets
import subprocess

import pytest

from harness import binaries, clean_environment
from mesh_http import http_call
from mesh_keys import Key, binding_text, legacy_hello, legacy_session_hello, mesh_hello, now_ms
from weak_keys import ALL, SMALL_ORDER, TORSION, WeakKey


def refused_hello(target, hello) -> str:
    connection = target.socket().upgrade()
    try:
        connection.text(hello)
        answer = connection.until(lambda one: one.get("type") in ("error", "hello_ack"))
        return answer.get("code", answer["type"])
    finally:
        connection.close()


def post(target, path, body, headers=None):
    status, _, data = http_call(target.broker.http, "POST", path, json.dumps(body).encode(),
                                {"Content-Type": "application/json"} | (headers or {}))
    return status, json.loads(data)


def call(target, session, member):
    path, stamp, nonce = f"/v1/meshes/{target.mesh}/whoami", str(now_ms()), secrets.token_hex(16)
    digest = hashlib.sha256(b"{}").hexdigest()
    signed = f"mesh-http-v1|POST|{path}|{digest}|{target.broker.node}|{stamp}|{nonce}"
    return post(target, path, {}, {
        "Mesh-Session": session.hex, "Mesh-Timestamp": stamp, "Mesh-Nonce": nonce, "Mesh-Signature": session.sign(signed),
        "Mesh-Member": member.hex, "Mesh-Binding": member.sign(binding_text(target.mesh, member.hex, session.hex))})[1]


def join(target, member, session):
    claim = member.sign("|".join(["mesh-join-v1", target.mesh, "inv_" + "0" * 16, "eve", member.hex, "0"]))
    return post(target, "/v1/join", {
        "meshId": target.mesh, "code": "A" * 22, "name": "eve", "pubkey": member.hex, "timestamp": now_ms(),
        "signature": claim, "session": {"pubkey": session.hex, "binding": "00" * 64}})[1]


def create(target, owner, session):
    nonce, stamp, slug = secrets.token_bytes(16), now_ms(), "weak-" + secrets.token_hex(4)
    mesh = hashlib.sha256(f"mesh-id-v1|{owner.hex}|{nonce.hex()}".encode()).hexdigest()[:32]
    claim = owner.sign("|".join(["mesh-create-v1", mesh, slug, owner.hex, target.broker.node, str(stamp)]))
    return post(target, "/v1/meshes", {
        "slug": slug, "meshId": mesh, "owner": owner.hex, "name": "ada", "nonce": nonce.hex(), "timestamp": stamp,
        "claim": claim, "session": {"pubkey": session.hex,
                                    "binding": owner.sign(binding_text(mesh, owner.hex, session.hex))}},
        {"Authorization": f"Bearer {target.broker.admin_token}"})[1]


def code(answer) -> str:
    return answer.get("error", {}).get("code", answer.get("type"))


MALLORY = "mallory"
ENTRANCES = {
    "hello": lambda t, key: (refused_hello(t, legacy_hello(t.mesh, "x", key)), "malformed"),
    "hello, session": lambda t, key: (
        refused_hello(t, legacy_hello(t.mesh, "x", t.members[MALLORY], sessionPubkey=key.hex)), "bad_session_pubkey"),
    "session_hello": lambda t, key: (
        refused_hello(t, mesh_hello(t.mesh, key, Key(), t.broker.node)), "bad_parent_pubkey"),
    "session_hello, session": lambda t, key: (
        refused_hello(t, mesh_hello(t.mesh, t.members[MALLORY], key, t.broker.node)), "bad_session_pubkey"),
    "claudemesh's session_hello": lambda t, key: (
        refused_hello(t, legacy_session_hello(t.mesh, key, Key())), "bad_parent_pubkey"),
    "claudemesh's session_hello, session": lambda t, key: (
        refused_hello(t, legacy_session_hello(t.mesh, t.members[MALLORY], key)), "bad_session_pubkey"),
    "HTTP, session": lambda t, key: (code(call(t, key, t.members[MALLORY])), "unauthenticated"),
    "HTTP, member": lambda t, key: (code(call(t, Key(), key)), "unauthenticated"),
    "join": lambda t, key: (code(join(t, key, Key())), "invalid_argument"),
    "a mesh's owner": lambda t, key: (code(create(t, key, Key())), "invalid_argument"),
    "a mesh's first session": lambda t, key: (code(create(t, Key(), key)), "invalid_argument"),
}


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_key_that_may_not_enter_is_refused(target, entrance):
    for encoding in ALL:
        got, expected = ENTRANCES[entrance](target, WeakKey(encoding))
        assert got == expected, encoding
    target.check()


def test_a_joiners_session_key_may_not_be_weak_either(target):
    for encoding in ALL:
        member = Key()
        stamp = now_ms()
        word = "|".join(["mesh-join-v1", target.mesh, "inv_" + hashlib.sha256(bytes(16)).hexdigest()[:16], "eve",
                         member.hex, str(stamp)])
        answer = post(target, "/v1/join", {
            "meshId": target.mesh, "code": "A" * 22, "name": "eve", "pubkey": member.hex, "timestamp": stamp,
            "signature": member.sign(word),
            "session": {"pubkey": encoding, "binding": member.sign(binding_text(target.mesh, member.hex, encoding))}})[1]
        assert code(answer) == "invalid_argument" and "session.pubkey" in answer["error"]["message"], (encoding, answer)


def test_no_member_and_no_log_key_with_a_weak_key_is_added(target):
    admin = Key()
    target.cli("member", "add", "--name", "admin-" + admin.hex[:8], "--pubkey", admin.hex, "--role", "admin")
    peer = target.socket().upgrade().hello(target.mesh, admin, Key(), target.broker.node)
    for encoding in ALL:
        for kind, fields in {
            "add_member": {"name": "eve", "pubkey": encoding},
            "rotate_log_key": {"key": encoding, "timestamp": now_ms(), "signature": "00" * 64, "held": "00" * 64},
        }.items():
            peer.text({"type": kind, "_reqId": encoding + kind} | fields)
            answer = peer.until(lambda one: one.get("_reqId") == encoding + kind)
            assert answer.get("code") == "invalid_argument", (encoding, answer)
    peer.close()
    target.check()


def test_the_command_line_refuses_them_before_it_asks(target, tmp_path):
    for encoding in ALL[:4]:
        done = subprocess.run(
            [binaries() / "mesh-cli", "member", "add", "--name", "eve", "--pubkey", encoding],
            env=clean_environment(target.broker.folder), capture_output=True, text=True, timeout=20)
        assert done.returncode == 3 and "--pubkey" in done.stderr, done


def test_the_vectors_are_what_they_say():
    """A signature that nobody's secret made holds for the key of order 1, in any library that does not look at the key."""
    assert len(SMALL_ORDER) == 14 and len(set(TORSION)) == 8 and len(set(ALL)) == len(ALL)
    assert WeakKey(TORSION[0]).sign("anything") == TORSION[0] + "00" * 32
    forged = [WeakKey(encoding).sign(f"text {n}") for encoding in SMALL_ORDER for n in range(8)]
    assert sum(one != "00" * 64 for one in forged) > len(forged) // 2

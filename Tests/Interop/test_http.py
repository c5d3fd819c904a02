"""One-shot requests over HTTP: signed, answered once, and without a ghost in the peer list."""

import asyncio
import json

import pytest

from mesh_http import http_call
from mesh_keys import Key, now_ms, seal


def test_health_is_open(broker):
    for path in ("/health", "/health/ready"):
        status, _, body = http_call(broker.http, "GET", path)
        assert status == 200 and isinstance(json.loads(body), dict)


def test_metrics_need_the_admin_token(broker):
    assert http_call(broker.http, "GET", "/metrics")[0] == 401
    wrong = {"Authorization": "Bearer " + "0" * len(broker.admin_token)}
    assert http_call(broker.http, "GET", "/metrics", headers=wrong)[0] == 401
    right = {"Authorization": f"Bearer {broker.admin_token}"}
    status, headers, body = http_call(broker.http, "GET", "/metrics", headers=right)
    assert status == 200 and headers["content-type"].startswith("text/plain") and b"# TYPE" in body


def test_an_unknown_path_is_404_in_the_form_of_all_errors(broker):
    status, _, body = http_call(broker.http, "GET", "/nowhere")
    assert status == 404 and json.loads(body)["error"]["code"] == "not_found"


async def test_a_signed_request_is_answered_and_leaves_no_peer(mesh):
    watcher, http = await mesh.peer("watcher"), await mesh.http("script")
    status, answer = await http.call("whoami")
    assert (status, answer["type"], answer["name"]) == (200, "whoami_result", "script")
    assert answer["sessionPubkey"] == http.session.hex
    listed = (await watcher.request("list_peers"))["peers"]
    assert [peer["memberName"] for peer in listed] == ["watcher"]


async def test_a_signed_send_reaches_a_connected_peer(mesh):
    recipient, http = await mesh.peer("recipient"), await mesh.http("script")
    nonce, box = seal(b"from a script", http.session, recipient.session.hex)
    status, ack = await http.call(
        "send", targetSpec=recipient.session.hex, priority="now", nonce=nonce, ciphertext=box)
    assert (status, ack["queued"]) == (200, True)
    push, text = await recipient.message()
    assert (text, push["senderPubkey"], push["senderName"]) == ("from a script", http.session.hex, "script")
    status, answer = await http.call("message_status", messageId=ack["messageId"])
    assert (status, answer["messageId"]) == (200, ack["messageId"])


async def test_what_is_sent_to_a_one_shot_session_waits_for_its_next_request(mesh):
    sender, http = await mesh.peer("sender"), await mesh.http("script")
    await http.call("whoami")
    await sender.say(http.session.hex, "for your inbox")
    status, inbox = await http.call("list_inbox")
    assert status == 200 and inbox["total"] == 1
    identifier = inbox["messages"][0]["messageId"]
    assert (await http.call("client_ack", messageIds=[identifier], read=True))[1]["changed"] == 1
    assert (await http.call("list_inbox"))[1]["total"] == 0


async def test_a_request_is_accepted_once(mesh):
    http = await mesh.http("script")
    body = b'{"key":"k","value":1}'
    path, headers = http.signed("set_state", body)
    assert (await http.post(path, body, headers))[0] == 200
    status, answer = await http.post(path, body, headers)
    assert (status, answer["error"]["code"]) == (401, "replayed")


@pytest.mark.parametrize("spoil, code", [
    (lambda h: h.update({"Mesh-Signature": "0" * 128}), "bad_signature"),
    (lambda h: h.update({"Mesh-Binding": Key().sign("x")}), "bad_signature"),
    (lambda h: h.update({"Mesh-Nonce": "ab" * 16}), "bad_signature"),
    (lambda h: h.update({"Mesh-Timestamp": str(now_ms() - 600_000)}), "timestamp_skew"),
    (lambda h: h.pop("Mesh-Signature"), "unauthenticated"),
    (lambda h: [h.pop(name) for name in list(h) if name.startswith("Mesh-")], "unauthenticated"),
])
async def test_a_spoiled_signature_is_401_and_changes_nothing(mesh, spoil, code):
    http, reader = await mesh.http("script"), await mesh.peer("reader")
    body = b'{"key":"k","value":1}'
    path, headers = http.signed("set_state", body)
    spoil(headers)
    status, answer = await http.post(path, body, headers)
    assert (status, answer["error"]["code"]) == (401, code)
    assert (await reader.request("get_state", key="k"))["found"] is False


async def test_another_body_or_another_path_than_the_signed_one_is_401(mesh):
    http = await mesh.http("script")
    path, headers = http.signed("get_state", b'{"key":"k"}')
    assert (await http.post(path, b'{"key":"j"}', headers))[0] == 401
    path, headers = http.signed("get_state", b'{"key":"k"}')
    assert (await http.post(path.replace("get_state", "delete_state"), b'{"key":"k"}', headers))[0] == 401


async def test_errors_have_the_status_of_their_row(mesh):
    http = await mesh.http("script")
    for kind, fields, expected in (
        ("delete_state", {"key": "nothing"}, (404, "not_found")),
        ("cas_state", {"key": "k", "expectedVersion": 3, "value": 1}, (409, "version_conflict")),
        ("send", {"targetSpec": "nobody", "ciphertext": "eA=="}, (404, "unknown_target")),
        ("teleport", {}, (404, "unknown_type")),
        ("add_member", {"name": "x", "pubkey": Key().hex}, (403, "forbidden")),
    ):
        status, answer = await http.call(kind, **fields)
        assert (status, answer["error"]["code"]) == expected, kind
        assert answer["error"]["message"]


async def test_a_get_of_a_request_is_405_and_a_browser_of_another_site_is_refused(mesh):
    http = await mesh.http("script")
    status, _, _ = await asyncio.to_thread(http_call, mesh.broker.http, "GET", f"/v1/meshes/{mesh.id}/set_state")
    assert status == 405
    path, headers = http.signed("whoami", b"{}")
    status, answer = await http.post(path, b"{}", headers | {"Origin": "https://evil.example"})
    assert (status, answer["error"]["code"]) == (403, "bad_origin")

"""Requests at their HTTP places, the OpenAPI document that says where they are, and what neither lets through."""

from __future__ import annotations

import asyncio
import json
import re
from urllib.parse import quote, urlencode

import pytest
from openapi_spec_validator import validate

from declared import REQUESTS
from mesh_http import http_call

PLACES = {name: request.place for name, request in REQUESTS.items() if request.place}


def document(broker):
    status, headers, body = http_call(broker.http, "GET", "/v1/openapi.json")
    assert status == 200 and headers["content-type"] == "application/json"
    return json.loads(body)


def test_the_document_is_valid_openapi(broker):
    text = document(broker)
    validate(text)
    assert text["openapi"] == "3.1.0"


def test_every_request_has_the_place_that_the_page_says(broker):
    paths = document(broker)["paths"]
    found = {operation["operationId"]: f"{method.upper()} {path}"
             for path, item in paths.items() for method, operation in item.items()}
    assert len(PLACES) > 50
    assert {name: found.get(name) for name in PLACES} == PLACES
    assert "request_by_type" in found


def test_every_operation_names_its_answers_and_errors(broker):
    text = document(broker)
    for path, item in text["paths"].items():
        for method, operation in item.items():
            statuses = set(operation["responses"])
            assert {"400", "404", "405", "500"} <= statuses, (method, path)
            assert any(status.startswith("2") for status in statuses), (method, path)
            if operation.get("security") == [{"signature": []}]:
                assert {"401", "403"} <= statuses, (method, path)


async def call(http, method: str, path: str, body=None, query: dict | None = None):
    """A signed call of a place: the signature covers path and query as they are sent."""
    target = path + ("?" + urlencode(query) if query else "")
    data = b"" if body is None else json.dumps(body).encode()
    full, headers = http.signed(target, data, method=method)
    status, _, answer = await asyncio.to_thread(http_call, http.base, method, full, data, headers)
    return status, json.loads(answer)


async def test_a_key_with_a_slash_is_set_read_and_deleted(mesh):
    http = await mesh.http("ann")
    for key in ("a/b c", "é%2F?&", "..", "plain"):
        place = f"state/{quote(key, safe='')}"
        status, answer = await call(http, "PUT", place, {"value": {"x": [1, None]}})
        assert (status, answer["type"], answer["version"]) == (200, "state_written", 1)
        status, answer = await call(http, "GET", place)
        assert (status, answer["key"], answer["value"]) == (200, key, {"x": [1, None]})
        assert (await call(http, "DELETE", place, query={"expectedVersion": 7}))[0] == 409
        assert (await call(http, "DELETE", place, query={"expectedVersion": 1}))[0] == 200
        assert (await call(http, "GET", place))[1]["found"] is False


async def test_a_message_goes_its_whole_way_by_resources(mesh):
    ann, bob = await mesh.http("ann"), await mesh.http("bob")
    await call(bob, "GET", "whoami")
    status, _ = await call(ann, "POST", "topics", {"name": "talk"})
    assert status == 201
    await call(bob, "PUT", "topics/talk/membership", {})
    status, sent = await call(ann, "POST", "messages", {"targetSpec": "#talk", "ciphertext": "aGk="})
    assert (status, sent["queued"]) == (201, True)
    status, inbox = await call(bob, "GET", "inbox", query={"limit": 5})
    assert (status, [message["messageId"] for message in inbox["messages"]]) == (200, [sent["messageId"]])
    status, done = await call(bob, "POST", "acknowledgements", {"messageIds": [sent["messageId"]]})
    assert (status, done["changed"]) == (200, 1)
    status, state = await call(ann, "GET", f"messages/{sent['messageId']}")
    assert (status, state["delivered"]) == (200, True)
    status, history = await call(bob, "GET", "topics/talk/messages", query={"limit": 1})
    assert (status, history["messages"][0]["id"]) == (200, sent["messageId"])


@pytest.mark.parametrize(("method", "place", "body", "query", "field"), [
    ("GET", "state", None, {"limit": 0}, "limit"),
    ("GET", "state", None, {"limit": 1001}, "limit"),
    ("GET", "state", None, {"limit": "many"}, "limit"),
    ("GET", "state", None, {"limt": 1}, "limt"),
    ("GET", "state", None, {"prefix": "a", "limit": "1 "}, "limit"),
    ("GET", "peers", None, {"all": "yes"}, "all"),
    ("PUT", "state/" + "k" * 257, {"value": 1}, None, "key"),
    ("PUT", "state/a%01b", {"value": 1}, None, "key"),
    ("PUT", "state/a", {"value": 1, "key": "b"}, None, "key"),
    ("PUT", "state/a", {"value": 1, "valeu": 2}, None, "valeu"),
    ("PUT", "groups/" + "x" * 65 + "/membership", {}, None, "name"),
    ("PUT", "session/status", {"status": "idle", "lease": 999}, None, "lease"),
])
async def test_what_is_not_declared_is_refused_by_its_name(mesh, method, place, body, query, field):
    http = await mesh.http("ann")
    status, answer = await call(http, method, place, body, query)
    assert (status, answer["error"]["code"]) == (400, "invalid_argument")
    assert answer["error"]["details"]["field"] == field


async def test_a_query_or_a_body_in_the_wrong_place_is_refused(mesh):
    http = await mesh.http("ann")
    assert (await call(http, "PUT", "state/a", {"value": 1}, {"key": "a"}))[0] == 400
    assert (await call(http, "GET", "state/a", {"key": "a"}))[0] == 400
    assert (await call(http, "PUT", "state/a", [1]))[0] == 400
    status, answer = await call(http, "GET", "state", query=None)
    assert status == 200
    doubled, headers = http.signed("state?limit=1&limit=2", b"", method="GET")
    assert (await asyncio.to_thread(http_call, http.base, "GET", doubled, b"", headers))[0] == 400


async def test_a_signature_covers_the_query(mesh):
    http = await mesh.http("ann")
    await call(http, "PUT", "state/a", {"value": 1})
    path, headers = http.signed("state/a?expectedVersion=7", b"", method="DELETE")
    changed = path.replace("expectedVersion=7", "expectedVersion=1")
    status, _, answer = await asyncio.to_thread(http_call, http.base, "DELETE", changed, b"", headers)
    assert (status, json.loads(answer)["error"]["code"]) == (401, "bad_signature")
    dropped = path.split("?")[0]
    assert (await asyncio.to_thread(http_call, http.base, "DELETE", dropped, b"", headers))[0] == 401
    assert (await call(http, "GET", "state/a"))[1]["found"] is True


async def test_a_method_that_a_place_has_not_is_named(mesh):
    http = await mesh.http("ann")
    path, headers = http.signed("state/a", b"", method="PATCH")
    status, answered, body = await asyncio.to_thread(http_call, http.base, "PATCH", path, b"", headers)
    assert status == 405
    assert answered["allow"].split(", ") == ["DELETE", "GET", "PUT"]


async def test_nobody_without_a_signature_gets_in(mesh):
    """Every place, from the page: whatever is there to ask, a stranger is asked who it is first."""
    for place in PLACES.values():
        method, path = place.split(" ")
        path = re.sub(r"\{\w+\}", "x", path.replace("{mesh}", mesh.id))
        status, _, body = await asyncio.to_thread(http_call, mesh.broker.http, method, path, b"{}", {})
        assert (status, json.loads(body)["error"]["code"]) == (401, "unauthenticated"), place

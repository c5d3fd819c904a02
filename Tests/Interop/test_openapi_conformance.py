"""The OpenAPI document against the broker, by schemathesis: requests that the document allows, and requests that it does not
allow, with signed calls. No 5xx, no status that the document does not name, no answer of another form.

`OPENAPI_EXAMPLES` says how many requests each operation gets.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance,
)

from harness import Mesh
from mesh_keys import binding_text, now_ms

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "12"))
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
          response_headers_conformance)
#: What would end the mesh, the caller's membership or the disk: each has tests of its own.
LEFT_OUT = {"leave_mesh", "post_meshes_delete_mesh", "post_restore", "post_delete", "post_backups", "request_by_type"}


class Signed(requests.auth.AuthBase):
    """Signs what is sent, as it is sent."""

    def __init__(self, http) -> None:
        self.http = http

    def __call__(self, request):
        http = self.http
        if request.path_url.startswith("/v1/meshes/"):
            body = request.body or b""
            body = body.encode() if isinstance(body, str) else body
            stamp, nonce = str(now_ms()), secrets.token_hex(16)
            text = "|".join(("mesh-http-v1", request.method, request.path_url, hashlib.sha256(body).hexdigest(),
                             http.audience, stamp, nonce))
            request.headers.update({
                "Mesh-Session": http.session.hex, "Mesh-Timestamp": stamp, "Mesh-Nonce": nonce,
                "Mesh-Signature": http.session.sign(text), "Mesh-Member": http.member.hex,
                "Mesh-Binding": http.member.sign(binding_text(http.mesh, http.member.hex, http.session.hex)),
            })
        return request


@pytest.fixture(scope="module")
def signed(broker, tmp_path_factory):
    """An admin of a mesh of its own: whoever may do everything meets every answer."""
    mesh = Mesh(broker, tmp_path_factory.mktemp("openapi"))

    async def make():
        await mesh.create()
        await mesh.member("root", role="admin")
        http = await mesh.http("root")
        await mesh.finish()
        return http

    return Signed(asyncio.run(make()))


@pytest.fixture(scope="module")
def schema(broker):
    return schemathesis.openapi.from_url(f"{broker.http}/v1/openapi.json")


def operations(schema):
    found = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        found[operation.definition.raw["operationId"]] = operation
    return found


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
def test_the_broker_does_what_the_document_says(schema, signed, mode):
    problems = []
    for name, operation in operations(schema).items():
        if name in LEFT_OUT:
            continue

        @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, verbosity=Verbosity.quiet,
                  phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def attempt(case):
            if "mesh" in (case.path_parameters or {}):
                case.path_parameters["mesh"] = signed.http.mesh
            response = case.call(auth=signed)
            case.validate_response(response, checks=CHECKS)

        try:
            attempt()
        except Exception as error:  # each operation's failure is told, not only the first
            if "Unsatisfiable" in type(error).__name__ or "cannot be negated" in str(error):
                continue
            problems.append(f"{name}: {type(error).__name__}: {str(error)[:1500]}")
    assert not problems, "\n\n".join(problems)

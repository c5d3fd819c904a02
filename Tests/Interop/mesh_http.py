"""Requests over HTTP: plain ones, and one-shot requests that a session signs."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import secrets
import ssl
from typing import Any
from urllib.parse import urlsplit

from mesh_keys import Frame, Key, binding_text, now_ms

DEADLINE = 20.0


def http_call(base: str, method: str, path: str, body: bytes | None = None,
              headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(base)
    if parts.scheme == "https":
        # Test brokers show certificates of their own making; who they are is checked where a test is about it.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=DEADLINE, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=DEADLINE)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


class SignedHttp:
    """One-shot requests of a session: each is signed by the session key."""

    def __init__(self, base: str, mesh: str, member: Key, session: Key, audience: str) -> None:
        self.base, self.mesh, self.member, self.session, self.audience = base, mesh, member, session, audience

    def signed(
        self, kind: str, body: bytes, timestamp: int | None = None, method: str = "POST",
    ) -> tuple[str, dict[str, str]]:
        path = f"/v1/meshes/{self.mesh}/{kind}"
        stamp, nonce = str(timestamp or now_ms()), secrets.token_hex(16)
        digest = hashlib.sha256(body).hexdigest()
        signed = f"mesh-http-v1|{method}|{path}|{digest}|{self.audience}|{stamp}|{nonce}"
        return path, {
            "Content-Type": "application/json", "Mesh-Session": self.session.hex, "Mesh-Timestamp": stamp,
            "Mesh-Nonce": nonce, "Mesh-Signature": self.session.sign(signed), "Mesh-Member": self.member.hex,
            "Mesh-Binding": self.member.sign(binding_text(self.mesh, self.member.hex, self.session.hex)),
        }

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Frame]:
        status, _, data = await asyncio.to_thread(http_call, self.base, "POST", path, body, headers)
        return status, json.loads(data)

    async def get(self, kind: str) -> tuple[int, dict[str, str], bytes]:
        path, headers = self.signed(kind, b"", method="GET")
        return await asyncio.to_thread(http_call, self.base, "GET", path, None, headers)

    async def call(self, kind: str, **fields: Any) -> tuple[int, Frame]:
        body = json.dumps(fields).encode("utf-8")
        return await self.post(*self._with_body(kind, body))

    def _with_body(self, kind: str, body: bytes) -> tuple[str, bytes, dict[str, str]]:
        path, headers = self.signed(kind, body)
        return path, body, headers

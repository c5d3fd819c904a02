"""A broker that lies: it can answer honestly, and each test changes one thing in an answer."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import secrets
import threading
from typing import Any, Callable

from mesh_keys import Key, b64, binding_text, canonical, now_ms, seal

Answer = dict[str, Any]


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Raw:
    """An answer that is no JSON of a broker: bytes as they go over the line."""

    def __init__(self, data: bytes, status: int = 200, kind: str = "application/json") -> None:
        self.data, self.status, self.kind = data, status, kind


class LyingBroker:
    """Listens on a free port. `lie(path's last word, honest answer)` gives what is answered."""

    def __init__(self) -> None:
        self.node, self.owner = Key(), Key()
        self.code = secrets.token_bytes(16)
        self.mesh = secrets.token_hex(16)
        self.slug = "lab"
        self.lie: Callable[[str, Any], Any] = lambda kind, honest: honest
        #: Answers to requests of a session, by their type.
        self.requests: dict[str, Callable[[Answer], Any]] = {"ledger_export": lambda body: self.ledger()}
        self.members: list[Answer] = []
        self.asked: list[str] = []
        #: The bodies of all requests, by their type.
        self.bodies: dict[str, list[Answer]] = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.reply(outer.get(self.path))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                self.reply(outer.post(self.path, body))

            def reply(self, answer: Any) -> None:
                raw = answer if isinstance(answer, Raw) else Raw(json.dumps(answer).encode())
                self.send_response(raw.status)
                self.send_header("Content-Type", raw.kind)
                self.send_header("Content-Length", str(len(raw.data)))
                self.end_headers()
                self.wfile.write(raw.data)

            def log_message(self, *words: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def link(self) -> str:
        return f"{self.url}/join/{self.mesh}#{url64(self.code)}.{url64(sha(bytes.fromhex(self.owner.hex))[:16])}"

    # --- answers -------------------------------------------------------------------------------------------------

    def get(self, path: str) -> Any:
        self.asked.append(path)
        if path == "/v1/node":
            return self.lie("node", {"type": "node", "node": self.node.hex, "version": "0.1.0", "serverTime": now_ms()})
        return self.lie(path.rsplit("/", 1)[1], {"error": {"code": "not_found", "message": "nothing"}})

    def post(self, path: str, body: Answer) -> Any:
        self.asked.append(path)
        if path == "/v1/join":
            return self.lie("join", self.joined(body))
        if path == "/v1/meshes":
            self.mesh = body["meshId"]
            return self.lie("create", {"type": "mesh_created", "meshId": body["meshId"], "slug": body["slug"],
                                       "memberId": secrets.token_hex(16), "node": self.node.hex})
        kind = path.rsplit("/", 1)[1]
        self.bodies.setdefault(kind, []).append(body)
        if kind in self.requests:
            return self.lie(kind, self.requests[kind](body))
        if kind == "create_invite":
            return self.lie(kind, {"type": "invite_created", "inviteId": body["capability"]["inviteId"],
                                   "role": "member", "uses": 10, "expiresAt": now_ms()})
        return self.lie(kind, Raw(json.dumps({"error": {"code": "unknown_type", "message": "not here"}}).encode(), 404))

    def joined(self, body: Answer) -> Answer:
        certificate = self.certificate(body)
        self.members.append(body)
        return {"type": "joined", "meshId": self.mesh, "meshSlug": self.slug, "memberId": secrets.token_hex(16),
                "name": body["name"], "role": "member", "owner": self.owner.hex, "node": self.node.hex,
                "alreadyMember": False, "certificate": certificate}

    def ledger(self, owner: Key | None = None, **fields: Any) -> Answer:
        """A ledger of one entry, in which the owner gives the mesh to this node."""
        owner = owner or self.owner
        facts = {"created": 1, "mesh": self.mesh, "node": self.node.hex, "owner": owner.hex, "slug": self.slug} | fields
        mesh = facts.pop("mesh")
        words = ["mesh-create-v1", mesh, facts["slug"], facts["owner"], facts["node"], "1"]
        entry = {"act": "mesh.created", "actor": "admin", "log": "mesh/" + mesh, "obj": mesh, "prev": "0" * 64,
                 "pub": facts | {"claim": owner.sign("|".join(words))}, "res": "ok", "seq": 0, "ts": 1, "v": 1}
        return {"type": "ledger_entries", "from": 0, "entries": [canonical(entry).decode()], "size": 1}

    def capability(self, **fields: Any) -> Answer:
        return {"meshId": self.mesh, "inviteId": "inv_" + sha(self.code).hex()[:16], "role": "member", "uses": 1,
                "expiresAt": now_ms() + 60_000, "codeHash": sha(self.code).hex(), "issuer": self.owner.hex} | fields

    def certificate(self, body: Answer, issuer: Key | None = None, node: Key | None = None,
                    chain: Answer | None = None, **capability: Any) -> Answer:
        """A certificate whose every signature holds."""
        node, issuer = node or self.node, issuer or self.owner
        granted = self.capability(**{"issuer": issuer.hex} | capability)
        words = ["mesh-invite-v1", *(str(granted[name]) for name in (
            "meshId", "inviteId", "role", "uses", "expiresAt", "codeHash", "issuer"))]
        granted_text = "|".join(words)
        claim = "|".join(["mesh-join-v1", granted["meshId"], granted["inviteId"], body["name"], body["pubkey"],
                          str(body["timestamp"])])
        word = issuer.sign(granted_text)
        text = "|".join(["mesh-certificate-v1", sha(granted_text.encode()).hex(), word, sha(claim.encode()).hex(),
                         body["signature"]])
        made = {"capability": granted, "issuerSignature": word, "name": body["name"], "member": body["pubkey"],
                "timestamp": body["timestamp"], "claimSignature": body["signature"], "nodeKey": node.hex,
                "nodeSignature": node.sign(text)}
        return made | ({"issuerCertificates": [chain]} if chain else {})

    def claim_of(self, key: Key, name: str, mesh: str | None = None) -> Answer:
        """The body with which somebody else would join."""
        stamp = now_ms()
        claim = "|".join(["mesh-join-v1", mesh or self.mesh, "inv_" + sha(self.code).hex()[:16], name, key.hex,
                          str(stamp)])
        return {"name": name, "pubkey": key.hex, "timestamp": stamp, "signature": key.sign(claim)}

    # --- answers to a member who sends and reads -----------------------------------------------------------------

    def recipient(self, name: str, member: Key, session: Key | None = None, binding: bool = True, **fields: Any) -> Answer:
        """A recipient as a target is resolved to it."""
        row: Answer = {"member": member.hex, "name": name, "bodyVersions": [1]}
        if session:
            row["session"] = session.hex
            if binding:
                row["binding"] = member.sign(binding_text(self.mesh, member.hex, session.hex))
        return row | fields

    def resolves(self, *recipients: Answer, sealed: bool = True) -> Answer:
        return {"type": "resolve_result", "kind": "direct", "sealed": sealed, "recipients": list(recipients)}

    @staticmethod
    def takes(body: Answer) -> Answer:
        """The answer to a send."""
        return {"type": "ack", "id": body.get("id", ""), "messageId": "4t8zq0m1c5xkd", "queued": True, "recipients": 1}

    def message(self, number: int, text: str, to: Answer, sender: Key, **fields: Any) -> Answer:
        """A message sealed for the member's session (`to` is what it joined with), or plain with `encrypted=False`."""
        nonce, box = seal(text.encode(), sender, to["session"]["pubkey"])
        if fields.get("encrypted") is False:
            nonce, box = "", b64(text.encode())
        return {"messageId": f"m{number:012}", "meshId": self.mesh, "senderPubkey": sender.hex, "senderName": "pia",
                "priority": "next", "nonce": nonce, "ciphertext": box, "createdAt": "2026-01-01T00:00:00.000Z",
                "attempt": 1, "kind": "direct", "targetSpec": "bob", "encrypted": True} | fields

"""Keys, boxes and signed texts of both dialects, with PyNaCl."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from typing import Any

import nacl.exceptions
import nacl.public
import nacl.signing

Frame = dict[str, Any]


#: Milliseconds by which this machine's clock is off, for tests that move it.
clock_shift = 0


def now_ms() -> int:
    return time.time_ns() // 1_000_000 + clock_shift


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


# --- keys, signatures, boxes ---------------------------------------------------------------------------------------


class Key:
    """An ed25519 key pair that also opens and seals boxes, after conversion to X25519."""

    def __init__(self, seed: bytes | None = None) -> None:
        self.signing = nacl.signing.SigningKey(seed or secrets.token_bytes(32))
        self.hex = self.signing.verify_key.encode().hex()

    def sign(self, text: str | bytes) -> str:
        data = text.encode("utf-8") if isinstance(text, str) else text
        return self.signing.sign(data).signature.hex()

    def x25519_secret(self) -> nacl.public.PrivateKey:
        return self.signing.to_curve25519_private_key()

    def x25519_public(self) -> nacl.public.PublicKey:
        return self.signing.verify_key.to_curve25519_public_key()


def x25519_of(public_hex: str) -> nacl.public.PublicKey:
    return nacl.signing.VerifyKey(bytes.fromhex(public_hex)).to_curve25519_public_key()


def signature_holds(public_hex: str, signature_hex: str, text: str | bytes) -> bool:
    data = text.encode("utf-8") if isinstance(text, str) else text
    try:
        nacl.signing.VerifyKey(bytes.fromhex(public_hex)).verify(data, bytes.fromhex(signature_hex))
        return True
    except (nacl.exceptions.BadSignatureError, nacl.exceptions.ValueError, ValueError):
        return False


def seal(plain: bytes, sender: Key, recipient_hex: str, nonce: bytes | None = None) -> tuple[str, str]:
    """`crypto_box_easy` between converted keys: (nonce, tag and ciphertext), base64."""
    nonce = nonce or secrets.token_bytes(24)
    box = nacl.public.Box(sender.x25519_secret(), x25519_of(recipient_hex))
    return b64(nonce), b64(box.encrypt(plain, nonce).ciphertext)


def open_box(nonce: str, ciphertext: str, recipient: Key, sender_hex: str) -> bytes | None:
    """The plain bytes, or None when the box does not open with this key."""
    try:
        box = nacl.public.Box(recipient.x25519_secret(), x25519_of(sender_hex))
        return box.decrypt(unb64(ciphertext), unb64(nonce))
    except (nacl.exceptions.CryptoError, nacl.exceptions.ValueError, ValueError):
        return None


def canonical(value: Any) -> bytes:
    """RFC 8785 for values without floats and with ASCII keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def body_version_3(text: str, sender: str, recipient: str, mesh: str, client_message_id: str) -> bytes:
    return canonical(
        {"from": sender, "id": client_message_id, "mesh": mesh, "text": text, "to": recipient, "v": 3})


def fingerprint(ref: str, body: bytes, priority: str = "next", kind: str = "dm", version: int = 1) -> str:
    """Claudemesh's request fingerprint, for a message without reply and without meta."""
    parts = [str(version), kind, ref, "", priority, ""]
    head = b"".join(part.encode("utf-8") + b"\0" for part in parts)
    return hashlib.sha256(head + hashlib.sha256(body).digest()).hexdigest()


# --- signed texts of the handshakes --------------------------------------------------------------------------------


def hello_text(mesh: str, member_id: str, pubkey: str, timestamp: int) -> str:
    return f"{mesh}|{member_id}|{pubkey}|{timestamp}"


def attestation_text(parent: str, session: str, expires_at: int) -> str:
    return f"claudemesh-session-attest|{parent}|{session}|{expires_at}"


def session_hello_text(mesh: str, parent: str, session: str, timestamp: int) -> str:
    return f"claudemesh-session-hello|{mesh}|{parent}|{session}|{timestamp}"


def binding_text(mesh: str, member: str, session: str) -> str:
    return f"mesh-session-binding-v1|{mesh}|{member}|{session}"


def session_hello_v2_text(mesh: str, member: str, session: str, audience: str, timestamp: int, nonce: str) -> str:
    return f"mesh-session-hello-v1|{mesh}|{member}|{session}|{audience}|{timestamp}|{nonce}"


def legacy_hello(mesh: str, member_id: str, member: Key, **fields: Any) -> Frame:
    """The hello of claudemesh's SDK: no `cwd`, no `hostname`, no `groups` unless given."""
    stamp = fields.pop("timestamp", now_ms())
    frame: Frame = {
        "type": "hello", "meshId": mesh, "memberId": member_id, "pubkey": member.hex,
        "sessionId": f"sdk-{os.getpid()}-{secrets.token_hex(4)}", "pid": os.getpid(), "peerType": "connector",
        "channel": "sdk", "timestamp": stamp, "signature": member.sign(hello_text(mesh, member_id, member.hex, stamp)),
    }
    return frame | fields


def legacy_session_hello(mesh: str, member: Key, session: Key, **fields: Any) -> Frame:
    """The hello of claudemesh's daemon: a member's attestation for a session key."""
    stamp = fields.pop("timestamp", now_ms())
    expires = fields.pop("expires_at", stamp + 12 * 3_600_000)
    frame: Frame = {
        "type": "session_hello", "meshId": mesh, "parentMemberId": "", "parentMemberPubkey": member.hex,
        "sessionPubkey": session.hex,
        "parentAttestation": {
            "sessionPubkey": session.hex, "parentMemberPubkey": member.hex, "expiresAt": expires,
            "signature": member.sign(attestation_text(member.hex, session.hex, expires)),
        },
        "sessionId": f"daemon-{secrets.token_hex(4)}", "pid": os.getpid(), "cwd": "/", "channel": "claudemesh-session",
        "timestamp": stamp, "signature": session.sign(session_hello_text(mesh, member.hex, session.hex, stamp)),
    }
    return frame | fields


def mesh_hello(mesh: str, member: Key, session: Key, audience: str, **fields: Any) -> Frame:
    """The hello of protocol version 2: proof of both keys, for one node, used once."""
    stamp = fields.pop("timestamp", now_ms())
    nonce = fields.pop("nonce", secrets.token_hex(16))
    signed = session_hello_v2_text(mesh, member.hex, session.hex, audience, stamp, nonce)
    frame: Frame = {
        "type": "session_hello", "meshId": mesh, "parentMemberPubkey": member.hex, "sessionPubkey": session.hex,
        "binding": member.sign(binding_text(mesh, member.hex, session.hex)), "audience": audience, "nonce": nonce,
        "attach": True, "timestamp": stamp, "signature": session.sign(signed), "protocolVersion": 2,
        "capabilities": ["ack"],
    }
    return frame | fields

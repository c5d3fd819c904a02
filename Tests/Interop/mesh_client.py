"""A foreign client of the wire, written from its description alone.

Two dialects over one socket class: `LegacyClient` speaks claudemesh's protocol as its published SDK does, and
`MeshClient` speaks protocol version 2. Every wait is for a frame and has a deadline; nothing here sleeps.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from typing import Any, Callable

import websockets
from websockets.asyncio.client import connect

from mesh_keys import Frame, Key, b64, body_version_3, canonical, legacy_hello, mesh_hello, open_box, seal, unb64

DEADLINE = 20.0
Match = Callable[[Frame], bool]


# --- one socket ----------------------------------------------------------------------------------------------------


class Refused(Exception):
    """The broker answered a request with an error."""

    def __init__(self, error: Frame) -> None:
        super().__init__(f"{error.get('code')}: {error.get('message')} ({error.get('hint')})")
        self.error = error
        self.code = error.get("code")
        self.hint = error.get("hint") or ""
        self.details = error.get("details") or {}


class Connection:
    """One WebSocket. Frames wait in `inbox` until somebody takes them; `history` keeps them all."""

    def __init__(self, url: str) -> None:
        self.url = url
        #: The file of the certificate that a `wss` broker must show.
        self.trusts: str | None = None
        self.inbox: list[Frame] = []
        self.history: list[Frame] = []
        self.on_frame: Callable[[Frame], Any] | None = None
        self.close_code: int | None = None
        self.close_reason = ""
        self._changed = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[Any]] = set()

    async def open(self) -> Connection:
        tls = {"ssl": ssl.create_default_context(cafile=self.trusts)} if self.url.startswith("wss:") else {}
        self.socket = await connect(
            self.url, **tls, compression=None, ping_interval=None, max_size=4 << 20, open_timeout=DEADLINE, proxy=None,
            close_timeout=2)
        self._reader = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        try:
            async for raw in self.socket:
                frame = json.loads(raw)
                if self.on_frame is not None:
                    self.on_frame(frame)
                async with self._changed:
                    self.inbox.append(frame)
                    self.history.append(frame)
                    self._changed.notify_all()
        except websockets.ConnectionClosed:
            pass
        finally:
            async with self._changed:
                code = self.socket.close_code
                self.close_code = 1006 if code is None else code
                self.close_reason = self.socket.close_reason or ""
                self._changed.notify_all()

    async def write(self, frame: Frame | str | bytes) -> None:
        await self.socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    def write_soon(self, frame: Frame) -> None:
        async def quietly() -> None:
            try:
                await self.write(frame)
            except websockets.ConnectionClosed:
                pass

        task = asyncio.create_task(quietly())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def until(self, condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
        """Waits until a condition on what arrived is true, and gives its value."""
        try:
            async with asyncio.timeout(deadline), self._changed:
                while not (value := condition()):
                    if self.close_code is not None:
                        raise AssertionError(
                            f"closed with {self.close_code} {self.close_reason!r} before {what}; got {self.inbox}")
                    await self._changed.wait()
                return value
        except TimeoutError:
            raise AssertionError(f"no {what} within {deadline:g} s; got {self.inbox}") from None

    async def take(self, kind: str | Match, deadline: float = DEADLINE, **fields: Any) -> Frame:
        """The first waiting frame of a type with these fields (or that a function accepts), taken out."""

        def fits(frame: Frame) -> bool:
            if callable(kind):
                return kind(frame)
            return frame.get("type") == kind and all(frame.get(name) == value for name, value in fields.items())

        def pick() -> Frame | None:
            for index, frame in enumerate(self.inbox):
                if fits(frame):
                    return self.inbox.pop(index)
            return None

        return await self.until(pick, f"{kind if isinstance(kind, str) else 'frame'} {fields}", deadline)

    async def closed(self, deadline: float = DEADLINE) -> int:
        """Waits for the end of the connection and gives its code."""
        await self.until(lambda: self.close_code is not None, "close", deadline)
        assert self.close_code is not None
        return self.close_code

    async def request(self, kind: str, **fields: Any) -> Frame:
        """Sends a request and gives the answer that carries its `_reqId`; raises `Refused` on an error."""
        name = secrets.token_hex(6)
        await self.write({"type": kind, "_reqId": name} | fields)
        answer = await self.take(lambda frame: frame.get("_reqId") == name)
        if answer["type"] == "error":
            raise Refused(answer)
        return answer

    async def send_frame(self, frame: Frame) -> Frame:
        """Sends a `send` and gives its ack; a refusal must be an error first and a failed ack then."""
        await self.write(frame)
        first = await self.take(lambda f: f.get("type") in ("error", "ack") and f.get("id") == frame["id"])
        if first["type"] == "ack":
            assert first["queued"] is True, f"a failed ack came before its error: {first}"
            return first
        ack = await self.take("ack", id=frame["id"])
        assert ack["queued"] is False and ack["messageId"] == "" and ack["error"], ack
        raise Refused(first)

    async def close(self) -> None:
        if self._reader is None:
            return
        await self.socket.close()
        await self._reader

    def pushes(self) -> list[Frame]:
        """Messages that arrived so far, in order, system events left out."""
        return [f for f in self.history if f["type"] == "push" and f.get("subtype") != "system"]

    def events(self, name: str) -> list[Frame]:
        """System events of a name that arrived so far."""
        return [f for f in self.history if f["type"] == "push" and f.get("event") == name]


# --- the two dialects ----------------------------------------------------------------------------------------------


class Client(Connection):
    """What both dialects share: a member key, a session key, and messages."""

    def __init__(self, url: str, mesh: str, member: Key, session: Key | None) -> None:
        super().__init__(url)
        self.mesh, self.member, self.session = mesh, member, session

    @property
    def key(self) -> Key:
        return self.session or self.member

    async def greet(self, hello: Frame) -> Frame:
        await self.open()
        await self.write(hello)
        answer = await self.take(lambda f: f["type"] in ("hello_ack", "error"))
        if answer["type"] == "error":
            raise Refused(answer)
        self.ack = answer
        return answer

    def read(self, push: Frame) -> str:
        """The text of a push: opened when it is sealed, decoded when it says that it is plain."""
        if not push["encrypted"]:
            return unb64(push["ciphertext"]).decode("utf-8")
        keys = [key for key in (self.session, self.member) if key is not None]
        named = [key for key in keys if key.hex == push.get("recipientKey")]
        for key in named or keys:
            plain = open_box(push["nonce"], push["ciphertext"], key, push["senderPubkey"])
            if plain is not None:
                return self._unwrap(push, plain, key)
        raise AssertionError(f"no key of ours opens {push}")

    def _unwrap(self, push: Frame, plain: bytes, key: Key) -> str:
        if (push.get("bodyVersion") or 1) == 1:
            return plain.decode("utf-8")
        body = json.loads(plain)
        expected = {"v": 3, "mesh": self.mesh, "to": key.hex, "from": push["senderPubkey"],
                    "id": push["client_message_id"]}
        assert {name: body[name] for name in expected} == expected, f"the box is bound to something else: {body}"
        assert canonical(body) == plain, "a version 3 body is not canonical JSON"
        return body["text"]

    async def message(self, text: str | None = None, **fields: Any) -> tuple[Frame, str]:
        """Waits for the next push (with this text, when given) and gives the frame and its text."""
        def fits(frame: Frame) -> bool:
            if frame["type"] != "push" or frame.get("subtype") == "system":
                return False
            if any(frame.get(name) != value for name, value in fields.items()):
                return False
            return text is None or self.read(frame) == text

        frame = await self.take(fits)
        return frame, self.read(frame)

    async def texts(self, count: int) -> list[str]:
        """The texts of the next pushes, in the order of their arrival."""
        return [(await self.message())[1] for _ in range(count)]

    def frame_to(self, target: str | list[str], text: str, priority: str = "next", **fields: Any) -> Frame:
        """A `send` with one body: sealed for a 64-hex target, else base64 text."""
        is_key = isinstance(target, str) and len(target) == 64
        plain = text.encode("utf-8")
        nonce, body = seal(plain, self.key, target) if is_key else (b64(secrets.token_bytes(24)), b64(plain))
        frame: Frame = {"type": "send", "id": secrets.token_hex(8), "targetSpec": target, "priority": priority,
                        "nonce": nonce, "ciphertext": body}
        return frame | fields

    async def say(self, target: str | list[str], text: str, priority: str = "next", **fields: Any) -> Frame:
        return await self.send_frame(self.frame_to(target, text, priority, **fields))


class LegacyClient(Client):
    """As claudemesh's SDK, bridge and connectors: never acknowledges, reads unknown fields of nothing."""

    def __init__(self, url: str, mesh: str, member_id: str, member: Key, session: Key | None) -> None:
        super().__init__(url, mesh, member, session)
        self.member_id = member_id

    async def hello(self, **fields: Any) -> Frame:
        if self.session is not None:
            fields = {"sessionPubkey": self.session.hex} | fields
        return await self.greet(legacy_hello(self.mesh, self.member_id, self.member, **fields))


class MeshClient(Client):
    """Protocol version 2: proves its session key, acknowledges what it handled."""

    def __init__(self, url: str, mesh: str, member: Key, session: Key, audience: str, auto_ack: bool = True) -> None:
        super().__init__(url, mesh, member, session)
        self.audience = audience
        self.handled: list[str] = []
        if auto_ack:
            self.on_frame = self.acknowledge_when_pushed

    def acknowledge_when_pushed(self, frame: Frame) -> None:
        if frame.get("type") == "push" and frame.get("subtype") != "system":
            self.write_soon({"type": "client_ack", "messageIds": [frame["messageId"]]})

    async def hello(self, **fields: Any) -> Frame:
        assert self.session is not None
        return await self.greet(mesh_hello(self.mesh, self.member, self.session, self.audience, **fields))

    async def acknowledge(self, *pushes: Frame, **fields: Any) -> int:
        answer = await self.request("client_ack", messageIds=[p["messageId"] for p in pushes], **fields)
        assert answer["type"] == "acknowledged", answer
        return answer["changed"]

    async def sealed_frame(self, target: str | list[str], text: str, version: int = 1, **fields: Any) -> Frame:
        """A `send` with one sealed copy for each session that `resolve` names."""
        assert self.session is not None
        name = fields.setdefault("client_message_id", secrets.token_hex(12))
        resolved = await self.request("resolve", targetSpec=target)
        copies = []
        for recipient in resolved["recipients"]:
            to = recipient.get("session") or recipient["member"]
            plain = text.encode("utf-8")
            if version == 3:
                plain = body_version_3(text, self.session.hex, to, self.mesh, name)
            nonce, box = seal(plain, self.session, to)
            kind = "session" if recipient.get("session") else "member"
            copies.append({kind: to, "nonce": nonce, "ciphertext": box, "bodyVersion": version})
        return {"type": "send", "id": secrets.token_hex(8), "targetSpec": target, "copies": copies} | fields

    async def say_sealed(self, target: str | list[str], text: str, **fields: Any) -> Frame:
        return await self.send_frame(await self.sealed_frame(target, text, **fields))

    async def status_of(self, message_id: str) -> Frame:
        return await self.request("message_status", messageId=message_id)

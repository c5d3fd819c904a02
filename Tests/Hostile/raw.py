"""A socket that says exactly what it is told to say, and understands just enough of the answers."""

from __future__ import annotations

import base64
import itertools
import json
import os
import socket
import struct
import time
from typing import Any

from mesh_keys import Key, mesh_hello

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
requests = itertools.count(1)


def frame(opcode: int, payload: bytes | str = b"", fin: bool = True, rsv: int = 0, mask: bool = True,
          form: int | None = None) -> bytes:
    """A client frame as RFC 6455 draws it, or as it must not be: `form` forces a length of 16 or 64 bits."""
    data = payload.encode() if isinstance(payload, str) else payload
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    if form == 64 or form is None and len(data) > 65_535:
        head += bytes([bit | 127]) + struct.pack(">Q", len(data))
    elif form == 16 or form is None and len(data) > 125:
        head += bytes([bit | 126]) + struct.pack(">H", len(data))
    else:
        head += bytes([bit | len(data)])
    if not mask:
        return head + data
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[place % 4] for place, byte in enumerate(data))


class Socket:
    """One TCP connection."""

    def __init__(self, port: int, limit: float = 5.0) -> None:
        self.tcp = socket.create_connection(("127.0.0.1", port), timeout=limit)
        self.port, self.limit = port, limit
        self.buffer = b""

    def send(self, data: bytes) -> None:
        """Sends what the other side still takes; that it has gone is seen when reading."""
        try:
            self.tcp.sendall(data)
        except OSError:
            pass

    def _more(self, end: float) -> bool:
        """Reads on; false at the end of the stream."""
        self.tcp.settimeout(max(0.01, end - time.monotonic()))
        try:
            data = self.tcp.recv(65_536)
        except TimeoutError:
            raise AssertionError(f"nothing came within the time; so far {self.buffer[:300]!r}") from None
        except OSError:
            return False
        self.buffer += data
        return bool(data)

    def close(self) -> None:
        self.tcp.close()

    # --- HTTP --------------------------------------------------------------------------------------------------

    def response(self) -> tuple[int, str]:
        """Status and head of one answer; 0 when the connection ended without any."""
        end = time.monotonic() + self.limit
        while b"\r\n\r\n" not in self.buffer:
            if not self._more(end):
                return 0, self.buffer.decode("latin-1")
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), head.decode("latin-1")

    def upgrade(self, **headers: str) -> Socket:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {"Host": f"127.0.0.1:{self.port}", "Upgrade": "websocket", "Connection": "Upgrade",
                 "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key} | headers
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.send(f"GET /ws HTTP/1.1\r\n{head}\r\n".encode())
        status, text = self.response()
        assert status == 101, text
        return self

    # --- WebSocket ---------------------------------------------------------------------------------------------

    def hello(self, mesh: str, member: Key, session: Key, audience: str) -> Socket:
        self.text(mesh_hello(mesh, member, session, audience))
        self.until(lambda one: one.get("type") == "hello_ack")
        return self

    def text(self, value: Any) -> None:
        self.send(frame(TEXT, json.dumps(value)))

    def next(self, limit: float | None = None) -> tuple[int, bytes] | None:
        """The next frame's opcode and payload; None at the end of the stream."""
        end = time.monotonic() + (limit or self.limit)

        def have(count: int) -> bool:
            while len(self.buffer) < count:
                if not self._more(end):
                    return False
            return True

        if not have(2):
            return None
        size, start = self.buffer[1] & 127, 2
        if size == 126:
            if not have(4):
                return None
            size, start = struct.unpack(">H", self.buffer[2:4])[0], 4
        elif size == 127:
            if not have(10):
                return None
            size, start = struct.unpack(">Q", self.buffer[2:10])[0], 10
        if not have(start + size):
            return None
        opcode, payload = self.buffer[0] & 15, self.buffer[start:start + size]
        self.buffer = self.buffer[start + size:]
        return opcode, payload

    def until(self, fits, limit: float | None = None) -> dict:
        """The first text frame that fits; fails when the connection ends before."""
        while (one := self.next(limit)) is not None:
            if one[0] == PING:
                self.send(frame(PONG, one[1]))
            assert one[0] != CLOSE, f"closed with {one[1][:2].hex()} {one[1][2:]!r}"
            if one[0] == TEXT and fits(value := json.loads(one[1])):
                return value
        raise AssertionError("the connection ended")

    def ask(self, kind: str, limit: float | None = None, **fields: Any) -> dict:
        name = f"r{next(requests)}"
        self.text({"type": kind, "_reqId": name} | fields)
        return self.until(lambda one: one.get("_reqId") == name, limit)

    def close_code(self) -> int:
        """The code that the broker closes with, whatever it says before; 1006 when it says none."""
        while (one := self.next()) is not None:
            if one[0] == CLOSE:
                return struct.unpack(">H", one[1][:2])[0] if len(one[1]) >= 2 else 1005
        return 1006

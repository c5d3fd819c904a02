#!/usr/bin/env python3
"""Small requests at their costliest: how long one member's delay another's answers, and what they leave in memory.

    python Tests/Checker/stall.py --bin .build/release            every request of the protocol
    python Tests/Checker/stall.py --only resolve list_state

The requests come from the tables of Docs/Protocol.md, which are made from the declarations: a request that is new there,
and that this program cannot fill in, ends it with an error. For each, 20 kB of it are sent by one member at once, on a mesh
of 1,000 sessions and 8 MB of state, while another member asks for a small answer again and again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import secrets
import struct
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "Interop")]

from declared import REQUESTS, Declared  # noqa: E402
from harness import Broker, Mesh  # noqa: E402
from mesh_client import MeshClient  # noqa: E402
from mesh_http import http_call  # noqa: E402
from mesh_keys import Frame, Key, b64, mesh_hello  # noqa: E402

#: Bytes of requests.
BURST = 20_000
#: What is allowed.
DELAY_MS, MEMORY = 50.0, 20 << 20


# --- the costliest form of each request ---------------------------------------------------------------------------------


class Costly:
    """Fills requests in. `always` gives values by the name of a field; `special` replaces the fields of one request."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.count = 0

    def always(self, field: str) -> Any:
        unknown = f"worker-{self.count % 977:04}-of-the-large-mesh-nobody"
        values: dict[str, Any] = {
            "messageId": self.facts["broadcast"], "target": unknown, "member": unknown, "peer": unknown,
            "topic": "history", "key": f"fresh:{self.count}", "value": "v", "expectedVersion": 0, "name": f"g{self.count}",
            "watchId": f"w{self.count % 200}", "targetSpec": "*", "status": "idle", "visible": self.count % 2 == 0,
            "speed": 1, "old": 1, "number": 0, "inviteId": "abcdef", "pubkey": secrets.token_hex(32),
        }
        return values[field]

    def special(self, name: str) -> Frame | None:
        n = self.count
        forms: dict[str, Frame] = {
            "list_peers": {"all": True}, "list_state": {}, "state_watch": {"watchId": f"w{n % 200}"},
            "get_state": {"key": f"big:{n % 130:03}"}, "topic_history": {"topic": "history", "limit": 200},
            "topic_mentions": {"limit": 200}, "list_inbox": {"limit": 200}, "list_dead_letters": {"limit": 200},
            "resolve": {"targetSpec": "*"},
            "send": {"targetSpec": f"worker-{n % 977:04}-of-the-large-mesh-nobody", "nonce": b64(b"n" * 24),
                     "ciphertext": b64(b"c" * 16)},
            "message_status": {"messageId": self.facts["broadcast"]},
            "client_ack": {"messageIds": [self.facts["broadcast"]]},
            "batch_state": {"operations": [
                {"op": "set", "key": f"b:{n}:{k}", "value": k} for k in range(100)]},
            "ledger_export": {"from": 0, "limit": 1000}, "ledger_tile": {"number": 0},
            "ledger_prove": {"seq": 1}, "cas_state": {"key": f"c:{n}", "expectedVersion": 0, "value": n},
            "delete_state": {"key": f"none:{n}"}, "set_summary": {"summary": "s" * 200},
            "topic_create": {"name": f"t{n}"}, "topic_join": {"topic": f"unknown-{n}"},
            "topic_members": {"topic": "history"}, "set_rights": {"member": "worker-nobody", "role": "member"},
            "list_sessions": {}, "remove_session": {"session": secrets.token_hex(32)},
            "create_invite": {"capability": {}, "signature": "0" * 128}, "rotate_log_key": {"key": "0" * 64},
        }
        return forms.get(name)

    def frames(self, request: Declared) -> Iterator[Frame]:
        while True:
            fields = self.special(request.name)
            if fields is None:
                try:
                    fields = {field.name: self.always(field.name) for field in request.fields
                              if field.required and "." not in field.name}
                except KeyError as missing:
                    raise SystemExit(f"{request.name} has a field {missing} that stall.py cannot fill in") from None
            yield {"type": request.name, "_reqId": f"{self.count}"} | fields
            self.count += 1

    def burst(self, request: Declared) -> list[bytes]:
        frames: list[bytes] = []
        size = 0
        for frame in self.frames(request):
            data = json.dumps(frame, separators=(",", ":")).encode()
            if frames and size + len(data) > BURST:
                return frames
            frames.append(data)
            size += len(data)
            if size > BURST:
                return frames
        return frames


#: Further costly uses of requests that are in the table: a name in the report, and the fields.
VARIANTS: dict[str, tuple[str, Callable[[int], Frame]]] = {
    "send to all": ("send", lambda n: {"targetSpec": "*", "ciphertext": b64(b"hello"), "nonce": ""}),
    "resolve 256 groups": ("resolve", lambda n: {"targetSpec": [f"@team-{k}" for k in range(256)]}),
    "resolve unknown": ("resolve", lambda n: {"targetSpec": f"worker-{n % 977:04}-of-the-large-mesh-nobody"}),
    "resolve prefixes": ("resolve", lambda n: {"targetSpec": f"{n:08x}"}),
    "topic_history unknown": ("topic_history", lambda n: {"topic": f"histori-{n}"}),
    "message_status by prefix": ("message_status", lambda n: {"messageId": f"0{n:07}"}),
}


#: What a member asks for that only weighs with what it has done before: a name, the request, its fields, and how many connections
#: of the same member watch all keys, each so many times, without reading.
WATCHED: dict[str, tuple[str, Callable[[int], Frame], int, int]] = {
    "set_state watched, large": ("set_state", lambda n: {"key": "watched", "value": "v" * 19_500}, 60, 32),
    "set_state watched, small": ("set_state", lambda n: {"key": "watched", "value": n}, 60, 32),
    "batch_state watched": (
        "batch_state", lambda n: {"operations": [{"op": "set", "key": f"w{n}:{k}", "value": k} for k in range(250)]}, 60, 32),
}


# --- the line -----------------------------------------------------------------------------------------------------------


def masked(payload: bytes, opcode: int = 1) -> bytes:
    """A client's frame; a mask of zeros is a mask."""
    size = len(payload)
    head = bytes([0x80 | opcode])
    head += bytes([0x80 | size]) if size < 126 else (
        b"\xfe" + struct.pack(">H", size) if size < 65_536 else b"\xff" + struct.pack(">Q", size))
    return head + bytes(4) + payload


class Line(asyncio.Protocol):
    """A WebSocket that counts what comes without reading it as JSON."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.upgraded = asyncio.get_running_loop().create_future()
        self.greeted = asyncio.get_running_loop().create_future()
        self.answers = 0
        self.bytes = 0
        self.largest = 0
        self.codes: dict[str, int] = {}
        self.wanted = 0
        self.done: asyncio.Future[None] | None = None
        self.is_closed = False
        #: Changes of the state that were told.
        self.changes = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, error: Any) -> None:
        self.is_closed = True
        for future in (self.upgraded, self.greeted, self.done):
            if future is not None and not future.done():
                future.set_exception(ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.upgraded.done():
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self.buffer[:end + 4]
            self.upgraded.set_result(None)
        view = 0
        while len(self.buffer) - view >= 2:
            opcode, size, head = self.buffer[view] & 15, self.buffer[view + 1], 2
            if size == 126:
                head = 4
                if len(self.buffer) - view < head:
                    break
                size = struct.unpack_from(">H", self.buffer, view + 2)[0]
            elif size == 127:
                head = 10
                if len(self.buffer) - view < head:
                    break
                size = struct.unpack_from(">Q", self.buffer, view + 2)[0]
            if len(self.buffer) - view < head + size:
                break
            self.frame(opcode, bytes(self.buffer[view + head:view + head + size]))
            view += head + size
        del self.buffer[:view]

    def frame(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self.transport.write(masked(payload, 10))
        if opcode != 1:
            return
        if not self.greeted.done():
            if payload.startswith(b'{"type":"hello_ack"'):
                self.greeted.set_result(None)
            return
        if payload.startswith((b'{"type":"push"', b'{"type":"state_change"', b'{"type":"receipt"')):
            self.changes += payload.startswith(b'{"type":"state_change"')
            return
        # A refused send says so twice.
        if payload.startswith(b'{"type":"ack"') and b'"queued":false' in payload:
            return
        self.answers += 1
        self.bytes += len(payload)
        self.largest = max(self.largest, len(payload))
        code = re.match(rb'\{"type":"error","code":"(\w+)"', payload)
        if code:
            self.codes[code[1].decode()] = self.codes.get(code[1].decode(), 0) + 1
        if self.done is not None and self.answers >= self.wanted and not self.done.done():
            self.done.set_result(None)

    def expect(self, count: int) -> asyncio.Future[None]:
        self.answers = self.bytes = self.largest = 0
        self.codes = {}
        self.wanted = count
        self.done = asyncio.get_running_loop().create_future()
        return self.done


async def connect(broker: Broker, mesh: str, member: Key, session: Key, **hello: Any) -> Line:
    _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", broker.port)
    line.transport.write(
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % (
            broker.port, b64(secrets.token_bytes(16)).encode()))
    await line.upgraded
    line.transport.write(masked(json.dumps(mesh_hello(mesh, member, session, broker.node, **hello)).encode()))
    await line.greeted
    return line


async def watchers(crowd: "Crowd", count: int, times: int) -> list[Line]:
    """Connections of the member that asks, which watch everything and read nothing more."""
    member = crowd.attacker_keys[0]
    lines = []
    for number in range(count):
        line = await connect(crowd.broker, crowd.mesh.id, member, Key(), label=f"watch-{number}")
        done = line.expect(times)
        for name in range(times):
            line.transport.write(masked(json.dumps(
                {"type": "state_watch", "watchId": f"w{name}", "snapshot": False, "_reqId": f"w{name}"}).encode()))
        await done
        line.transport.pause_reading()
        lines.append(line)
    return lines


# --- the mesh -----------------------------------------------------------------------------------------------------------


class Crowd:
    """A mesh of many sessions, with much state, a long history and a full inbox."""

    def __init__(self, broker: Broker, folder: Path, sessions: int, scale: float) -> None:
        self.broker, self.folder, self.sessions, self.scale = broker, folder, sessions, scale
        self.lines: list[Line] = []

    async def make(self) -> "Crowd":
        self.mesh = await Mesh(self.broker, self.folder / "mesh").create()
        admin = await self.mesh.member("admin", role="admin")
        self.admin = await self.mesh.peer("admin")
        keys = [Key() for _ in range(self.sessions - 3)]
        names = [f"worker-{n:04}-of-the-large-mesh" for n in range(len(keys))]
        await self.pipeline([
            {"type": "add_member", "name": name, "pubkey": key.hex} for name, key in zip(names, keys)])
        gate = asyncio.Semaphore(32)

        async def join(number: int, key: Key) -> None:
            async with gate:
                groups = [{"name": f"team-{(number + k) % 256}"} for k in (0, 1, 2)]
                self.lines.append(await connect(
                    self.broker, self.mesh.id, key, Key(), groups=groups, label=f"session-{number}"))

        await asyncio.gather(*(join(number, key) for number, key in enumerate(keys)))
        self.attacker_keys = (await self.mesh.member("attacker")).key, Key()
        self.victim_keys = (await self.mesh.member("victim")).key, Key()
        self.attacker = await connect(self.broker, self.mesh.id, *self.attacker_keys)
        big = "v" * 62_000
        await self.pipeline([
            {"type": "set_state", "key": f"big:{n:03}", "value": big} for n in range(int(130 * self.scale))])
        await self.admin.request("topic_create", name="history")
        body = b64(b"h" * 30_000)
        await self.pipeline([
            {"type": "send", "id": f"h{n}", "targetSpec": "#history", "nonce": "", "ciphertext": body}
            for n in range(int(200 * self.scale))])
        inbox = self.attacker_keys[1].hex
        await self.pipeline([
            {"type": "send", "id": f"i{n}", "targetSpec": inbox, "nonce": b64(b"n" * 24), "ciphertext": body}
            for n in range(int(60 * self.scale))])
        sent = await self.admin.send_frame(
            {"type": "send", "id": "all", "targetSpec": "*", "nonce": "", "ciphertext": b64(b"to all")})
        self.costly = Costly({"broadcast": sent["messageId"]})
        del admin
        return self

    async def pipeline(self, frames: list[Frame], window: int = 50) -> None:
        """Sends requests, some at a time, and waits for all of their answers."""
        gate = asyncio.Semaphore(window)

        async def one(frame: Frame) -> None:
            async with gate:
                await (self.admin.send_frame(frame) if frame["type"] == "send" else
                       self.admin.request(**{("kind" if k == "type" else k): v for k, v in frame.items()}))

        await asyncio.gather(*(one(frame) for frame in frames))
        self.admin.history.clear()

    def resident(self) -> int:
        with open(f"/proc/{self.broker.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    def worked(self) -> float:
        """Processor seconds of the broker: they say more than the wall's on a busy machine."""
        with open(f"/proc/{self.broker.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metrics(self) -> dict[str, float]:
        _, _, text = http_call(
            self.broker.http, "GET", "/metrics", headers={"Authorization": f"Bearer {self.broker.admin_token}"})
        rows = [row.rsplit(" ", 1) for row in text.decode().splitlines() if row and not row.startswith("#")]
        return {name: float(value) for name, value in rows}

    async def finish(self) -> None:
        for line in [*self.lines, self.attacker]:
            line.transport.abort()
        await self.mesh.finish()


# --- the other member ---------------------------------------------------------------------------------------------------


def victim(pipe: Any, ws: str, mesh: str, member: bytes, session: bytes, node: str, pid: int) -> None:
    """A process of its own: asks again and again, and tells the longest wait and the most memory when it is asked."""
    asyncio.run(victim_main(pipe, ws, mesh, Key(member), Key(session), node, pid))


async def victim_main(pipe: Any, ws: str, mesh: str, member: Key, session: Key, node: str, pid: int) -> None:
    client = MeshClient(ws, mesh, member, session, node)
    await client.hello()
    pipe.send("ready")
    longest, most, count = 0.0, 0, 0
    while True:
        if pipe.poll():
            if pipe.recv() == "stop":
                return
            pipe.send((longest, most, count))
            longest, most, count = 0.0, 0, 0
        begun = time.perf_counter()
        if count % 2:
            await client.request("get_state", key="small")
        else:
            await client.request("set_status", status="idle")
        longest = max(longest, time.perf_counter() - begun)
        count += 1
        client.history.clear()
        client.inbox.clear()
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            most = max(most, int(file.read().split()[1]) * 4096)


@dataclass
class Row:
    name: str
    frames: int
    answers: int
    bytes: int
    largest: int
    delay_ms: float
    memory: int
    seconds: float
    #: Processor seconds of the broker.
    work: float
    codes: dict[str, int]
    ended: bool

    @property
    def holds(self) -> bool:
        return self.delay_ms <= DELAY_MS and self.memory <= MEMORY and not self.ended

    def text(self) -> str:
        return (
            f"{'holds' if self.holds else 'FAILS':5} {self.name:26} {self.frames:5} requests {self.answers:5} answers "
            f"{self.bytes / 1e6:8.1f} MB, largest {self.largest / 1e3:7.0f} kB, delay {self.delay_ms:7.1f} ms, memory "
            f"{self.memory / 1e6:+7.1f} MB, {self.seconds:6.2f} s, work {self.work:5.2f} s{' ENDED' if self.ended else ''} {self.codes or ''}")


async def measure(crowd: Crowd, pipe: Any, name: str, frames: list[bytes], limit: float) -> Row:
    if crowd.attacker.is_closed:
        crowd.attacker = await connect(crowd.broker, crowd.mesh.id, *crowd.attacker_keys)
    await ask(pipe)
    before, worked = crowd.resident(), crowd.worked()
    done = crowd.attacker.expect(len(frames))
    begun = time.perf_counter()
    crowd.attacker.transport.write(b"".join(masked(frame) for frame in frames))
    ended = False
    try:
        await asyncio.wait_for(done, limit)
    except TimeoutError:
        pass
    except ConnectionError:
        ended = True
    seconds = time.perf_counter() - begun
    longest, most, _ = await ask(pipe)
    line = crowd.attacker
    return Row(name, len(frames), line.answers, line.bytes, line.largest, longest * 1e3, max(0, most - before), seconds,
               crowd.worked() - worked, dict(line.codes), ended)


def filled(kind: str, fields: Callable[[int], Frame]) -> list[bytes]:
    """As many requests of a kind as there is room for."""
    frames: list[bytes] = []
    while not frames or sum(map(len, frames)) < BURST - len(frames[-1]):
        number = len(frames)
        frames.append(json.dumps(
            {"type": kind, "id": f"v{number}", "_reqId": f"v{number}"} | fields(number), separators=(",", ":")).encode())
    return frames


async def ask(pipe: Any) -> Any:
    pipe.send("tell")
    return await asyncio.to_thread(pipe.recv)


async def run(options: argparse.Namespace) -> int:
    sys.setswitchinterval(0.001)
    if options.bin:
        os.environ["MESH_BIN"] = str(Path(options.bin).resolve())
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder))
        await asyncio.to_thread(broker.start)
        crowd = Crowd(broker, Path(folder), options.sessions, options.scale)
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        try:
            begun = time.perf_counter()
            await crowd.make()
            await crowd.admin.request("set_state", key="small", value=1)
            print(f"# {options.sessions} sessions in {time.perf_counter() - begun:.1f} s, "
                  f"{crowd.resident() / 1e6:.0f} MB", flush=True)
            assert broker.process is not None
            other = multiprocessing.get_context("spawn").Process(target=victim, daemon=True, args=(
                theirs, broker.ws, crowd.mesh.id, *(bytes(k.signing) for k in crowd.victim_keys), broker.node,
                broker.process.pid))
            other.start()
            await asyncio.to_thread(ours.recv)
            await asyncio.sleep(1)
            idle = (await ask(ours))[0]
            print(f"# the longest wait without load: {idle * 1e3:.1f} ms", flush=True)
            table = REQUESTS
            # A member that has left asks for nothing more.
            work = [(name, crowd.costly.burst(request)) for name, request in table.items() if name != "leave_mesh"]
            for name, (kind, fields) in VARIANTS.items():
                work.append((name, filled(kind, fields)))
            for name, (kind, fields, _, _) in WATCHED.items():
                work.append((name, filled(kind, fields)))
            for name, frames in work:
                if not options.only or name in options.only:
                    lines = await watchers(crowd, *WATCHED[name][2:]) if name in WATCHED else []
                    row = await measure(crowd, ours, name, frames, options.limit)
                    print(row.text(), flush=True)
                    rows.append(row)
                    for line in lines:
                        line.transport.abort()
            hits = {name: value for name, value in crowd.metrics().items() if value and re.match(
                r"broker_(batches_cut|reads_|deliveries_|slow_consumers|watches_)", name)}
            print(f"# budgets: {hits}")
            ours.send("stop")
        finally:
            await crowd.finish()
            broker.finish_now()
    failed = [row.name for row in rows if not row.holds]
    print(f"# {len(rows) - len(failed)} hold, {len(failed)} do not: {', '.join(failed)}")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", help="the folder of meshd and mesh-cli")
    parser.add_argument("--sessions", type=int, default=1_000)
    parser.add_argument("--scale", type=float, default=1.0, help="of state, history and inbox")
    parser.add_argument("--limit", type=float, default=30.0, help="seconds to wait for the answers to one burst")
    parser.add_argument("--only", nargs="*", help="these requests alone")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())

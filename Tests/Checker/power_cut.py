#!/usr/bin/env python3
"""Cuts the power: records every file call of a broker under load, builds what a disk may hold after a cut at any moment,
and judges what a broker makes of it.

    python Tests/Checker/power_cut.py --states 500 --seed 7

What was written before a file's last sync is safe. Each later write is there, is not there, or is torn at sectors of 512
bytes; each later truncation happened or not. Names are safe when their folder was synced; of later changes to a folder's
names the first few have happened. What the broker put on the wire before the cut is what it has promised.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import secrets
import shutil
import sqlite3
import struct
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "Interop")]

import ledger_verify  # noqa: E402
import shim  # noqa: E402
from harness import Broker, Cli, Mesh, accepted_in  # noqa: E402
from mesh_client import MeshClient  # noqa: E402
from mesh_keys import Key  # noqa: E402

SECTOR = 512
ACK = re.compile(rb'\{"type":"ack","id":"[^"]*","messageId":"([^"]+)","queued":true')
#: Made by SQLite for this machine's memory alone, and by us for locks: nothing of them survives.
NOT_KEPT = ("-shm",)


# --- the recording -------------------------------------------------------------------------------------------------


class Record(NamedTuple):
    operation: str
    path: str
    offset: int
    data: bytes


def read_log(path: Path) -> Iterator[Record]:
    with open(path, "rb") as file:
        while head := file.read(15):
            operation, length, offset, size = struct.unpack("<cHQI", head)
            name = file.read(length).decode()
            yield Record(operation.decode(), name, offset, file.read(size))


# --- the disk ------------------------------------------------------------------------------------------------------


@dataclass
class File:
    """What is safe of a file, and what was done to it since its last sync: (offset, bytes) or (size, None)."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    @staticmethod
    def change(content: bytearray, offset: int, data: bytes | None) -> None:
        if data is None:
            if offset < len(content):
                del content[offset:]
            else:
                content.extend(bytes(offset - len(content)))
            return
        if offset > len(content):
            content.extend(bytes(offset - len(content)))
        content[offset:offset + len(data)] = data

    def sync(self) -> None:
        for offset, data in self.pending:
            self.change(self.safe, offset, data)
        self.pending.clear()

    def after_cut(self, chance: random.Random, keep: float) -> bytes:
        content = bytearray(self.safe)
        for offset, data in self.pending:
            if chance.random() < keep:
                self.change(content, offset, data)
            elif data is not None and keep > 0 and chance.random() < 0.3:
                self._tear(content, offset, data, chance)
        return bytes(content)

    def _tear(self, content: bytearray, offset: int, data: bytes, chance: random.Random) -> None:
        """Only some sectors of a write have reached the disk."""
        at = offset
        while at < offset + len(data):
            end = min(offset + len(data), (at // SECTOR + 1) * SECTOR)
            if chance.random() < 0.5:
                self.change(content, at, data[at - offset:end - offset])
            at = end


class Disk:
    """Files and names, with what a power cut may undo. `obeys_sync` false is a disk that lies for the files of a
    suffix: the control that shows what the judge can see."""

    def __init__(self, root: str, lies_about: str | None = None) -> None:
        self.root = root
        self.lies_about = lies_about
        self.names: dict[str, File | None] = {root: None}
        self.safe_names: dict[str, File | None] = {root: None}
        self.changes: dict[str, list[tuple[str, str, File | None]]] = {}
        self.acknowledged: list[str] = []

    def apply(self, record: Record) -> None:
        path = record.path
        if record.operation == "A":
            self.acknowledged += [match.decode() for match in ACK.findall(record.data)]
            return
        if path.endswith(NOT_KEPT):
            return
        match record.operation:
            case "O":
                self._name("link", path, File())
            case "M":
                self._name("link", path, None)
            case "U":
                self._name("unlink", path, self.names.get(path))
            case "R":
                file = self.names.get(path)
                self._name("unlink", path, file)
                self._name("link", record.data.decode(), file)
            case "W":
                self._file(path).pending.append((record.offset, record.data))
            case "T":
                self._file(path).pending.append((record.offset, None))
            case "S":
                if self.lies_about is None or not path.endswith(self.lies_about):
                    self._file(path).sync()
            case "D":
                for change in self.changes.pop(path, []):
                    self._change(self.safe_names, change)

    def _file(self, path: str) -> File:
        file = self.names.get(path)
        assert file is not None, f"a write to {path}, which nobody made"
        return file

    def _name(self, kind: str, path: str, file: File | None) -> None:
        change = (kind, path, file)
        self._change(self.names, change)
        self.changes.setdefault(str(Path(path).parent), []).append(change)

    @staticmethod
    def _change(names: dict[str, File | None], change: tuple[str, str, File | None]) -> None:
        kind, path, file = change
        if kind == "link":
            names[path] = file
        else:
            names.pop(path, None)

    def cut(self, chance: random.Random) -> dict[str, bytes | None]:
        """What may be there afterwards: bytes of files, None for folders."""
        keep = chance.choice([0.0, 1.0, chance.random(), chance.random()])
        names = dict(self.safe_names)
        for changes in self.changes.values():
            for change in changes[:chance.randint(0, len(changes)) if keep < 1 else len(changes)]:
                self._change(names, change)
        folders = {path for path, file in names.items() if file is None}
        result: dict[str, bytes | None] = {}
        for path, file in names.items():
            parents = {str(parent) for parent in Path(path).parents if str(parent).startswith(self.root)}
            if parents <= folders:
                result[path[len(self.root):].lstrip("/")] = None if file is None else file.after_cut(chance, keep)
        return result


# --- the load ------------------------------------------------------------------------------------------------------


@dataclass
class Recording:
    broker: Broker
    mesh: Mesh
    log: Path
    #: Who sent a message to whom, by the message's id.
    recipients: dict[str, str]
    sessions: dict[str, Key]
    #: Below this record nothing is promised: mesh and members are still being made.
    ready_at: int


async def record(folder: Path, messages: int, body: int) -> Recording:
    """Runs a broker under load, with a kill and an orderly end in between, and writes down what it does to its disk."""
    broker = Broker(folder)
    broker.data.mkdir(mode=0o700)
    log = folder / "calls.log"
    shim.load(broker, log=log)
    await asyncio.to_thread(broker.start)
    mesh = await Mesh(broker, folder / "mesh").create()
    sessions = {name: Key() for name in ("ada", "bob", "cleo")}
    for name in sessions:
        await mesh.member(name)
        await (await mesh.peer(name, sessions[name], auto_ack=False)).close()
    ready_at = sum(1 for _ in read_log(log))
    recipients: dict[str, str] = {}
    for end in ("kill", "term", "kill"):
        await asyncio.gather(*(talk(mesh, sessions, name, messages // 9, body, recipients) for name in sessions))
        await asyncio.to_thread(broker.kill if end == "kill" else broker.terminate)
        if end != "kill" or sum(1 for _ in recipients) < messages // 2:
            await asyncio.to_thread(broker.start)
    broker.finish_now()
    shim.unload(broker)
    return Recording(broker, mesh, log, recipients, sessions, ready_at)


async def talk(mesh: Mesh, sessions: dict[str, Key], name: str, count: int, body: int, recipients: dict[str, str]) -> None:
    """Sends to the two others in turn; what arrives is read and never acknowledged."""
    peer = MeshClient(mesh.broker.ws, mesh.id, (await mesh.member(name)).key, sessions[name], mesh.broker.node, False)
    await peer.hello(replace=True)
    others = [other for other in sessions if other != name]
    for start in range(0, count, 16):
        frames = {}
        for n in range(start, min(start + 16, count)):
            other = others[n % 2]
            frame = peer.frame_to(sessions[other].hex, secrets.token_hex(body // 2))
            frames[frame["id"]] = other
            await peer.write(frame)
        while frames:
            ack = await peer.take("ack")
            assert ack["queued"], ack
            recipients[ack["messageId"]] = frames.pop(ack["id"])
        peer.inbox.clear()
        peer.history.clear()
    await peer.close()


# --- the verdict ---------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    states: int = 0
    promised: int = 0
    faults: list[str] = field(default_factory=list)


async def judge(recording: Recording, states: int, seed: int, lies_about: str | None = None, tell=lambda _: None) -> Outcome:
    """Cuts the power at `states` random moments."""
    chance = random.Random(seed)
    total = sum(1 for _ in read_log(recording.log))
    early = max(1, states // 10)
    cuts = sorted([chance.randint(1, recording.ready_at) for _ in range(early)]
                  + [chance.randint(recording.ready_at, total) for _ in range(states - early)])
    outcome = Outcome()
    disk = Disk(str(recording.broker.data), lies_about)
    number = 0
    for place, line in enumerate(read_log(recording.log), 1):
        disk.apply(line)
        while number < len(cuts) and cuts[number] == place:
            number += 1
            promised = list(disk.acknowledged) if place >= recording.ready_at else []
            problems = await look(recording, disk.cut(chance), promised, place >= recording.ready_at)
            outcome.states += 1
            outcome.promised += len(promised)
            outcome.faults += [f"cut {number} after call {place}: {problem}" for problem in problems]
            if number % 25 == 0:
                tell(f"{number}/{states} states, {len(outcome.faults)} faults")
    return outcome


async def look(recording: Recording, state: dict[str, bytes | None], promised: list[str], is_ready: bool) -> list[str]:
    """What is wrong with a broker that starts on this disk."""
    folder = Path(tempfile.mkdtemp(prefix="mesh-power-cut-"))
    try:
        for name in ("stock", "data"):
            lay_out(folder / name, state)
        problems = list(stock_check(folder / "stock"))
        broker = Broker(folder)
        broker.port = recording.broker.port
        try:
            await asyncio.to_thread(broker.start)
        except AssertionError as error:
            return [*problems, f"the broker does not start: {error}"]
        try:
            if is_ready:
                problems += await ask(recording, broker, folder, promised)
        finally:
            broker.finish_now()
        return problems
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lay_out(folder: Path, state: dict[str, bytes | None]) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, data in sorted(state.items()):
        path = folder / name
        if data is None:
            path.mkdir(mode=0o700, exist_ok=True)
        else:
            path.write_bytes(data)
            path.chmod(0o600)


def stock_check(folder: Path) -> Iterable[str]:
    """SQLite's own opinion of each database, without a broker."""
    for path in sorted(folder.rglob("*.sqlite")):
        try:
            with sqlite3.connect(path) as database:
                answer = database.execute("PRAGMA integrity_check").fetchall()
            database.close()
            if answer != [("ok",)]:
                yield f"{path.name}: {answer[:3]}"
        except sqlite3.Error as error:
            yield f"{path.name}: {error}"


async def ask(recording: Recording, broker: Broker, folder: Path, promised: list[str]) -> list[str]:
    """Asks the broker itself: the ledger, and what waits for each recipient."""
    problems = []
    home = folder / "owner"
    shutil.copytree(recording.mesh.owner.home, home)
    exported = await Cli(broker, home).run("ledger", "export", code=None)
    if exported.code != 0:
        return [f"the ledger is not to be had: {exported.err.strip()}"]
    try:
        ledger_verify.verify_export(exported.out.encode())
    except ledger_verify.Broken as error:
        problems.append(f"the ledger does not verify: {error}")
    accepted = set(accepted_in(exported.out))
    if missing := sorted(set(promised) - accepted):
        problems.append(f"{len(missing)} of {len(promised)} acknowledged messages are not in the ledger: {missing[:3]}")
    waiting: dict[str, set[str]] = {}
    for name, session in recording.sessions.items():
        key = recording.mesh.members[name].key
        peer = MeshClient(broker.ws, recording.mesh.id, key, session, broker.node, auto_ack=False)
        try:
            await peer.hello(replace=True)
            waiting[name] = await inbox_of(peer)
        except Exception as error:  # noqa: BLE001
            return [*problems, f"{name} cannot ask for its inbox: {error!r}"]
        finally:
            await peer.close()
    missing = [one for one in promised if one in recording.recipients and one not in waiting[recording.recipients[one]]]
    if missing:
        problems.append(f"{len(missing)} of {len(promised)} acknowledged messages wait for nobody: {missing[:3]}")
    return problems


async def inbox_of(peer: MeshClient) -> set[str]:
    found: list[str] = []
    while True:
        after = {"after": found[-1]} if found else {}
        page = await peer.request("list_inbox", limit=200, **after)
        found += [one["messageId"] for one in page["messages"]]
        # A page of large messages holds fewer than were asked for: only an empty one is the end.
        if not page["messages"]:
            return set(found)


async def main_async(options: argparse.Namespace, folder: Path) -> int:
    recording = await record(folder, options.messages, options.body)
    size = recording.log.stat().st_size
    print(f"seed {options.seed}: {len(recording.recipients)} acknowledged messages, "
          f"{sum(1 for _ in read_log(recording.log))} calls, {size / 1e6:.1f} MB", flush=True)
    outcome = await judge(recording, options.states, options.seed, tell=lambda text: print(text, flush=True))
    for fault in outcome.faults:
        print(fault)
    print(f"{outcome.states} power cuts, {outcome.promised} promises looked at, {len(outcome.faults)} faults")
    return 1 if outcome.faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", type=int, default=500)
    parser.add_argument("--messages", type=int, default=1800)
    parser.add_argument("--body", type=int, default=8192, help="bytes of each message")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--bin", help="folder of meshd and mesh-cli (default: the debug build)")
    options = parser.parse_args()
    if options.bin:
        os.environ["MESH_BIN"] = str(Path(options.bin).resolve())
    folder = Path(tempfile.mkdtemp(prefix="mesh-power-"))
    try:
        return asyncio.run(main_async(options, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

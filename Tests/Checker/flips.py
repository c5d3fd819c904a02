#!/usr/bin/env python3
"""Flips single bits of a mesh's file, and compares everything that a broker then serves with the truth.

    python Tests/Checker/flips.py --flips 300 --seed 7

A broker may refuse, for one request or for the whole mesh, and it must say so. What it serves must be what was written:
values, histories, rosters, rights, messages that wait, the ledger.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websockets

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "Interop")]

from harness import Broker, Mesh  # noqa: E402
from mesh_client import MeshClient, Refused  # noqa: E402
from mesh_keys import Key  # noqa: E402
from power_cut import inbox_of  # noqa: E402

#: What every value of the state begins with, so that a flip can be aimed at one.
MARK = "truth-"
TOPICS = ("deploys", "random")
#: A page of a mesh's file.
PAGE = 16_384


@dataclass
class Prepared:
    """A data folder of a broker that was stopped, and what it served before."""

    broker: Broker
    mesh: Mesh
    sessions: dict[str, Key]
    #: How many entries its ledger had; what comes behind them differs from start to start.
    entries: int
    truth: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.broker.data / "meshes" / f"{self.mesh.id}.sqlite"

    def peer(self, broker: Broker, name: str) -> MeshClient:
        return MeshClient(broker.ws, self.mesh.id, self.mesh.members[name].key, self.sessions[name],
                          self.broker.node, auto_ack=False)


async def prepare(folder: Path, entries: int = 300) -> Prepared:
    """Fills a mesh with some of everything, stops its broker, and asks for the truth with another start."""
    broker = Broker(folder)
    await asyncio.to_thread(broker.start)
    mesh = await Mesh(broker, folder / "mesh").create()
    sessions = {name: Key() for name in ("ada", "bob", "carl")}
    ada, bob, carl = [await mesh.peer(name, session, auto_ack=False) for name, session in sessions.items()]
    await carl.request("join_group", name="night")
    await mesh.owner.run("member", "rights", "carl", "--deny", "send")
    await mesh.owner.run("invite")
    for name in TOPICS:
        await ada.request("topic_create", name=name)
        await bob.request("topic_join", topic=name)
    await bob.close()
    for number in range(entries // 10):
        await ada.request("set_state", key=f"key/{number:03}", value=f"{MARK}{number}-{secrets.token_hex(40)}")
        await ada.say(f"#{TOPICS[number % 2]}", f"{MARK}topic {number} {secrets.token_hex(60)}")
    for number in range(4):
        await ada.request("set_state", key=f"large/{number}", value=MARK + secrets.token_hex(15_000))
        if number % 2:
            await ada.request("delete_state", key=f"large/{number}")
    for number in range(entries):
        await ada.say(sessions["bob"].hex, f"{number} {secrets.token_hex(8 if number % 20 else 9_000)}")
    filled = (await ada.request("ledger_head"))["size"]
    await mesh.finish()
    await asyncio.to_thread(broker.terminate)
    prepared = Prepared(broker, mesh, sessions, filled)
    prepared.truth = await ask_on_a_copy(prepared)
    broken = {name: answer for name, answer in prepared.truth.items() if isinstance(answer, Error)}
    assert not broken, f"the truth cannot be read: {broken}"
    return prepared


class Error(str):
    """What was answered instead of an answer."""


async def ask_on_a_copy(prepared: Prepared, place: int | None = None, bit: int = 0,
                        environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Starts a broker on a copy of the folder, with a bit flipped when a place is given, and asks for everything."""
    folder = Path(tempfile.mkdtemp(prefix="mesh-flip-"))
    broker = Broker(folder)
    broker.environment |= environment or {}
    try:
        shutil.copytree(prepared.broker.data, broker.data)
        if place is not None:
            with open(broker.data / "meshes" / prepared.file.name, "r+b") as file:
                file.seek(place)
                byte = file.read(1)[0]
                file.seek(place)
                file.write(bytes([byte ^ 1 << bit]))
        await asyncio.to_thread(broker.start)
        return await everything(prepared, broker)
    finally:
        code = broker.process.poll() if broker.process else None
        assert code is None, f"meshd ended with {code}: {broker.log()}"
        broker.finish_now()
        shutil.rmtree(folder, ignore_errors=True)


async def everything(prepared: Prepared, broker: Broker) -> dict[str, Any]:
    """What a member is served, by question; an `Error` where there is no answer."""
    seen: dict[str, Any] = {}
    ada, bob = prepared.peer(broker, "ada"), prepared.peer(broker, "bob")

    async def ask(name: str, question: Any) -> None:
        if isinstance(seen.get("hello"), Error):
            question.close()
            seen[name] = seen["hello"]
            return
        try:
            seen[name] = await asyncio.wait_for(question, 20)
        except Refused as refused:
            seen[name] = Error(f"{refused.code}: {refused}")
        except (OSError, AssertionError, AttributeError, websockets.WebSocketException, TimeoutError) as error:
            log = broker.log()
            # Silence is no answer either, when the broker says why.
            said = "damaged" in log or "a mesh is stopped" in log
            seen[name] = Error(f"{'stopped' if said else 'SILENT'}: {error!r} {'' if said else log[-300:]}")

    await ask("hello", greet(ada))
    await ask("state", state(ada))
    for key in ("key/003", "large/2", "large/1", "none"):
        await ask(f"value of {key}", ada.request("get_state", key=key))
    await ask("members", members(ada))
    await ask("groups", ada.request("list_groups"))
    await ask("topics", ada.request("topic_list"))
    for topic in TOPICS:
        await ask(f"history of {topic}", history(ada, topic))
        await ask(f"members of {topic}", ada.request("topic_members", topic=topic))
    await ask("ledger", ledger(ada, prepared.entries))
    await ask("rights", rights(prepared, broker))
    await ask("inbox", inbox(prepared, bob))
    for peer in (ada, bob):
        try:
            await peer.close()
        except (OSError, AttributeError, websockets.WebSocketException):
            pass
    for name, answer in seen.items():
        if isinstance(answer, dict):
            answer.pop("_reqId", None)
    return seen


async def greet(peer: MeshClient) -> str:
    await peer.hello(replace=True)
    return "greeted"


async def state(peer: MeshClient) -> list[Any]:
    return (await peer.request("list_state"))["entries"]


async def members(peer: MeshClient) -> list[Any]:
    rows = (await peer.request("list_members"))["members"]
    return [{name: row[name] for name in ("memberId", "name", "pubkey", "role", "joinedAt")} for row in rows]


async def history(peer: MeshClient, topic: str) -> list[Any]:
    return (await peer.request("topic_history", topic=topic, limit=200))["messages"]


async def ledger(peer: MeshClient, count: int) -> list[str]:
    lines: list[str] = []
    while len(lines) < count:
        page = await peer.request("ledger_export", **{"from": len(lines)})
        lines += page["entries"]
        if not page["entries"]:
            break
    return lines[:count]


async def rights(prepared: Prepared, broker: Broker) -> str:
    """Whether the member that may not send can."""
    carl = prepared.peer(broker, "carl")
    try:
        await carl.hello(replace=True)
        await carl.say(prepared.sessions["ada"].hex, "let me in")
        return "carl may send"
    except Refused as refused:
        if refused.code == "forbidden":
            return "carl may not send"
        raise
    finally:
        try:
            await carl.close()
        except (OSError, AttributeError, websockets.WebSocketException):
            pass


async def inbox(prepared: Prepared, bob: MeshClient) -> list[str]:
    """The texts that wait for bob, opened with his key."""
    await bob.hello(replace=True)
    count = len(prepared.truth.get("inbox") or []) or len(await inbox_of(bob))
    return sorted([(await bob.message())[1] for _ in range(count)])


@dataclass
class Outcome:
    flips: int = 0
    #: Flips that changed nothing that is served: free space, and what nobody asked for.
    unnoticed: int = 0
    #: Flips that ended in at least one error.
    refused: int = 0
    #: What was served and is not true, and silence without a reason.
    untrue: list[str] = field(default_factory=list)


def compare(prepared: Prepared, seen: dict[str, Any], where: str, outcome: Outcome) -> None:
    outcome.flips += 1
    errors = {name: answer for name, answer in seen.items() if isinstance(answer, Error)}
    outcome.untrue += [f"{where}: {name}: {answer}" for name, answer in errors.items() if answer.startswith("SILENT")]
    for name, answer in prepared.truth.items():
        if name not in errors and seen[name] != answer:
            outcome.untrue.append(f"{where}: {name}: {difference(answer, seen[name])}")
    outcome.refused += bool(errors)
    outcome.unnoticed += not errors


def difference(expected: Any, got: Any) -> str:
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return f"{len(got)} of {len(expected)}"
        expected, got = next((pair for pair in zip(expected, got) if pair[0] != pair[1]), (expected, got))
    return f"{json.dumps(got)[:300]} instead of {json.dumps(expected)[:300]}"


def places(prepared: Prepared, flips: int, chance: random.Random) -> list[tuple[int, int]]:
    """Random places of the file; every tenth of them in its first hundred bytes, which say what the file is."""
    size = prepared.file.stat().st_size
    return [(chance.randrange(100) if number % 10 == 0 else chance.randrange(size), chance.randrange(8))
            for number in range(flips)]


def values_in(prepared: Prepared) -> list[int]:
    """Where values of the state stand in the file, behind their mark."""
    data = prepared.file.read_bytes()
    mark, found, at = f'"{MARK}'.encode(), [], 0
    while (at := data.find(mark, at)) >= 0:
        found.append(at + len(mark) + 4)
        at += 1
    return found


async def judge(prepared: Prepared, spots: list[tuple[int, int]], environment: dict[str, str] | None = None,
                tell=lambda _: None) -> Outcome:
    outcome = Outcome()
    for number, (place, bit) in enumerate(spots, 1):
        where = f"bit {bit} of byte {place} (page {place // PAGE + 1})"
        try:
            seen = await ask_on_a_copy(prepared, place, bit, environment)
        except AssertionError as error:
            outcome.flips += 1
            outcome.untrue.append(f"{where}: {error}")
            continue
        compare(prepared, seen, where, outcome)
        if number % 20 == 0:
            tell(f"{number}/{len(spots)}: {outcome.refused} refused, {outcome.unnoticed} without effect, "
                 f"{len(outcome.untrue)} untrue")
    return outcome


async def main_async(options: argparse.Namespace, folder: Path) -> int:
    prepared = await prepare(folder)
    print(f"seed {options.seed}: a file of {prepared.file.stat().st_size:,} bytes", flush=True)
    spots = places(prepared, options.flips, random.Random(options.seed))
    outcome = await judge(prepared, spots, tell=lambda text: print(text, flush=True))
    for line in outcome.untrue:
        print(line)
    print(f"{outcome.flips} flips: {outcome.refused} refused, {outcome.unnoticed} without effect, "
          f"{len(outcome.untrue)} untrue")
    return 1 if outcome.untrue or not outcome.refused else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--bin", help="folder of meshd and mesh-cli (default: the debug build)")
    options = parser.parse_args()
    if options.bin:
        os.environ["MESH_BIN"] = str(Path(options.bin).resolve())
    folder = Path(tempfile.mkdtemp(prefix="mesh-flips-"))
    try:
        return asyncio.run(main_async(options, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

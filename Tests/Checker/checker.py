#!/usr/bin/env python3
"""Runs load against a real broker, strikes it with faults, and judges what was seen.

    python Tests/Checker/checker.py --rounds 100 --fault mix --seed 7

Each message says who sent it, in which conversation, its number and the hash of its body. Senders send again what was
not acknowledged, recipients acknowledge what they have handled. In the end everything that was acknowledged must have
arrived, unchanged, in order, at exactly those whom it was for, and the ledger must verify.
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
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "Interop")]

import ledger_verify  # noqa: E402
import shim  # noqa: E402
from faults import KINDS, strike  # noqa: E402
from harness import Broker, Mesh, accepted_in  # noqa: E402
from history import History  # noqa: E402
from judge import FATAL, Verdict, judge  # noqa: E402
from load import GROUP, Peer  # noqa: E402

#: Without any news for this long the queues are taken to be drained.
QUIET = 1.5
DRAIN_LIMIT = 60.0


async def run(
    rounds: int, fault: str, seed: int, peers: int, seconds: float, folder: Path, tell=print,
    environment: dict[str, str] | None = None, drain_limit: float = DRAIN_LIMIT,
) -> Verdict:
    """The whole run: load, faults, drain, verdict."""
    chance = random.Random(seed)
    history = History()
    broker = Broker(folder)
    broker.environment |= environment or {}
    clock = None
    if fault in ("clock", "mix"):
        clock = shim.Clock(folder / "clock")
        shim.load(broker, clock=clock.path)
    await asyncio.to_thread(broker.start)
    mesh = await Mesh(broker, folder / "mesh").create()
    everyone = []
    for number in range(peers):
        member = await mesh.member(f"peer{number}")
        everyone.append(Peer(member.name, mesh.id, member.key, broker.node, history, chance.getrandbits(32)))
    for peer in everyone:
        peer.others = {other.name: other.session.hex for other in everyone if other is not peer}
    tasks = [asyncio.create_task(peer.run(broker.ws)) for peer in everyone]
    try:
        # Whom a group or everyone reaches is known only once all are there.
        await until(lambda: all(peer.client for peer in everyone), 20)
        for peer in everyone:
            peer.sending = True
        for number in range(rounds):
            await asyncio.sleep(chance.uniform(0.05, seconds))
            kind = chance.choice(KINDS) if fault == "mix" else fault
            before = time.monotonic()
            await strike(kind, broker, chance, history, clock)
            tell(f"round {number + 1}/{rounds}: {kind}, back after {time.monotonic() - before:.2f} s, "
                 f"{len(history.events)} events")
        await asyncio.sleep(seconds)
        for peer in everyone:
            peer.sending = False
        drained = await drain(everyone, history, drain_limit)
        for peer in everyone:
            peer.give_up()
        names = {peer.name for peer in everyone}
        reaches = {(one.name, f"d:{other}"): {other} for one in everyone for other in one.others}
        reaches |= {(one.name, where): names - {one.name} for one in everyone for where in (f"@{GROUP}", "*")}
        verdict = judge(history.events, reaches, drained)
        await check_ledger(mesh, history, verdict)
        return verdict
    finally:
        for peer in everyone:
            peer.stopping = True
        await asyncio.wait(tasks, timeout=10)
        history.write(folder / "history.jsonl")
        broker.finish_now()


async def until(condition, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.02)
    return True


async def drain(everyone: list[Peer], history: History, limit: float) -> bool:
    """Waits until every send is answered and nothing comes any more."""
    if not await until(lambda: all(peer.client and not peer.open for peer in everyone), limit):
        return False
    end = time.monotonic() + limit
    while time.monotonic() < end:
        seen = len(history.events)
        await asyncio.sleep(QUIET)
        if len(history.events) == seen:
            return True
    return False


async def check_ledger(mesh: Mesh, history: History, verdict: Verdict) -> None:
    """The ledger verifies, and has exactly one acceptance for each acknowledged message."""
    path = mesh.folder / "ledger.jsonl"
    exported = await mesh.owner.run("ledger", "export", code=None)
    if exported.code != 0:
        verdict.fault("lost", f"the ledger is not to be had: {exported.err.strip()}")
        return
    path.write_text(exported.out, encoding="utf-8")
    try:
        ledger_verify.verify_export(path.read_bytes())
    except ledger_verify.Broken as error:
        verdict.fault("lost", f"the ledger does not verify: {error}")
        return
    accepted = accepted_in(exported.out)
    known = {event.message_id for event in history.events if event.kind == "ok"}
    for message_id in sorted(known - set(accepted))[:5]:
        verdict.fault("lost", f"{message_id} was acknowledged and is not in the ledger")
    if len(set(accepted)) != len(accepted):
        verdict.fault("two messages for one id", "the ledger has a message twice")
    verdict.counts["in ledger"] = len(accepted)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--fault", choices=(*KINDS, "mix"), default="mix")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--peers", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="load before each fault, at most")
    parser.add_argument("--bin", help="folder of meshd and mesh-cli (default: the debug build)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.bin:
        os.environ["MESH_BIN"] = str(Path(options.bin).resolve())
    folder = Path(tempfile.mkdtemp(prefix="mesh-checker-"))
    tell = (lambda text: None) if options.json else (lambda text: print(text, flush=True))
    tell(f"seed {options.seed}, folder {folder}")
    verdict = asyncio.run(
        run(options.rounds, options.fault, options.seed, options.peers, options.seconds, folder, tell))
    if options.json:
        print(json.dumps({"seed": options.seed, "passes": verdict.passes, **verdict.counts, "cases": verdict.cases}))
    else:
        for name, count in sorted(verdict.counts.items(), key=lambda row: (row[0] in FATAL, row[0])):
            print(f"{'FAULT ' if name in FATAL else ''}{name}: {count}")
        for name in FATAL:
            for case in verdict.cases.get(name, []):
                print(f"  {name}: {case}")
        print("passes" if verdict.passes else f"FAILS; the history is in {folder}")
    if verdict.passes:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if verdict.passes else 1


if __name__ == "__main__":
    sys.exit(main())

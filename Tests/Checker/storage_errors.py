#!/usr/bin/env python3
"""Makes one file call of a broker fail, the first, the second, and so on; and judges what became of its promises.

    python Tests/Checker/storage_errors.py            every call, four kinds of failure
    python Tests/Checker/storage_errors.py --sample 40 --seed 7

A broker may refuse, or end with an error that names its cause. It may not end by a trap, and started again on the same
files it must have everything that it acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import websockets

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "Interop")]

import ledger_verify  # noqa: E402
import shim  # noqa: E402
from harness import Broker, Cli, Mesh, accepted_in  # noqa: E402
from mesh_client import MeshClient, Refused  # noqa: E402
from mesh_keys import Key  # noqa: E402
from power_cut import inbox_of  # noqa: E402

KINDS = [(number, how) for number in (errno.EIO, errno.ENOSPC) for how in ("once", "on")]
MESSAGES = 6
LOST = (OSError, AssertionError, websockets.WebSocketException, TimeoutError)


@dataclass
class Prepared:
    """A data folder of a broker that was stopped, with a mesh of two members in it."""

    broker: Broker
    mesh: Mesh
    sessions: dict[str, Key]

    def peer(self, broker: Broker, name: str) -> MeshClient:
        return MeshClient(broker.ws, self.mesh.id, self.mesh.members[name].key, self.sessions[name],
                          self.broker.node, auto_ack=False)


async def prepare(folder: Path) -> Prepared:
    broker = Broker(folder)
    await asyncio.to_thread(broker.start)
    mesh = await Mesh(broker, folder / "mesh").create()
    sessions = {name: Key() for name in ("ada", "bob")}
    for name in sessions:
        await (await mesh.peer(name, sessions[name], auto_ack=False)).close()
    broker.terminate()
    return Prepared(broker, mesh, sessions)


@dataclass
class Episode:
    """What was seen with one failure planted."""

    #: The failing call was reached.
    struck: bool = False
    acknowledged: list[str] = field(default_factory=list)
    #: The recipient said so; that may have been stored.
    handled: list[str] = field(default_factory=list)
    #: The broker said that it is stored that the recipient said so.
    settled: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


async def strike(prepared: Prepared, call: int, number: int, how: str) -> Episode:
    folder = Path(tempfile.mkdtemp(prefix="mesh-storage-"))
    try:
        return await episode(prepared, folder, f"{call}:{number}:{how}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def episode(prepared: Prepared, folder: Path, plan: str) -> Episode:
    seen = Episode()
    broker = Broker(folder)
    broker.port = prepared.broker.port
    shutil.copytree(prepared.broker.data, broker.data)
    shim.load(broker, fail=plan)
    try:
        await asyncio.to_thread(broker.start)
        await load(prepared, broker, seen)
    except AssertionError as error:
        # It ended before it was ready: told below.
        if broker.process is None or broker.process.poll() is None:
            seen.problems.append(str(error))
    except (OSError, HTTPException) as error:
        # It was ready, and ended before its first answer: told below as well.
        try:
            await asyncio.to_thread(broker.process.wait, 5)
        except subprocess.TimeoutExpired:
            seen.problems.append(f"it answers nothing, and does not end: {error!r}")
    assert broker.process is not None
    code = broker.process.poll() if broker.process.poll() is not None else await asyncio.to_thread(broker.terminate)
    log = (folder / "meshd.log").read_text(errors="replace")
    seen.struck = "faults_shim: call" in log
    if code < 0 or code in (132, 133, 134, 139):
        seen.problems.append(f"it ended by a signal: {code}: {log[-1500:]}")
    elif code != 0 and not any(word in log for word in ("storage", "ioError", "full", "readOnly", "error")):
        seen.problems.append(f"it ended with {code} and does not say why: {log[-1500:]}")
    shim.unload(broker)
    try:
        await asyncio.to_thread(broker.start)
        await verify(prepared, broker, folder, seen)
    except AssertionError as error:
        seen.problems.append(f"it does not start again: {error}")
    finally:
        broker.finish_now()
    return seen


async def load(prepared: Prepared, broker: Broker, seen: Episode) -> None:
    """A few messages and acknowledgements, until the broker does not answer any more."""
    ada, bob = (prepared.peer(broker, name) for name in ("ada", "bob"))
    try:
        await bob.hello(replace=True)
        await ada.hello(replace=True)
        for n in range(MESSAGES):
            try:
                ack = await asyncio.wait_for(ada.say(prepared.sessions["bob"].hex, f"{n} " + secrets.token_hex(1500)), 3)
                seen.acknowledged.append(ack["messageId"])
                if n % 2:
                    push, _ = await asyncio.wait_for(bob.message(), 3)
                    seen.handled.append(push["messageId"])
                    await asyncio.wait_for(bob.acknowledge(push), 3)
                    seen.settled.append(push["messageId"])
            except Refused:
                continue
    except (*LOST, Refused):
        return
    finally:
        for peer in (ada, bob):
            try:
                await peer.close()
            except LOST + (AttributeError,):
                pass


async def verify(prepared: Prepared, broker: Broker, folder: Path, seen: Episode) -> None:
    home = folder / "owner"
    shutil.copytree(prepared.mesh.owner.home, home)
    exported = await Cli(broker, home).run("ledger", "export", code=None)
    if exported.code != 0:
        seen.problems.append(f"the ledger is not to be had: {exported.err.strip()}: {broker.log()[-800:]}")
        return
    try:
        ledger_verify.verify_export(exported.out.encode())
    except ledger_verify.Broken as error:
        seen.problems.append(f"the ledger does not verify: {error}")
    accepted = set(accepted_in(exported.out))
    bob = prepared.peer(broker, "bob")
    await bob.hello(replace=True)
    waiting = await inbox_of(bob)
    await bob.close()
    for one in seen.acknowledged:
        if one not in accepted:
            seen.problems.append(f"{one} was acknowledged and is not in the ledger")
        if one not in waiting and one not in seen.handled:
            seen.problems.append(f"{one} was acknowledged and waits for nobody")
    for one in seen.settled:
        if one in waiting:
            seen.problems.append(f"{one} was settled and is offered again")


async def calls_of(prepared: Prepared) -> int:
    """How many file calls an undisturbed episode makes, about."""
    low, high = 1, 4096
    while low < high:
        middle = (low + high + 1) // 2
        seen = await strike(prepared, middle, errno.EIO, "once")
        low, high = (middle, high) if seen.struck else (low, middle - 1)
    return low


async def walk(prepared: Prepared, sample: int | None, seed: int, tell=lambda _: None) -> tuple[int, list[str]]:
    """All of them, or some at random: how many failures struck, and what was wrong."""
    total = await calls_of(prepared)
    plans = [(call, *kind) for call in range(1, total + 1) for kind in KINDS]
    if sample is not None:
        plans = random.Random(seed).sample(plans, min(sample, len(plans)))
    struck, problems = 0, []
    for place, (call, number, how) in enumerate(plans, 1):
        seen = await strike(prepared, call, number, how)
        struck += seen.struck
        problems += [f"call {call}, {errno.errorcode[number]} {how}: {problem}" for problem in seen.problems]
        if place % 50 == 0:
            tell(f"{place}/{len(plans)}: {struck} struck, {len(problems)} problems")
    return struck, problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, help="only so many, at random")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--bin", help="folder of meshd and mesh-cli (default: the debug build)")
    options = parser.parse_args()
    if options.bin:
        os.environ["MESH_BIN"] = str(Path(options.bin).resolve())
    folder = Path(tempfile.mkdtemp(prefix="mesh-storage-base-"))

    async def run() -> tuple[int, list[str]]:
        prepared = await prepare(folder)
        return await walk(prepared, options.sample, options.seed, lambda text: print(text, flush=True))

    try:
        struck, problems = asyncio.run(run())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for problem in problems:
        print(problem)
    print(f"seed {options.seed}: {struck} failures struck, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

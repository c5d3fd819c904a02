"""What is done to the broker. Each returns when the broker runs again; the recovery itself may be struck, too."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import time

import mesh_keys
from harness import Broker, binaries, clean_environment
from history import History
from shim import Clock

KINDS = ("kill", "stop", "term", "recovery", "failpoint", "clock")
#: How far the wall clock jumps, in milliseconds: minutes, three days back, a month on, ten years on.
JUMPS = (-300_000, 300_000, -3 * 86_400_000, 30 * 86_400_000, 3_650 * 86_400_000)
#: Where meshd can be told to end, and how often the place is passed at most before it does.
FAIL_POINTS = {"before_commit": 60, "after_commit": 60, "after_answer": 60, "before_checkpoint": 2, "in_recovery": 1}
#: What meshd ends with at such a place.
FAIL_STATUS = 86


async def strike(kind: str, broker: Broker, chance: random.Random, history: History, clock: Clock | None = None) -> None:
    """One fault, and the way back."""
    history.add("fault", note=kind)
    if kind == "kill":
        await asyncio.to_thread(broker.kill)
    elif kind == "term":
        code = await asyncio.to_thread(broker.terminate)
        assert code == 0, f"meshd ended with {code} after SIGTERM"
    elif kind == "stop":
        assert broker.process is not None
        broker.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(chance.uniform(0.1, 1.0))
        broker.process.send_signal(signal.SIGCONT)
        return
    elif kind == "recovery":
        await asyncio.to_thread(broker.kill)
        for _ in range(chance.randint(1, 3)):
            await asyncio.to_thread(kill_while_starting, broker, chance.uniform(0.0, 0.12))
    elif kind == "clock":
        assert clock is not None, "the broker runs without a clock that can be moved"
        await move_clock(clock, chance, history)
        return
    elif kind.startswith("failpoint"):
        await at_fail_point(broker, chance, history, kind.partition(":")[2] or None)
    else:
        raise ValueError(f"no fault is called {kind}; known: {', '.join(KINDS)}, mix")
    await asyncio.to_thread(broker.start)


async def move_clock(clock: Clock, chance: random.Random, history: History) -> None:
    """The wall clock of the broker and of its peers jumps about, and comes back."""
    try:
        for _ in range(chance.randint(2, 5)):
            jump = chance.choice(JUMPS)
            history.add("fault", note=f"clock {jump:+d} ms")
            clock.set(jump)
            mesh_keys.clock_shift = jump
            await asyncio.sleep(chance.uniform(0.1, 0.4))
    finally:
        clock.set(0)
        mesh_keys.clock_shift = 0


async def at_fail_point(broker: Broker, chance: random.Random, history: History, point: str | None = None) -> None:
    """Starts meshd so that it ends by itself at a hard place (any, or the one that is named), and waits until it has."""
    point = point or chance.choice(list(FAIL_POINTS))
    history.add("fault", note=point)
    await asyncio.to_thread(broker.kill)
    broker.environment["MESH_FAIL_POINT"] = f"{point}:{chance.randint(1, FAIL_POINTS[point])}"
    try:
        await asyncio.to_thread(broker.start)
        assert broker.process is not None
        await asyncio.to_thread(broker.process.wait, 20)
    except AssertionError:
        # It ended before it was ready: the place is in the recovery.
        pass
    finally:
        del broker.environment["MESH_FAIL_POINT"]
    assert broker.process is not None and broker.process.returncode == FAIL_STATUS, f"{point}: {broker.log()}"


def kill_while_starting(broker: Broker, seconds: float) -> None:
    with open(broker.folder / "meshd.log", "ab") as log:
        process = subprocess.Popen(
            [binaries() / "meshd", "--data", broker.data, "--listen", f"127.0.0.1:{broker.port}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(broker.folder))
    time.sleep(seconds)
    process.kill()
    process.wait()

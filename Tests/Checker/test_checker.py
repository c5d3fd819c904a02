"""The short form of the checker: every kind of fault once. `make soak` is the long one."""

import asyncio

import pytest
from harness import Broker, Mesh
from mesh_client import Refused

import shim
from checker import run
from faults import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_acknowledged_is_lost_altered_doubled_or_reordered(kind, tmp_path):
    verdict = asyncio.run(run(rounds=2, fault=kind, seed=11, peers=4, seconds=0.6, folder=tmp_path, tell=lambda _: None))
    assert verdict.passes, verdict.cases
    assert verdict.counts["acknowledged"] > 20 and verdict.counts["delivered"] >= verdict.counts["acknowledged"]


def test_the_clock_really_moves(tmp_path):
    async def run():
        broker = Broker(tmp_path)
        clock = shim.Clock(tmp_path / "clock")
        shim.load(broker, clock=clock.path)
        broker.start()
        try:
            mesh = await Mesh(broker, tmp_path / "mesh").create()
            await mesh.member("bob")
            clock.set(30 * 86_400_000)
            with pytest.raises(Refused) as refused:
                await mesh.peer("bob")
            assert refused.value.code == "timestamp_skew"
            clock.set(0)
            await mesh.peer("bob")
            await mesh.finish()
        finally:
            broker.finish_now()

    asyncio.run(run())

"""The short form of the checker: every kind of fault once. `make soak` is the long one."""

import asyncio

import pytest

from checker import run
from faults import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_acknowledged_is_lost_altered_doubled_or_reordered(kind, tmp_path):
    verdict = asyncio.run(run(rounds=2, fault=kind, seed=11, peers=4, seconds=0.6, folder=tmp_path, tell=lambda _: None))
    assert verdict.passes, verdict.cases
    assert verdict.counts["acknowledged"] > 20 and verdict.counts["delivered"] >= verdict.counts["acknowledged"]

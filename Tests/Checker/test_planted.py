"""The checker sees faults that are planted in the broker: without this, its silence would say nothing."""

import asyncio

import pytest

from checker import run
from harness import Broker, Mesh
from impostor import check_told_apart, heard_as

#: The planted fault, and the classes of which at least one must be seen.
PLANTED = {
    "lose_commit": {"lost", "two messages for one id", "stuck"},
    "drop_delivery": {"lost"},
    "repeat_push": {"unmarked duplicate"},
    "swap_pushes": {"reordered"},
    "wrong_peer": {"misdelivered", "phantom", "altered"},
    "forget_keys": {"two messages for one id"},
    "forget_acknowledgements": {"redelivered after acknowledgement", "unmarked duplicate"},
}


#: What brings a fault to light for certain: a message is sent again only when its answer was lost.
STRIKES = {"forget_keys": "failpoint:after_commit"}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(fault, tmp_path):
    verdict = asyncio.run(run(
        rounds=3, fault=STRIKES.get(fault, "kill"), seed=5, peers=4, seconds=0.5, folder=tmp_path, tell=lambda _: None,
        environment={"MESH_PLANTED_FAULT": fault}, drain_limit=6))
    assert not verdict.passes
    assert PLANTED[fault] & set(verdict.cases), verdict.cases


def test_a_label_that_passes_for_a_name_is_seen(tmp_path):
    """What the interop tests check is wrong when the broker shows a foreign client's label in the place of the name."""
    broker = Broker(tmp_path)
    broker.environment = {"MESH_PLANTED_FAULT": "label_as_name"}
    broker.start()

    async def impostor():
        mesh = await Mesh(broker, tmp_path / "mesh").create()
        try:
            line, variables = await heard_as(mesh, "boss")
            assert variables["MESH_FROM"] == "boss"
            with pytest.raises(AssertionError):
                check_told_apart(mesh, line, variables, "boss")
        finally:
            await mesh.finish()

    try:
        asyncio.run(impostor())
    finally:
        broker.finish_now()

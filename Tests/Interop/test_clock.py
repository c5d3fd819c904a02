"""The simulation clock on the wire."""

import pytest
from mesh_client import Refused


def ticks(client) -> list[int]:
    return [frame["eventData"]["tick"] for frame in client.events("tick")]


@pytest.mark.parametrize("dialect", ["legacy", "peer"])
async def test_a_clock_ticks_for_those_who_asked(mesh, dialect):
    ada, bob, other = await getattr(mesh, dialect)("ada"), await mesh.peer("bob"), await mesh.peer("other")
    none = await ada.request("get_clock")
    assert (none["type"], none["speed"], none["paused"], none["tick"]) == ("clock_status", 0, True, 0)
    assert none["simTime"] == none["startedAt"]
    with pytest.raises(Refused) as refused:
        await ada.request("pause_clock")
    assert refused.value.code == "no_clock"
    for client in (ada, bob):
        await client.request("watch_clock")
    status = await ada.request("set_clock", speed=100, tickMillis=10_000)
    assert (status["speed"], status["paused"]) == (100, False)
    for client in (ada, bob):
        await client.until(lambda: len(client.events("tick")) >= 4, "four ticks")
    assert ticks(ada)[:4] == ticks(bob)[:4] == [1, 2, 3, 4]
    stopped = await bob.request("pause_clock")
    assert stopped["paused"] and stopped["pausedBy"] == "asked"
    stepped = await bob.request("step_clock")
    assert stepped["tick"] == stopped["tick"] + 1
    await ada.until(lambda: stepped["tick"] in ticks(ada), "the stepped tick")
    assert (await ada.request("get_clock"))["tick"] == stepped["tick"]
    assert other.events("tick") == []


async def test_a_clock_survives_a_killed_broker(own_mesh):
    ada = await own_mesh.peer("ada")
    await ada.request("set_clock", speed=100, tickMillis=10_000)
    await ada.request("watch_clock")
    await ada.until(lambda: len(ada.events("tick")) >= 2, "ticks")
    own_mesh.broker.kill()
    own_mesh.broker.start()
    again = await own_mesh.peer("ada", ada.session, replace=True)
    before = ticks(ada)[-1]
    status = await again.request("watch_clock")
    assert not status["paused"] and status["speed"] == 100
    await again.until(lambda: again.events("tick"), "a tick")
    assert ticks(again)[0] > before


async def test_the_command_line_knows_the_clock(mesh):
    await mesh.peer("ada")
    assert "No clock" in (await mesh.owner.run("clock", "get")).out
    watch = await mesh.run_on(mesh.owner, "clock", "watch", "--json")
    assert (await watch.line(lambda line: True))["type"] == "status"
    await mesh.owner.run("clock", "set", "100", "--tick", "5s")
    assert (await watch.line(lambda line: line.get("type") == "tick"))["tick"] == 1
    assert "stands" in (await mesh.owner.run("clock", "pause")).out
    await mesh.owner.run("clock", "set", "1000", code=3)
    assert "runs" in (await mesh.owner.run("clock", "resume")).out
    refused = await mesh.owner.run("clock", "step", code=None)
    assert refused.code != 0 and "pause it first" in refused.err

"""What cannot be looked up is never said to be unknown: a stopped mesh, and a profile that may not be read."""

import json
import shutil

import pytest
from harness import Broker, Cli, Mesh, poll
from mesh_client import Refused
from mesh_http import http_call


async def stop_a_mesh(broker: Broker, mesh: Mesh) -> None:
    """An older file is put back by hand: the broker refuses to open it."""
    file = broker.data / "meshes" / f"{mesh.id}.sqlite"
    checkpoints = broker.data / "checkpoints" / f"{mesh.id}.note"
    broker.terminate()
    shutil.copy(file, broker.folder / "old")
    broker.start()
    before = checkpoints.read_text() if checkpoints.exists() else ""
    await mesh.owner.run("state", "set", "k", "1")

    async def signed():
        return checkpoints.exists() and checkpoints.read_text() != before

    await poll(signed, bool)
    broker.terminate()
    shutil.copy(file, broker.folder / "new")
    shutil.copy(broker.folder / "old", file)
    broker.start()


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.finish_now()


async def test_members_of_a_stopped_mesh_are_told_so_and_not_sent_away(broker, tmp_path):
    mesh = await Mesh(broker, tmp_path / "mesh").create()
    other = await Mesh(broker, tmp_path / "other").create()
    try:
        pia = await mesh.http("pia")
        assert (await pia.call("whoami"))[1]["name"] == "pia"
        invite = (await mesh.owner.run("invite", "--json")).json["invite"]
        legacy = await mesh.legacy_unconnected("lea")
        peer = await mesh.peer_unconnected("pia")
        await stop_a_mesh(broker, mesh)
        for client in (peer, legacy):
            with pytest.raises(Refused) as refusal:
                await client.hello()
            assert refusal.value.code == "mesh_stopped"
            assert await client.closed() == 1008
        told = await mesh.owner.run("whoami", "--json", code=None)
        assert told.json["error"]["code"] == "mesh_stopped"
        assert "join" not in (told.out + told.err)
        status, answer = await pia.call("whoami")
        assert (status, answer["error"]["code"]) == (500, "mesh_stopped")
        joining = Cli(broker, tmp_path / "joiner")
        told = await joining.run("join", invite, "--name", "joe", "--json", code=None)
        assert told.json["error"]["code"] == "mesh_stopped"
        status, _, body = http_call(broker.http, "GET", "/health/ready")
        assert (status, json.loads(body)["reasons"]) == (503, ["mesh_stopped"])
        # Others on the broker notice nothing, and nobody takes the name of what is only stopped.
        assert (await other.owner.run("whoami", "--json")).json["name"]
        taken = await Cli(broker, tmp_path / "third").run(
            "mesh", "create", mesh.slug, "--broker", broker.http, "--json", code=None,
            MESH_ADMIN_TOKEN=broker.admin_token)
        assert taken.json["error"]["code"] == "exists"
        # A stranger to a broker that has no such mesh still is one.
        broker.terminate()
        shutil.copy(broker.folder / "new", broker.data / "meshes" / f"{mesh.id}.sqlite")
        broker.start()
        assert (await mesh.owner.run("state", "get", "k", "--json")).code == 0
        assert http_call(broker.http, "GET", "/health/ready")[0] == 200
    finally:
        await mesh.finish()
        await other.finish()


async def test_a_mesh_that_is_nowhere_is_unknown(broker, tmp_path):
    mesh = await Mesh(broker, tmp_path / "mesh").create()
    try:
        client = await mesh.peer_unconnected("pia")
        client.mesh = "0" * 32
        with pytest.raises(Refused) as refusal:
            await client.hello()
        assert refusal.value.code == "unauthorized"
    finally:
        await mesh.finish()


async def test_a_profile_that_may_not_be_read_is_not_said_to_be_missing(broker, tmp_path):
    mesh = await Mesh(broker, tmp_path / "mesh").create()
    profile = next((mesh.owner.home / "mesh" / mesh.slug).iterdir())
    file = profile / "profile.json"
    file.unlink()
    # A link that leads to itself cannot be looked up by anybody, root included.
    file.symlink_to(file)
    told = await mesh.owner.run("whoami", "--json", code=None)
    await mesh.finish()
    assert told.code != 0
    assert told.json["error"]["code"] == "storage_failed" and str(file) in told.json["error"]["message"], told

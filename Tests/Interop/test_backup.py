"""Backups: made while the mesh serves, checked to the last entry, put back, and never silently."""

import json
import sqlite3
from pathlib import Path

import pytest
from harness import Mesh
from mesh_http import http_call
from mesh_keys import Key
from page_sums import sum_again


def entries(exported: str) -> list[dict]:
    return [json.loads(line) for line in exported.splitlines() if line.startswith('{"act"')]


async def test_a_backup_is_made_checked_and_put_back(own_mesh):
    token = {"MESH_ADMIN_TOKEN": own_mesh.broker.admin_token}
    key = Key()
    ada, bob = await own_mesh.peer("ada"), await own_mesh.peer("bob", key, auto_ack=False)
    other = await Mesh(own_mesh.broker, own_mesh.folder / "other").create()
    elsewhere = await other.peer("ada")
    await ada.say(key.hex, "before the backup")
    made = (await own_mesh.owner.run("backup", "--json", **token)).json
    assert made["mesh"] == own_mesh.slug and made["checkpointSize"] == made["entries"]
    assert Path(made["path"]).stat().st_mode & 0o077 == 0
    assert made["file"] in (await own_mesh.owner.run("backup", "list", **token)).out
    await ada.say(key.hex, "after the backup")
    assert (await bob.texts(2)) == ["before the backup", "after the backup"]

    refused = await own_mesh.owner.run("restore", made["file"], code=6, **token)
    assert "--replace" in refused.err
    restored = (await own_mesh.owner.run("restore", made["file"], "--replace", "--json", **token)).json
    assert Path(restored["replaced"]).exists()
    # Connections are told to come again, and find the mesh as it was.
    assert await ada.closed() == 1001
    # Those of another mesh notice nothing.
    assert (await elsewhere.request("whoami"))["name"] == "ada"
    await other.finish()
    again = await own_mesh.peer("bob", key, replace=True)
    assert await again.texts(1) == ["before the backup"]
    kinds = [entry["act"] for entry in entries((await own_mesh.owner.run("ledger", "export")).out)]
    assert kinds.count("mesh.restored") == 1
    await own_mesh.owner.run("ledger", "verify")
    # It is still that mesh after a restart.
    own_mesh.broker.terminate()
    own_mesh.broker.start()
    await own_mesh.owner.run("ledger", "verify")
    assert (await again.closed()) == 1001


async def test_a_mesh_that_was_lost_comes_back(own_mesh):
    token = {"MESH_ADMIN_TOKEN": own_mesh.broker.admin_token}
    await own_mesh.owner.run("state", "set", "k", "1")
    made = (await own_mesh.owner.run("backup", "--json", **token)).json
    own_mesh.broker.terminate()
    (own_mesh.broker.data / "meshes" / f"{own_mesh.id}.sqlite").unlink()
    own_mesh.broker.start()
    await own_mesh.owner.run("state", "get", "k", code=2)
    await own_mesh.owner.run("restore", made["file"], "--broker", own_mesh.broker.http, **token)
    assert (await own_mesh.owner.run("state", "get", "k")).out == "1\n"


@pytest.mark.parametrize("harm", ["entry", "deleted", "page", "no mesh"])
async def test_a_backup_that_was_altered_is_refused_and_named(own_mesh, harm):
    token = {"MESH_ADMIN_TOKEN": own_mesh.broker.admin_token}
    await own_mesh.owner.run("state", "set", "k", "1")
    made = (await own_mesh.owner.run("backup", "--json", **token)).json
    path = Path(made["path"])
    if harm == "page":
        raw = bytearray(path.read_bytes())
        for start in range(4096, len(raw), 4096):
            raw[start:start + 8] = b"\xff" * 8
        path.write_bytes(raw)
    else:
        statement = {
            "deleted": "DELETE FROM ledger WHERE seq = (SELECT MAX(seq) FROM ledger)",
            "no mesh": "DELETE FROM meta WHERE key = 'mesh.slug'"}.get(harm, "")
        with sqlite3.connect(path) as database:
            if harm == "entry":
                rows = database.execute("SELECT seq, bytes FROM ledger").fetchall()
                for seq, data in rows:
                    changed = data.replace(b"state.set", b"state.del")
                    database.execute("UPDATE ledger SET bytes = ? WHERE seq = ?", (changed, seq))
            else:
                database.execute(statement)
        database.close()
        # With fitting checksums: what the ledger says must be wrong, too.
        sum_again(path)
    refused = await own_mesh.owner.run("restore", made["file"], "--replace", code=None, **token)
    assert refused.code == 10 or refused.code == 8, refused
    words = {"entry": "does not hold", "deleted": "does not hold", "page": "damaged", "no mesh": "holds no mesh"}[harm]
    assert words in refused.err
    # What is there goes on.
    assert (await own_mesh.owner.run("state", "get", "k")).out == "1\n"


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/v1/backups", b'{"mesh":"x"}'), ("GET", "/v1/backups", b""), ("POST", "/v1/restore", b'{"file":"x.sqlite"}')])
def test_only_the_holder_of_the_admin_token_does_this(broker, method, path, body):
    for headers in ({}, {"Authorization": "Bearer mesh_admin_wrong"}):
        assert http_call(broker.http, method, path, body, headers)[0] == 401


@pytest.mark.parametrize("file", ["../node.key", "/etc/passwd", "x", "missing.sqlite"])
def test_only_files_of_the_folder_are_restored(broker, file):
    status, _, answer = http_call(
        broker.http, "POST", "/v1/restore", json.dumps({"file": file}).encode(),
        {"Authorization": f"Bearer {broker.admin_token}", "Content-Type": "application/json"})
    assert status == (404 if file == "missing.sqlite" else 400), answer

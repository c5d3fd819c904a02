"""Meshes come, are chosen, are left and deleted; what a measurement makes goes with it."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from harness import Cli, Mesh, binaries, poll
from mesh_http import http_call
from mesh_keys import Key, now_ms

CREATED = "mesh", "create"


async def create(cli: Cli, name: str, *words: str) -> dict:
    made = await cli.run(*CREATED, name, "--broker", cli.broker.http, "--name", "ada", "--json", *words,
                         MESH_ADMIN_TOKEN=cli.broker.admin_token)
    return made.json


async def test_the_current_mesh_is_shown_and_chosen(own_broker, tmp_path):
    cli = Cli(own_broker, tmp_path / "home")
    for name in ("lab", "den"):
        await create(cli, name)
    said = (await cli.run("mesh", "list")).out
    assert "den*" in said and "lab*" not in said
    assert (await cli.run("whoami", "--json")).json["meshSlug"] == "den"
    used = await cli.run("mesh", "use", "lab")
    assert "current mesh is lab" in used.out
    assert (await cli.run("whoami", "--json")).json["meshSlug"] == "lab"
    listed = (await cli.run("mesh", "list", "--json")).json["meshes"]
    assert {one["slug"]: one["isCurrent"] for one in listed} == {"den": False, "lab": True}
    wrong = await cli.run("mesh", "use", "lba", code=5)
    assert "did you mean lab" in wrong.err
    assert (await cli.run("whoami", "--json")).json["meshSlug"] == "lab"
    made = await cli.run(*CREATED, "third", "--broker", own_broker.http, "--name", "ada",
                         MESH_ADMIN_TOKEN=own_broker.admin_token)
    assert "current mesh" in made.out and "mesh use" in made.out


async def test_leaving_takes_the_member_out_and_the_keys_away(mesh):
    cli = await mesh.cli("bob")
    listener = await mesh.listen(cli, "--name", "laptop")
    refused = await cli.run("mesh", "leave", code=3)
    assert "--yes" in refused.err and (await cli.run("whoami", "--json")).json["name"] == "bob"
    left = await cli.run("mesh", "leave", "--yes", "--json")
    assert left.json["left"] is True and sorted(left.json["profiles"]) == ["bob", "laptop"]
    assert not (cli.home / "mesh" / mesh.slug).exists()
    assert await asyncio.wait_for(listener.process.wait(), 20) == 2
    names = [one["name"] for one in (await mesh.owner.run("member", "list", "--json")).json["members"]]
    assert "bob" not in names
    kinds = [json.loads(line).get("act") for line in (await mesh.owner.run("ledger", "export")).out.splitlines()]
    assert kinds.count("member.left") == 1
    await mesh.owner.run("ledger", "verify")
    # The name is free for whoever joins next.
    invite = (await mesh.owner.run("invite", "--json")).json["invite"]
    await cli.run("join", invite, "--name", "bob", "--json")


async def test_the_owner_deletes_and_does_not_leave(own_broker, tmp_path):
    mesh = await Mesh(own_broker, tmp_path / "mesh").create()
    member = await mesh.cli("bob")
    peer = await mesh.peer("pia")
    refused = await mesh.owner.run("mesh", "leave", "--yes", code=7)
    assert "mesh delete" in refused.err
    assert (await member.run("mesh", "delete", "--yes", code=7)).err.count("owner") >= 1
    assert (await mesh.owner.run("mesh", "delete", code=3)).err.count("--yes") == 1
    file = own_broker.data / "meshes" / f"{mesh.id}.sqlite"
    assert file.exists()
    deleted = (await mesh.owner.run("mesh", "delete", "--yes", "--json")).json
    assert deleted["mesh"] == {"id": mesh.id, "slug": mesh.slug}
    assert await peer.closed() == 1001
    assert not list((own_broker.data / "meshes").iterdir())
    assert not (own_broker.data / "checkpoints" / f"{mesh.id}.note").exists()
    assert not (mesh.owner.home / "mesh" / mesh.slug).exists()
    assert (await member.run("whoami", code=2)).err
    # Who is left behind by it can still go.
    assert (await member.run("mesh", "leave", "--yes", "--json")).json["left"] is False
    # The name may be used again, and the broker starts without what is gone.
    again = await Mesh(own_broker, tmp_path / "again").create()
    own_broker.terminate()
    own_broker.start()
    assert [one["id"] for one in meshes(own_broker)] == [again.id]
    await mesh.finish()


async def test_a_member_s_key_does_not_delete_by_itself(mesh):
    http = await mesh.http("pia")
    assert (await http.call("delete_mesh"))[0] == 403
    assert (await mesh.owner.run("whoami", "--json")).json["meshId"] == mesh.id


def test_only_the_admin_token_deletes_by_name(broker):
    for headers in ({}, {"Authorization": "Bearer mesh_admin_wrong"}):
        assert http_call(broker.http, "POST", "/v1/delete", b'{"mesh":"x"}', headers)[0] == 401


@pytest.mark.parametrize("name", ["no-such", "../node", "", "0" * 32])
def test_what_is_no_mesh_is_not_deleted(broker, name):
    before = sorted(path.name for path in broker.data.iterdir())
    status, _, answer = http_call(
        broker.http, "POST", "/v1/delete", json.dumps({"mesh": name}).encode(),
        {"Authorization": f"Bearer {broker.admin_token}", "Content-Type": "application/json"})
    assert status == 404 and json.loads(answer)["error"]["code"] == "mesh_not_found"
    assert sorted(path.name for path in broker.data.iterdir()) == before


def meshes(broker) -> list[dict]:
    status, _, body = http_call(broker.http, "GET", "/v1/meshes", b"", {"Authorization": f"Bearer {broker.admin_token}"})
    assert status == 200
    return json.loads(body)["meshes"]


BENCH = ["bench", "--peers", "4", "--messages", "5", "--size", "64"]


@pytest.mark.parametrize("target", ["broadcast", "direct", "group"])
async def test_a_bench_leaves_nothing_behind_and_bears_what_others_left(own_broker, tmp_path, target):
    mesh = await Mesh(own_broker, tmp_path / "mesh").create()
    # Deliveries that wait on the broker, and are none of the measurement's.
    await mesh.cli("bob")
    for number in range(3):
        await mesh.owner.run("send", "bob", f"later {number}")
    token = {"MESH_ADMIN_TOKEN": own_broker.admin_token}
    for _ in range(2):
        done = await mesh.owner.run(*BENCH, "--target", target, "--broker", own_broker.http, "--json", **token)
        assert done.json["delivered"] == done.json["expected"] > 0
        assert [one["slug"] for one in meshes(own_broker)] == [mesh.slug]
    assert len(list((own_broker.data / "meshes").glob("*.sqlite"))) == 1


async def test_a_bench_that_is_interrupted_leaves_nothing_behind(own_broker, tmp_path):
    cli = Cli(own_broker, tmp_path / "home")
    bench = await cli.start("bench", "--peers", "2", "--messages", "100000", "--rate", "1", "--broker", own_broker.http,
                            MESH_ADMIN_TOKEN=own_broker.admin_token)

    async def slugs():
        return [one["slug"] for one in await asyncio.to_thread(meshes, own_broker)]

    await poll(slugs, lambda found: len(found) == 1)
    await bench.stderr.readline()
    bench.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(bench.wait(), 20) == 130
    assert await slugs() == []


async def test_backups_say_what_they_are_and_the_printed_path_is_taken(own_mesh):
    token = {"MESH_ADMIN_TOKEN": own_mesh.broker.admin_token}
    made = await own_mesh.owner.run("backup", **token)
    path = made.out.split(" to ")[1].split(" (")[0]
    assert Path(path).is_absolute() and Path(path).exists()
    row = (await own_mesh.owner.run("backup", "list", "--json", **token)).json["backups"][0]
    assert row["mesh"] == own_mesh.slug and row["entries"] > 0 and row["path"] == path
    assert row["madeAt"].replace("-", "").replace(":", "").replace(".", "") in row["file"]
    shown = (await own_mesh.owner.run("backup", "list", **token)).out
    assert own_mesh.slug in shown and "ENTRIES" in shown
    elsewhere = own_mesh.folder / Path(path).name
    elsewhere.write_bytes(Path(path).read_bytes())
    refused = await own_mesh.owner.run("restore", str(elsewhere), "--replace", code=3, **token)
    assert str(Path(path).parent) in refused.err and "try:" in refused.err
    for given in (path, Path(path).name):
        await own_mesh.owner.run("restore", given, "--replace", **token)


async def test_what_is_saved_is_not_written_over(mesh, tmp_path):
    cli = await mesh.cli("bob")
    sent = (await cli.run("send", mesh_owner(mesh), "hi", "--json")).json["messageId"]
    await poll(lambda: cli.run("ledger", "head", "--json"), lambda head: head.json.get("checkpointSize"))
    kept = tmp_path / "kept"
    for words in (["ledger", "export", str(kept)], ["ledger", "head", "--out", str(kept)],
                  ["ledger", "prove", sent, "--out", str(kept)], ["send", mesh_owner(mesh), "two", "--receipt", str(kept)]):
        kept.write_text("evidence")
        before = (await mesh.owner.run("inbox", "--peek", "--json")).json["messages"]
        refused = await cli.run(*words, code=6)
        assert "--replace" in refused.err and kept.read_text() == "evidence", words
        # Nothing was done before it was refused.
        assert (await mesh.owner.run("inbox", "--peek", "--json")).json["messages"] == before
        await cli.run(*words, "--replace")
        assert kept.read_text() != "evidence", words


def mesh_owner(mesh) -> str:
    return mesh.owner_key


async def test_wait_shows_at_once_what_it_waits_for(mesh):
    cli = await mesh.cli("ada")
    await mesh.cli("bob")
    waiting = await cli.start("send", "bob", "hello", "--wait", "delivered", "--timeout", "10m")
    try:
        assert (await asyncio.wait_for(waiting.stdout.readline(), 20)).decode().startswith("Sent ")
        assert (await asyncio.wait_for(waiting.stderr.readline(), 20)).decode() == "waiting: bob is away\n"
    finally:
        waiting.kill()
        await waiting.wait()
    ended = await cli.run("send", "bob", "hello", "--wait", "delivered", "--timeout", "1s", code=1)
    assert "not delivered within 1s" in ended.err and "held" in ended.out
    status = await cli.run("send", "bob", "hello", "--wait", "delivered", "--timeout", "1s", "--json", code=1)
    assert len(status.out.splitlines()) == 1 and status.json["delivered"] is False


async def test_the_ledger_s_verdict_comes_first(mesh, tmp_path):
    cli = await mesh.cli("ada")
    await poll(lambda: cli.run("ledger", "head", "--json"), lambda head: head.json.get("checkpointSize"))
    first = (await cli.run("ledger", "verify")).out.splitlines()[0]
    assert first.startswith("OK: all ") and "signed" in first
    export = tmp_path / "lab.jsonl"
    await cli.run("ledger", "export", str(export))
    assert (await cli.run("ledger", "verify", str(export))).out.splitlines()[0].startswith("OK, but only if this is")
    unsigned = tmp_path / "unsigned.jsonl"
    unsigned.write_text("".join(line + "\n" for line in export.read_text().splitlines() if not line.startswith('{"checkpoint"')))
    assert (await cli.run("ledger", "verify", str(unsigned))).out.splitlines()[0].startswith("OK, but unsigned")
    lines = export.read_text().splitlines()
    lines[1] = lines[1].replace('"ts":1', '"ts":2', 1)
    export.write_text("\n".join(lines) + "\n")
    assert "OK" not in (await cli.run("ledger", "verify", str(export), code=1)).out


def join(mesh, code: str, signed_invite: str) -> tuple[int, dict]:
    key, stamp = Key(), now_ms()
    body = {"meshId": mesh.id, "code": code, "name": "foreign", "pubkey": key.hex, "timestamp": stamp,
            "signature": key.sign(f"mesh-join-v1|{mesh.id}|{signed_invite}|foreign|{key.hex}|{stamp}")}
    status, _, answer = http_call(mesh.broker.http, "POST", "/v1/join", json.dumps(body).encode(),
                                  {"Content-Type": "application/json"})
    return status, json.loads(answer)


async def test_joining_says_first_that_there_is_no_such_invite(mesh):
    import base64
    invite = (await mesh.owner.run("invite", "--json")).json["invite"]
    code = invite.split("#")[1].split(".")[0]
    of_text = "inv_" + hashlib.sha256(code.encode()).hexdigest()[:16]
    of_bytes = "inv_" + hashlib.sha256(base64.urlsafe_b64decode(code + "==")).hexdigest()[:16]
    status, answer = join(mesh, code, of_text)
    assert status == 401 and answer["error"]["code"] == "bad_signature" and of_bytes in answer["error"]["hint"]
    unknown = "AAECAwQFBgcICQoLDA0ODw"
    for signed in ("inv_0000000000000000", "inv_be45cb2605bf36be"):
        status, answer = join(mesh, unknown, signed)
        assert status == 404 and answer["error"]["code"] == "invite_invalid", answer
    status, answer = join(mesh, code, of_bytes)
    assert status == 201, answer


def test_the_example_ends_with_one_line(tmp_path):
    echo = binaries() / "echo-agent"
    if not echo.is_file() and os.environ.get("MESH_BIN"):
        pytest.skip("examples are built with the tests alone")
    if not echo.is_file():
        pytest.fail(f"echo-agent not in {binaries()}: build first", pytrace=False)
    for words, code in (([], 3), (["lab", "nobody"], 5)):
        ended = subprocess.run([echo, *words], capture_output=True, text=True, timeout=30,
                               env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
        assert ended.returncode == code and len(ended.stderr.splitlines()) == 1, ended

"""Joining and making a mesh: what can fail here fails before the broker is asked, and a try that was cut off goes on."""

import asyncio
import base64
import hashlib
import json

import pytest

from harness import Cli, numbers
from mesh_http import http_call
from mesh_keys import Key, now_ms


class Wire:
    """Stands between the command line and the broker, and loses the answer to one request."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.loses: bytes | None = None

    async def start(self) -> "Wire":
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def _serve(self, reader, writer) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        seen = bytearray()

        async def pass_on(source, sink, keep):
            try:
                while data := await source.read(65_536):
                    if keep is not None:
                        keep += data
                    elif self.loses and self.loses in seen:
                        break
                    # A gateway sees its own address as the Host; the broker must not refuse it.
                    sink.write(data)
                    await sink.drain()
            except ConnectionError:
                pass
            for one in (back, writer):
                one.close()

        await asyncio.gather(pass_on(reader, back, seen), pass_on(there, writer, None))

    def close(self) -> None:
        self.server.close()


async def members(mesh) -> list[str]:
    return [row["name"] for row in (await mesh.owner.run("member", "list", "--json")).json["members"]]


async def test_a_join_whose_answer_was_lost_goes_on(mesh, tmp_path):
    wire = await Wire(mesh.broker.port).start()
    link = (await mesh.owner.run("invite", "--uses", "1", "--json")).json["invite"].replace(mesh.broker.http, wire.url)
    cli = Cli(mesh.broker, tmp_path / "bob")
    wire.loses = b"POST /v1/join"
    await cli.run("join", link, "--name", "bob", code=4)
    assert "bob" in await members(mesh), "the broker knows it"
    await cli.run("join", link, "--name", "bob", code=4)
    wire.loses = None
    joined = (await cli.run("join", link, "--name", "bob", "--json")).json
    assert joined["member"]["name"] == "bob"
    assert (await members(mesh)).count("bob") == 1 and len(await members(mesh)) == 2
    assert (await cli.run("whoami", "--json")).json["pubkey"] == joined["member"]["pubkey"]
    assert not list((tmp_path / "bob" / "mesh" / ".pending").iterdir()), "nothing of the tries is left"
    await cli.run("join", link, "--name", "bob", code=6)
    wire.close()


async def test_a_join_goes_on_after_its_invite_was_revoked(mesh, tmp_path):
    wire = await Wire(mesh.broker.port).start()
    made = (await mesh.owner.run("invite", "--uses", "1", "--json")).json
    link = made["invite"].replace(mesh.broker.http, wire.url)
    cli = Cli(mesh.broker, tmp_path / "bob")
    wire.loses = b"POST /v1/join"
    await cli.run("join", link, "--name", "bob", code=4)
    await mesh.owner.run("invite", "revoke", made["inviteId"])
    wire.loses = None
    await cli.run("join", link, "--name", "bob")
    late = Cli(mesh.broker, tmp_path / "late")
    await late.run("join", link, "--name", "late", code=5)
    wire.close()


async def test_a_creation_whose_answer_was_lost_goes_on(broker, tmp_path):
    wire = await Wire(broker.port).start()
    cli = Cli(broker, tmp_path / "ada")
    words = ["mesh", "create", f"lost-{next(numbers)}", "--name", "ada", "--broker", wire.url, "--json"]
    wire.loses = b"POST /v1/meshes"
    await cli.run(*words, code=4, MESH_ADMIN_TOKEN=broker.admin_token)
    wire.loses = None
    other = Cli(broker, tmp_path / "eve")
    await other.run(*words, code=6, MESH_ADMIN_TOKEN=broker.admin_token)
    made = (await cli.run(*words, MESH_ADMIN_TOKEN=broker.admin_token)).json
    assert (await cli.run("whoami", "--json")).json["role"] == "owner"
    assert made["invite"].startswith(wire.url)
    wire.close()


async def test_keys_are_on_disk_before_the_broker_is_asked(mesh, tmp_path):
    asked = asyncio.Event()
    home = tmp_path / "bob"
    found = []

    async def look(reader, writer):
        await reader.read(65_536)
        found.extend(path.name for path in (home / "mesh").rglob("*") if path.is_file())
        asked.set()
        writer.close()

    server = await asyncio.start_server(look, "127.0.0.1", 0)
    link = (await mesh.owner.run("invite", "--json")).json["invite"]
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await Cli(mesh.broker, home).run("join", link.replace(mesh.broker.http, url), "--name", "bob", code=4)
    assert asked.is_set() and {"member.key", "session.key"} <= set(found)
    for path in (home / "mesh").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    server.close()


@pytest.mark.parametrize("name", [".bot", "", "a/b", "..", "x" * 65, "a\nb", "\U0001f469" * 64, " bob", "ab" * 32],
                         ids=range(9))
async def test_a_name_that_cannot_be_leaves_the_invite_alone(mesh, tmp_path, name):
    link = (await mesh.owner.run("invite", "--uses", "1", "--json")).json["invite"]
    cli = Cli(mesh.broker, tmp_path / "home")
    await cli.run("join", link, "--name", name, code=3)
    await cli.run("join", link, "--name", "bob")


async def test_a_folder_that_cannot_be_made_leaves_invite_and_name_alone(mesh, tmp_path):
    link = (await mesh.owner.run("invite", "--uses", "1", "--json")).json["invite"]
    (tmp_path / "file").write_text("")
    cli = Cli(mesh.broker, tmp_path / "home")
    place = str(tmp_path / "file" / "profiles")
    await cli.run("join", link, "--name", "bob", code=10, MESH_HOME=place)
    slug, token = f"free-{next(numbers)}", mesh.broker.admin_token
    words = ["mesh", "create", slug, "--name", "ada", "--broker", mesh.broker.http]
    await cli.run(*words, code=10, MESH_HOME=place, MESH_ADMIN_TOKEN=token)
    await cli.run("join", link, "--name", "bob")
    await cli.run(*words, MESH_ADMIN_TOKEN=token)


@pytest.mark.parametrize("words, code", [
    (["--name", ".ada"], 3), (["--name", "a/b"], 3), (["--profile", "a/b", "--name", "ada"], 3),
    (["--broker", "http://127.0.0.1:1/path", "--name", "ada"], 3), (["--broker", "127.0.0.1:1"], 3),
    (["--broker", "ftp://127.0.0.1:1"], 3), (["--broker", "http://user@127.0.0.1:1"], 3),
    (["--broker", "http://127.0.0.1:70000"], 3), (["--broker", "http://127.0.0.1:+80"], 3), (["--broker", ""], 3),
])
async def test_a_mesh_is_not_made_when_something_is_wrong_here(broker, tmp_path, words, code):
    cli = Cli(broker, tmp_path / "home")
    slug = f"free-{next(numbers)}"
    more = [] if "--broker" in words else ["--broker", broker.http]
    await cli.run("mesh", "create", slug, *words, *more, code=code, MESH_ADMIN_TOKEN=broker.admin_token)
    await cli.run("mesh", "create", slug, "--name", "ada", "--broker", broker.http, MESH_ADMIN_TOKEN=broker.admin_token)


async def test_many_join_at_once_in_one_folder(mesh, tmp_path):
    link = (await mesh.owner.run("invite", "--uses", "20", "--json")).json["invite"]
    cli = Cli(mesh.broker, tmp_path / "many")
    await asyncio.gather(*(cli.run("join", link, "--name", f"m{n}") for n in range(16)))
    for n in range(16):
        assert (await cli.run("whoami", "--profile", f"m{n}", "--json")).json["name"] == f"m{n}"
    [known] = (await cli.run("mesh", "list", "--json")).json["meshes"]
    assert len(known["profiles"]) == 16 and known["current"] in known["profiles"]
    assert len(await members(mesh)) == 17


async def test_many_at_once_for_one_profile_make_one_member(mesh, tmp_path):
    link = (await mesh.owner.run("invite", "--uses", "20", "--json")).json["invite"]
    cli = Cli(mesh.broker, tmp_path / "one")
    results = await asyncio.gather(*(cli.run("join", link, "--name", "bob", code=None) for _ in range(8)))
    # One joins; the others are told that it is under way, or done.
    assert sorted(result.code for result in results)[0] == 0
    assert {result.code for result in results} <= {0, 4, 6}
    assert await members(mesh) == [(await members(mesh))[0], "bob"]
    await cli.run("whoami")


MARKS = [".", ",", ";", "!", "?", ")", "]", "}", "\"", "'", ">", "\u2026", "\u201d", "\u2019", "\u00bb", "\u3002", "\n", "\r\n", " ",
         "\u200b", "`", "*", "_", "-", ").", ">,"]


async def test_marks_around_a_link_are_not_part_of_it(mesh, tmp_path):
    link = (await mesh.owner.run("invite", "--uses", "60", "--json")).json["invite"]
    forms = [link + mark for mark in MARKS] + [
        f"<{link}>", f"({link})", f"\"{link}\"", f"\u201c{link}\u201d", f" {link} ", link.replace("/join/", "/join/\n"),
        link.replace("http://", "HTTP://")]

    async def one(number, form):
        await Cli(mesh.broker, tmp_path / f"h{number}").run("join", form, "--name", f"n{number}")

    for start in range(0, len(forms), 6):
        await asyncio.gather(*(one(start + place, form) for place, form in enumerate(forms[start:start + 6])))
    for broken in (link[:-1], link + "x", link + " --name", link.replace("#", "?"), link.replace("/join/", "/path/join/")):
        await Cli(mesh.broker, tmp_path / "broken").run("join", broken, "--name", "x", code=3)


@pytest.mark.parametrize("form", ["{}", "{}/", " {}\n", "HTTP{}"])
async def test_an_address_means_the_same_everywhere(broker, tmp_path, form):
    address = form.format(broker.http.removeprefix("http") if "HTTP" in form else broker.http)
    slug, token = f"form-{next(numbers)}", broker.admin_token
    ada, bob = Cli(broker, tmp_path / "ada"), Cli(broker, tmp_path / "bob")
    made = (await ada.run("mesh", "create", slug, "--name", "ada", "--broker", address, "--json",
                          MESH_ADMIN_TOKEN=token)).json
    assert made["broker"] == broker.http and made["invite"].startswith(broker.http + "/join/")
    await bob.run("join", made["invite"], "--name", "bob")
    await ada.run("backup", "create", "--broker", address, MESH_ADMIN_TOKEN=token)
    await ada.run("state", "set", "k", "1")
    watch = await ada.start("state", "watch", "--json")
    assert json.loads(await asyncio.wait_for(watch.stdout.readline(), 20))["type"] == "snapshot", "over a WebSocket, too"
    watch.terminate()
    await watch.wait()


async def test_a_profile_of_before_with_another_form_of_address_works(mesh, tmp_path):
    cli = await mesh.cli("bob")
    [path] = list(cli.home.rglob("profile.json"))
    facts = json.loads(path.read_text())
    for address in (mesh.broker.http + "/", mesh.broker.http.replace("http", "HTTP")):
        path.write_text(json.dumps(facts | {"broker": address}))
        assert (await cli.run("whoami", "--json")).json["broker"] == mesh.broker.http


@pytest.mark.parametrize("form", ["{}\n", "{}\r\n", " {} ", "\t{}"])
async def test_white_space_around_a_token_does_not_count(broker, tmp_path, form):
    cli = Cli(broker, tmp_path / "ada")
    await cli.run("mesh", "create", f"token-{next(numbers)}", "--name", "ada", "--broker", broker.http,
                  MESH_ADMIN_TOKEN=form.format(broker.admin_token))


async def test_a_token_that_cannot_be_one_is_named(broker, tmp_path):
    cli = Cli(broker, tmp_path / "ada")
    for token in ("caf\u00e9", "\u200b"):
        refused = await cli.run("mesh", "create", f"token-{next(numbers)}", "--name", "ada", "--broker", broker.http,
                                code=3, MESH_ADMIN_TOKEN=token)
        assert "MESH_ADMIN_TOKEN" in refused.err, refused


async def test_an_admin_invites_with_its_own_certificate(mesh, tmp_path):
    link = (await mesh.owner.run("invite", "--role", "admin", "--json")).json["invite"]
    admin = Cli(mesh.broker, tmp_path / "admin")
    await admin.run("join", link, "--name", "admin")
    invite = (await admin.run("invite", "--json")).json["invite"]
    bob = Cli(mesh.broker, tmp_path / "bob")
    assert (await bob.run("join", invite, "--name", "bob", "--json")).json["certified"] is True


async def test_an_admin_who_cannot_show_it_is_told_before_anybody_is_invited(mesh):
    cli = await mesh.cli("deputy")
    await mesh.owner.run("member", "rights", "deputy", "--role", "admin")
    refused = await cli.run("invite", code=7)
    assert "the owner" in refused.err and "let nobody in" in refused.err


async def test_an_old_invite_of_an_admin_gives_a_member_no_certificate(mesh, tmp_path):
    """Whoever is a member already gets the same answer again, but nothing that says more than it is."""
    admin_link = (await mesh.owner.run("invite", "--role", "admin", "--uses", "1", "--json")).json["invite"]
    await Cli(mesh.broker, tmp_path / "admin").run("join", admin_link, "--name", "admin")
    member = await mesh.member("mallory")
    code = admin_link.split("#")[1].split(".")[0]

    def claim(key: Key):
        raw = base64.urlsafe_b64decode(code + "==")
        stamp = now_ms()
        word = "|".join(["mesh-join-v1", mesh.id, "inv_" + hashlib.sha256(raw).hexdigest()[:16], "mallory", key.hex,
                         str(stamp)])
        body = {"meshId": mesh.id, "code": code, "name": "mallory", "pubkey": key.hex, "timestamp": stamp,
                "signature": key.sign(word)}
        status, _, data = http_call(mesh.broker.http, "POST", "/v1/join", json.dumps(body).encode(),
                                    {"Content-Type": "application/json"})
        return status, json.loads(data)

    status, answer = claim(member.key)
    assert status == 409 and answer["error"]["code"] == "exists", answer
    status, answer = claim(Key())
    assert answer["error"]["code"] == "invite_exhausted", answer


@pytest.mark.parametrize("words", [("backup", "list"), ("backup", "create"), ("restore", "x.sqlite")])
@pytest.mark.parametrize("host", ["mesh.invalid", "localhost.mesh.invalid", "127.mesh.invalid"])
async def test_the_admin_token_does_not_go_to_whose_mesh_was_joined(mesh, words, host):
    bob = await mesh.cli("bob")
    for file in (bob.home / "mesh").glob("*/*/profile.json"):
        file.write_text(file.read_text().replace("127.0.0.1", host))
    refused = await bob.run(*words, code=3)
    assert "admin token is not sent" in refused.err and "--broker" in refused.err

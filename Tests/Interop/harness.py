"""The programs under test: one meshd, the command line, and meshes with members of both kinds."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from mesh_client import DEADLINE, Client, LegacyClient, MeshClient
from mesh_http import SignedHttp, http_call
from mesh_keys import Frame, Key

numbers = itertools.count(1)


def binaries() -> Path:
    """Where meshd and mesh-cli are: $MESH_BIN, or the debug build of this repository."""
    return Path(os.environ.get("MESH_BIN") or Path(__file__).resolve().parents[2] / ".build" / "debug")


def clean_environment(home: Path, **extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MESH_")}
    return kept | {"HOME": str(home), "MESH_HOME": str(home / "mesh"), "NO_COLOR": "1"} | extra


class Broker:
    """One meshd process over one data folder; it may be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        #: Variables of the environment that meshd gets beside a clean one.
        self.environment: dict[str, str] = {}
        #: Further arguments of meshd.
        self.arguments: list[str] = []

    def start(self) -> Broker:
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        with open(self.folder / "meshd.log", "ab") as log:
            self.process = subprocess.Popen(
                [binaries() / "meshd", "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
                 "--ready-file", ready, *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=clean_environment(self.folder, **self.environment))
        end = time.monotonic() + DEADLINE
        while (facts := self._read(ready)) is None:
            assert self.process.poll() is None, f"meshd ended with {self.process.returncode}:\n{self.log()}"
            assert time.monotonic() < end, f"meshd was not ready within {DEADLINE:g} s:\n{self.log()}"
            time.sleep(0.01)
        self.http, self.ws, self.pinned = facts["http"], facts["ws"], facts.get("pinned")
        self.port = int(self.http.rsplit(":", 1)[1])
        self.admin_token = Path(facts["adminTokenFile"]).read_text().strip()
        assert facts["pid"] == self.process.pid
        status, _, body = http_call(self.http, "GET", "/v1/node")
        assert status == 200, body
        self.node: str = json.loads(body)["node"]
        return self

    @staticmethod
    def _read(ready: Path) -> dict[str, Any] | None:
        try:
            return json.loads(ready.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def log(self) -> str:
        return (self.folder / "meshd.log").read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(DEADLINE)

    def terminate(self) -> int:
        """SIGTERM; gives the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)

    def finish_now(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        try:
            self.terminate()
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer: the whole output as one value, or its last line."""
        try:
            return json.loads(self.out)
        except json.JSONDecodeError:
            return json.loads(self.out.strip().splitlines()[-1])


class Cli:
    """mesh-cli with a home folder of its own, as on a machine of its own."""

    def __init__(self, broker: Broker, home: Path) -> None:
        self.broker, self.home = broker, home
        home.mkdir(parents=True, exist_ok=True)
        self.environment = clean_environment(home)

    async def start(
        self, *words: str, stdin: int = asyncio.subprocess.DEVNULL, **environment: str
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            str(binaries() / "mesh-cli"), *words, stdin=stdin, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=self.environment | environment, limit=8 << 20)

    async def run(
        self, *words: str, code: int | None = 0, feed: bytes | None = None, **environment: str
    ) -> Result:
        """Runs to the end; `code` is the exit status that it must have (None: any), `feed` its standard input."""
        stdin = asyncio.subprocess.DEVNULL if feed is None else asyncio.subprocess.PIPE
        process = await self.start(*words, stdin=stdin, **environment)
        try:
            out, err = await asyncio.wait_for(process.communicate(feed), DEADLINE)
        except TimeoutError:
            process.kill()
            raise AssertionError(f"mesh-cli {' '.join(words)} did not end within {DEADLINE:g} s") from None
        result = Result(process.returncode or 0, out.decode(), err.decode())
        assert code is None or result.code == code, f"mesh-cli {' '.join(words)}: exit {result}"
        return result


class Listener:
    """A running `mesh-cli listen --json` (or another verb that prints one object a line)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[Frame] = []

    async def line(self, match: Callable[[Frame], bool]) -> Frame:
        """The next line that fits; lines before it are kept in `lines`."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(DEADLINE):
                while raw := await self.process.stdout.readline():
                    self.lines.append(json.loads(raw))
                    if match(self.lines[-1]):
                        return self.lines[-1]
        except TimeoutError:
            raise AssertionError(f"no such line within {DEADLINE:g} s; got {self.lines}") from None
        assert self.process.stderr is not None
        raise AssertionError(f"it ended; got {self.lines}; {(await self.process.stderr.read()).decode()}")

    async def text(self, text: str) -> Frame:
        return await self.line(lambda line: line.get("text") == text)

    async def finish(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), DEADLINE)
            except TimeoutError:
                self.process.kill()


@dataclass
class Member:
    name: str
    id: str
    key: Key


def accepted_in(export: str) -> list[str]:
    """The ids of the messages whose acceptance an exported ledger has, in its order."""
    return [json.loads(line)["obj"] for line in export.splitlines() if line.startswith('{"act":"message.accepted"')]


class Mesh:
    """A mesh made by the command line, and everybody who is connected to it in one test."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.broker, self.folder = broker, folder
        self.owner = Cli(broker, folder / "owner")
        self.members: dict[str, Member] = {}
        self._open: list[Client] = []
        self._running: list[Listener] = []

    async def create(self) -> Mesh:
        made = await self.owner.run(
            "mesh", "create", f"interop-{next(numbers)}", "--broker", self.broker.http, "--json",
            MESH_ADMIN_TOKEN=self.broker.admin_token)
        self.id, self.slug = made.json["mesh"]["id"], made.json["mesh"]["slug"]
        self.owner_key: str = made.json["member"]["pubkey"]
        return self

    async def member(self, name: str, role: str | None = None) -> Member:
        """The member of this name, added with a key made here when it is new."""
        if name not in self.members:
            key = Key()
            words = ["member", "add", "--name", name, "--pubkey", key.hex, "--json"]
            added = await self.owner.run(*words, *(["--role", role] if role else []))
            assert added.json["meshId"] == self.id
            self.members[name] = Member(name, added.json["memberId"], key)
        return self.members[name]

    async def legacy_unconnected(self, name: str, session: Key | None = None) -> LegacyClient:
        member = await self.member(name)
        client = LegacyClient(self.broker.ws, self.id, member.id, member.key, session)
        self._open.append(client)
        return client

    async def legacy(self, name: str, session: Key | None = None, **hello: Any) -> LegacyClient:
        """A connected claudemesh client, with a session key as the SDK has one."""
        client = await self.legacy_unconnected(name, session or Key())
        await client.hello(**hello)
        return client

    async def peer_unconnected(self, name: str, session: Key | None = None, auto_ack: bool = True) -> MeshClient:
        member = await self.member(name)
        client = MeshClient(self.broker.ws, self.id, member.key, session or Key(), self.broker.node, auto_ack)
        self._open.append(client)
        return client

    async def peer(self, name: str, session: Key | None = None, auto_ack: bool = True, **hello: Any) -> MeshClient:
        """A connected client of protocol version 2."""
        client = await self.peer_unconnected(name, session, auto_ack)
        await client.hello(**hello)
        return client

    async def http(self, name: str, session: Key | None = None) -> SignedHttp:
        member = await self.member(name)
        return SignedHttp(self.broker.http, self.id, member.key, session or Key(), self.broker.node)

    async def cli(self, name: str) -> Cli:
        """The command line of a member that joined by an invite, with a home of its own."""
        cli = Cli(self.broker, self.folder / f"home-{name}")
        invite = (await self.owner.run("invite", "--json")).json["invite"]
        await cli.run("join", invite, "--name", name, "--json")
        return cli

    async def run_on(self, cli: Cli, *words: str) -> Listener:
        listener = Listener(await cli.start(*words))
        self._running.append(listener)
        return listener

    async def listen(self, cli: Cli, *words: str) -> Listener:
        """`mesh-cli listen --json`, attached."""
        listener = await self.run_on(cli, "listen", "--json", *words)
        first = await listener.line(lambda line: True)
        assert first["type"] == "ready", first
        return listener

    async def finish(self) -> None:
        for listener in self._running:
            await listener.finish()
        for client in self._open:
            await client.close()


async def poll(question: Callable[[], Any], holds: Callable[[Any], Any], deadline: float = DEADLINE) -> Any:
    """Asks again until the answer holds, and gives it; the last answer is told when the deadline passes."""
    end = time.monotonic() + deadline
    while not holds(answer := await question()):
        assert time.monotonic() < end, f"not within {deadline:g} s; the last answer was {answer}"
        await asyncio.sleep(0.02)
    return answer


def state_of(status: Frame, name: str | None = None) -> tuple[str, str | None]:
    """State and reason of the only recipient of a `message_status_result`, or of the one with this name."""
    # The command line has the rows under `receipts`, and their number under `recipients`.
    rows = [row for row in status.get("receipts", status["recipients"]) if name in (None, row["name"])]
    assert len(rows) == 1, f"not one recipient {name or ''}: {status}"
    return rows[0]["state"], rows[0].get("reason")

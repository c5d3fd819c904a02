"""One broker for all bad inputs, a member to try them with, and a witness that must not notice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "Interop")]

from harness import Broker, binaries, clean_environment  # noqa: E402
from mesh_keys import Key  # noqa: E402
from raw import Socket  # noqa: E402


class Target:
    """The broker under test, with two members of one mesh."""

    def __init__(self, folder: Path) -> None:
        self.broker = Broker(folder).start()
        self.environment = clean_environment(folder, MESH_ADMIN_TOKEN=self.broker.admin_token)
        made = self.cli("mesh", "create", "hostile", "--broker", self.broker.http)
        self.mesh = made["mesh"]["id"]
        self.members = {}
        for name in ("mallory", "witness"):
            self.members[name] = Key()
            self.cli("member", "add", "--name", name, "--pubkey", self.members[name].hex)
        self.pid = self.broker.process.pid
        self.witness = self.peer("witness")

    def cli(self, *words):
        done = subprocess.run([binaries() / "mesh-cli", *words, "--json"], env=self.environment, capture_output=True,
                              text=True, timeout=20, check=True)
        return json.loads(done.stdout)

    def socket(self) -> Socket:
        """A TCP connection that has said nothing."""
        return Socket(self.broker.port)

    def peer(self, name: str = "mallory") -> Socket:
        """A WebSocket whose hello was answered."""
        return self.socket().upgrade().hello(self.mesh, self.members[name], Key(), self.broker.node)

    def check(self) -> None:
        """Nobody else has noticed: the process is the same, and the witness is answered at once."""
        assert self.broker.process.poll() is None, self.broker.log()
        answer = self.witness.ask("whoami", limit=5)
        assert answer["name"] == "witness"

    def resident(self) -> int:
        """Bytes of memory that the broker has."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * 4096


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    # One for each module: tests of others that run in between would let the witness fall silent.
    running = Target(tmp_path_factory.mktemp("hostile"))
    yield running
    running.broker.finish_now()

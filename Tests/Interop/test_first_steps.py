"""What a new user types, literally: `make run`, what it prints, Docs/GettingStarted.md and the README.

Only this is other than on the reader's machine: the programs are built already (a `swift` that builds nothing stands in its place),
and the port is a free one. INVITE and MESSAGE-ID, as the pages say, are what was printed before.
"""

import os
import random
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from harness import binaries, clean_environment
from pages import ROOT, Terminal, blocks, fits, tidy

STARTED = ROOT / "Docs" / "GettingStarted.md"
README = ROOT / "README.md"


def free_port() -> int:
    """One of four digits, as the pages have: what they show is as wide as what is printed."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randint(2_000, 9_999)))
            except OSError:
                continue
            return probe.getsockname()[1]


class Checkout:
    """A copy of what `make run` needs, a home, and terminals in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mesh"
        self.folder.mkdir()
        shutil.copy(ROOT / "Makefile", self.folder)
        shutil.copytree(ROOT / "scripts", self.folder / "scripts")
        for configuration in ("release", "debug"):
            (self.folder / ".build").mkdir(exist_ok=True)
            (self.folder / ".build" / configuration).symlink_to(binaries())
        tools = folder / "tools"
        tools.mkdir()
        (tools / "swift").write_text("#!/bin/sh\nexit 0\n")
        (tools / "swift").chmod(0o755)
        self.environment = clean_environment(folder) | {"PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin"}
        for name in [name for name in self.environment if name.startswith(("MESH", "COLUMNS"))]:
            del self.environment[name]
        self.port = free_port()
        self.terminals: dict[str, Terminal] = {}

    def terminal(self, name: str) -> Terminal:
        if name not in self.terminals:
            self.terminals[name] = Terminal(self.folder, self.environment)
        return self.terminals[name]

    def make_run(self) -> str:
        """`make run` in a terminal of its own; gives what it prints until the broker serves."""
        self.terminal("broker").start(f"make run LISTEN=127.0.0.1:{self.port}")
        return self.terminal("broker").until(
            lambda text: "Go on with Docs/GettingStarted.md." in text, "make run says what is next")

    def stop(self) -> None:
        """Ctrl-C."""
        self.terminals.pop("broker").finish(2)

    def finish(self) -> None:
        for terminal in self.terminals.values():
            terminal.finish()


@pytest.fixture
def checkout(tmp_path):
    copy = Checkout(tmp_path)
    yield copy
    copy.finish()


def commands_in(text: str) -> list[str]:
    """The indented lines that are commands."""
    return [line.strip() for line in text.splitlines() if re.match(r"^  (\. |mesh-cli )", line)]


def test_make_run_prints_commands_that_work_and_a_second_one_no_others(checkout):
    printed = checkout.make_run()
    enter, join, listen, again, send = commands_in(printed)
    assert enter == again and join.startswith("mesh-cli join 'http") and " listen " in listen and " send " in send
    listener, sender = checkout.terminal("listener"), checkout.terminal("sender")
    assert listener.run(f"{enter}\n{join}")[0] == 0
    listener.start(listen)
    listener.until(lambda text: "Listening in demo as bob" in text, listen)
    code, shown = sender.run(f"{enter}\n{send}")
    assert code == 0 and "delivered" in shown, shown
    listener.until(lambda text: "\n  hello\n" in text, "the message")
    checkout.stop()

    assert commands_in(checkout.make_run()) == [enter, listen, enter, send]


def test_make_run_on_a_taken_port_says_how_to_choose_another(checkout):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        checkout.port = taken.getsockname()[1]
        code, printed = checkout.terminal("broker").run(f"make run LISTEN=127.0.0.1:{checkout.port}")
    assert code != 0 and f"127.0.0.1:{checkout.port}" in printed and "make run LISTEN=127.0.0.1:7901" in printed


def follow(page: Path, checkout: Checkout, written_port: str, skip: tuple[str, ...] = ()) -> None:
    """Does a page's commands in its order and compares what it shows."""
    printed = everything = ""
    count = 0
    for block in blocks(page):
        if block.kind == "sh" and block.text.strip() not in skip:
            text = block.text.replace(written_port, str(checkout.port))
            if "'INVITE'" in text:
                text = text.replace("INVITE", re.findall(r"mesh-cli join '(http[^']+)'", everything)[-1])
            if "MESSAGE-ID" in text:
                text = text.replace("MESSAGE-ID", re.findall(r"^Sent (\S+) to", everything, re.M)[0])
            terminal = checkout.terminal(block.terminal)
            if re.search(r"listen --name \w+\n\Z", text):
                terminal.start(text)
                terminal.sees("Listening in ")
            else:
                code, said = terminal.run(text)
                expected = 1 if "--timeout" in text else 0
                assert code == expected, f"{page.name}, line {block.line}: {text}\nended with {code}\n{said}"
                everything += said
                printed = said.replace(str(checkout.port), written_port)
            count += 1
        elif block.kind == "text" and block.terminal:
            checkout.terminal(block.terminal).until(
                lambda said: fits(block.text, said.replace(str(checkout.port), written_port)),
                f"{page.name}, line {block.line}: the page shows\n{tidy(block.text)}")
        elif block.kind == "text":
            assert fits(block.text, printed), (
                f"{page.name}, line {block.line}: the page shows\n{tidy(block.text)}\nand this was printed\n{printed}")
    assert count >= 3, page


def test_getting_started_works_word_by_word(checkout):
    checkout.make_run()
    follow(STARTED, checkout, "7900")


def test_the_readme_by_hand_works_word_by_word_beside_the_demo(checkout):
    (checkout.folder / "bin").mkdir()
    for name in ("meshd", "mesh-cli"):
        (checkout.folder / "bin" / name).symlink_to(binaries() / name)
    follow(README, checkout, "7901", skip=("make run",))


def test_every_command_in_the_pages_is_run():
    """A command that is no block is not tested: all that reads like one stands in a block."""
    for page in (STARTED, README):
        loose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
        assert not re.findall(r"^    (?:bin/)?(?:mesh|make|swift|export)\S*.*$", loose, re.M), page


def readme_swift() -> tuple[str, str]:
    package, program = [block.text for block in blocks(README) if block.kind == "swift"]
    return package, program


def test_the_readme_s_program_does_what_the_compiled_example_does():
    """Its statements stand in Examples/EchoAgent, which is compiled; the package names every module that it imports."""
    package, program = readme_swift()
    example = (ROOT / "Examples" / "EchoAgent" / "EchoAgent.swift").read_text()
    flat = [line.strip() for line in example.splitlines()]
    body = program[program.index("let home"):program.index("try await client.send")]
    for line in body.splitlines()[:-1]:
        line = line.strip()
        if not line.startswith("let credentials"):
            assert line in flat, line
    for module in re.findall(r"^import (\w+)$", program, re.M):
        assert module == "Foundation" or f'name: "{module}", package: "mesh"' in package, module
    assert re.findall(r"^import (\w+)$", program, re.M) == re.findall(r"^import (\w+)$", example, re.M)


def test_the_calls_that_the_sdk_s_page_names_are_there():
    sources = "\n".join(path.read_text() for path in (ROOT / "Sources" / "MeshSDK").rglob("*.swift"))
    named = set(re.findall(r"`(?:message\.|configuration\.)?([a-z]\w+)`", (ROOT / "Docs" / "SDK.md").read_text()))
    named -= {"group", "code", "message", "hint", "disconnected"}
    missing = {name for name in named if not re.search(rf"public (?:static )?(?:func|var) {name}\b", sources)}
    assert len(named) > 25 and not missing, missing


@pytest.mark.skipif(shutil.which("swift") is None, reason="no Swift here")
def test_the_readme_s_package_is_one(tmp_path):
    (tmp_path / "Package.swift").write_text(readme_swift()[0])
    done = subprocess.run(
        ["swift", "package", "dump-package", "--package-path", str(tmp_path)], capture_output=True, text=True,
        env=os.environ | {"HOME": str(tmp_path)}, timeout=120)
    assert done.returncode == 0, done.stderr
    products = (ROOT / "Package.swift").read_text()
    for name in re.findall(r'\.product\(name: "(\w+)", package: "mesh"\)', readme_swift()[0]):
        assert f'.library(name: "{name}"' in products

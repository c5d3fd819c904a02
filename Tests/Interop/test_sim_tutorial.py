"""The simulation tutorial: its code is the example's, its commands run, and they print what it shows.

With MESH_WRITE_DOCS=1 lines of the page that are other now, and have no …, are written anew.
"""

import os
import re
import socket
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import binaries, clean_environment
from pages import DEADLINE, ROOT, Terminal, fits, tidy

PAGE = ROOT / "Docs" / "SimulationTutorial.md"
SOURCES = sorted((ROOT / "Examples" / "Orchard").rglob("*.swift"))
#: Commands that only look: they are asked again until they show what the page does.
LOOKS = ("cat ", "tail ", "mesh-cli state get ")
#: Where the page has its broker; here it listens somewhere else.
ADDRESS = "127.0.0.1:7900"
WRITES = bool(os.environ.get("MESH_WRITE_DOCS"))


@dataclass
class Block:
    kind: str
    text: str
    line: int
    #: What the page shows below it; None: nothing.
    shown: str | None = None


def blocks() -> list[Block]:
    """The fenced blocks of the page; a text block belongs to the commands before it."""
    page = PAGE.read_text()
    found: list[Block] = []
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S):
        line = page.count("\n", 0, match.start()) + 2
        if match[1] == "text":
            assert found and found[-1].kind == "sh" and found[-1].shown is None, f"line {line}: the output of what?"
            found[-1].shown = match[2]
        else:
            found.append(Block(match[1], match[2], line))
    return found


def rewritten(shown: str, printed: str) -> str | None:
    """What was printed, with the … of what was shown; None when a line with … does not fit."""
    if "…" not in shown:
        return tidy(printed) + "\n"
    old, new = tidy(shown).splitlines(), tidy(printed).splitlines()
    if len(old) != len(new) or not all(fits(one, other) for one, other in zip(old, new) if "…" in one):
        return None
    return "".join((one if "…" in one else other) + "\n" for one, other in zip(old, new))


def write(block: Block, printed: str) -> bool:
    """Writes the page anew where it shows something else than was printed."""
    assert block.shown is not None
    if (text := rewritten(block.shown, printed)) is None:
        return False
    page = PAGE.read_text()
    place = page.index(block.text + "```\n")
    at = page.index("```text\n" + block.shown, place) + len("```text\n")
    PAGE.write_text(page[:at] + text + page[at + len(block.shown):])
    return True


def test_an_ellipsis_stands_for_anything_and_nothing_else_does():
    assert fits("a … c\n", "a b\nb c") and fits("a.c  \n", "a.c")
    assert rewritten("a 1\nb …\n", "a 2\nb 3\n") == "a 2\nb …\n" and rewritten("a …\n", "b") is None
    assert not fits("a … c", "a b d") and not fits("a.c", "abc") and not fits("a", "a\nb")


def test_every_swift_block_stands_in_the_example():
    sources = [source.read_text() for source in SOURCES]
    swift = [block for block in blocks() if block.kind == "swift"]
    assert len(swift) >= 8
    for block in swift:
        lines = textwrap.dedent(block.text).splitlines()
        wanted = [[depth + line if line else "" for line in lines] for depth in ("", " " * 4, " " * 8, " " * 12)]
        assert any(f"\n{chr(10).join(one)}\n" in f"\n{source}" for one in wanted for source in sources), (
            f"line {block.line}: this is not in the example\n{block.text}")


class Shell(Terminal):
    """The reader's terminal, with the programs on its path and a broker's port that is free."""

    def __init__(self, folder: Path, address: str) -> None:
        self.address = address
        super().__init__(
            folder, clean_environment(folder, MESHD_LISTEN=address, MESH_BROKER=f"http://{address}")
            | {"PATH": f"{binaries()}:/usr/bin:/bin"})


@pytest.fixture
def shell(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    running = Shell(tmp_path, address)
    yield running
    running.finish()


def show(shell: Shell, block: Block) -> None:
    """Does the commands of a block; they print what the page shows."""
    end = time.monotonic() + (3.0 if WRITES else DEADLINE)
    looks = all(line.startswith(LOOKS) for line in block.text.splitlines())
    while True:
        code, printed = shell.run(block.text)
        printed = printed.replace(shell.address, ADDRESS)
        if block.shown is None or fits(block.shown, printed):
            break
        if looks and time.monotonic() < end:
            time.sleep(0.05)
            continue
        if WRITES and write(block, printed):
            break
        pytest.fail(
            f"line {block.line}: {block.text}\nthe page shows\n{tidy(block.shown)}\nand this was printed\n{printed}",
            pytrace=False)
    # Commands that find a difference say so, and end with 1.
    expected = 1 if block.shown and block.shown.startswith(("differs", "they part")) else 0
    assert code == expected, f"line {block.line}: {block.text}\nended with {code}\n{printed}"


def test_the_commands_print_what_the_page_shows(shell, tmp_path):
    done = [block for block in blocks() if block.kind in ("sh", "python")]
    build = done.pop(0)
    programs = re.findall(r"^swift build --product (\S+)$", build.text, re.M)
    assert programs and not any("swift build" in block.text for block in done)
    missing = [name for name in programs if not (binaries() / name).is_file()]
    if missing:
        pytest.fail(f"{', '.join(missing)} not in {binaries()}: build first, or set MESH_BIN", pytrace=False)
    for block in done:
        if block.kind == "python":
            (tmp_path / "picker.py").write_text(block.text)
        else:
            show(shell, block)

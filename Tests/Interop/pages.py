"""Pages of the documentation as a reader follows them: their blocks of commands, what they show, and the terminals."""

import os
import re
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

DEADLINE = 60.0
ROOT = Path(__file__).resolve().parents[2]
DONE = "@@ done "


@dataclass
class Block:
    """A fenced block. `kind` is its language; `terminal` the word behind it, "" for the reader's first terminal."""
    kind: str
    terminal: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [Block(match[1], match[2] or "", match[3], text.count("\n", 0, match.start()) + 2)
            for match in re.finditer(r"^```(\w*)(?: (\w+))?\n(.*?)^```$", text, re.M | re.S)]


def tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def fits(shown: str, printed: str) -> bool:
    """Whether this was printed; … stands for anything."""
    pattern = ".*".join(re.escape(part) for part in tidy(shown).split("…"))
    return re.fullmatch(pattern, tidy(printed), re.S) is not None


class Terminal:
    """One bash that does a page's commands, as its reader's does."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, env=environment)
        self.count = 0
        #: What was printed and not taken yet.
        self.said = b""

    def _type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def _read(self, until, what: str) -> None:
        assert self.process.stdout is not None
        end = time.monotonic() + DEADLINE
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not until(self.said):
                assert selector.select(max(0.0, end - time.monotonic())), f"{what}\nnot so:\n{self.said.decode()}"
                chunk = os.read(self.process.stdout.fileno(), 1 << 16)
                assert chunk, f"the shell ended at\n{what}\n{self.said.decode()}"
                self.said += chunk

    def run(self, commands: str) -> tuple[int, str]:
        """Their exit status (the last one's) and all that they print."""
        self.count += 1
        mark = f"{DONE}{self.count} "
        self._type(f"{{\n{commands}\n}} < /dev/null\necho '{mark}'$?\n")
        pattern = re.compile(rf"^{mark}(\d+)\n\Z".encode(), re.M)
        self._read(pattern.search, commands)
        match = pattern.search(self.said)
        assert match is not None
        printed, self.said = self.said[:match.start()].decode(), b""
        return int(match[1]), printed

    def start(self, commands: str) -> None:
        """Begins commands that stay."""
        self._type(f"{{\n{commands}\n}} < /dev/null\n")

    def sees(self, text: str) -> None:
        """Waits until this is there, as a reader does before going on; it is not taken."""
        self._read(lambda said: text.encode() in said, text)

    def until(self, matches, what: str) -> str:
        """Waits until what it has printed since the last look is so, and takes it."""
        self._read(lambda said: matches(said.decode(errors="replace")), what)
        printed, self.said = self.said.decode(), b""
        return printed

    def finish(self, number: int = signal.SIGKILL) -> None:
        # It leads a process group of its own: what it has started ends with it.
        os.killpg(self.process.pid, number)
        self.process.communicate()

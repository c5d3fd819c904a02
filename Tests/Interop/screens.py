"""Programs on a terminal of a given size: what a person sees."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import unicodedata
from pathlib import Path


def on_terminal(words: list[str], environment: dict[str, str], columns: int = 80, rows: int = 24) -> str:
    """All that a program writes to a terminal, without carriage returns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    said = b""
    while True:
        try:
            chunk = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        said += chunk
    process.wait(30)
    os.close(ours)
    return said.decode().replace("\r", "")


def columns_of(line: str) -> int:
    """The columns that a terminal gives to a line."""
    return sum(0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in line)


def program(name: str, folder: Path) -> Path:
    path = folder / name
    assert path.is_file(), f"{name} not in {folder}: build first, or set MESH_BIN"
    return path

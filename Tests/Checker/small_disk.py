"""A real disk of a few megabytes, for what a shim only imitates: a file system that is full is full for everybody on it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """A file system in memory, mounted on a folder of its own until `remove`."""

    def __init__(self, folder: Path, megabytes: int = 20) -> None:
        self.path = folder
        self.filler = folder / "filler"
        folder.mkdir(parents=True)
        done = self._mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs")
        if done.returncode != 0:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")

    def _mount(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(["mount", *words, str(self.path)], capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("a small disk cannot be mounted here: there is no program called mount")

    @property
    def free(self) -> int:
        """Bytes that are free."""
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, leaving: int = 0) -> None:
        """Somebody else takes what is free, but for some bytes."""
        with open(self.filler, "ab", buffering=0) as file:
            while (size := min(1 << 20, self.free - leaving)) > 0:
                try:
                    file.write(b"x" * size)
                except OSError:
                    return

    def clear(self) -> None:
        """And gives it back."""
        self.filler.unlink(missing_ok=True)

    def grow(self, megabytes: int) -> None:
        done = self._mount("-o", f"remount,size={megabytes}m")
        assert done.returncode == 0, done.stderr

    def remove(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=True)

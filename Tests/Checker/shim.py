"""Compiles `faults_shim.c` and hands it to a broker."""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from pathlib import Path

from harness import Broker

SOURCE = Path(__file__).resolve().parent / "faults_shim.c"


def build() -> Path:
    """The compiled shim; made anew when its source is newer."""
    library = Path(tempfile.gettempdir()) / f"mesh-faults-shim-{os.getuid()}-{SOURCE.stat().st_mtime_ns}.so"
    if not library.exists():
        making = library.with_suffix(f".{os.getpid()}")
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", making, SOURCE, "-ldl", "-lpthread"], check=True)
        making.rename(library)
    return library


def load(broker: Broker, **settings: str | Path) -> None:
    """Gives the next starts of this broker the shim with these settings, `FAULTS_` left out of their names."""
    unload(broker)
    broker.environment |= {"LD_PRELOAD": str(build()), "FAULTS_FOLDER": str(broker.data)}
    broker.environment |= {f"FAULTS_{name.upper()}": str(value) for name, value in settings.items()}


def unload(broker: Broker) -> None:
    for name in [name for name in broker.environment if name == "LD_PRELOAD" or name.startswith("FAULTS_")]:
        del broker.environment[name]


class Clock:
    """By how much the broker's wall clock is off."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, milliseconds: int) -> None:
        # In place: the broker has the file mapped.
        mode = "r+b" if self.path.exists() else "wb"
        with open(self.path, mode) as file:
            file.write(struct.pack("<q", milliseconds))

"""What the checker has seen, event by event. Nothing here knows the broker."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal[
    "invoke",  # a sender begins to send
    "ok",  # the broker said that it is stored
    "fail",  # the broker said that it is not stored, and it will not be sent again
    "info",  # nobody knows: it was never answered
    "received",  # a recipient got it
    "settled",  # the broker said that the recipient's acknowledgement is stored
    "fault",  # something was done to the broker
]


@dataclass(frozen=True)
class Event:
    """One line of the history. `at` is seconds since the start."""

    kind: Kind
    at: float
    peer: str = ""
    sender: str = ""
    conversation: str = ""
    n: int = -1
    message_id: str = ""
    attempt: int = 0
    digest: str = ""
    intact: bool = True
    note: str = ""


@dataclass
class History:
    """Events in the order in which the checker saw them."""

    events: list[Event] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def add(self, kind: Kind, **fields: object) -> None:
        self.events.append(Event(kind=kind, at=round(time.monotonic() - self.started, 4), **fields))  # type: ignore[arg-type]

    def write(self, path: Path) -> None:
        """One JSON object a line."""
        with open(path, "w", encoding="utf-8") as file:
            for event in self.events:
                file.write(json.dumps(asdict(event)) + "\n")

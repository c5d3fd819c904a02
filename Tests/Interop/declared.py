"""The requests as the page of the protocol lists them: the tables there are made from the declarations, so that a test which goes
through all requests keeps no list of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).resolve().parents[2] / "Docs" / "Protocol.md").read_text(encoding="utf-8")
KEY = "0a" * 32


@dataclass
class Field:
    name: str
    required: bool
    type: str
    help: str

    def sample(self, inner: list[Field]) -> Any:
        """A value within the bounds; `inner` are the fields of the objects that it holds."""
        if self.type.startswith("array of"):
            least = re.search(r"Valid: (\d+) to [\d,]+ elements", self.help)
            one = sample(inner) if inner else "x"
            return [one] * (int(least[1]) if least else 0)
        if self.type.startswith("object"):
            return sample(inner)
        if self.type.startswith("one of"):
            return self.type.split("`")[1]
        if self.type in ("integer", "number"):
            least = re.search(r"Valid: ([\d,]+) (?:to|or more)", self.help)
            return int(least[1].replace(",", "")) if least else 1
        if self.type == "boolean":
            return True
        if "128 lower-case hex" in self.help:
            return KEY * 2
        if "64 lower-case hex" in self.help:
            return KEY
        return "" if "or empty" in self.help else "*" if "array of strings" in self.type else "x"


@dataclass
class Declared:
    """A request: whether it is a write, a read or a watch, the right that it needs, its place, its fields."""

    name: str
    kind: str
    right: str
    place: str | None
    fields: list[Field]

    def sample(self) -> dict[str, Any]:
        """A request with the fields that it must have."""
        return sample(self.fields)


def sample(fields: list[Field]) -> dict[str, Any]:
    values = {}
    for field in fields:
        if not field.required or "." in field.name:
            continue
        inner = [Field(other.name.split(".", 1)[1], other.required, other.type, other.help) for other in fields
                 if other.name.startswith((f"{field.name}[].", f"{field.name}."))]
        values[field.name] = field.sample(inner)
    return values


def requests() -> list[Declared]:
    text = PAGE.split("<!-- begin requests -->")[1].split("<!-- end requests -->")[0]
    found = []
    for part in text.split("### `")[1:]:
        facts = re.search(r"^- A (write|read|watch)\b.*; needs the right to (\w+), about", part, re.MULTILINE)
        place = re.search(r"^- HTTP: `([^`]+)`", part, re.MULTILINE)
        assert facts, part[:200]
        rows = re.findall(r"^\| `([^`]+)`( \(required\))? \| (.*?) \| (.*) \|$", part, re.MULTILINE)
        found.append(Declared(part.split("`")[0], facts[1], facts[2], place[1] if place else None,
                              [Field(name, bool(required), kind, words) for name, required, kind, words in rows]))
    assert len(found) > 50
    return found


REQUESTS = {request.name: request for request in requests()}

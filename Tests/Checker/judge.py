"""From a history to a verdict: a pure function. Whom a conversation reaches is given by the caller."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Iterable, Mapping

from history import Event

#: What must never happen; `duplicated` alone may, when the broker says that it offers again.
FATAL = (
    "lost", "phantom", "resurrected", "altered", "misdelivered", "reordered", "unmarked duplicate",
    "redelivered after acknowledgement", "two messages for one id", "stuck",
)

Key = tuple[str, str, int]


@dataclass
class Verdict:
    """How often each class of fault was seen, with the first cases of each."""

    counts: dict[str, int] = field(default_factory=dict)
    cases: dict[str, list[str]] = field(default_factory=dict)

    def fault(self, name: str, case: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1
        self.cases.setdefault(name, [])
        if len(self.cases[name]) < 5:
            self.cases[name].append(case)

    @property
    def passes(self) -> bool:
        return not any(self.counts.get(name) for name in FATAL)


def judge(events: Iterable[Event], recipients: Mapping[tuple[str, str], set[str]], drained: bool = True) -> Verdict:
    """`recipients[sender, conversation]` is who must get its messages; `drained` says that the end was waited for."""
    verdict = Verdict()
    sent: dict[Key, str] = {}
    stored: dict[Key, str] = {}
    refused: set[Key] = set()
    got: dict[tuple[str, Key], list[Event]] = defaultdict(list)
    settled: set[tuple[str, str]] = set()
    last: dict[tuple[str, str, str], int] = {}
    for event in events:
        key = (event.sender, event.conversation, event.n)
        name = f"{event.peer}: {event.sender}/{event.conversation}/{event.n} {event.message_id}"
        match event.kind:
            case "invoke":
                sent.setdefault(key, event.digest)
            case "ok":
                if stored.setdefault(key, event.message_id) != event.message_id:
                    verdict.fault("two messages for one id", f"{name}, before {stored[key]}")
            case "fail":
                refused.add(key)
            case "settled":
                settled.add((event.peer, event.message_id))
            case "received":
                if key not in sent:
                    verdict.fault("phantom", name)
                    continue
                if not event.intact or event.digest != sent[key]:
                    verdict.fault("altered", name)
                if event.peer not in recipients.get((event.sender, event.conversation), set()):
                    verdict.fault("misdelivered", name)
                if (event.peer, event.message_id) in settled:
                    verdict.fault("redelivered after acknowledgement", name)
                before = got[event.peer, key]
                if before:
                    verdict.fault("duplicated", name)
                    if any(event.message_id != one.message_id for one in before):
                        verdict.fault("two messages for one id", name)
                    elif event.attempt <= before[-1].attempt:
                        verdict.fault("unmarked duplicate", f"{name}, attempt {event.attempt}")
                else:
                    lane = (event.peer, event.sender, event.conversation)
                    if last.get(lane, -1) > event.n:
                        verdict.fault("reordered", f"{name} after {last[lane]}")
                    last[lane] = max(last.get(lane, -1), event.n)
                before.append(event)
    for key in refused:
        for peer in recipients.get(key[:2], set()):
            if got.get((peer, key)):
                verdict.fault("resurrected", f"{peer}: {key}")
    missing = "lost" if drained else "stuck"
    for key, message_id in stored.items():
        for peer in recipients.get(key[:2], set()):
            if not got.get((peer, key)):
                verdict.fault(missing, f"{peer}: {key} {message_id}")
    verdict.counts["attempted"] = len(sent)
    verdict.counts["acknowledged"] = len(stored)
    verdict.counts["unknown"] = len(set(sent) - set(stored) - refused)
    verdict.counts["delivered"] = len(got)
    return verdict

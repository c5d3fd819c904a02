"""The judge against histories made by hand: each class of fault is seen, and nothing else is."""

import pytest

from history import Event
from judge import FATAL, judge

REACHES = {("a", "d:b"): {"b"}, ("a", "*"): {"b", "c"}}


def event(kind, n=0, peer="", conversation="d:b", message_id="", attempt=1, digest="x", **fields):
    return Event(kind, 0.0, peer, "a", conversation, n, message_id or f"m{n}", attempt, digest, **fields)


SENT = [event("invoke"), event("ok")]
GOT = [event("received", peer="b")]
GOOD = SENT + GOT + [event("settled", peer="b")]

CASES = {
    "lost": SENT,
    "phantom": GOOD + [event("received", 7, peer="b")],
    "resurrected": [event("invoke"), event("fail")] + GOT,
    "altered": SENT + [event("received", peer="b", digest="y")],
    "misdelivered": GOOD + [event("received", peer="c")],
    "reordered": SENT + [event("invoke", 1), event("ok", 1), event("received", 1, peer="b")] + GOT,
    "unmarked duplicate": SENT + GOT + GOT,
    "redelivered after acknowledgement": GOOD + [event("received", peer="b", attempt=2)],
    "two messages for one id": SENT + GOT + [event("received", peer="b", message_id="other", attempt=2)],
}


@pytest.mark.parametrize("name", CASES)
def test_each_fault_is_seen_and_is_the_only_one(name):
    verdict = judge(CASES[name], REACHES)
    assert [fault for fault in FATAL if verdict.counts.get(fault)] == [name]
    assert not verdict.passes and verdict.cases[name]


@pytest.mark.parametrize("history", [
    GOOD,
    SENT + GOT + [event("received", peer="b", attempt=2)],
    [event("invoke")],
    [event("invoke")] + GOT,
    [event("invoke"), event("fail")],
    [event(kind, conversation="*", peer=peer)
     for kind, peer in [("invoke", ""), ("ok", ""), ("received", "b"), ("received", "c")]],
])
def test_what_may_happen_passes(history):
    assert judge(history, REACHES).passes


def test_a_message_for_many_is_lost_when_one_does_not_get_it():
    history = [event("invoke", conversation="*"), event("ok", conversation="*"),
               event("received", conversation="*", peer="b")]
    verdict = judge(history, REACHES)
    assert verdict.counts["lost"] == 1 and "c" in verdict.cases["lost"][0]


def test_what_was_not_waited_for_is_stuck_and_not_lost():
    verdict = judge(SENT, REACHES, drained=False)
    assert verdict.counts.get("stuck") == 1 and not verdict.counts.get("lost") and not verdict.passes

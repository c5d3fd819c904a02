"""The Python customer of the retail store: how it reads observations, what it decides, and what it says to the controller."""

import importlib.util
import json
import random
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "Examples" / "RetailStore" / "customer.py"
spec = importlib.util.spec_from_file_location("retail_customer", PATH)
customer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(customer)

SIGN = {"type": "sign", "zone": "hall", "exits": "checkout,dairy,entrance"}
FULL = {
    "type": "sim_observation", "sim": "shop", "tick": 1, "sequence": 1, "kind": "full", "self": "customer-1",
    "entities": {
        "customer-1": {"type": "customer", "zone": "hall", "wants": "radio", "budget": 500, "items": 0, "due": 0},
        "radio": {"type": "product", "zone": "hall", "price": 100, "stock": 1},
        "sign-hall": SIGN,
    },
    "entered": ["customer-1", "radio", "sign-hall"], "actions": ["move", "ask", "take", "wait"],
}


def delta(sequence, base, **fields):
    return {"sim": "shop", "tick": sequence, "sequence": sequence, "base": base, "kind": "delta",
            "self": "customer-1", **fields}


def view_of(*payloads):
    view = customer.View()
    for payload in payloads:
        view.apply(payload)
    return view


def test_a_delta_has_new_values_takes_fields_away_and_knows_who_came_and_went():
    view = view_of(FULL, delta(
        2, 1, entities={"customer-1": {"items": 1, "wants": None}, "customer-2": {"type": "customer", "zone": "hall"}},
        entered=["customer-2"], left=["radio"], actions=["move"]))
    assert view.own == {"type": "customer", "zone": "hall", "budget": 500, "items": 1, "due": 0}
    assert sorted(view.entities) == ["customer-1", "customer-2", "sign-hall"]
    assert view.actions == ["move"]


def test_a_delta_is_made_against_its_base_and_not_against_the_last():
    view = view_of(FULL, delta(2, 1, entities={"radio": {"stock": 0}}), delta(3, 1, entities={"radio": {"price": 90}}))
    assert view.entities["radio"] == {"type": "product", "zone": "hall", "price": 90, "stock": 1}
    assert view.actions == FULL["actions"]


def test_who_enters_again_has_no_field_of_before():
    view = view_of(FULL, delta(2, 1, entities={"radio": {"type": "product"}}, entered=["radio"]))
    assert view.entities["radio"] == {"type": "product"}


def test_unchanged_is_as_the_base():
    view = view_of(FULL, delta(2, 1, entities={"radio": {"stock": 0}}), dict(delta(3, 1), kind="unchanged"))
    assert view.entities == FULL["entities"] and view.sequence == 3


def test_what_is_older_changes_nothing():
    view = view_of(FULL, delta(3, 1, left=["radio"]))
    assert view.apply(delta(2, 1)) is False and "radio" not in view.entities and view.sequence == 3


@pytest.mark.parametrize("payload", [delta(9, 7), delta(9, None), delta(9, 1, entities={"moon": {"x": 1}})])
def test_without_the_base_a_whole_one_is_needed_and_all_stays(payload):
    view = view_of(FULL)
    with pytest.raises(customer.NeedsKeyframe):
        view.apply(payload)
    assert (view.sequence, view.entities) == (1, FULL["entities"])


def test_old_observations_are_forgotten():
    view = view_of(FULL, *(delta(number, number - 1) for number in range(2, 40)))
    assert sorted(view.known) == list(range(40 - customer.KEEP, 40))


def changed(own, **others):
    entities = {**FULL["entities"], **others}
    entities["customer-1"] = {**entities["customer-1"], **own}
    return dict(FULL, entities={name: {key: value for key, value in fields.items() if value is not None}
                                for name, fields in entities.items() if fields})


HELPER = {"type": "representative", "zone": "hall", "busy": 0}


@pytest.mark.parametrize("payload, expected", [
    (FULL, ("take", {"product": "radio"})),
    (changed({"items": 1}), ("move", {"zone": "checkout"})),
    (changed({"items": 1, "zone": "checkout"}), ("purchase", {})),
    (changed({"wants": None}), ("move", {"zone": "entrance"})),
    (dict(changed({"wants": None}), actions=["leave"]), ("leave", {})),
    (changed({"wants": "milk", "aisle": "dairy"}), ("move", {"zone": "dairy"})),
    (changed({"wants": "milk", "aisle": "bakery"}), ("move", {"zone": "entrance"})),
    (changed({"wants": "milk"}, **{"representative-1": HELPER}), ("ask", {"representative": "representative-1"})),
    (changed({"wants": "milk"}, **{"sign-hall": dict(SIGN, exits="office,dairy")}), ("move", {"zone": "dairy"})),
    (changed({"wants": "milk"}, **{"sign-hall": None}), ("wait", {})),
])
def test_what_a_customer_does(payload, expected):
    assert customer.choose(view_of(payload), random.Random(1)) == expected


def test_the_peer_acknowledges_acts_and_ends(monkeypatch):
    sent = []
    monkeypatch.setattr(customer.subprocess, "run", lambda words, input, **_: sent.append((words, json.loads(input))))
    peer = customer.Customer("carla", "store", seed=1)

    def see(payload):
        return peer.take({"v": 1, "type": "sim_observation", "seat": "c-3", "generation": 2, "tick": payload["tick"],
                          "sequence": payload["sequence"], "payload": payload})

    assert see(FULL) and not sent, "nobody has welcomed it yet"
    assert peer.take({"type": "sim_welcome", "seat": "c-3", "generation": 2, "sim": "shop", "tick": 1})
    assert see(FULL) and see(delta(5, 4))
    assert see(delta(6, 1, left=["customer-1"])) is False
    assert all(words[:3] == ["mesh-cli", "send", "store"] for words, _ in sent)
    seat = {"v": 1, "seat": "c-3", "generation": 2}
    assert [message for _, message in sent] == [
        {**seat, "type": "sim_ack", "sequence": 1},
        {**seat, "type": "sim_action", "sequence": 1, "basedOn": 1, "action": "take", "arguments": {"product": "radio"}},
        {**seat, "type": "sim_ack", "sequence": 1, "keyframe": True},
        {**seat, "type": "sim_ack", "sequence": 6},
        {**seat, "type": "sim_leave", "reason": "done shopping"},
    ]
    assert peer.take({"type": "sim_end", "tick": 9, "reason": "enough"}) is False

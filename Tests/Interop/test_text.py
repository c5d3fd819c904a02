"""Text on its way in and out: line ends, dashes, limits, names in every script, retries, and one form of a message."""

import json
import re
import urllib.error
import urllib.request

import pytest

from mesh_keys import Key
from harness import poll

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


async def texts(cli) -> list[str]:
    return [message["text"] for message in (await cli.run("inbox", "--peek", "--json")).json["messages"]]


# Retries


async def test_the_same_send_from_a_new_process_is_one_message(mesh):
    bob, ada = await mesh.cli("bob"), await mesh.cli("ada")
    words = ["send", "bob", "the build is green", "--id", "run-17"]
    first = (await ada.run(*words, "--json")).json
    again = (await ada.run(*words, "--json")).json
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert first["messageId"] == again["messageId"]
    assert "duplicate" in (await ada.run(*words)).out
    assert await texts(bob) == ["the build is green"]
    conflict = (await ada.run("send", "bob", "the build is red", "--id", "run-17", "--json", code=6)).json
    assert conflict["error"]["code"] == "conflict"
    assert (await ada.run("send", "@nobody,bob", "x", "--id", "run-17", code=None)).code != 0


async def test_a_retry_is_known_when_its_recipient_listens_elsewhere_too(mesh):
    bob, ada = await mesh.cli("bob"), await mesh.cli("ada")
    words = ["send", "bob", "again", "--id", "x", "--json"]
    first = (await ada.run(*words)).json
    await mesh.listen(bob, "--name", "laptop")
    again = (await ada.run(*words)).json
    assert again["duplicate"] and again["messageId"] == first["messageId"]


async def test_a_retry_of_another_session_of_the_member_is_known(mesh):
    _, ada = await mesh.cli("bob"), await mesh.cli("ada")
    await mesh.listen(ada, "--name", "laptop")
    words = ["send", "bob", "again", "--id", "x", "--json"]
    assert not (await ada.run(*words)).json["duplicate"]
    assert (await ada.run(*words, "--profile", "laptop")).json["duplicate"]


# Line ends, dashes, limits


@pytest.mark.parametrize("given, text", [
    (b"one\r\ntwo\r\n", "one\r\ntwo"), (b"one\ntwo\n", "one\ntwo"), (b"one\r", "one"), (b"one\n\n", "one\n"),
    (b"one\r\n\r\n", "one\r\n"), (b"one", "one"), (b"\xe0\xa4\x95\n", "\u0915"),
])
async def test_one_line_end_goes_whatever_its_kind(mesh, given, text):
    bob, ada = await mesh.cli("bob"), await mesh.cli("ada")
    await ada.run("send", "bob", "-", feed=given)
    assert await texts(bob) == [text]
    shown = (await bob.run("inbox", "--peek")).out
    assert "\ufffd" not in shown and "\r" not in shown
    assert [line.strip() for line in shown.splitlines()[1:]] == text.replace("\r\n", "\n").split("\n")


async def test_without_a_text_standard_input_is_read(mesh):
    bob, ada = await mesh.cli("bob"), await mesh.cli("ada")
    await ada.run("send", "bob", feed=b"from a pipe\n")
    assert await texts(bob) == ["from a pipe"]


@pytest.mark.parametrize("words, feed", [(["send", "bob", ""], None), (["send", "bob"], b""), (["send", "bob"], b"\n")])
async def test_an_empty_text_is_refused(mesh, words, feed):
    bob, ada = await mesh.cli("bob"), await mesh.cli("ada")
    result = await ada.run(*words, code=3, feed=feed)
    assert "empty" in result.err
    assert await texts(bob) == []


@pytest.mark.parametrize("text", ["- first item", "-hello", "-5", "- [ ] open\n- [x] done", "--- a heading ---", "-0.5e3"])
async def test_a_text_that_begins_with_a_dash_is_sent(mesh, text):
    bob, ada = await mesh.cli("bob"), await mesh.cli("ada")
    await ada.run("send", "bob", text, "--priority", "now")
    await ada.run("send", "--json", "--", "bob", text)
    assert await texts(bob) == [text, text]


async def test_a_dash_that_could_be_an_option_is_told_of_the_two(mesh):
    _, ada = await mesh.cli("bob"), await mesh.cli("ada")
    result = await ada.run("send", "bob", "--hello", code=3)
    assert "behind --: mesh-cli send" in result.err and "-- '--hello'" in result.err
    told = (await ada.run("send", "bob", "--no-such-option", "--json", code=3)).json
    assert "--" in told["error"]["hint"]


async def test_too_much_on_standard_input_is_told_the_limit_of_a_message(mesh):
    bob, ada = await mesh.cli("bob"), await mesh.cli("ada")
    for size in (65_537, 2_000_000):
        result = await ada.run("send", "bob", "-", feed=b"a" * size, code=3)
        assert "65536" in result.err and "message" in result.err and "permission" not in result.err
    await ada.run("send", "bob", "-", feed=b"a" * 65_536 + b"\r\n")
    assert [len(text) for text in await texts(bob)] == [65_536]


# State


@pytest.mark.parametrize("value", [
    "18446744073709551615", "1e400", "-0", '{"t":-0}', '{"id":18446744073709551615}', "[" * 40 + "]" * 40,
    '{"a":1,"a":2}', r'"\ud800"',
])
async def test_json_that_cannot_be_kept_does_not_become_a_string(mesh, value):
    ada = await mesh.cli("ada")
    for words in (["state", "set", "k", value], ["state", "set", "--", "k", value], ["state", "cas", "k", "0", value]):
        result = await ada.run(*words, code=3)
        assert "is JSON that the mesh does not keep" in result.err
    assert (await ada.run("state", "list", "--json")).json["entries"] == []


@pytest.mark.parametrize("text, value", [
    ("01", "01"), ("green", "green"), ('"1e400"', "1e400"), ("-5", -5), ("{a:1}", "{a:1}"), ("- x", "- x"),
    ("7e9999ab", "7e9999ab"), ("18446744073709551615x", "18446744073709551615x"),
])
async def test_what_is_no_json_is_a_string(mesh, text, value):
    ada = await mesh.cli("ada")
    await ada.run("state", "set", "k", text)
    assert (await ada.run("state", "get", "k", "--json")).json["value"] == value


async def test_names_of_json_members_differ_by_code_points(mesh):
    ada, pia = await mesh.cli("ada"), await mesh.peer("pia")
    value = {COMPOSED: 1, DECOMPOSED: 2}
    await ada.run("state", "set", "k", json.dumps(value, ensure_ascii=False))
    kept = json.loads((await ada.run("state", "get", "k", "--json")).out)["value"]
    assert kept == value and list(kept) == [COMPOSED, DECOMPOSED]
    assert (await pia.request("get_state", key="k"))["value"] == value
    await pia.request("set_state", key=COMPOSED, value=1)
    await pia.request("set_state", key=DECOMPOSED, value=2)
    assert (await pia.request("get_state", key=COMPOSED))["value"] == 1


# Names


@pytest.mark.parametrize("name", [
    "हिन्दी", "தமிழ்", "မြန်မာ", DECOMPOSED, "Vie\u0323\u0302t", "ไทย", "русский", "日本語"])
async def test_words_of_every_script_are_names(mesh, name):
    ada = await mesh.cli("ada")
    await ada.run("topic", "create", name)
    await ada.run("group", "join", name)
    bob = await mesh.cli("bob")
    await bob.run("send", "@" + name, "for the group")
    assert await texts(ada) == ["for the group"]


async def test_two_spellings_are_one_name(mesh):
    ada = await mesh.cli(DECOMPOSED)
    assert (await ada.run("whoami", "--json", "--profile", COMPOSED)).json["name"] == COMPOSED
    bob = await mesh.cli("bob")
    for spelling in (COMPOSED, DECOMPOSED):
        await bob.run("send", spelling, "hello")
        await bob.run("topic", "create", spelling)
        await bob.run("group", "join", spelling)
    assert await texts(ada) == ["hello", "hello"]
    assert [one["name"] for one in (await bob.run("topic", "list", "--json")).json["topics"]] == [COMPOSED]
    assert [one["name"] for one in (await bob.run("group", "list", "--json")).json["groups"]] == [COMPOSED]
    taken = await mesh.owner.run("member", "add", "--name", COMPOSED, "--pubkey", Key().hex, code=None)
    assert taken.code == 6, taken


async def test_the_length_of_a_name_is_counted_as_it_is_told(mesh):
    name = "Z" + "\u0300" * 200
    result = await mesh.owner.run("member", "add", "--name", name, "--pubkey", Key().hex, code=3)
    assert "1 to 64 characters, has 201" in result.err
    result = await mesh.owner.run("topic", "create", "a b", code=3)
    assert "U+0020" in result.err


# Files


async def test_a_dash_is_standard_output_or_refused(mesh, tmp_path, monkeypatch):
    ada = await mesh.cli("ada")
    await mesh.cli("bob")
    monkeypatch.chdir(tmp_path)
    lines = (await ada.run("ledger", "export", "-")).out.splitlines()
    assert len(lines) > 2 and all(json.loads(line) for line in lines)
    note = (await poll(lambda: ada.run("ledger", "head", "--out", "-", code=None), lambda result: result.code == 0)).out
    assert note.startswith("mesh/")
    assert (await ada.run("ledger", "prove", "0", "--out", "-")).out.startswith("c2sp.org/tlog-proof")
    refused = await ada.run("send", "bob", "hi", "--receipt", "-", code=3)
    assert "--receipt" in refused.err
    verified = await ada.run("ledger", "verify", "-", feed=("\n".join(lines) + "\n").encode())
    assert verified.code == 0
    assert not (tmp_path / "-").exists()


# One form of a message


MEMBERS = {
    "type", "messageId", "clientMessageId", "from", "fromLabel", "fromMemberKey", "fromSessionKey", "target", "kind",
    "topic", "text", "encrypted", "priority", "mentions", "replyTo", "sentAt", "attempt"}


async def test_a_message_has_one_form_in_every_command(mesh):
    ada, bob = await mesh.cli("ada"), await mesh.cli("bob")
    await ada.run("topic", "create", "deploys")
    await bob.run("topic", "join", "deploys")
    listener = await mesh.listen(ada)
    sent = (await bob.run("send", "#deploys", "out, @ada", "--json")).json
    heard = await listener.text("out, @ada")
    history = (await ada.run("topic", "history", "deploys", "--json")).json["messages"][0]
    mention = (await ada.run("topic", "mentions", "--json")).json["messages"][0]
    await ada.run("send", "bob", "hello")
    waiting = (await bob.run("inbox", "--peek", "--json")).json["messages"][0]
    for message in (heard, history, mention, waiting):
        assert MEMBERS <= set(message), MEMBERS - set(message)
        assert message["type"] == "message" and ISO.match(message["sentAt"])
        assert not {"ciphertext", "nonce", "createdAt", "senderName"} & set(message)
    for message in (heard, history, mention):
        facts = {name: message[name] for name in ("messageId", "text", "from", "topic", "kind", "encrypted", "mentions")}
        assert facts == {
            "messageId": sent["messageId"], "text": "out, @ada", "from": "bob", "topic": "deploys", "kind": "topic",
            "encrypted": False, "mentions": ["ada"]}
    assert heard["fromMemberKey"] == history["fromMemberKey"]
    status = (await bob.run("message", "status", sent["messageId"], "--json")).json
    for message in (sent, status):
        assert (message["type"], message["target"]) == ("message", "#deploys")
        assert message["recipients"] == 1
    assert ISO.match(status["sentAt"]) and ISO.match(status["expiresAt"])
    assert ISO.match(status["receipts"][0]["updatedAt"])


async def test_texts_given_to_a_command_stay_lines(mesh, tmp_path):
    ada, bob = await mesh.cli("ada"), await mesh.cli("bob")
    box = tmp_path / "inbox.txt"
    listener = await mesh.listen(ada, "--exec", f"cat >> '{box}'", "--count", "3")
    for text in ("three", "four\n", "five"):
        await bob.run("send", "ada", text)
    assert await listener.process.wait() == 0
    assert box.read_text() == "three\nfour\nfive\n"


async def test_a_topic_without_others_keeps_its_message_and_says_so(mesh):
    ada = await mesh.cli("ada")
    await ada.run("topic", "create", "alone")
    said = (await ada.run("send", "#alone", "noted")).out
    assert "0 recipients" not in said and "history" in said


# The invite in a browser


async def test_an_invite_opened_in_a_browser_says_what_to_do(mesh):
    link = (await mesh.owner.run("invite", "--json")).json["invite"]
    page, code = link.split("#")
    with urllib.request.urlopen(page) as answer:
        text = answer.read().decode()
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "mesh-cli join" in text and mesh.id not in text and code not in text
    with urllib.request.urlopen(f"{mesh.broker.http}/join/{'0' * 32}") as answer:
        assert answer.read().decode() == text, "the page tells which meshes there are"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{mesh.broker.http}/join/")
    assert caught.value.code == 404

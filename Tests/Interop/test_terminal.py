"""What a person sees at a terminal: widths, colours, times; and that programs get everything, plain."""

import re

import pytest

from harness import Broker, binaries
from screens import columns_of, on_terminal

CLI = str(binaries() / "mesh-cli")
ESCAPE = "\x1b["


def seen(cli, *words: str, columns: int = 80, **environment: str) -> str:
    variables = {name: value for name, value in cli.environment.items() if name != "NO_COLOR"}
    return on_terminal([CLI, *words], variables | {"TERM": "xterm"} | environment, columns)


LONG = "".join(f"{number} " for number in range(200))
WIDE = "語" * 150


@pytest.mark.parametrize("columns", [80, 40, 200])
async def test_a_table_fits_the_terminal_and_is_whole_in_a_pipe(mesh, columns):
    cli = await mesh.cli("bob")
    for key, value in (("long", LONG), ("wide", WIDE), ("flags", "🇩🇪✅❤️" * 80), ("k" * 200, "1")):
        await cli.run("state", "set", key, value)
    shown = seen(cli, "state", "list", columns=columns, NO_COLOR="1").splitlines()
    assert len(shown) == 5 and shown[0].startswith("KEY"), shown
    assert all(columns_of(line) <= columns for line in shown), [columns_of(line) for line in shown]
    assert all("…" in line for line in shown[1:]) and all("bob" in line for line in shown[1:]), shown
    whole = (await cli.run("state", "list")).out
    assert LONG.strip() in whole and WIDE in whole and "k" * 200 in whole and "…" not in whole


async def test_short_tables_are_not_stretched_or_cut(mesh):
    cli = await mesh.cli("bob")
    await cli.run("state", "set", "a", "1")
    assert seen(cli, "state", "list", NO_COLOR="1") == (await cli.run("state", "list")).out


@pytest.mark.parametrize("variables, isColoured", [
    ({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"CLICOLOR": "0"}, False), ({"NO_COLOR": ""}, True),
    ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, False), ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, True)])
async def test_colour_by_the_usual_rules_on_a_terminal(mesh, variables, isColoured):
    cli = await mesh.cli("bob")
    for words in (["ledger", "verify"], ["doctor"], ["state", "get", "nothing"]):
        assert (ESCAPE in seen(cli, *words, **variables)) == isColoured, (words, variables)


@pytest.mark.parametrize("variables, isColoured", [({}, False), ({"CLICOLOR_FORCE": "1"}, True), ({"CLICOLOR_FORCE": "0"}, False)])
async def test_colour_by_the_usual_rules_in_a_pipe(mesh, variables, isColoured):
    cli = await mesh.cli("bob")
    del cli.environment["NO_COLOR"]
    verified = await cli.run("ledger", "verify", TERM="xterm", **variables)
    failed = await cli.run("state", "get", "nothing", code=5, TERM="xterm", **variables)
    assert (ESCAPE in verified.out, ESCAPE in failed.err) == (isColoured, isColoured)
    asJSON = await cli.run("ledger", "verify", "--json", TERM="xterm", **variables)
    assert ESCAPE not in asJSON.out


async def test_texts_of_others_do_not_steer_the_terminal(mesh):
    cli = await mesh.cli("bob")
    sender = await mesh.cli("eve")
    hostile = "\x1b[2J\x1b]0;owned\x07\u202eabc\x9b31m"
    await sender.run("send", "bob", hostile)
    await sender.run("state", "set", "k", hostile)
    for words in (["inbox", "--peek"], ["state", "list"], ["state", "get", "k"]):
        shown = seen(cli, *words, NO_COLOR="1")
        assert "abc" in shown and not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown), shown


async def test_messages_show_the_time_of_day_of_this_machine(mesh):
    sender, cli = await mesh.cli("ada"), await mesh.cli("bob")
    await sender.run("send", "bob", "hello")
    sent = (await cli.run("inbox", "--peek", "--json")).json["messages"][0]
    assert sent["text"] == "hello"

    async def minutes(zone: str) -> int:
        shown = (await cli.run("inbox", "--peek", TZ=zone)).out.splitlines()[0]
        hour, minute = re.search(r"\((?:\d{4}-\d\d-\d\d )?(\d\d):(\d\d)", shown).groups()
        return int(hour) * 60 + int(minute)

    assert (await minutes("XXX-5:30") - await minutes("UTC0")) % (24 * 60) == 330


async def test_since_takes_what_is_new_and_refuses_what_is_no_time(mesh):
    sender, cli = await mesh.cli("ada"), await mesh.cli("bob")
    await sender.run("send", "bob", "now")
    assert [one["text"] for one in (await cli.run("inbox", "--peek", "--since", "1h", "--json")).json["messages"]] == ["now"]
    assert (await cli.run("inbox", "--peek", "--since", "2999-01-01", "--json")).json["messages"] == []
    # What was passed over stays unread.
    await cli.run("inbox", "--since", "2999-01-01")
    assert len((await cli.run("inbox", "--peek", "--since", "2001-01-01 12:30", "--json")).json["messages"]) == 1
    for wrong in ("yesterday", "25:00", "2026-02-30", "2026-13-01", "-1h", "12:3:4:5"):
        result = await cli.run("inbox", "--peek", f"--since={wrong}", code=3)
        assert "14:30" in result.err, result


async def test_topic_history_follows_and_keeps_to_since(mesh):
    sender, reader = await mesh.cli("ada"), await mesh.cli("bob")
    await sender.run("topic", "create", "news")
    await reader.run("topic", "join", "news")
    await sender.run("send", "#news", "one")
    following = await mesh.run_on(reader, "topic", "history", "news", "--follow", "--json", "--since", "1h")
    assert (await following.line(lambda line: True))["text"] == "one"
    await sender.run("send", "#news", "two")
    await sender.run("send", "#news", "three")
    await following.text("three")
    assert [line["text"] for line in following.lines] == ["one", "two", "three"]
    late = await reader.run("topic", "history", "news", "--since", "2999-01-01")
    assert late.out.strip() == "No messages."


async def test_listen_gives_messages_alone_to_a_pipe(mesh):
    sender, cli = await mesh.cli("ada"), await mesh.cli("bob")
    listener = await cli.start("listen", "--count", "1")
    assert (await listener.stderr.readline()).decode().startswith("Listening in ")
    await sender.run("send", "bob", "hello", "--wait", "delivered")
    out, _ = await listener.communicate()
    head, text = out.decode().splitlines()
    assert head.startswith("ada  (") and text == "  hello"


async def test_a_listener_without_a_broker_says_so_once_and_goes_on(own_mesh):
    cli = await own_mesh.cli("bob")
    own_mesh.broker.kill()
    listener = await cli.start("listen", "--count", "1")
    first = (await listener.stderr.readline()).decode()
    address = own_mesh.broker.http.removeprefix("http://")
    assert first.startswith(f"not connected: nothing answers at {address}: connection refused"), first
    own_mesh.broker.start()
    told = []
    while not (line := (await listener.stderr.readline()).decode()).startswith("Listening"):
        assert line, told
        told.append(line)
    assert told == []
    await own_mesh.owner.run("send", "bob", "hello", "--wait", "delivered")
    out, _ = await listener.communicate()
    assert "  hello" in out.decode()


async def test_a_broker_that_is_away_is_called_unreachable_in_plain_words(own_mesh):
    own_mesh.broker.kill()
    result = await own_mesh.owner.run("whoami", "--json", code=4)
    assert result.json["error"]["code"] == "unreachable"
    for text in (result.out, result.err):
        assert not re.search(r"errno|NIO|Connection[A-Z]|SingleConn|\(.*\(", text), text
        assert text.count("running") + text.count("meshd") <= 1, text
    doctor = await own_mesh.owner.run("doctor", code=1)
    assert "connection refused" in doctor.out and "NIO" not in doctor.out


async def test_another_broker_at_the_address_is_called_one(own_mesh, tmp_path):
    cli = await own_mesh.cli("bob")
    own_mesh.broker.terminate()
    (tmp_path / "other").mkdir()
    other = Broker(tmp_path / "other")
    other.port = own_mesh.broker.port
    other.start()
    try:
        for words in (["listen"], ["whoami"]):
            refused = await cli.run(*words, code=2)
            assert "another broker answers" in refused.err and "/v1/node" not in refused.err, refused.err
            assert refused.out == "" and "trying again" not in refused.err
    finally:
        other.finish_now()

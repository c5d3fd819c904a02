"""What the command line does for whoever is lost: doctor, suggestions, completions."""

import json
import subprocess
from pathlib import Path

import pytest
from harness import binaries, poll


def run(*words: str, home="/nonexistent-home", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run([binaries() / "mesh-cli", *words], capture_output=True, text=True, timeout=30,
                          env={"HOME": home, "PATH": "/usr/bin:/bin", "NO_COLOR": "1"} | environment)


@pytest.mark.parametrize("words, suggestion", [
    (["sned", "bob", "hi"], "mesh-cli send"), (["topic", "lisst"], "mesh-cli topic list"),
    (["ledger", "verfy"], "mesh-cli ledger verify"), (["stat", "get"], "mesh-cli state"),
    (["member", "kik", "bob"], "mesh-cli member kick"),
])
def test_a_mistyped_command_is_told_the_nearest(words, suggestion):
    result = run(*words)
    assert result.returncode == 3 and f"did you mean {suggestion}" in result.stderr, result.stderr
    told = json.loads(run(*words, "--json").stdout)
    assert suggestion in told["error"]["hint"]


@pytest.mark.parametrize("words", [["invite", "nonsense"], ["help", "send"], ["topic", "--help"], ["topic"]])
def test_what_is_no_typo_is_not_taken_for_one(words):
    assert "has no command" not in run(*words).stderr


def every_command(words=()) -> list[tuple[str, ...]]:
    tree = json.loads(run("--experimental-dump-help").stdout)["command"]

    def walk(command, path):
        children = [one for one in command.get("subcommands", []) if one["commandName"] != "help"]
        yield path, command
        for child in children:
            yield from walk(child, (*path, child["commandName"]))

    return list(walk(tree, ()))


def test_every_command_has_help_with_an_example():
    for path, command in every_command():
        assert command["abstract"], path
        if path and not command.get("subcommands"):
            assert "xample" in command.get("discussion", ""), f"mesh-cli {' '.join(path)} shows no example"


def test_help_has_only_characters_that_a_manual_page_keeps():
    text = json.dumps(json.loads(run("--experimental-dump-help").stdout), ensure_ascii=False)
    assert not {letter for letter in text if not letter.isascii()}


def test_manual_pages_are_found_by_the_names_that_they_refer_to(tmp_path):
    pages, out = tmp_path / "pages", tmp_path / "out"
    pages.mkdir()
    (pages / "mesh-cli.topic.1").write_text(
        ".Dt MESH-CLI.TOPIC 1\n.Sh \"SEE ALSO\"\n.Xr mesh-cli.topic.list 1 ,\n.Xr mesh-cli.topic.join 1\nas of v1.2.3\n")
    script = Path(__file__).resolve().parents[2] / "scripts" / "man-pages"
    subprocess.run([script, pages, binaries() / "meshd", out], check=True, timeout=30)
    page = (out / "mesh-cli-topic.1").read_text()
    assert page == (".Dt MESH-CLI-TOPIC 1\n.Sh \"SEE ALSO\"\n.Xr mesh-cli-topic-list 1 ,\n.Xr mesh-cli-topic-join 1\n"
                    "as of v1.2.3\n")
    assert "--ready-file" in (out / "meshd.1").read_text()


async def test_doctor_finds_nothing_and_something(mesh):
    cli = await mesh.cli("ada")
    # A ledger that nothing has signed yet is worth a warning.
    told = (await poll(lambda: cli.run("doctor", "--json"), lambda result: result.json["state"] == "ok")).json
    assert {one["check"] for one in told["findings"]} >= {
        "version", "keys", "transport", "broker", "clock", "identity", "membership", "ledger"}
    key = next(cli.home.rglob("member.key"))
    key.chmod(0o644)
    result = await cli.run("doctor", code=1)
    assert "chmod 600" in result.out
    key.chmod(0o600)
    profile = next(cli.home.rglob("profile.json"))
    facts = json.loads(profile.read_text())
    profile.write_text(json.dumps(facts | {"broker": "http://127.0.0.1:9"}))
    result = await cli.run("doctor", "--json", code=1)
    broken = [one for one in result.json["findings"] if one["state"] == "broken"]
    assert [one["check"] for one in broken] == ["broker"] and broken[0]["fix"]
    profile.write_text(json.dumps(facts | {"node": mesh.owner_key}))
    result = await cli.run("doctor", "--json", code=1)
    assert [one["check"] for one in result.json["findings"] if one["state"] == "broken"] == ["identity"]


def test_doctor_says_what_to_do_first():
    result = run("doctor")
    assert result.returncode == 0 and "mesh-cli join" in result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_exist_for_each_shell(shell):
    result = run("--generate-completion-script", shell)
    assert result.returncode == 0 and "topic" in result.stdout and "---completion" in result.stdout


async def test_completions_know_live_names(mesh):
    cli = await mesh.cli("ada")
    await cli.run("topic", "create", "deploys")
    await cli.run("group", "join", "eng")
    offered = await cli.run("---completion", "send", "--", "positional@0", "2", "0", "mesh-cli", "send", "",
                            SAP_SHELL="bash")
    assert {"ada", "@eng", "#deploys", "*"} <= set(offered.out.split())


async def test_a_table_is_printed_again_and_again(mesh):
    cli = await mesh.cli("ada")
    watch = await mesh.run_on(cli, "topic", "list", "--watch", "100ms", "--json")
    assert (await watch.line(lambda line: True))["topics"] == []
    await cli.run("topic", "create", "deploys")
    assert (await watch.line(lambda line: line["topics"]))["topics"][0]["name"] == "deploys"
    assert "at least 100ms" in (await cli.run("peer", "list", "--watch", "1ms", code=3)).err

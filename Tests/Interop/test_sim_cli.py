"""Scenario programs, and mesh-cli over them: runs, records, sweeps, errors."""

import contextlib
import csv
import json
import os
import signal
import sqlite3
import stat
import subprocess
import time

import pytest
from harness import binaries

DEADLINE = 60


def run(*words, program="mesh-cli", code=0, cwd=None, **environment) -> subprocess.CompletedProcess:
    result = subprocess.run(
        [binaries() / program, *map(str, words)], capture_output=True, text=True, timeout=DEADLINE, cwd=cwd,
        env={"HOME": "/nonexistent-home", "PATH": "/usr/bin:/bin", "NO_COLOR": "1"} | environment)
    assert code is None or result.returncode == code, f"{program} {words}: {result}"
    return result


def sim(*words, **more) -> subprocess.CompletedProcess:
    return run("sim", *words, **more)


@pytest.fixture(autouse=True)
def the_programs_are_built():
    missing = [name for name in ("mesh-cli", "sim-template", "mesh-models") if not (binaries() / name).is_file()]
    if missing:
        pytest.fail(f"{', '.join(missing)} not in {binaries()}: build first, or set MESH_BIN", pytrace=False)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "run.jsonl"
    sim("run", "rumour", "--ticks", 20, "--seed", 7, "--checkpoints", 5, "--record", path)
    return path


def test_a_run_is_recorded_verified_and_replayed(recording):
    assert len(recording.read_text().splitlines()) == 1 + 21
    told = json.loads(sim("verify", recording, "--json").stdout)
    assert told["schema_version"] == "1.0" and told["result"] == "verified" and told["ticks"] == 21
    assert "verified: 11 ticks of rumour" in sim("verify", recording, "--from", 10).stdout
    lines = [json.loads(line) for line in sim("replay", recording, "--json").stdout.splitlines()]
    assert [line["tick"] for line in lines[:-1]] == list(range(21))
    assert lines[-1]["result"] == "verified" and lines[-1]["chain"] == lines[-2]["chain"] == told["chain"]
    assert "is no checkpoint; those are 0, 5, 10, 15, 20" in sim("verify", recording, "--from", 3, code=3).stderr


def test_a_record_is_not_written_over(recording, tmp_path):
    kept = recording.read_bytes()
    csv_file, fork = tmp_path / "sweep.csv", tmp_path / "fork.jsonl"
    csv_file.write_text("kept")
    fork.write_text("kept")
    for words in (["run", "rumour", "--ticks", 5, "--record", recording], ["sweep", "rumour", "--ticks", 2, "--csv", csv_file],
                  ["fork", recording, "--from", 10, "--record", fork], ["sweep", "rumour", "--ticks", 2, "--record", fork]):
        refused = sim(*words, code=6)
        assert "--replace" in refused.stderr and refused.stdout == "", words
    assert recording.read_bytes() == kept and csv_file.read_text() == fork.read_text() == "kept"
    sim("run", "rumour", "--ticks", 5, "--record", recording, "--replace")
    assert len(recording.read_text().splitlines()) == 1 + 6
    sim("run", "rumour", "--ticks", 5, "--record", "/dev/null")


def test_programs_that_are_no_scenarios_are_passed_over_in_silence(tmp_path):
    other = tmp_path / "sim-other"
    other.write_text("#!/bin/sh\nexit 64\n")
    other.chmod(0o755)
    assert "sim-other" not in sim("list", MESH_SIM_PATH=str(tmp_path)).stderr
    other.write_text("#!/bin/sh\nexit 1\n")
    assert "sim-other" in sim("list", MESH_SIM_PATH=str(tmp_path)).stderr


def test_what_was_changed_in_a_record_is_found_and_named(recording):
    lines = recording.read_text().splitlines()
    tick = json.loads(lines[9])
    tick["domains"] = ["0" * 64]
    lines[9] = json.dumps(tick)
    recording.write_text("\n".join(lines) + "\n")
    told = json.loads(sim("verify", recording, "--json", code=1).stdout)
    assert told["result"] == "differs"
    assert told["divergence"]["tick"] == 8 and told["divergence"]["domains"] == ["people"]
    # From a checkpoint behind it nothing differs.
    sim("verify", recording, "--from", 10)


def test_a_torn_last_line_is_said_and_left_out(recording):
    recording.write_bytes(recording.read_bytes()[:-10])
    told = json.loads(sim("verify", recording, "--json").stdout)
    assert told["tornLine"] == 22 and told["ticks"] == 20
    assert "torn" in sim("report", recording).stdout


def test_a_fork_goes_its_own_way_and_diff_says_where(recording, tmp_path):
    other = tmp_path / "other.jsonl"
    sim("fork", recording, "--from", 10, "--seed", 8, "--ticks", 10, "--record", other)
    sim("verify", other)
    assert "they part at tick" in sim("diff", recording, other, code=1).stdout
    told = json.loads(sim("diff", recording, other, "--json", code=1).stdout)
    assert told["result"] == "differs" and 10 < told["divergence"]["tick"] <= 20
    assert sim("diff", recording, recording).stdout == "no difference\n"
    assert json.loads(sim("report", other, "--json").stdout)["forkedAt"] == 10


def test_parameters_are_set_by_name_and_presets(tmp_path):
    told = json.loads(sim("run", "rumour", "--preset", "town", "--set", "people=300", "--ticks", 2, "--json").stdout)
    assert told["parameters"] == {"people": 300, "meetings": 5, "chance": 0.05}
    assert told["interrupted"] is False and told["lastTick"] == 2


@pytest.mark.parametrize("words, message", [
    (["run", "rumour", "--set", "poeple=3"], "did you mean people?"),
    (["run", "rumour", "--set", "people"], "name=value"),
    (["run", "rumour", "--set", "people=0"], "people: 1 to 1000000"),
    (["run", "rumour", "--set", "people=many"], "people"),
    (["run", "rumour", "--preset", "city"], "there are village, town"),
    (["run", "rumour", "--ticks", "-1"], "--ticks"),
    (["run", "rumour", "--seed", "9223372036854775808"], "--seed"),
    (["run", "rumour", "--no-such-option"], "no-such-option"),
    (["run"], "needs a scenario"), (["verify"], "needs a recording"),
    (["sweep", "rumour", "--axis", "walkers=1,2"], "there are people, meetings, chance"),
    (["sweep", "rumour", "--axis", "people=1", "--replicates", "100001"], "100000"),
])
def test_errors_say_what_is_valid(words, message):
    result = sim(*words, code=3)
    assert message in result.stderr and result.stderr.startswith("error: "), result.stderr
    told = json.loads(sim(*words, "--json", code=3).stdout) if len(words) > 1 else None
    assert told is None or told["error"]["code"] == "invalid_argument"


def test_files_that_cannot_be_used_are_said(tmp_path):
    assert "No such file" in sim("verify", tmp_path / "none", code=10).stderr
    assert "No such file" in sim("run", "rumour", "--record", tmp_path / "no" / "run.jsonl", code=10).stderr
    (tmp_path / "text").write_text("nonsense\n")
    assert "line 1 cannot be read" in sim("report", tmp_path / "text", code=3).stderr


def test_a_sweep_is_the_same_on_any_number_of_jobs(tmp_path):
    tables = []
    for jobs in (1, 4):
        table, lines = tmp_path / f"{jobs}.csv", tmp_path / f"{jobs}.jsonl"
        sim("sweep", "rumour", "--axis", "chance=0.02,0.2", "--replicates", 4, "--ticks", 10, "--at", 5, "--seed", 3,
            "--jobs", jobs, "--csv", table, "--record", lines)
        tables.append((table.read_text(), lines.read_text()))
    assert tables[0] == tables[1]
    rows = list(csv.DictReader(tables[0][0].splitlines()))
    assert len(rows) == 2 * 4 * 2 and len({row["seed"] for row in rows}) == 8
    assert {row["chance"] for row in rows} == {"0.02", "0.2"} and {row["people"] for row in rows} == {"200"}
    # A run of the table is the run that its parameters and seed give.
    row = rows[-1]
    told = json.loads(sim("run", "rumour", "--set", f"chance={row['chance']}", "--seed", row["seed"],
                          "--ticks", 10, "--json").stdout)
    assert told["chain"] == row["chain"]
    report = json.loads(sim("report", tmp_path / "1.jsonl", "--json").stdout)
    metric = report["points"][1]["metrics"][-1]
    values = [float(row["share"]) for row in rows if row["chance"] == "0.2" and row["tick"] == "10"]
    assert metric["name"] == "share" and metric["count"] == 4
    assert metric["mean"] == pytest.approx(sum(values) / 4) and metric["halfInterval"] > 0


def test_a_sweep_from_a_plan(tmp_path):
    plan = {"parameters": {"people": 50, "meetings": 2, "chance": 0.1}, "ticks": 5, "replicates": 2,
            "axes": [{"name": "people", "values": [10, 0]}]}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    result = sim("sweep", "rumour", "--plan", tmp_path / "plan.json", "--json", code=1)
    points = json.loads(result.stdout)["points"]
    assert [point["failed"] for point in points] == [0, 2] and points[1]["error"] == "people: 1 to 1000000"
    assert "2 of 4 runs failed" in result.stderr


def test_ctrl_c_keeps_what_was_recorded(tmp_path):
    path = tmp_path / "long.jsonl"
    process = subprocess.Popen(
        [binaries() / "mesh-cli", "sim", "run", "rumour", "--ticks", "1000000000", "--record", path],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"HOME": "/nonexistent-home", "PATH": "/usr/bin:/bin"})
    end = time.monotonic() + DEADLINE
    while not path.is_file() or path.stat().st_size < 20_000:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130 and "interrupted at tick" in err and "chain" in out, (out, err)
    told = json.loads(sim("verify", path, "--json").stdout)
    assert told["result"] == "verified" and "tornLine" not in told


def test_programs_are_found_by_path_and_name(tmp_path):
    folder = tmp_path / "programs"
    folder.mkdir()
    os.symlink(binaries() / "mesh-models", folder / "sim-models")
    names = {one["name"]: one for one in json.loads(sim("list", "--json", MESH_SIM_PATH=str(folder)).stdout)["scenarios"]}
    assert {"rumour", "schelling", "pphpc"} <= set(names)
    assert names["schelling"]["program"] == f"{folder}/sim-models"
    assert "schelling" in sim("list", MESH_SIM_PATH=str(folder)).stdout
    told = sim("run", "wolf-sheep", "--ticks", 3, "--json", MESH_SIM_PATH=str(folder))
    assert json.loads(told.stdout)["model"] == "wolf-sheep"
    result = sim("run", "schellign", code=5, MESH_SIM_PATH=str(folder))
    assert "did you mean schelling" in result.stderr
    assert "rumour" in sim("run", "nothing-like-it", code=5).stderr
    # A program by its path: its only scenario needs no name.
    sim("run", binaries() / "sim-template", "--ticks", 2)
    assert "cannot run" in sim("run", tmp_path / "none", code=10).stderr


def test_a_program_that_is_none_is_said_and_left_out(tmp_path):
    broken = tmp_path / "sim-broken"
    broken.write_text("#!/bin/sh\necho nonsense\n")
    broken.chmod(broken.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "sim-text").write_text("no program")
    result = sim("list", MESH_SIM_PATH=str(tmp_path))
    assert "rumour" in result.stdout and "sim-broken: it does not describe scenarios" in result.stderr
    assert "sim-text" not in result.stderr


def test_recordings_of_a_folder_are_listed(recording, tmp_path):
    (tmp_path / "broken.jsonl").write_text("{\n")
    runs = {one["name"]: one for one in json.loads(sim("list", "--runs", tmp_path, "--json").stdout)["runs"]}
    assert runs["run.jsonl"]["header"]["seed"] == "7" and "error" in runs["broken.jsonl"]
    assert "run.jsonl" in sim("list", "--runs", tmp_path).stdout


def test_runs_are_numbered_in_a_folder(tmp_path):
    for number in (1, 2):
        told = json.loads(sim("run", "rumour", "--ticks", 2, "--seed", 9, "--record", f"{tmp_path}/runs/", "--json").stdout)
        assert told["record"] == f"{tmp_path}/runs/rumour-000{number}-9.jsonl"
        sim("verify", told["record"])
    assert len(json.loads(sim("list", "--runs", tmp_path / "runs", "--json").stdout)["runs"]) == 2


def test_the_program_itself_lists_describes_and_helps():
    assert "rumour" in run("list", program="sim-template").stdout
    assert "meetings" in run("describe", "rumour", program="sim-template").stdout
    assert "rumour: people who pass on a rumour" in run("--help", program="sim-template").stdout
    told = json.loads(run("describe", "--json", program="mesh-models").stdout)
    assert [one["name"] for one in told["scenarios"]] == ["schelling", "flocking", "wolf-sheep", "forest-fire", "pphpc"]
    assert "which scenario? there are schelling" in run("run", program="mesh-models", code=3).stderr
    assert "sim run" in sim("run", "--help").stdout


@pytest.mark.parametrize("program", ["mesh-cli", "sim-template"])
def test_a_recording_comes_out_as_tables(recording, tmp_path, program):
    words = ["sim", "report"] if program == "mesh-cli" else ["report"]
    table, database, folder = tmp_path / "run.csv", tmp_path / "run.db", tmp_path / "tables"
    targets = ["--csv", table, "--sqlite", database, "--data", folder]
    told = json.loads(run(*words, recording, *targets, "--json", program=program).stdout)
    assert (told["csv"], told["sqlite"], told["data"]) == (str(table), str(database), str(folder))
    lines = [json.loads(line) for line in recording.read_text().splitlines()[1:]]
    with table.open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert rows == [{"tick": line["tick"]} | line["metrics"] for line in lines]
    assert (folder / "metrics.csv").read_bytes() == table.read_bytes()
    # A model without seats has no verdicts.
    assert (folder / "verdicts.csv").read_text().splitlines() == ["tick,seat,verdict,action,reason"]
    with contextlib.closing(sqlite3.connect(database)) as opened:
        assert opened.execute("SELECT * FROM metrics").fetchall() == [tuple(row.values()) for row in rows]
        assert opened.execute("SELECT count(*) FROM verdicts").fetchone() == (0,)
        facts = dict(opened.execute("SELECT name, value FROM run"))
    assert facts["seed"] == "7" and facts["parameter.people"] == "200" and facts["rulesVersion"] == "1"
    assert facts["chain"] == lines[-1]["chain"] and facts["lastTick"] == "20"
    for target in (targets[:2], targets[2:4], targets[4:]):
        assert "exists" in run(*words, recording, *target, program=program, code=10).stderr


def test_what_has_no_tables_says_so(tmp_path):
    result = sim("run", "rumour", "--ticks", 2, "--data", tmp_path / "tables", code=3)
    assert "rumour declares no data to collect" in result.stderr and not (tmp_path / "tables").exists()
    sim("sweep", "rumour", "--replicates", 2, "--ticks", 2, "--record", tmp_path / "sweep.jsonl")
    assert "is a sweep" in sim("report", tmp_path / "sweep.jsonl", "--csv", tmp_path / "x.csv", code=3).stderr


def test_a_scenario_collects_tables_of_its_world(tmp_path):
    if not (binaries() / "sim-orchard").is_file():
        pytest.fail(f"sim-orchard not in {binaries()}: build first, or set MESH_BIN", pytrace=False)
    folder, record = tmp_path / "tables", tmp_path / "run.jsonl"
    words = ["run", "--seed", 7, "--ticks", 10, "--record", record, "--data", folder]
    told = run(*words, "--json", program="sim-orchard").stdout
    assert json.loads(told)["chain"] == json.loads(
        run("run", "--seed", 7, "--ticks", 10, "--json", program="sim-orchard").stdout)["chain"]
    assert sorted(path.name for path in folder.iterdir()) == ["events.csv", "picker.csv", "run.csv", "tree.csv"]

    def rows(name):
        with (folder / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    for line in map(json.loads, record.read_text().splitlines()[1:]):
        for table, column, metric in (("tree", "apples", "hanging"), ("picker", "basket", "picked")):
            there = sum(int(row[column]) for row in rows(table) if int(row["tick"]) == line["tick"])
            assert there == line["metrics"][metric], (line["tick"], table)
    assert len(rows("events")) == sum(int(row["basket"]) for row in rows("picker") if row["tick"] == "10")
    # Tables are not written over, and neither is the record beside them.
    before = record.read_bytes()
    assert "exists" in run(*words, program="sim-orchard", code=6).stderr
    assert "exists" in run(*words, "--replace", program="sim-orchard", code=10).stderr
    assert record.read_bytes() == before

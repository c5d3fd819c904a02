"""The broker as a program: its settings, its errors, its signals."""

import json
import os
import pwd
import signal
import socket
import subprocess
import time

import pytest
from harness import DEADLINE, Broker, binaries, clean_environment
from mesh_http import http_call
from test_tls import make_pair

VARIABLES = ["DATA", "LISTEN", "LOG_LEVEL", "READY_FILE", "TLS_CERTIFICATE", "TLS_KEY", "IO_THREADS", "CONFIG",
             "INSECURE_PLAINTEXT", "PING_SECONDS", "SILENCE_SECONDS", "ALLOWED_HOSTS", "ALLOWED_ORIGINS",
             "RECORD_COMMANDS", "SENDS_PER_SECOND", "SEND_BURST", "MAXIMUM_CONNECTIONS"]


def refused(folder, *arguments, **environment):
    """Starts a meshd that must not start, and gives its error."""
    ended = subprocess.run([binaries() / "meshd", *arguments], capture_output=True, text=True, timeout=DEADLINE,
                           env=clean_environment(folder, **environment), stdin=subprocess.DEVNULL)
    assert ended.returncode not in (0, 1) and ended.returncode > 0, ended
    assert "meshd: " in ended.stderr, ended
    return ended.stderr


@pytest.fixture
def started(tmp_path):
    """Starts brokers, and ends them."""
    brokers = []

    def start(*arguments, folder=tmp_path, **environment):
        broker = Broker(folder)
        broker.arguments = list(arguments)
        broker.environment |= environment
        brokers.append(broker)
        return broker.start()

    yield start
    for broker in brokers:
        broker.finish_now()


def test_an_empty_variable_counts_as_not_set_for_every_setting(started):
    broker = started(**{f"MESHD_{name}": "" for name in VARIABLES})
    assert broker.http.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("variable, value", [("MESHD_LOG_LEVEL", "loud"), ("MESHD_PING_SECONDS", "often"),
                                             ("MESHD_LISTEN", "here"), ("MESHD_INSECURE_PLAINTEXT", "yes")])
def test_an_error_names_the_variable(tmp_path, variable, value):
    assert f"meshd: {variable}: " in refused(tmp_path, **{variable: value})


def test_an_error_names_the_flag_and_the_file(tmp_path):
    assert "meshd: --log-level: " in refused(tmp_path, "--log-level", "loud")
    assert "meshd: --data: needs a value" in refused(tmp_path, "--data", "")
    (tmp_path / "meshd.json").write_text('{"logLevel": "loud"}')
    assert "meshd.json: logLevel: " in refused(tmp_path, "--config", str(tmp_path / "meshd.json"))


def test_a_folder_given_as_a_file_is_called_one(tmp_path):
    (tmp_path / "file").write_text("x")
    for arguments in (["--config", tmp_path], ["--tls-certificate", tmp_path, "--tls-key", tmp_path],
                      ["--data", tmp_path / "file"]):
        error = refused(tmp_path, "--listen", "127.0.0.1:0", *arguments, MESHD_DATA=str(tmp_path / "other"))
        assert "folder" in error and str(tmp_path) in error, error


def test_without_home_nothing_lies_below_the_working_folder(tmp_path):
    home = pwd.getpwuid(os.getuid()).pw_dir
    environment = clean_environment(tmp_path)
    (tmp_path / "cwd").mkdir()
    del environment["HOME"], environment["MESH_HOME"]
    doctor = subprocess.run([binaries() / "mesh-cli", "mesh", "list"], capture_output=True, text=True, timeout=DEADLINE,
                            cwd=tmp_path / "cwd", env=environment)
    environment["HOME"] = "relative"
    # An address that cannot be listened on: the settings are read, and nothing is made.
    meshd = subprocess.run([binaries() / "meshd", "--listen", "192.0.2.1:0"], capture_output=True, text=True,
                           timeout=DEADLINE, cwd=tmp_path / "cwd", env=environment)
    assert meshd.returncode == 3, meshd
    assert list((tmp_path / "cwd").iterdir()) == [], (home, doctor)


def test_a_taken_address_is_named_and_whose_it_is(started, tmp_path):
    broker = started()
    address = f"127.0.0.1:{broker.port}"
    error = refused(tmp_path, "--data", str(tmp_path / "second"), "--listen", address)
    assert f"{address} is taken by a Mesh broker" in error and "--listen" in error and "bind(" not in error, error
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        error = refused(tmp_path, "--data", str(tmp_path / "second"), "--listen", address)
    assert f"{address} is taken by another program" in error, error


def test_an_address_of_another_machine_is_named(tmp_path):
    error = refused(tmp_path, "--data", str(tmp_path / "d"), "--listen", "192.0.2.1:0", "--insecure-plaintext")
    assert "this machine has no address 192.0.2.1" in error, error
    error = refused(tmp_path, "--data", str(tmp_path / "d"), "--listen", "no.such.host.invalid:0", "--insecure-plaintext")
    assert "no.such.host.invalid" in error and "NIO" not in error and "unknown(" not in error, error


@pytest.mark.parametrize("host", ["127.0.0.2", "127.1.2.3"])
def test_every_loopback_address_goes_without_tls(tmp_path, host):
    ready = tmp_path / "ready.json"
    process = subprocess.Popen(
        [binaries() / "meshd", "--data", tmp_path / "data", "--listen", f"{host}:0", "--ready-file", ready],
        stderr=subprocess.PIPE, env=clean_environment(tmp_path))
    try:
        end = time.monotonic() + DEADLINE
        while not ready.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < end
        assert json.loads(ready.read_text())["http"].startswith(f"http://{host}:")
    finally:
        process.terminate()
        process.wait(DEADLINE)


def line_with(broker, text, count=1):
    """Waits until the log has a text so many times."""
    end = time.monotonic() + DEADLINE
    while broker.log().count(text) < count:
        assert broker.process.poll() is None and time.monotonic() < end, broker.log()
    return [line for line in broker.log().splitlines() if text in line]


def test_a_hangup_reads_the_configuration_again(started, tmp_path):
    config = tmp_path / "meshd.json"
    config.write_text('{"logLevel": "notice", "pingSeconds": 20}')
    broker = started("--config", str(config))
    config.write_text('{"logLevel": "debug", "pingSeconds": 21}')
    broker.process.send_signal(signal.SIGHUP)
    told = json.loads(line_with(broker, "the configuration was read again")[0])
    assert (told["logLevel"], told["needsRestart"]) == ("debug", "pingSeconds")
    config.write_text('{"logLevel": "loud"}')
    broker.process.send_signal(signal.SIGHUP)
    assert "meshd.json: logLevel" in line_with(broker, "the old one goes on")[0]
    assert http_call(broker.http, "GET", "/health")[0] == 200
    assert broker.terminate() == 0


def test_a_hangup_takes_over_a_good_certificate_and_names_a_bad_one(started, tmp_path):
    certificate, key = make_pair(tmp_path, "one")
    broker = started("--tls-certificate", str(certificate), "--tls-key", str(key))
    certificate.write_text("no certificate")
    broker.process.send_signal(signal.SIGHUP)
    assert "one.pem holds no certificate" in line_with(broker, "the old one goes on")[0]
    make_pair(tmp_path, "one")
    broker.process.send_signal(signal.SIGHUP)
    line_with(broker, "the configuration was read again")
    assert http_call(broker.http, "GET", "/health")[0] == 200

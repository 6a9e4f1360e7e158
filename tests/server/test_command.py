"""`pixelzoo serve` as a process of its own."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from pixelzoo.v1.catalog_service_pb2 import ListModelsRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest

READY = re.compile(r"pixelzoo server ready on (\S+:\d+) \((\d+) models?\)\n")
NATIVE = re.compile(
    r"[IWE]\d{4} \d\d:\d\d:|WARNING: All log messages before absl"
)  # What TensorFlow writes past us.


@pytest.fixture
def serve(tmp_path):
    """Starts `python -m zoo_server`; gives the process, whose log goes to a file, and its first line."""
    processes = []

    def start(*arguments):
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "zoo_server", *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        processes.append(process)
        return process, process.stdout.readline()

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_it_prints_where_it_listens_serves_logs_and_stops_gracefully(serve, models, connect, tmp_path):
    process, line = serve("--models", models, "--port", 0)
    address, count = READY.fullmatch(line).groups()
    assert count == "6"
    api = connect(address)
    assert len(api.catalog.ListModels(ListModelsRequest()).models) == 6
    request = SampleRequest(model=ModelSelector(name="blobs"), seed=3, request_id="call-7")
    assert api.sampling.Sample(request).images

    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert process.stdout.read() == ""
    log = (tmp_path / "log").read_text()
    assert re.search(r"pixelzoo\.v1\.SamplingService/Sample OK \d+ ms request_id=call-7", log)
    assert "model blobs version 1 loaded" in log
    assert log.rstrip().endswith("stopped")


def test_a_model_that_fails_to_warm_up_is_not_counted(serve, handmade, models, tmp_path):
    shutil.copytree(models / "mirror", tmp_path / "models" / "mirror")
    handmade.write_trap(tmp_path / "models", seed_that_fails=0)
    _, line = serve("--models", tmp_path / "models", "--port", 0)
    assert READY.fullmatch(line)[2] == "1"


def test_interrupt_stops_it_too_and_calls_in_flight_end(serve, models, connect, tmp_path):
    one_model = tmp_path / "one"
    one_model.mkdir()
    (one_model / "ripples").symlink_to(models / "ripples")
    process, line = serve("--models", one_model, "--port", 0, "--log-format", "json")
    address, count = READY.fullmatch(line).groups()
    assert count == "1"
    call = connect(address).sampling.Sample.future(
        SampleRequest(model=ModelSelector(name="ripples"), count=8, options={"diffusion": {"steps": 1000}})
    )
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert len(call.result().images) == 8
    assert process.wait(60) == 0
    lines = (tmp_path / "log").read_text().splitlines()
    log = [json.loads(line) for line in lines if not NATIVE.match(line)]
    assert [line["code"] for line in log if "method" in line] == ["OK"]
    assert log[-1]["message"] == "stopped"


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "zoo_server", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "COLUMNS": "200", "TERM": "dumb"},
    )


def test_wrong_arguments_are_named(tmp_path):
    for arguments, says in (
        (["--models", tmp_path / "nowhere"], "there is no folder"),
        (["--models", tmp_path, "--port", 70000], "port must be 0 to 65535"),
        (["--models", tmp_path, "--log-level", "LOUD"], "DEBUG, INFO, WARNING or ERROR"),
    ):
        done = run(*arguments)
        assert done.returncode == 2
        assert says in done.stderr


def test_a_taken_port_is_one_line_and_exit_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--models", tmp_path, "--port", port)
    assert done.returncode == 1
    assert done.stderr == f"pixelzoo serve: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_help_does_not_wait_for_tensorflow():
    code = "import sys; from zoo_server.cli import app; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

"""A signal that comes before the server is ready ends its start: at once, in order, and with nothing to explain."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = 300
"""Of a warm-up, at the least: it would go on for minutes."""


@pytest.fixture(scope="module")
def slow_to_warm(handmade, tmp_path_factory):
    """Two models with hundreds of warm-up steps, of a tenth of a second and more each."""
    folder = tmp_path_factory.mktemp("slow_to_warm")
    buckets = {"batchLane": {"buckets": [*range(1, STEPS)]}}
    for name in ("first", "second"):
        handmade.write_ripples(folder, name, 20 * handmade.SLOW_ROUNDS, **buckets)
    return folder


@pytest.fixture
def start(slow_to_warm, tmp_path):
    """Starts `python -m zoo_server`; gives the process and the file of its log."""
    processes = []

    def start_one():
        path = tmp_path / "log"
        command = [sys.executable, "-X", "faulthandler", "-m", "zoo_server", "--port", "0"]
        with path.open("w") as log:
            processes.append(
                subprocess.Popen(
                    [*command, "--models", slow_to_warm],
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            )
        return processes[-1], path

    yield start_one
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_warm_up_ends_the_start(start, wait_until, number):
    process, log = start()
    # The second is being warmed up then, or still waits for the first; both are far from warm.
    wait_until(lambda: "model second version 1 loaded" in log.read_text(), 120)
    process.send_signal(number)
    assert process.wait(60) == 0
    assert process.stdout.read() == ""
    said = log.read_text()
    assert said.rstrip().endswith("stopped before it was ready")
    assert "warm in" not in said
    assert "Traceback" not in said
    assert "Fatal" not in said


def test_a_signal_while_models_are_read_ends_the_start(start, wait_until):
    process, log = start()
    wait_until(lambda: "model first version 1 loaded" in log.read_text(), 120)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert log.read_text().rstrip().endswith("stopped before it was ready")


def test_a_signal_while_tensorflow_is_imported_ends_the_start(start, wait_until):
    process, log = start()
    wait_until(lambda: "tensorflow" in Path(f"/proc/{process.pid}/maps").read_text(), 120)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert "zoo_server" not in log.read_text()
    assert "Traceback" not in log.read_text()

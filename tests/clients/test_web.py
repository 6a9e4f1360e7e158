"""gRPC-web and JSON, as Envoy speaks them in front of a real server: client/web, and the curl of docs/web.md."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from zoo_client import Client

REPOSITORY = Path(__file__).resolve().parents[2]
WEB = REPOSITORY / "client/web"
SCREEN = 75
"""Lines of a README: one screen, with the program that it prints."""

SECONDS = 1200
pytestmark = pytest.mark.timeout(SECONDS)


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command that succeeds; if it does not, what it wrote."""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS - 60
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def envoy(
    server, load_module: Callable[[str, Path], ModuleType], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """HOST:PORT of an Envoy in front of the server."""
    by_envoy = load_module("balancer", REPOSITORY / "tests/server")
    folder = tmp_path_factory.mktemp("envoy")
    balancer = by_envoy.Balancer([server.address], by_envoy.write_descriptors(folder), folder, wait_until)
    yield balancer.address
    balancer.close()


@pytest.fixture(scope="module")
def web() -> Path:
    """The folder of the web client, built."""
    run(["make", "build"], WEB)
    return WEB


def test_every_golden_request_brings_the_same_by_grpc_web_as_in_python(web, envoy, server, golden):
    said = run(["node", "test/golden.js", f"http://{envoy}", str(golden.REQUESTS)], web).stdout
    assert said.splitlines() == golden.lines(server.address)


def test_the_program_of_its_readme_works_as_printed(web, envoy, server, tmp_path):
    readme = (web / "README.md").read_text()
    [program] = blocks(web / "README.md", "js")
    assert len(readme.splitlines()) <= SCREEN
    [install] = re.findall(r"`(npm install [^`]+)`", readme)
    [name] = re.findall(r"as `(program[^`]+)`", readme)
    # In a folder from which Node finds no packages but those that are installed there.
    (tmp_path / name).write_text(program)
    run(install.replace("PATH/TO/client/web", str(web)).split(), tmp_path)
    said = run(["node", name], tmp_path, PIXELZOO_ENVOY=f"http://{envoy}").stdout.splitlines()
    assert said[-1] == "InvalidArgument TOO_MANY_IMAGES count"
    steps = [int(line.split(" of ")[0]) for line in said[:-1]]
    assert steps == sorted(steps)
    assert len(set(steps)) > 2
    with Client(server.address) as client:
        ours = client.sample("ddpm_fashion_mnist", seed=9, labels=[9], sampler="ddim", steps=10)
        bags = client.sample("ddpm_fashion_mnist", 2, seed=9, labels=[8])
    assert png(tmp_path / "boot.png") == ours.images[0].tobytes()
    assert [png(tmp_path / f"{index}.png") for index in (0, 1)] == [image.tobytes() for image in bags.images]


def test_its_tour_calls_every_rpc(web, envoy, server, tours, tmp_path):
    program = ["node", str(web / "examples/tour.js")]
    tours.take(program, server, tmp_path, PIXELZOO_ENVOY=f"http://{envoy}")


@pytest.mark.parametrize("test", ["page", "cancellation", "validation", "labels", "settings", "unreachable"])
def test_its_own_tests_pass(web, envoy, server, test):
    variables = {"PIXELZOO_ENVOY": f"http://{envoy}", "PIXELZOO_METRICS": server.metrics}
    run(["node", "--test", f"test/{test}.test.js"], web, **variables)
    server.wait_until_idle()


def test_a_browser_lets_the_page_call_and_read_what_is_wrong(envoy):
    url = f"http://{envoy}/pixelzoo.v1.SamplingService/Sample"
    asked = "content-type,x-grpc-web,x-user-agent,grpc-timeout,authorization"
    headers = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    printed = "http://127.0.0.1:3000"  # by `make page`
    for origin, allowed in (
        ("http://localhost:3000", "http://localhost:3000"),
        (printed, printed),
        ("http://elsewhere", None),
    ):
        request = urllib.request.Request(url, headers={"Origin": origin, **headers}, method="OPTIONS")
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            assert answer.headers["Access-Control-Allow-Origin"] == allowed
        if allowed:
            assert set(asked.split(",")) <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))


@pytest.fixture
def curl(envoy, tmp_path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs the block of docs/web.md that has this word, in `tmp_path`."""

    def call(word: str) -> subprocess.CompletedProcess[str]:
        [block] = [one for one in blocks(REPOSITORY / "docs/web.md", "sh") if word in one and "curl" in one]
        assert block.count("localhost:8080") == 1
        command = block.replace("localhost:8080", envoy)
        return run(["bash", "-euo", "pipefail", "-c", command], tmp_path)

    return call


def test_curl_lists_the_models(curl, server):
    with Client(server.address) as client:
        expected = [f"{model.name}: {model.card.title}" for model in client.models()]
    assert curl("ListModels").stdout.splitlines() == expected


def test_curl_says_that_nobody_answers(envoy, tmp_path):
    for block in blocks(REPOSITORY / "docs/web.md", "sh"):
        if "curl" in block:
            command = block.replace("localhost:8080", "localhost:1")
            done = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60
            )
            assert "curl: (7) Failed to connect" in done.stderr, command


def test_curl_writes_a_png_with_the_pixels_of_the_python_client(curl, server, tmp_path):
    curl("sneaker.png")
    with Client(server.address) as client:
        ours = client.sample("ddpm_fashion_mnist", seed=1, labels=[7])
    assert png(tmp_path / "sneaker.png") == ours.images[0].tobytes()


def test_curl_reads_a_stream(curl):
    news = [json.loads(line) for line in curl("StreamSample").stdout.splitlines()]
    steps = [one["step"] for one in news if "step" in one]
    assert steps == sorted(steps)
    assert len(set(steps)) > 2
    images = [one for one in news if "seed" in one]
    assert sorted(one["index"] for one in images) == [0, 1]
    assert len({one["seed"] for one in images}) == 2


def test_a_stream_of_json_comes_as_it_happens_and_hanging_up_ends_the_work(envoy, server):
    sample = {"model": {"name": "ddpm_fashion_mnist"}, "count": 16, "options": {"diffusion": {"steps": 1000}}}
    request = urllib.request.Request(
        f"http://{envoy}/pixelzoo.v1.SamplingService/StreamSample",
        json.dumps({"sample": sample}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as news:
        assert b"progress" in news.read1()
        assert server.pending_items() > 0
    server.wait_until_idle()
    request.add_header("grpc-timeout", "1S")
    with pytest.raises((urllib.error.HTTPError, http.client.IncompleteRead)):
        urllib.request.urlopen(request, timeout=60).read()
    server.wait_until_idle()


def test_curl_is_told_what_is_wrong_as_the_page_says(curl):
    told = curl("100000")
    [printed] = blocks(REPOSITORY / "docs/web.md", "json")
    assert json.loads(told.stdout) == json.loads(printed)
    assert told.stderr == "400\n"
    details = {detail["@type"].rpartition(".")[2]: detail for detail in json.loads(printed)["details"]}
    assert details["ErrorInfo"]["reason"] == "INVALID_FIELD"
    assert details["BadRequest"]["fieldViolations"][0]["field"] == "options.diffusion.steps"


def test_the_envoy_of_the_page_is_set_up_as_printed(tmp_path):
    [block] = [one for one in blocks(REPOSITORY / "docs/web.md", "sh") if "envoy.yaml" in one]
    first, *commands, last = block.splitlines()
    assert (first, last) == (". .venv/bin/activate", "envoy -c envoy.yaml")
    (tmp_path / "server").symlink_to(REPOSITORY / "server")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = run(["bash", "-euxc", "\n".join([*commands, f"{last} --mode validate"])], tmp_path, PATH=path)
    assert "deprecated" not in done.stderr.lower()


def png(path: Path) -> bytes:
    """The pixels of a file."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return picture.tobytes()

"""The API guide is what the protos, the tour programs and the code say today, and its links lead somewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pixelzoo.v1 import (
    catalog_service_pb2,
    error_pb2,
    latent_service_pb2,
    sampling_service_pb2,
    scoring_service_pb2,
    translation_service_pb2,
)
from zoo_client import channel

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs/api.md").read_text()
SERVICES = [
    service
    for module in (
        catalog_service_pb2,
        latent_service_pb2,
        sampling_service_pb2,
        scoring_service_pb2,
        translation_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
]
LANGUAGES = ["Python", "Go", "Node", "Java", "C++", "Web (JavaScript)"]


def guide(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repository / "docs/api_guide.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the guide is made of, and of the page."""
    (tmp_path / "docs").mkdir()
    for path in (REPOSITORY / "docs").glob("api*.*"):
        shutil.copy(path, tmp_path / "docs")
    shutil.copytree(REPOSITORY / "protos", tmp_path / "protos")
    for path in [*(REPOSITORY / "client").rglob("tour.*"), *(REPOSITORY / "client").rglob("Tour.java")]:
        if "build" not in path.parts:
            place(path, tmp_path)
    place(REPOSITORY / "client/go/cmd/tour/main.go", tmp_path)
    return tmp_path


def place(path: Path, root: Path) -> None:
    target = root / path.relative_to(REPOSITORY)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def section(heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    level = heading.count("#")
    return re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{level}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)[
        1
    ]


def test_it_is_up_to_date():
    checked = guide(REPOSITORY, "--check")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("protos/pixelzoo/v1/sampling_service.proto", "How many pictures to draw.", "How many pictures."),
        ("client/node/examples/tour.js", "seed: 9,", "seed: 8,"),
        ("docs/api_limits.py", "CATALOG_SECONDS = 10", "CATALOG_SECONDS = 11"),
    ],
    ids=["comment", "example", "number"],
)
def test_a_stale_page_is_told_from_a_fresh_one(copy, file, old, new):
    edit(copy / file, old, new)
    checked = guide(copy, "--check")
    assert checked.returncode == 1
    assert "run python docs/api_guide.py" in checked.stderr
    assert guide(copy).returncode == 0
    assert guide(copy, "--check").returncode == 0


def test_an_rpc_without_an_example_has_no_page(copy):
    edit(copy / "client/java/src/examples/java/com/pixelzoo/examples/Tour.java", "// [Encode]", "// Encode")
    made = guide(copy)
    assert made.returncode != 0
    assert "Tour.java has no part [Encode]" in made.stderr


def test_a_name_that_its_example_does_not_make_has_no_page(copy):
    path = copy / "client/java/src/examples/java/com/pixelzoo/examples/Tour.java"
    path.write_text(re.sub(r"\bboot\b", "ankle", path.read_text()))
    made = guide(copy)
    assert made.returncode != 0
    assert "Tour.java has no 'boot' in its part [Translate]" in made.stderr


def test_what_examples_stand_on_is_said_to_begin_with():
    found = re.findall(
        r"<summary>([^<]+)</summary>\n\n```\w+\n(.+?)```\n\n(The examples stand .+?)\n",
        section("## To begin with"),
        re.DOTALL,
    )
    assert [language for language, _, _ in found] == LANGUAGES
    for _, code, words in found:
        assert re.search(r"^(from|import|#include) ", code, re.MULTILINE)
        assert "`sneaker` from [Sample](#sample); `boot` from [Translate](#translate)" in words
    go = {language: code for language, code, _ in found}["Go"]
    for package in ("context", "fmt", "io", "log", "os", "time", "pixelzoo", "pixelzoo/v1"):
        assert f'"{package}"\n' in go


def test_every_table_has_a_heading_for_each_of_its_columns():
    heads = re.findall(r"^(\|.*\|)\n\| ---", PAGE, re.MULTILINE)
    assert len(heads) > 20
    assert all(cell.strip() for head in heads for cell in head.strip("|").split("|"))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_rpc_has_its_fields_its_idempotency_and_an_example_in_each_language(service):
    for rpc in service.methods:
        text = section(f"### {rpc.name}")
        assert f"`{service.full_name}/{rpc.name}`" in text
        assert re.search(r"^\[Errors\]\(#errors\)(: [A-Z_]+| are those of )", text, re.MULTILINE)
        assert "may be sent again" in text or "Safe to send again" in text
        for message in (rpc.input_type, rpc.output_type):
            rows = re.findall(r"^\| `(\w+)` \|", section(f"#### {message.name}"), re.MULTILINE)
            assert rows == [field.name for field in message.fields]
        for oneof in rpc.output_type.oneofs:  # the events of a stream
            assert text.count(f"output, one of `{oneof.name}`") == len(oneof.fields)
        examples = re.findall(r"<details><summary>([^<]+)</summary>\n\n```\w+\n(.+?)```", text, re.DOTALL)
        assert [language for language, _ in examples] == LANGUAGES
        assert all(rpc.name in example for _, example in examples)


def test_every_reason_of_an_error_says_what_to_do():
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \| `([A-Z_]+)` \|", section("## Errors"), re.MULTILINE
    )
    there = [name.removeprefix("ERROR_REASON_") for name in error_pb2.ErrorReason.keys()]  # noqa: SIM118
    assert [row[0] for row in rows] == [name for name in there if name != "UNSPECIFIED"]
    assert all(what.endswith(".") and remedy.endswith(".") for _, what, remedy, _ in rows)


def test_its_links_lead_somewhere():
    headings = {name.lower().replace(" ", "-") for name in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)}
    assert len(headings) == len(re.findall(r"^#+ ", PAGE, re.MULTILINE)), "two headings of one name"
    links = set(re.findall(r"\]\(([^)]+)\)", PAGE))
    assert len(links) > 50
    for link in links:
        if link.startswith("#"):
            assert link[1:] in headings, link
        else:
            assert (REPOSITORY / "docs" / link).exists(), link


MIB = channel.MAX_RECEIVE_BYTES // 2**20
MINUTES = int(channel.DEFAULT_TIMEOUT // 60)
OPTIONS = dict(channel.CHANNEL_OPTIONS)
PING, PATIENCE = (int(OPTIONS[f"grpc.keepalive_{name}_ms"]) // 1000 for name in ("time", "timeout"))


@pytest.mark.parametrize(
    ("source", "numbers"),
    [
        ("go/connection.go", [f"{MIB}*mebibyte", "Time: time.Minute", f"Timeout: {PATIENCE} * time.Second"]),
        (
            "node/lib/connection.js",
            [f"{MIB} * MiB", f"keepalive_time_ms': {PING}_000", f"keepalive_timeout_ms': {PATIENCE}_000"],
        ),
        ("node/lib/client.js", [f"timeout = {60 * MINUTES}_000"]),
        (
            "java/src/main/java/com/pixelzoo/client/Connection.java",
            [f"{MIB} << 20", f"keepAliveTime({PING}, ", f"keepAliveTimeout({PATIENCE}, "],
        ),
        (
            "java/src/main/java/com/pixelzoo/client/PixelzooClient.java",
            [f"timeout = Duration.ofMinutes({MINUTES})"],
        ),
        (
            "cpp/src/channel.cc",
            [f"kMaxReceiveBytes = {MIB} << 20", f"TIME_MS, {PING}'000", f"TIMEOUT_MS, {PATIENCE}'000"],
        ),
        ("cpp/include/pixelzoo/client.h", [f"timeout = std::chrono::minutes({MINUTES})"]),
    ],
    ids=str,
)
def test_the_clients_of_other_languages_have_the_same_limits(source, numbers):
    text = (REPOSITORY / "client" / source).read_text()
    assert PING == 60  # Go's "time.Minute"
    for number in numbers:
        assert number in text, number


def test_the_page_has_the_numbers_of_the_server_and_of_the_client():
    limits = section("## Deadlines and sizes")
    for number in (f"{channel.DEFAULT_TIMEOUT:g} s", f"{MIB} MiB", f"every {PING} s", f"after {PATIENCE} s"):
        assert number in limits

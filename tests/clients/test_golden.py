"""The golden requests ask for what a client may get wrong: large seeds, every encoding, every kind of call."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zoo_client import Client, aio, errors

# A call of so many goes in parts, of which none asks for too much.
IN_PARTS = {"too_many_images"}

# Of options, this client chooses the family: the user's mistake is another.
IN_OTHER_WORDS = {
    "options_of_another_family": "options.diffusion.truncation: this model has no such option; it has: "
    "sampler, steps, eta, guidance",
}


def test_they_are_answered_and_no_two_alike(server, golden: ModuleType) -> None:
    requests = json.loads(golden.REQUESTS.read_text())
    lines = golden.lines(server.address)
    assert [line.split()[0] for line in lines] == [request["name"] for request in requests]
    digests = [line.split()[1] for line in lines if re.fullmatch(r"\w+ [0-9a-f]{64}", line)]
    assert len(set(digests)) == len(digests) >= 12
    assert lines == golden.lines(server.address)


def test_they_have_every_method_and_seeds_that_a_double_cannot_hold(golden: ModuleType) -> None:
    requests = json.loads(golden.REQUESTS.read_text())
    assert {request["method"] for request in requests} == golden.METHODS.keys()
    seeds = {int(request["request"].get("seed", 1)) for request in requests}
    assert 0 in seeds
    assert any(int(float(seed)) != seed for seed in seeds)
    encodings = {request["request"].get("encoding") for request in requests}
    assert {None, "IMAGE_ENCODING_PNG", "IMAGE_ENCODING_RAW"} <= encodings


def by_client(target: str, call: Any) -> Any:
    with Client(target, encoding=call.encoding) as zoo:
        found = getattr(zoo, call.method)(**call.arguments)
        return list(found) if call.method.startswith("stream") else found


def by_aio_client(target: str, call: Any) -> Any:
    async def bring() -> Any:
        async with aio.Client(target, encoding=call.encoding) as zoo:
            found = getattr(zoo, call.method)(**call.arguments)
            return [event async for event in found] if call.method.startswith("stream") else await found

    return asyncio.run(bring())


@pytest.fixture(scope="module")
def arguments(load_module: Callable[[str, Path], ModuleType]) -> ModuleType:
    return load_module("golden_arguments", Path(__file__).parent)


@pytest.fixture(scope="module")
def expected(server, golden: ModuleType) -> list[str]:
    """The lines of what calls of the client bring, in its words where those are others."""
    lines = {
        line.split()[0]: line for line in golden.lines(server.address) if line.split()[0] not in IN_PARTS
    }
    for name, rule in IN_OTHER_WORDS.items():
        path, _, _ = rule.partition(": ")
        code, reason = lines[name].split()[1:3]
        lines[name] = f"{name} {code} {reason} {rule} [{rule}]"
        assert (code, reason, path.split(".")[0]) == ("INVALID_ARGUMENT", "INVALID_FIELD", "options")
    return list(lines.values())


@pytest.mark.parametrize(
    ("bring", "form"),
    [(by_client, "file"), (by_client, "PIL"), (by_aio_client, "array")],
)
def test_they_bring_the_same_by_the_clients_own_methods(
    server,
    golden: ModuleType,
    arguments: ModuleType,
    expected: list[str],
    bring: Callable[[str, Any], Any],
    form: str,
) -> None:
    lines = []
    for request in json.loads(golden.REQUESTS.read_text()):
        if request["name"] in IN_PARTS:
            continue
        call = arguments.call(request, golden.METHODS[request["method"]].request, form)
        try:
            lines.append(golden.answered(call.name, arguments.payload(bring(server.address, call))))
        except errors.ZooError as refusal:
            lines.append(golden.refused(call.name, refusal))
    assert lines == expected

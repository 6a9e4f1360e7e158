"""The golden requests ask for what a client may get wrong: large seeds, every encoding, every kind of call."""

import json
import re
from types import ModuleType


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

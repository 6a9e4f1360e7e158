"""The Open Inference Protocol by clients that others wrote: tritonclient and open-inference-grpc, as they are."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from google.protobuf import descriptor_pb2

from zoo_client import Client
from zoo_client.local import local_server
from zoo_server.open_inference import grpc_service_pb2

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
LOCK = HERE / "open_inference.lock"
ENVIRONMENT = REPOSITORY / ".open-inference-venv"
MODELS = ("cyclegan_fashion_mnist", "ddpm_fashion_mnist", "vae_fashion_mnist")

LATER = {"ModelMetadataResponse": {"properties"}}
"""What later editions of the protocol add to answers, of which nothing need be said."""

pytestmark = [pytest.mark.clients, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with the packages of the lock, which is made anew when the lock changes."""
    python = ENVIRONMENT / "bin/python"
    stamp = ENVIRONMENT / "made-from"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        subprocess.run([python, *install, "--require-hashes", "--requirement", LOCK], check=True)
        stamp.write_text(digest)
    return python


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on three of the bundled models."""
    folder = tmp_path_factory.mktemp("models")
    for name in MODELS:
        shutil.copytree(REPOSITORY / "saved_models" / name, folder / name)
    with local_server(folder) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Client]:
    """Our own client, whose pixels theirs must have."""
    with Client(address) as client:
        yield client


def run(python: Path, *arguments: object, folder: Path | None = None) -> str:
    # -I: whatever of ours stands in PYTHONPATH is none of their business.
    command = [str(python), "-I", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def by_triton(python: Path, address: str, tmp_path_factory: pytest.TempPathFactory):
    """(the facts, the tensors) of with_tritonclient.py."""
    out = tmp_path_factory.mktemp("triton") / "tensors.npz"
    facts = json.loads(run(python, HERE / "with_tritonclient.py", address, out))
    with np.load(out) as tensors:
        return facts, dict(tensors)


def test_tritonclient_gets_the_samples_of_our_own_client(by_triton, client):
    facts, tensors = by_triton
    seeds, labels = tensors["seeds"].tolist(), (7, 0, 9)
    assert seeds == [5, 2**53 + 1, 0]
    options = {"sampler": "dpm_solver_pp_2m", "steps": 4, "reproducible": True}
    for index, (seed, label) in enumerate(zip(seeds, labels, strict=True)):
        ours = client.sample("ddpm_fashion_mnist", 1, seed=seed, labels=[label], **options)
        assert np.array_equal(tensors["images"][index], ours.images[0])
    [recipe] = ours.recipes
    assert (facts["version"], facts["id"], facts["digest"]) == (str(recipe.version), "mine-1", recipe.digest)
    assert np.array_equal(tensors["by_callback"], tensors["images"])
    assert np.array_equal(tensors["by_asyncio"], tensors["images"])


def test_tritonclient_gets_the_scores_translations_and_latents_of_our_own_client(by_triton, client):
    _, tensors = by_triton
    images = tensors["images"]
    scores = client.score("ddpm_fashion_mnist", images, labels=[7, 0, 9], reproducible=True)
    assert np.array_equal(tensors["bits_per_dim"], scores["bits_per_dim"].astype(np.float32))
    turned = client.translate("cyclegan_fashion_mnist", images, direction="b_to_a", reproducible=True)
    assert np.array_equal(tensors["translated"], turned.images)
    latents = client.encode("vae_fashion_mnist", images)
    np.testing.assert_allclose(tensors["latents"], latents, atol=1e-4)
    decoded = client.decode("vae_fashion_mnist", tensors["latents"]).astype(int)
    assert np.abs(tensors["decoded"].astype(int) - decoded).max() <= 1


def test_tritonclient_finds_what_it_asks_of_the_server_and_its_models(by_triton):
    facts, _ = by_triton
    assert facts["live"]
    assert facts["ready"]
    assert facts["model ready"]
    assert facts["ready that are not there"] == [False, False, False]
    assert facts["server"] == "pixelzoo"
    shapes = facts["from metadata"]
    assert shapes["vae_fashion_mnist"] == {"image": [1, 28, 28, 1], "seed": [1]}
    assert shapes["vae_fashion_mnist:score"]["bits_per_dim"] == [2]
    assert shapes["cyclegan_fashion_mnist:translate"]["image"] == [2, 28, 28, 1]
    assert shapes["vae_fashion_mnist:decode"]["image"] == [2, 28, 28, 1]


def test_tritonclient_is_told_what_is_wrong(by_triton):
    facts, _ = by_triton
    expected = {
        "no such model": ("NOT_FOUND", "model_name: there is no model 'nobody'"),
        "no such version": ("NOT_FOUND", "model_version: model 'vae_fashion_mnist' has no version 9"),
        "metadata of no version": (
            "NOT_FOUND",
            "model_version: model 'vae_fashion_mnist' has no version 9; it has: ",
        ),
        "many steps as a parameter": (
            "INVALID_ARGUMENT",
            f"parameters[steps]: must be 2 to 1000, and is {2**62}",
        ),
        "no such class as a parameter": (
            "INVALID_ARGUMENT",
            "parameters[label]: must be -1 to 9, and is 10",
        ),
        "seed of another type": ("INVALID_ARGUMENT", "seed: must be INT64 [n]"),
        "a capability that there is not": (
            "FAILED_PRECONDITION",
            "has no capability 'sample': call it `cyclegan_fashion_mnist:translate` or ",
        ),
        "no number": ("INVALID_ARGUMENT", "parameters[guidance]: must be a finite number, and is nan"),
        "a priority": ("INVALID_ARGUMENT", "parameters[priority]: is no parameter of this model"),
        "a sequence": ("INVALID_ARGUMENT", "]: is no parameter of this model"),
        "a configuration": ("UNIMPLEMENTED", ""),
        "a repository": ("UNIMPLEMENTED", ""),
        "statistics": ("UNIMPLEMENTED", ""),
        "a stream": ("UNIMPLEMENTED", ""),
        "too many": ("INVALID_ARGUMENT", "seed: asks for 5000 items"),
        "too late": ("DEADLINE_EXCEEDED", ""),
    }
    assert facts["refusals"].keys() == expected.keys()
    for what, (status, message) in facts["refusals"].items():
        assert status == f"StatusCode.{expected[what][0]}"
        assert expected[what][1] in message


def test_open_inference_grpc_gets_the_samples_of_our_own_client(python, address, client, tmp_path):
    run(python, HERE / "with_open_inference_grpc.py", address, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as tensors:
        ours = client.sample("vae_fashion_mnist", 2, seed=3, reproducible=True)
        assert np.array_equal(tensors["images"], ours.images)


def test_the_example_of_the_docs_works_as_printed(python, address, tmp_path):
    page = (REPOSITORY / "docs/open_inference.md").read_text()
    [program] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert program.count("localhost:50051") == 1
    path = tmp_path / "example.py"
    path.write_text(program.replace("localhost:50051", address))
    said = re.findall(r"^print\(.*\)  # (.*)$", program, re.MULTILINE)
    assert run(python, path, folder=tmp_path).splitlines() == said
    assert len(said) == 2
    with PIL.Image.open(tmp_path / "shoes.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (4 * 28, 28))


@pytest.mark.parametrize("module", ["tritonclient.grpc.service_pb2", "open_inference.grpc.protocol"])
def test_our_contract_is_theirs_number_for_number(python, module):
    program = f"import sys, {module} as theirs; sys.stdout.write(theirs.DESCRIPTOR.serialized_pb.hex())"
    theirs = descriptor_pb2.FileDescriptorProto.FromString(bytes.fromhex(run(python, "-c", program)))
    ours = descriptor_pb2.FileDescriptorProto()
    grpc_service_pb2.DESCRIPTOR.CopyToProto(ours)
    assert ours.package == theirs.package == "inference"
    messages = messages_of(theirs.message_type)
    for name, fields in messages_of(ours.message_type).items():
        assert fields == [field for field in messages[name] if field[1] not in LATER.get(name, ())], name
    methods = methods_of(theirs)
    for name, types in methods_of(ours).items():
        assert types == methods[name], name
    assert len(methods_of(ours)) == 6


def messages_of(messages, prefix=""):
    """(number, name, type, label, type name, oneof) of each field of each message, by the message's name."""
    found = {}
    for message in messages:
        oneofs = [one.name for one in message.oneof_decl]
        found[prefix + message.name] = [
            (
                field.number,
                field.name,
                field.type,
                field.label,
                field.type_name,
                # `optional`, which some have and others do not, is nothing on the wire.
                oneofs[field.oneof_index]
                if field.HasField("oneof_index") and not field.proto3_optional
                else "",
            )
            for field in message.field
        ]
        found |= messages_of(message.nested_type, f"{prefix}{message.name}.")
    return found


def methods_of(file):
    [service] = file.service
    assert service.name == "GRPCInferenceService"
    return {
        method.name: (method.input_type, method.output_type, method.client_streaming, method.server_streaming)
        for method in service.method
    }

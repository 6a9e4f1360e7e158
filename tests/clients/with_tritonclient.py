"""What a program with tritonclient does, and gets: run by test_open_inference.py in an environment of its own.

    python with_tritonclient.py HOST:PORT OUT.npz

writes the tensors that came back to OUT.npz, and tells the rest as JSON on the standard output.
"""

import asyncio
import json
import sys
import threading

import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.utils import InferenceServerException

SEEDS = np.array([5, 2**53 + 1, 0], np.int64)
LABELS = np.array([7, 0, 9], np.int32)
OPTIONS = {"sampler": "dpm_solver_pp_2m", "steps": 4, "reproducible": True}


def tensor(name, datatype, values):
    given = triton.InferInput(name, values.shape, datatype)
    given.set_data_from_numpy(values)
    return given


def inputs():
    return [tensor("seed", "INT64", SEEDS), tensor("label", "INT32", LABELS)]


def refusal(call):
    """Status and message of the error of a call."""
    try:
        call()
    except InferenceServerException as error:
        return [error.status(), error.message()]
    raise AssertionError("it was not refused")


def by_callback(client):
    """The same by a callback, which tritonclient calls on a thread of its own."""
    done, answers = threading.Event(), []

    def hear(result, error):
        answers.append((result, error))
        done.set()

    client.async_infer("ddpm_fashion_mnist", inputs(), hear, parameters=OPTIONS)
    assert done.wait(120)
    [(result, error)] = answers
    assert error is None, error
    return result.as_numpy("image")


def by_stream(client):
    """The error of a stream, which comes by its callback before anything is sent on it."""
    done, errors = threading.Event(), []

    def hear(result, error):
        errors.append(error)
        done.set()

    client.start_stream(hear)
    assert done.wait(120)
    client.stop_stream()
    raise errors[0]


async def by_asyncio(address):
    async with triton_aio.InferenceServerClient(address) as client:
        assert await client.is_server_ready()
        result = await client.infer("ddpm_fashion_mnist", inputs(), parameters=OPTIONS)
        return result.as_numpy("image")


def from_metadata(client, model):
    """A call by one who knows of a model only what its metadata say: an entry for each input that has no default."""
    metadata = client.get_model_metadata(model)
    given = []
    for one in metadata.inputs:
        if one.name in ("image", "latent"):
            shape = [2, *(axis if axis > 0 else 32 for axis in one.shape[1:])]
            dtype = {"UINT8": np.uint8, "FP32": np.float32, "INT32": np.int32}[one.datatype]
            given.append(tensor(one.name, one.datatype, np.zeros(shape, dtype)))
    result = client.infer(model, given)
    return {one.name: list(result.as_numpy(one.name).shape) for one in metadata.outputs}


def main(address, out):
    client = triton.InferenceServerClient(address)
    [version] = client.get_model_metadata("ddpm_fashion_mnist").versions
    facts = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "server": client.get_server_metadata().name,
        "model ready": client.is_model_ready("ddpm_fashion_mnist", version),
        "ready that are not there": [
            client.is_model_ready("nobody"),
            client.is_model_ready("ddpm_fashion_mnist", "9"),
            client.is_model_ready("ddpm_fashion_mnist:score", "no_label"),
        ],
        "from metadata": {
            model: from_metadata(client, model)
            for model in (
                "vae_fashion_mnist",
                "vae_fashion_mnist:score",
                "vae_fashion_mnist:encode",
                "vae_fashion_mnist:decode",
                "cyclegan_fashion_mnist:translate",
            )
        },
        "refusals": {
            "no such model": refusal(lambda: client.infer("nobody", [])),
            "no such version": refusal(lambda: client.infer("vae_fashion_mnist", [], model_version="9")),
            "metadata of no version": refusal(lambda: client.get_model_metadata("vae_fashion_mnist", "9")),
            "many steps as a parameter": refusal(
                lambda: client.infer("ddpm_fashion_mnist", [], parameters={"steps": 2**62})
            ),
            "no such class as a parameter": refusal(
                lambda: client.infer("ddpm_fashion_mnist", [], parameters={"label": 10})
            ),
            "seed of another type": refusal(
                lambda: client.infer("vae_fashion_mnist", [tensor("seed", "INT32", np.zeros(1, np.int32))])
            ),
            "a capability that there is not": refusal(lambda: client.infer("cyclegan_fashion_mnist", [])),
            "no number": refusal(
                lambda: client.infer("ddpm_fashion_mnist", [], parameters={"guidance": float("nan")})
            ),
            "a priority": refusal(lambda: client.infer("vae_fashion_mnist", [], priority=1)),
            "a sequence": refusal(
                lambda: client.infer("vae_fashion_mnist", [], sequence_id=1, sequence_start=True)
            ),
            "a configuration": refusal(lambda: client.get_model_config("vae_fashion_mnist")),
            "a repository": refusal(client.get_model_repository_index),
            "statistics": refusal(client.get_inference_statistics),
            "a stream": refusal(lambda: by_stream(client)),
            "too many": refusal(
                lambda: client.infer("vae_fashion_mnist", [tensor("seed", "INT64", np.arange(5000))])
            ),
            "too late": refusal(
                lambda: client.infer(
                    "ddpm_fashion_mnist", inputs(), client_timeout=0.05, parameters={"steps": 1000}
                )
            ),
        },
    }
    sampled = client.infer(
        "ddpm_fashion_mnist",
        inputs(),
        model_version=version,
        request_id="mine-1",
        parameters=OPTIONS,
        outputs=[triton.InferRequestedOutput("image"), triton.InferRequestedOutput("seed")],
        compression_algorithm="gzip",
    )
    response = sampled.get_response()
    facts["version"] = response.model_version
    facts["id"] = response.id
    facts["digest"] = response.parameters["digest"].string_param
    images = sampled.as_numpy("image")
    subjects = [tensor("image", "UINT8", images)]
    sure = {"reproducible": True}
    scored = client.infer(
        "ddpm_fashion_mnist:score", [*subjects, tensor("label", "INT32", LABELS)], parameters=sure
    )
    translated = client.infer(
        "cyclegan_fashion_mnist:translate", subjects, parameters={"direction": "b_to_a", **sure}
    )
    latents = client.infer("vae_fashion_mnist:encode", subjects).as_numpy("latent")
    decoded = client.infer("vae_fashion_mnist:decode", [tensor("latent", "FP32", latents)])
    np.savez(
        out,
        images=images,
        seeds=sampled.as_numpy("seed"),
        by_callback=by_callback(client),
        by_asyncio=asyncio.run(by_asyncio(address)),
        bits_per_dim=scored.as_numpy("bits_per_dim"),
        translated=translated.as_numpy("image"),
        latents=latents,
        decoded=decoded.as_numpy("image"),
    )
    json.dump(facts, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

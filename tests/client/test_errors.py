"""What goes wrong comes as an exception of its own kind, with what the server says about it."""

import asyncio
import io
import socket
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from PIL import Image as PilImage

from pixelzoo.v1 import error_pb2
from zoo_client import Client, aio, errors, held_out

PIXELS = np.full((28, 28, 1), 64, np.uint8)


def test_every_reason_of_the_catalogue_has_an_exception() -> None:
    reasons = {
        name.removeprefix("ERROR_REASON_") for name in error_pb2.ErrorReason.DESCRIPTOR.values_by_name
    } - {"UNSPECIFIED"}
    assert reasons <= errors.BY_REASON.keys()
    assert all(kind.default_reason == reason for reason, kind in errors.BY_REASON.items())


def test_unknown_model(zoo: Client) -> None:
    with pytest.raises(errors.ModelNotFound, match="'nobody'") as caught:
        zoo.sample("nobody")
    assert caught.value.reason == "MODEL_NOT_FOUND"
    assert caught.value.code == "NOT_FOUND"
    assert caught.value.metadata["model"] == "nobody"
    assert caught.value.retry_after is None


def test_a_capability_that_the_model_lacks_names_those_that_have_it(zoo: Client) -> None:
    with pytest.raises(errors.CapabilityNotSupported) as caught:
        zoo.encode("quarters", zoo.sample("quarters").images)
    assert caught.value.metadata["capable_models"] == "codes,halves"


def test_a_value_out_of_range_is_the_servers_to_say(zoo: Client) -> None:
    with pytest.raises(errors.InvalidField, match="1 to 100") as caught:
        zoo.sample("quarters", steps=101)
    assert caught.value.field == "options.diffusion.steps"
    assert "1 to 100" in caught.value.rule
    assert caught.value.code == "INVALID_ARGUMENT"


def test_several_fields_are_named_at_once(zoo: Client) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        zoo.sample("quarters", steps=101, guidance=-1)
    assert {v.field for v in caught.value.violations} == {
        "options.diffusion.steps",
        "options.diffusion.guidance",
    }


@pytest.mark.parametrize(
    ("model", "arguments", "field", "rule"),
    [
        (
            "halves",
            {"steps": 3},
            "options.latent_variable.steps",
            "this model has no such option; it has: temperature",
        ),
        *(
            (
                "quarters",
                {"sampler": sampler},
                "options.diffusion.sampler",
                f"this model's choices are: ddpm, ddim, dpm_solver_pp_2m; it is {sampler!r}",
            )
            for sampler in ("euler", "dd", "", 1)
        ),
        *(
            (
                "quarters",
                {"steps": steps},
                "options.diffusion.steps",
                f"must be a whole number, and is {steps!r}",
            )
            for steps in (2.5, 4.0, float("nan"), True, "4")
        ),
        *(
            (
                "quarters",
                {"steps": steps},
                "options.diffusion.steps",
                f"must be 1 to 100, and is {steps}",
            )
            for steps in (-1, 2**32)
        ),
        *(
            (
                "quarters",
                {"guidance": value},
                "options.diffusion.guidance",
                f"must be a number, and is {value!r}",
            )
            for value in ("much", "2", True)
        ),
        ("quarters", {"guidance": 1e300}, "options.diffusion.guidance", "must be 0 to 10, and is 1e+300"),
        (
            "quarters",
            {"labels": "Hat"},
            "labels",
            f"quarters has no class 'Hat'; it has: {', '.join(held_out.load().classes)}",
        ),
        ("quarters", {"labels": "1_0"}, "labels", None),
        ("quarters", {"labels": "9" * 5000}, "labels", None),
        ("halves", {"labels": "Hat"}, "labels", "halves has no class 'Hat'; it has: none"),
        (
            "quarters",
            {"labels": [1, 2], "n": 3},
            "labels",
            "must be none, one for all, or 3, and there are 2",
        ),
        ("quarters", {"labels": 1.5}, "labels[0]", "must be a whole number, and is 1.5"),
        ("quarters", {"labels": [3, True]}, "labels[1]", "must be a whole number, and is True"),
        ("quarters", {"labels": b"1"}, "labels[0]", "must be a whole number, and is b'1'"),
        ("quarters", {"labels": [2**31]}, "labels[0]", "must be -1 to 9, and is 2147483648"),
        ("quarters", {"n": 0}, "count", "must be at least 1, and is 0"),
        ("quarters", {"n": -1}, "count", "must be at least 1, and is -1"),
        ("quarters", {"n": 2.5}, "count", "must be a whole number, and is 2.5"),
        ("quarters", {"n": "4"}, "count", "must be a whole number, and is '4'"),
        ("quarters", {"seed": 2**63}, "seed", f"must be 0 to {2**63 - 1}, and is {2**63}"),
        ("quarters", {"seed": -1}, "seed", f"must be 0 to {2**63 - 1}, and is -1"),
        ("quarters", {"seed": 10**5000}, "seed", f"must be 0 to {2**63 - 1}, and is an int"),
        ("quarters", {"seed": 1.5}, "seed", "must be a whole number, and is 1.5"),
        ("quarters", {"reproducible": "no"}, "reproducible", "must be True or False, and is 'no'"),
        (5, {}, "model.name", "must be a text, and is 5"),
        ("\ud800", {}, "model.name", None),
    ],
)
def test_what_cannot_be_sent_is_refused_in_the_words_of_the_server(
    zoo: Client, target: str, model: Any, arguments: dict[str, Any], field: str, rule: str | None
) -> None:
    async def from_a_loop() -> None:
        async with aio.Client(target) as other:
            await other.sample(model, **arguments)

    for call in (lambda: zoo.sample(model, **arguments), lambda: asyncio.run(from_a_loop())):
        with pytest.raises(errors.InvalidField) as caught:
            call()
        refusal = caught.value
        assert refusal.field == field
        assert rule in (None, refusal.rule)
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
        assert str(refusal) == f"{refusal.field}: {refusal.rule}"
        assert isinstance(refusal, ValueError)


@pytest.mark.parametrize(
    ("call", "field", "rule"),
    [
        (
            lambda zoo: zoo.stream_sample("quarters", preview_interval=1.5),
            "preview_interval",
            "must be a whole number",
        ),
        (
            lambda zoo: zoo.stream_translate("mirror", PIXELS, preview_interval=-1),
            "preview_interval",
            "at least 0",
        ),
        (lambda zoo: zoo.score("quarters", PIXELS, seed=None), "seed", "must be a whole number, and is None"),
        (
            lambda zoo: zoo.decode("halves", [[1, 2], [3]]),
            "latents",
            r"must be an array .*, and is \[\[1, 2\], \[3\]\]",
        ),
        (lambda zoo: zoo.decode("halves", [None]), "latents", "must be numbers, and is object"),
        (lambda zoo: zoo.decode("tiles", 1.5), "latents", "must be an array .*, and is 1.5"),
        (
            lambda zoo: zoo.decode("tiles", np.full((1, 2, 2), 0.5)),
            "latents",
            "must be codes, which are whole numbers",
        ),
        (
            lambda zoo: zoo.decode("tiles", np.full((1, 2, 2), 2**32)),
            "latents",
            "must be codes, which are whole numbers",
        ),
        (
            lambda zoo: zoo.decode("halves", np.zeros((1, 2), complex)),
            "latents",
            "must be numbers, and is complex128",
        ),
        (lambda zoo: zoo.decode("halves", []), "latents", "must hold at least one latent"),
        (
            lambda zoo: zoo.interpolate("halves", PIXELS, PIXELS, 1),
            "count",
            "must be at least 2, and is 1: both ends are included",
        ),
        (
            lambda zoo: zoo.interpolate("halves", PIXELS, [PIXELS, PIXELS]),
            "end",
            "must be one image or latent, and is 2 images",
        ),
        (
            lambda zoo: zoo.interpolate("halves", PIXELS, PIXELS, method="cubic"),
            "method",
            "must be linear or spherical, and is 'cubic'",
        ),
        (
            lambda zoo: zoo.interpolate("halves", PIXELS, PIXELS, method=np.array(["linear", "cubic"])),
            "method",
            "must be linear or spherical, and is array",
        ),
        (
            lambda zoo: zoo.translate("painter", PIXELS, mask=np.zeros((28, 28))),
            "options.diffusion.mask",
            "must be uint8",
        ),
    ],
)
def test_other_calls_too(zoo: Client, call: Callable[[Client], object], field: str, rule: str) -> None:
    with pytest.raises(errors.InvalidField, match=rule) as caught:
        call(zoo)
    assert (caught.value.field, caught.value.code) == (field, "INVALID_ARGUMENT")


def test_the_bytes_of_a_file_are_for_the_server_to_read(zoo: Client) -> None:
    file = io.BytesIO()
    PilImage.fromarray(PIXELS[..., 0]).save(file, "PNG")
    assert zoo.score("quarters", [PIXELS, file.getvalue()])["bits_per_dim"].tolist() == [2, 2]
    with pytest.raises(errors.ImageUnreadable) as caught:
        zoo.score("quarters", [PIXELS, b"no picture"])
    assert caught.value.field == "images[1].encoded.data"


def test_errors_of_a_stream(zoo: Client) -> None:
    with pytest.raises(errors.InvalidField, match="must be 1 to 100"):
        list(zoo.stream_sample("quarters", steps=101))


def test_a_mistake_in_the_server_has_an_id(zoo: Client) -> None:
    with pytest.raises(errors.InternalError) as caught:
        zoo.sample("trap", seed=13)
    assert caught.value.metadata["error_id"] in str(caught.value)


def test_timeout(zoo: Client) -> None:
    with pytest.raises(TimeoutError) as caught:
        zoo.sample("slow", 16, steps=1000, timeout=0.3)
    assert caught.value.code == "DEADLINE_EXCEEDED"


def test_no_server() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        with (
            Client(address) as zoo,
            pytest.raises(errors.ServerUnreachable, match="pixelzoo serve") as caught,
        ):
            zoo.models()
    assert address in str(caught.value)
    assert isinstance(caught.value, ConnectionError)


class AnsweredCall(grpc.RpcError):
    """A failed call with the trailing metadata that grpc-status writes."""

    def __init__(self, status: status_pb2.Status) -> None:
        self._status = rpc_status.to_status(status)

    def code(self) -> grpc.StatusCode:
        return self._status.code

    def details(self) -> str:
        return self._status.details

    def trailing_metadata(self):
        return self._status.trailing_metadata


def test_retry_info_is_unpacked() -> None:
    status = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="full")
    for detail in (
        error_details_pb2.ErrorInfo(reason="QUEUE_FULL", domain="pixelzoo", metadata={"limit": "8"}),
        error_details_pb2.RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000)),
    ):
        status.details.add().Pack(detail)
    error = errors.from_rpc(AnsweredCall(status), "host:1")

    assert type(error) is errors.QueueFull
    assert error.retry_after == 2.5
    assert error.metadata == {"limit": "8"}


def test_a_reason_newer_than_the_client_is_kept() -> None:
    status = status_pb2.Status(code=code_pb2.ABORTED, message="moon is wrong")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="MOON_PHASE", domain="pixelzoo"))
    error = errors.from_rpc(AnsweredCall(status), "host:1")

    assert type(error) is errors.ZooError
    assert (error.reason, error.code, str(error)) == ("MOON_PHASE", "ABORTED", "moon is wrong")

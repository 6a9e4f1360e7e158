"""What goes wrong comes as an exception of its own kind, with what the server says about it."""

import socket

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from pixelzoo.v1 import error_pb2
from zoo_client import Client, errors


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
    ("model", "arguments", "field", "words"),
    [
        (
            "halves",
            {"steps": 3},
            "options.steps",
            "halves has no such option. It takes: temperature 0 to 2, default 1",
        ),
        (
            "quarters",
            {"sampler": "euler"},
            "options.diffusion.sampler",
            "not one of ddpm, ddim, dpm_solver_pp_2m",
        ),
        (
            "quarters",
            {"sampler": "dd"},
            "options.diffusion.sampler",
            "not one of ddpm, ddim, dpm_solver_pp_2m",
        ),
        ("quarters", {"steps": 2.5}, "options.diffusion.steps", "no whole number"),
        (
            "quarters",
            {"guidance": "much"},
            "options.diffusion.guidance",
            "no number: guidance 0 to 10, default 1",
        ),
        ("quarters", {"labels": "Hat"}, "labels", "quarters has no class 'Hat': T-shirt/top, Trouser"),
        (
            "quarters",
            {"labels": [1, 2], "n": 3},
            "labels",
            "2 for 3 images: give none, one for all, or one for each",
        ),
        ("quarters", {"n": 0}, "count", "ask for at least 1"),
        ("quarters", {"seed": 2**63}, "seed", r"is not 0 to 2\^63 - 1"),
    ],
)
def test_what_the_card_rules_out_is_said_without_a_call(
    zoo: Client, model: str, arguments: dict, field: str, words: str
) -> None:
    with pytest.raises(errors.InvalidField, match=words) as caught:
        zoo.sample(model, **arguments)
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)
    assert caught.value.code is None


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

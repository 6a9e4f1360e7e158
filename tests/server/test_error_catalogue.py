"""Every reason of error.proto, met from outside, with the status, details and metadata that the proto promises.

A new reason fails here until there is a call that ends with it.
"""

import re
import shutil
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pixelzoo.v1 import error_pb2, image_pb2
from pixelzoo.v1.catalog_service_pb2 import ListModelsRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest
from zoo_server.repository.repository import Repository
from zoo_server.tokens import line_for, new_token

PROTO = Path(error_pb2.__file__).with_name("error.proto").read_text()
PREFIX = "ERROR_REASON_"
REASONS = [one.name.removeprefix(PREFIX) for one in error_pb2.ErrorReason.DESCRIPTOR.values if one.number]


def promised(reason):
    """The status, the other details beside ErrorInfo, and the metadata, as the comment of the reason has them."""
    comment = re.search(rf"((?: *//.*\n)+) *{PREFIX}{reason} =", PROTO)[1]
    words = " ".join(line.strip().removeprefix("//").strip() for line in comment.splitlines())
    found = re.search(r"Status: (\w+); details: ([\w, ]+); metadata: ([a-z_, ]+); retry: ", words)
    lists = ([] if names == "none" else names.split(", ") for names in found.groups()[1:])
    return found[1], *map(set, lists)


def sample(name, steps=None, **fields):
    options = SampleOptions(diffusion=DiffusionOptions(steps=steps)) if steps is not None else None
    return SampleRequest(model=ModelSelector(name=name), options=options, **fields)


def raw(size):
    return {
        "raw": {"data": bytes(size * size), "shape": [size, size, 1], "data_type": image_pb2.DATA_TYPE_UINT8}
    }


def score(name, picture):
    return ScoreRequest(model=ModelSelector(name=name), images=[picture])


class Visitor:
    """A client that has it all go wrong: a method for each reason, which ends in the error."""

    def __init__(self, start_server, connect, models, tmp_path, wait_until):
        self._start, self._connect, self._models, self._folder, self._wait = (
            start_server,
            connect,
            models,
            tmp_path,
            wait_until,
        )

    def server(self, *arguments, **settings):
        live = self._start(*arguments, **settings)
        return live, self._connect(live.address)

    def invalid_field(self, api):
        api.sampling.Sample(sample("ripples", steps=1001))

    def model_not_found(self, api):
        api.sampling.Sample(sample("nobody"))

    def version_not_found(self, api):
        api.sampling.Sample(SampleRequest(model=ModelSelector(name="blobs", version=9)))

    def capability_not_supported(self, api):
        api.scoring.Score(score("trap", raw(1)))

    def too_many_images(self, api):
        api.sampling.Sample(sample("blobs", count=17))

    def image_too_large(self, api):
        api.scoring.Score(score("blobs", raw(64)))

    def image_unreadable(self, api):
        api.scoring.Score(score("blobs", {"encoded": {"data": b"no picture", "mime_type": "image/png"}}))

    def internal_error(self, api):
        api.sampling.Sample(sample("trap", seed=13))

    def queue_full(self, _):
        live, api = self.server(max_pending_items=1)
        call = api.sampling.Sample.future(sample("slow", steps=1000))
        self._wait(lambda: live.pending_items == 1, 60)
        try:
            api.sampling.Sample(sample("slow", steps=1))
        finally:
            call.cancel()

    def deadline_too_short(self, _):
        _, api = self.server()
        api.sampling.Sample(sample("slow", steps=100))  # From then on it knows what a step costs.
        api.sampling.Sample(sample("slow", steps=1000, count=16), timeout=1)

    def model_loading(self, _):
        shutil.copytree(self._models / "blobs" / "1", self._folder / "blobs" / "1")
        live, api = self.server(Repository.load(self._folder), model_poll_seconds=0)
        half = shutil.copytree(self._models / "blobs" / "1", self._folder / "blobs" / "2")
        next(half.glob("variables/*.data-*")).unlink()
        live.run(live.app.lifecycle.poll())
        api.sampling.Sample(SampleRequest(model=ModelSelector(name="blobs", version=2)))

    def model_failed(self, _):
        shutil.copytree(self._models / "blobs" / "1", self._folder / "blobs" / "1")
        (self._folder / "blobs" / "1" / "saved_model.pb").write_bytes(b"no graph")
        _, api = self.server(Repository.load(self._folder))
        api.sampling.Sample(sample("blobs"))

    def shutting_down(self, _):
        live, api = self.server(grace_seconds=0)
        call = api.sampling.Sample.future(sample("slow", steps=1000))
        self._wait(lambda: live.pending_items == 1, 60)
        live.run(live.app.stop())
        call.result(60)

    def quota_exceeded(self, _):
        _, api = self.server(peer_requests_per_second=0.001, peer_burst=1)
        for _ in range(2):
            api.catalog.ListModels(ListModelsRequest())

    def guarded(self, line):
        file = self._folder / "tokens.toml"
        file.write_text(line)
        return self.server(Repository(), token_file=file)[1]

    def unauthenticated(self, _):
        self.guarded(line_for("studio", new_token())).catalog.ListModels(ListModelsRequest())

    def permission_denied(self, _):
        token = new_token()
        api = self.guarded(line_for("studio", token, services=["ScoringService"]))
        api.catalog.ListModels(ListModelsRequest(), metadata=(("authorization", f"Bearer {token}"),))


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_given_as_promised(reason, api, start_server, connect, models, tmp_path, wait_until):
    visitor = Visitor(start_server, connect, models, tmp_path, wait_until)
    with pytest.raises(grpc.RpcError) as caught:
        getattr(visitor, reason.lower())(api)
    status = rpc_status.from_call(caught.value)
    first, *others = status.details
    info = error_details_pb2.ErrorInfo()
    assert first.Unpack(info)
    code, details, metadata = promised(reason)
    assert (info.reason, caught.value.code().name) == (reason, code)
    assert [detail.TypeName().removeprefix("google.rpc.") for detail in others] == sorted(details)
    assert set(info.metadata) == metadata
    # What varies stands in the metadata, and is not left empty; what is wrong stands in the message, with what to do.
    assert all(info.metadata.values()) or reason == "CAPABILITY_NOT_SUPPORTED"
    assert len(status.message) > 30
    for detail in others:
        bad_request = error_details_pb2.BadRequest()
        if detail.Unpack(bad_request):
            for violation in bad_request.field_violations:
                assert violation.field in status.message
                assert violation.description in status.message
                assert violation.reason == reason

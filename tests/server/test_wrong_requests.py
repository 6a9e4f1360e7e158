"""Everything that a request can get wrong: the code, the reason, the details, and that nothing was computed."""

from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.catalog_service_pb2 import GetModelRequest, ListModelsRequest
from pixelzoo.v1.latent_service_pb2 import DecodeRequest, EncodeRequest, InterpolateRequest, LatentPoint
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import (
    AdversarialOptions,
    AutoregressiveOptions,
    DiffusionOptions,
    DiffusionScoreOptions,
    LatentVariableOptions,
    SampleOptions,
    ScoreOptions,
)
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest, StreamScoreRequest
from pixelzoo.v1.translation_service_pb2 import StreamTranslateRequest, TranslateRequest

RIPPLES, BLOBS, TILES, MIRROR = (ModelSelector(name=name) for name in ("ripples", "blobs", "tiles", "mirror"))
FLOAT32, INT32, UINT8 = (
    image_pb2.DATA_TYPE_FLOAT32,
    image_pb2.DATA_TYPE_INT32,
    image_pb2.DATA_TYPE_UINT8,
)


def raw(*shape, data=None, data_type=UINT8, **fields):
    data = bytes(int(np.prod(shape))) if data is None else data
    return image_pb2.Image(raw=image_pb2.RawTensor(data=data, shape=shape, data_type=data_type), **fields)


def latent(values, shape=None, data_type=FLOAT32):
    values = np.asarray(values, "<i4" if data_type == INT32 else "<f4")
    return image_pb2.RawTensor(data=values.tobytes(), shape=shape or values.shape, data_type=data_type)


def sample(model=RIPPLES, **fields):
    return SampleRequest(model=model, **fields)


def diffusion(**fields):
    return sample(options=SampleOptions(diffusion=DiffusionOptions(**fields)))


def between(start, end, model=BLOBS, **fields):
    return InterpolateRequest(model=model, start=start, end=end, **fields)


ZERO = LatentPoint(latent=latent([0.0] * 16))


@dataclass
class Wrong:
    """A request that is refused, and how."""

    name: str
    request: Any
    fields: list[str] = field(default_factory=list)
    says: str = ""
    reason: str = "INVALID_FIELD"
    code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT
    metadata: dict[str, str] = field(default_factory=dict)


def method(api, request):
    services = {
        SampleRequest: api.sampling.Sample,
        StreamSampleRequest: api.sampling.StreamSample,
        ScoreRequest: api.scoring.Score,
        StreamScoreRequest: api.scoring.StreamScore,
        TranslateRequest: api.translation.Translate,
        StreamTranslateRequest: api.translation.StreamTranslate,
        EncodeRequest: api.latent.Encode,
        DecodeRequest: api.latent.Decode,
        InterpolateRequest: api.latent.Interpolate,
        ListModelsRequest: api.catalog.ListModels,
        GetModelRequest: api.catalog.GetModel,
    }
    return services[type(request)]


BAD_FIELDS = [
    Wrong("no model", SampleRequest(), ["model"], "ListModels"),
    Wrong("no model name", sample(ModelSelector()), ["model.name"], "ListModels"),
    Wrong("a path as a name", sample(ModelSelector(name="../ripples")), ["model.name"], "[a-z][a-z0-9_]*"),
    Wrong("a NUL in the name", sample(ModelSelector(name="ripples\0")), ["model.name"], "[a-z][a-z0-9_]*"),
    Wrong("capitals in the name", sample(ModelSelector(name="Ripples")), ["model.name"]),
    Wrong("a name of 129 characters", sample(ModelSelector(name="a" * 129)), ["model.name"]),
    Wrong("version 0", sample(ModelSelector(name="ripples", version=0)), ["model.version"], "and is 0"),
    Wrong("a version of 64 bits", sample(ModelSelector(name="ripples", version=2**63)), ["model.version"]),
    Wrong(
        "a label with a dot",
        sample(ModelSelector(name="ripples", version_label=".")),
        ["model.version_label"],
    ),
    Wrong("count 0", sample(count=0), ["count"], "at least 1, and is 0"),
    Wrong("a seed of 64 bits", sample(seed=2**63), ["seed"], "0 to 9223372036854775807"),
    Wrong("label -2", sample(labels=[-2]), ["labels[0]"], "-1"),
    Wrong("a label past the last", sample(count=3, labels=[0, 3, 4]), ["labels[1]", "labels[2]"], "-1 to 2"),
    Wrong("two labels for three", sample(count=3, labels=[0, 1]), ["labels"], "none, one for all, or 3"),
    Wrong("a label for a model without", sample(BLOBS, labels=[0]), ["labels"], "does not draw by class"),
    Wrong("no label where one is needed", sample(TILES), ["labels"], "needs a class, 0 to 1"),
    Wrong("-1 where a label is needed", sample(TILES, labels=[-1]), ["labels[0]"], "0 to 1"),
    Wrong("more labels than can be", sample(labels=[0] * 65536), ["labels"], "at most 65535 entries"),
    Wrong(
        "too many wrong labels to name",
        sample(count=16, labels=[-2] * 1000),
        [f"labels[{index}]" for index in range(16)],
    ),
    Wrong("an unknown encoding", sample(encoding=99), ["encoding"], "is 99"),
    Wrong("a request_id of two lines", sample(request_id="a\nb"), ["request_id"], "printable ASCII"),
    Wrong("a long request_id", sample(request_id="x" * 129), ["request_id"], "128"),
    Wrong("too few steps", diffusion(steps=0), ["options.diffusion.steps"], "1 to 1000, and is 0"),
    Wrong("too many steps", diffusion(steps=1001), ["options.diffusion.steps"], "1 to 1000, and is 1001"),
    Wrong("steps of 32 bits", diffusion(steps=2**32 - 1), ["options.diffusion.steps"]),
    Wrong(
        "too much guidance", diffusion(guidance=10.5), ["options.diffusion.guidance"], "0 to 10, and is 10.5"
    ),
    Wrong(
        "rows of no picture",
        sample(TILES, labels=[0], options=SampleOptions(autoregressive=AutoregressiveOptions(given_rows=1))),
        ["options.autoregressive.given_rows"],
        "set image beside it",
    ),
    Wrong(
        "a picture of which no row is kept",
        sample(
            TILES,
            labels=[0],
            options=SampleOptions(autoregressive=AutoregressiveOptions(image=raw(4, 4, 1))),
        ),
        ["options.autoregressive.image"],
        "has no effect without given_rows",
    ),
    Wrong("NaN", diffusion(guidance=float("nan")), ["options.diffusion.guidance"], "finite"),
    Wrong("infinity", diffusion(eta=float("inf")), ["options.diffusion.eta"], "finite"),
    Wrong("a sampler the model lacks", diffusion(sampler=3), ["options.diffusion.sampler"], "ddpm, ddim"),
    Wrong("a sampler that is none", diffusion(sampler=77), ["options.diffusion.sampler"], "is 77"),
    Wrong(
        "several at once",
        diffusion(steps=0, eta=2),
        ["options.diffusion.steps", "options.diffusion.eta"],
    ),
    Wrong(
        "options of another family",
        sample(options=SampleOptions(adversarial=AdversarialOptions(truncation=1))),
        ["options.adversarial"],
        "set options.diffusion instead",
    ),
    Wrong(
        "an option that the model lacks",
        sample(TILES, labels=[0], options=SampleOptions(autoregressive=AutoregressiveOptions(temperature=1))),
        ["options.autoregressive.temperature"],
        "it has: image, given_rows",
    ),
    Wrong(
        "options of a model without",
        sample(
            ModelSelector(name="trap"),
            options=SampleOptions(latent_variable=LatentVariableOptions(temperature=1)),
        ),
        ["options.latent_variable"],
        "leave options unset",
    ),
    Wrong(
        "an image option of another shape",
        sample(
            TILES,
            labels=[0],
            options=SampleOptions(autoregressive=AutoregressiveOptions(image=raw(2, 2, 1), given_rows=1)),
        ),
        ["options.autoregressive.image.raw.shape"],
        "is 2x2 pixels, and the model takes 4x4",
    ),
    Wrong("an empty stream request", StreamSampleRequest(), ["sample"]),
    Wrong("a path inside a stream request", StreamSampleRequest(sample=sample(count=0)), ["sample.count"]),
    Wrong(
        "an option inside a stream request",
        StreamSampleRequest(sample=diffusion(steps=0)),
        ["sample.options.diffusion.steps"],
    ),
    Wrong(
        "previews of a model without",
        StreamSampleRequest(sample=sample(BLOBS), preview_interval=1),
        ["preview_interval"],
        "has no previews",
    ),
    Wrong(
        "a preview past the last step",
        StreamSampleRequest(sample=sample(), preview_interval=1001),
        ["preview_interval"],
        "0 to 1000",
    ),
    Wrong("nothing to score", ScoreRequest(model=BLOBS), ["images"], "at least one image"),
    Wrong(
        "an image without pixels",
        ScoreRequest(model=BLOBS, images=[image_pb2.Image()]),
        ["images[0].payload"],
    ),
    Wrong(
        "an image of another size",
        ScoreRequest(model=BLOBS, images=[raw(4, 4, 1), raw(2, 8, 1)]),
        ["images[1].raw.shape"],
        "is 8x2 pixels, and the model takes 4x4: resize it",
    ),
    Wrong(
        "RGB for grey",
        ScoreRequest(model=BLOBS, images=[raw(4, 4, 3)]),
        ["images[0].raw.shape"],
        "has 3 channels, and the model takes 1 channel (grey)",
    ),
    Wrong(
        "grey for RGB",
        StreamTranslateRequest(translate=TranslateRequest(model=MIRROR, images=[raw(4, 4, 1)])),
        ["translate.images[0].raw.shape"],
        "3 channels (RGB)",
    ),
    Wrong("two axes", ScoreRequest(model=BLOBS, images=[raw(4, 4)]), ["images[0].raw.shape"], "has 2 axes"),
    Wrong("an axis of 0", ScoreRequest(model=BLOBS, images=[raw(0, 4, 1)]), ["images[0].raw.shape[0]"]),
    Wrong("no axes", ScoreRequest(model=BLOBS, images=[raw(data=b"x")]), ["images[0].raw.shape"]),
    Wrong(
        "too few bytes",
        ScoreRequest(model=BLOBS, images=[raw(4, 4, 1, data=b"abc")]),
        ["images[0].raw.data"],
        "16 bytes for its shape, and is 3",
    ),
    Wrong(
        "floats for pixels",
        ScoreRequest(model=BLOBS, images=[raw(4, 4, 1, data_type=FLOAT32)]),
        ["images[0].raw.data_type"],
        "UINT8",
    ),
    Wrong(
        "no type",
        ScoreRequest(model=BLOBS, images=[raw(4, 4, 1, data_type=0)]),
        ["images[0].raw.data_type"],
    ),
    Wrong(
        "a width that is not so",
        ScoreRequest(model=BLOBS, images=[raw(4, 4, 1, width=5)]),
        ["images[0].width"],
        "says 5, but the payload has 4",
    ),
    Wrong(
        "a seed of 64 bits to score",
        StreamScoreRequest(score=ScoreRequest(model=BLOBS, images=[raw(4, 4, 1)], seed=2**64 - 1)),
        ["score.seed"],
    ),
    Wrong(
        "score options of another family",
        ScoreRequest(
            model=BLOBS,
            images=[raw(4, 4, 1)],
            options=ScoreOptions(diffusion=DiffusionScoreOptions(timesteps=1)),
        ),
        ["options.diffusion"],
        "set options.latent_variable instead",
    ),
    Wrong("nothing to encode", EncodeRequest(model=BLOBS), ["images"]),
    Wrong("nothing to decode", DecodeRequest(model=BLOBS), ["latents"]),
    Wrong(
        "a latent of another shape",
        DecodeRequest(model=BLOBS, latents=[latent([0.0] * 15)]),
        ["latents[0].shape"],
        "must be [16] for this model, and is [15]",
    ),
    Wrong(
        "a latent of another type",
        DecodeRequest(model=BLOBS, latents=[latent([0] * 16, data_type=INT32)]),
        ["latents[0].data_type"],
        "must be FLOAT32 for this model, and is INT32",
    ),
    Wrong(
        "a latent with NaN",
        DecodeRequest(model=BLOBS, latents=[latent([0.0] * 15 + [float("nan")])]),
        ["latents[0].data"],
        "finite",
    ),
    Wrong(
        "a latent cut short",
        DecodeRequest(model=BLOBS, latents=[latent([0.0] * 15, shape=[16])]),
        ["latents[0].data"],
        "64 bytes for its shape, and is 60",
    ),
    Wrong(
        "a code outside the codebook",
        DecodeRequest(model=TILES, latents=[latent([[0, 1], [4, 5]], data_type=INT32)]),
        ["latents[0].data"],
        "codes of 0 to 4",
    ),
    Wrong("one picture on the way", between(ZERO, ZERO, count=1), ["count"], "both ends"),
    Wrong("no ends", InterpolateRequest(model=BLOBS), ["start", "end"]),
    Wrong("an end of nothing", between(ZERO, LatentPoint()), ["end.point"]),
    Wrong("an end of another shape", between(ZERO, LatentPoint(image=raw(2, 2, 1))), ["end.image.raw.shape"]),
    Wrong("a method that is none", between(ZERO, ZERO, method=9), ["method"]),
    Wrong("a negative page", ListModelsRequest(page_size=-1), ["page_size"], "at least 0"),
    Wrong("a token of another server", ListModelsRequest(page_token="page2"), ["page_token"]),
    Wrong("a token that is no text", ListModelsRequest(page_token="gICA"), ["page_token"]),
    Wrong("no model to get", GetModelRequest(), ["model"]),
]

OTHER = [
    Wrong(
        "more than a request may have",
        sample(count=17),
        ["count"],
        "asks for 17 items and one request may have at most 16: split it",
        "TOO_MANY_IMAGES",
        metadata={"field": "count", "limit": "16"},
    ),
    Wrong(
        "more images than a request may have",
        ScoreRequest(model=BLOBS, images=[raw(4, 4, 1)] * 17),
        ["images"],
        reason="TOO_MANY_IMAGES",
        metadata={"field": "images", "limit": "16"},
    ),
    Wrong(
        "more latents than a request may have",
        DecodeRequest(model=BLOBS, latents=[latent([0.0] * 16)] * 17),
        ["latents"],
        reason="TOO_MANY_IMAGES",
        metadata={"field": "latents", "limit": "16"},
    ),
    Wrong(
        "a long way",
        between(ZERO, ZERO, count=17),
        ["count"],
        reason="TOO_MANY_IMAGES",
        metadata={"field": "count", "limit": "16"},
    ),
    Wrong(
        "raw pixels without end",
        TranslateRequest(model=MIRROR, images=[raw(33, 32, 3)]),
        ["images[0].raw"],
        "is 32x33 = 1056 pixels and at most 1024 are accepted",
        "IMAGE_TOO_LARGE",
        metadata={"field": "images[0].raw", "limit": "1024"},
    ),
    Wrong(
        "an unknown model",
        sample(ModelSelector(name="rippels")),
        says="this server has: blobs, mirror, ripples",
        reason="MODEL_NOT_FOUND",
        code=grpc.StatusCode.NOT_FOUND,
        metadata={"model": "rippels"},
    ),
    Wrong(
        "an unknown model to get",
        GetModelRequest(model=ModelSelector(name="x")),
        reason="MODEL_NOT_FOUND",
        code=grpc.StatusCode.NOT_FOUND,
        metadata={"model": "x"},
    ),
    Wrong(
        "an unknown version",
        sample(ModelSelector(name="ripples", version=2)),
        says="model 'ripples' has no version 2; it has: 1",
        reason="VERSION_NOT_FOUND",
        code=grpc.StatusCode.NOT_FOUND,
        metadata={"model": "ripples", "version": "2"},
    ),
    Wrong(
        "an unknown version label",
        sample(ModelSelector(name="ripples", version_label="stable")),
        reason="VERSION_NOT_FOUND",
        code=grpc.StatusCode.NOT_FOUND,
        metadata={"model": "ripples", "version": "stable"},
    ),
    Wrong(
        "a capability that the model lacks",
        EncodeRequest(model=RIPPLES, images=[raw(4, 4, 3)]),
        says="model 'ripples' has no capability 'encode'; these can: blobs",
        reason="CAPABILITY_NOT_SUPPORTED",
        code=grpc.StatusCode.FAILED_PRECONDITION,
        metadata={"model": "ripples", "capability": "encode", "capable_models": "blobs"},
    ),
    Wrong(
        "sampling a translator",
        StreamSampleRequest(sample=sample(MIRROR)),
        reason="CAPABILITY_NOT_SUPPORTED",
        code=grpc.StatusCode.FAILED_PRECONDITION,
        metadata={
            "model": "mirror",
            "capability": "sample",
            "capable_models": "blobs,ripples,slow,tiles,trap",
        },
    ),
    Wrong(
        "translating with a sampler",
        TranslateRequest(model=RIPPLES, images=[raw(4, 4, 3)]),
        reason="CAPABILITY_NOT_SUPPORTED",
        code=grpc.StatusCode.FAILED_PRECONDITION,
        metadata={"model": "ripples", "capability": "translate", "capable_models": "mirror"},
    ),
    Wrong(
        "the way between codes",
        between(ZERO, ZERO, TILES),
        reason="CAPABILITY_NOT_SUPPORTED",
        code=grpc.StatusCode.FAILED_PRECONDITION,
        metadata={"model": "tiles", "capability": "interpolate", "capable_models": "blobs"},
    ),
]

SECOND_DETAIL = {
    "INVALID_FIELD": error_details_pb2.BadRequest,
    "TOO_MANY_IMAGES": error_details_pb2.BadRequest,
    "IMAGE_TOO_LARGE": error_details_pb2.BadRequest,
    "MODEL_NOT_FOUND": error_details_pb2.ResourceInfo,
    "VERSION_NOT_FOUND": error_details_pb2.ResourceInfo,
    "CAPABILITY_NOT_SUPPORTED": error_details_pb2.PreconditionFailure,
}


def refusal(call):
    """The error of a call, unary or streaming."""

    def finish():
        response = call()
        return list(response) if hasattr(response, "__next__") else response

    with pytest.raises(grpc.RpcError) as caught:
        finish()
    return caught.value


def unpack(detail, message_type):
    message = message_type()
    assert detail.Unpack(message), detail.type_url
    return message


@pytest.mark.parametrize("wrong", BAD_FIELDS + OTHER, ids=lambda wrong: wrong.name.replace(" ", "-"))
def test_it_is_refused_before_any_compute(api, server, wrong):
    turns = server.app.engine.turns
    error = refusal(lambda: method(api, wrong.request)(wrong.request))
    assert error.code() == wrong.code
    status = rpc_status.from_call(error)
    info = unpack(status.details[0], error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain) == (wrong.reason, "pixelzoo")
    detail = unpack(status.details[1], SECOND_DETAIL[wrong.reason])
    assert len(status.details) == 2
    if wrong.fields:
        assert sorted(violation.field for violation in detail.field_violations) == sorted(wrong.fields)
        assert sorted(info.metadata["field"].split(",")) == sorted(wrong.fields)
        assert all(violation.description for violation in detail.field_violations)
    assert wrong.says in error.details()
    for path in wrong.fields:
        assert path in error.details()
    if wrong.metadata:
        assert dict(info.metadata) == wrong.metadata
    assert server.app.engine.turns == turns
    assert server.pending_items == 0


def test_resource_info_names_what_was_not_found(api):
    request = sample(ModelSelector(name="ripples", version=2))
    status = rpc_status.from_call(refusal(lambda: api.sampling.Sample(request)))
    resource = unpack(status.details[1], error_details_pb2.ResourceInfo)
    assert (resource.resource_type, resource.resource_name) == ("pixelzoo.v1.Model", "ripples/2")


@pytest.mark.parametrize(
    "request_",
    [sample(count=0, request_id="mine"), StreamSampleRequest(sample=sample(count=0, request_id="mine"))],
)
def test_an_error_carries_the_callers_name_for_the_request(api, request_):
    status = rpc_status.from_call(refusal(lambda: method(api, request_)(request_)))
    assert unpack(status.details[-1], error_details_pb2.RequestInfo).request_id == "mine"

"""Each of many callers at once gets what it asked for, and not what somebody else did."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest

CALLERS = 64


def request(number):
    """Of every kind: in steps or at once, at one bucket or several, by class or not, one picture or more."""
    fields = {
        "seed": 1000 * number,
        "encoding": image_pb2.IMAGE_ENCODING_RAW,
        "request_id": f"caller {number}",
    }
    match number % 4:
        case 0:
            return SampleRequest(model=ModelSelector(name="blobs"), count=1 + number % 3, **fields)
        case 1:
            return SampleRequest(model=ModelSelector(name="tiles"), labels=[number // 4 % 2], **fields)
        case _:
            options = SampleOptions(
                diffusion=DiffusionOptions(steps=1 + number % 23, sampler=1 + number // 4 % 2)
            )
            labels = [number % 3 - 1]
            model = ModelSelector(name="ripples")
            return SampleRequest(
                model=model, labels=labels, options=options, reproducible=number % 4 == 2, **fields
            )


def pictures(reply):
    return [np.frombuffer(image.image.raw.data, np.uint8).astype(int) for image in reply]


def test_64_callers_at_once_get_their_own_pictures(server, connect):
    """Half of them stream; each has a connection of its own."""
    requests = [request(number) for number in range(CALLERS)]
    sampling = connect(server.address).sampling
    alone = [sampling.Sample(one).images for one in requests]
    channels = [connect(server.address) for _ in requests]

    def ask(number):
        sampling = channels[number].sampling
        if number // 8 % 2:
            return sampling.Sample(requests[number]).images
        events = sampling.StreamSample(StreamSampleRequest(sample=requests[number]))
        found = [event.image for event in events if event.HasField("image")]
        return sorted(found, key=lambda image: image.index)

    with ThreadPoolExecutor(CALLERS) as callers:
        together = list(callers.map(ask, range(CALLERS)))
    for one, mine, wanted in zip(requests, together, alone, strict=True):
        assert [image.recipe for image in mine] == [image.recipe for image in wanted]
        if one.reproducible or one.model.name != "ripples":
            assert list(mine) == list(wanted)
        for found, expected in zip(pictures(mine), pictures(wanted), strict=True):
            assert np.abs(found - expected).max() <= 1
    for channel in channels:
        channel.channel.close()

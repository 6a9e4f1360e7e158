"""Encode, Decode and Interpolate."""

import numpy as np
import pytest

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.latent_service_pb2 import (
    INTERPOLATION_METHOD_SPHERICAL,
    DecodeRequest,
    EncodeRequest,
    InterpolateRequest,
    LatentPoint,
)
from pixelzoo.v1.model_pb2 import ModelSelector
from zoo_server.services import interpolation

BLOBS = ModelSelector(name="blobs")
RAW = image_pb2.IMAGE_ENCODING_RAW


def picture(pixels):
    raw = image_pb2.RawTensor(
        data=np.asarray(pixels, np.uint8).tobytes(), shape=[4, 4, 1], data_type=image_pb2.DATA_TYPE_UINT8
    )
    return image_pb2.Image(raw=raw)


def latent(values, dtype="<f4", data_type=image_pb2.DATA_TYPE_FLOAT32):
    values = np.asarray(values, dtype)
    return image_pb2.RawTensor(data=values.tobytes(), shape=values.shape, data_type=data_type)


def levels(image):
    return np.frombuffer(image.raw.data, np.uint8).tolist()


def test_encode_gives_one_latent_a_picture(api, repository):
    response = api.latent.Encode(
        EncodeRequest(model=BLOBS, images=[picture([0] * 16), picture(range(0, 160, 10))])
    )
    assert response.model == repository.get(BLOBS).version
    first, second = (np.frombuffer(one.data, "<f4") for one in response.latents)
    assert [list(one.shape) for one in response.latents] == [[16], [16]]
    assert response.latents[0].data_type == image_pb2.DATA_TYPE_FLOAT32
    np.testing.assert_allclose(first, -1)
    np.testing.assert_allclose(second, np.arange(0, 160, 10) / 127.5 - 1, rtol=1e-5)


def test_decode_undoes_encode(api, repository):
    pictures = [picture(range(shift, shift + 16)) for shift in range(11)]
    latents = api.latent.Encode(EncodeRequest(model=BLOBS, images=pictures)).latents
    response = api.latent.Decode(DecodeRequest(model=BLOBS, latents=latents, encoding=RAW))
    assert response.model == repository.get(BLOBS).version
    assert [image.raw.data for image in response.images] == [image.raw.data for image in pictures]


def test_codes_are_decoded_too(api):
    codes = latent([[0, 1], [2, 4]], "<i4", image_pb2.DATA_TYPE_INT32)
    [image] = api.latent.Decode(
        DecodeRequest(model=ModelSelector(name="tiles"), latents=[codes], encoding=RAW)
    ).images
    assert levels(image) == [0, 0, 50, 50] * 2 + [100, 100, 200, 200] * 2


def test_interpolation_between_a_picture_and_a_latent(api):
    request = InterpolateRequest(
        model=BLOBS,
        start=LatentPoint(image=picture([0] * 16)),
        end=LatentPoint(latent=latent([1.0] * 16)),
        count=5,
        encoding=RAW,
    )
    images = api.latent.Interpolate(request).images
    assert [levels(image)[0] for image in images] == [0, 64, 128, 191, 255]


def test_interpolation_between_two_pictures_has_eight_by_default(api):
    start, end = picture([0] * 16), picture([200] * 16)
    request = InterpolateRequest(
        model=BLOBS, start=LatentPoint(image=start), end=LatentPoint(image=end), encoding=RAW
    )
    images = api.latent.Interpolate(request).images
    assert len(images) == 8
    assert (levels(images[0]), levels(images[-1])) == ([0] * 16, [200] * 16)


def test_spherical_interpolation_keeps_the_length(api):
    start, end = np.eye(16, dtype=np.float32)[:2]
    request = InterpolateRequest(
        model=BLOBS,
        start=LatentPoint(latent=latent(start)),
        end=LatentPoint(latent=latent(end)),
        count=3,
        method=INTERPOLATION_METHOD_SPHERICAL,
        encoding=RAW,
    )
    middle = levels(api.latent.Interpolate(request).images[1])
    half = round(127.5 + 127.5 / 2**0.5)
    assert middle == [half, half] + [128] * 14


def test_the_arc_by_hand():
    arc = interpolation.spherical(np.array([2.0, 0.0]), np.array([0.0, 2.0]), 4)
    angles = np.linspace(0, np.pi / 2, 4)
    np.testing.assert_allclose(arc, 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-6)


@pytest.mark.parametrize("end", [[3.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
def test_the_arc_between_ends_in_line_is_the_line(end):
    start, end = np.array([1.0, 0.0]), np.array(end)
    np.testing.assert_allclose(interpolation.spherical(start, end, 3), interpolation.linear(start, end, 3))


def test_the_line_by_hand():
    line = interpolation.linear(np.array([[0.0], [1.0]]), np.array([[1.0], [-1.0]]), 3)
    assert line.dtype == np.float32
    assert line.tolist() == [[[0.0], [1.0]], [[0.5], [0.0]], [[1.0], [-1.0]]]

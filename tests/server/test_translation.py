"""Translate and StreamTranslate, for any model whose card says that it translates."""

import hashlib
import io

import numpy as np
from PIL import Image as PilImage

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import (
    DIRECTION_A_TO_B,
    DIRECTION_B_TO_A,
    AdversarialTranslateOptions,
    TranslateOptions,
)
from pixelzoo.v1.translation_service_pb2 import StreamTranslateRequest, TranslateRequest


def picture(pixels):
    raw = image_pb2.RawTensor(data=pixels.tobytes(), shape=pixels.shape, data_type=image_pb2.DATA_TYPE_UINT8)
    return image_pb2.Image(raw=raw)


def pixels(image):
    return np.frombuffer(image.raw.data, np.uint8).reshape(image.raw.shape)


def random_pictures(*sizes):
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (*size, 3), np.uint8) for size in sizes]


def request(pictures, **fields):
    return TranslateRequest(
        model=ModelSelector(name="mirror"),
        images=[picture(pixels) for pixels in pictures],
        encoding=image_pb2.IMAGE_ENCODING_RAW,
        **fields,
    )


def test_pictures_of_any_size_in_one_request(api, repository):
    pictures = random_pictures((2, 3), (5, 4), (2, 3), (32, 32))
    images = api.translation.Translate(request(pictures, seed=3)).images
    assert [image.index for image in images] == [0, 1, 2, 3]
    for image, original in zip(images, pictures, strict=True):
        np.testing.assert_array_equal(pixels(image.image), original[:, ::-1])
    recipe = images[1].recipe
    assert (recipe.model, recipe.version, recipe.seed) == ("mirror", 1, 4)
    assert recipe.digest == repository.get(ModelSelector(name="mirror")).version.digest
    assert recipe.options.adversarial.direction == DIRECTION_A_TO_B


def test_the_other_direction(api):
    options = TranslateOptions(adversarial=AdversarialTranslateOptions(direction=DIRECTION_B_TO_A))
    [original] = random_pictures((3, 2))
    [image] = api.translation.Translate(request([original], options=options)).images
    np.testing.assert_array_equal(pixels(image.image), original[::-1])


def test_the_stream_gives_the_same_pictures_and_progress(api):
    pictures = random_pictures((2, 3), (5, 4), (2, 3))
    news = list(api.translation.StreamTranslate(StreamTranslateRequest(translate=request(pictures, seed=0))))
    streamed = [event.image for event in news if event.HasField("image")]
    together = api.translation.Translate(request(pictures, seed=0)).images
    assert sorted(streamed, key=lambda image: image.index) == list(together)
    progress = [event.progress for event in news if event.HasField("progress")]
    assert (progress[0].items, progress[0].items_done, progress[-1].items_done) == (3, 0, 3)


def test_the_recipe_says_which_picture_it_was_made_of(api):
    pictures = random_pictures((2, 3), *[(32, 32)] * 12)  # Together too large to be hashed in the event loop.
    digests = [hashlib.sha256(b"2x3x3 " + pictures[0].tobytes()).hexdigest()]
    digests += [hashlib.sha256(b"32x32x3 " + pixels.tobytes()).hexdigest() for pixels in pictures[1:]]
    images = api.translation.Translate(request(pictures)).images
    assert [image.recipe.source_sha256 for image in images] == digests
    news = list(api.translation.StreamTranslate(StreamTranslateRequest(translate=request(pictures))))
    streamed = [event.image for event in news if event.HasField("image")]
    assert {image.index: image.recipe.source_sha256 for image in streamed} == dict(enumerate(digests))


def test_a_file_counts_by_its_pixels(api):
    [colours] = random_pictures((3, 4))
    file = io.BytesIO()
    PilImage.fromarray(colours).save(file, "PNG")
    asked = request([])
    asked.images.add().encoded.data = file.getvalue()
    [image] = api.translation.Translate(asked).images
    assert image.recipe.source_sha256 == hashlib.sha256(b"3x4x3 " + colours.tobytes()).hexdigest()

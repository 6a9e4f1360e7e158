"""Sample: seeds, classes, options, encodings, and the recipe that comes with every picture."""

import io

import numpy as np
import pytest
from google.protobuf import json_format
from PIL import Image

from pixelzoo.v1 import image_pb2, recipe_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import (
    SAMPLER_DDIM,
    SAMPLER_DDPM,
    AutoregressiveOptions,
    DiffusionOptions,
    LatentVariableOptions,
    SampleOptions,
)
from pixelzoo.v1.sampling_service_pb2 import SampleRequest

RAW = image_pb2.IMAGE_ENCODING_RAW


def sample(api, model="ripples", **fields):
    request = SampleRequest(model=ModelSelector(name=model), **{"encoding": RAW, **fields})
    return api.sampling.Sample(request).images


def pixels(image):
    return np.frombuffer(image.raw.data, np.uint8).reshape(image.raw.shape)


def diffusion(**fields):
    return SampleOptions(diffusion=DiffusionOptions(**fields))


def ripple_in_process(repository, size, seed, label=-1, sampler=2, steps=10, guidance=1.0, eta=0.5):
    """The picture of one item by a plain loop over the signatures of the loaded SavedModel, at batch size `size`."""
    import tensorflow as tf

    signatures = repository.get(ModelSelector(name="ripples")).saved_model.signatures
    fill = lambda value, dtype: tf.fill([size], tf.constant(value, dtype))  # noqa: E731
    state = signatures["sample_begin"](
        seed=fill(seed, tf.int64),
        label=fill(label, tf.int32),
        sampler=fill(sampler, tf.int32),
        steps=fill(steps, tf.int32),
        guidance=fill(guidance, tf.float32),
        eta=fill(eta, tf.float32),
    )
    for _ in range(steps):
        state = signatures["sample_advance"](**state)
    return signatures["sample_finish"](**state)["image"].numpy()[0]


def test_a_picture_is_that_of_the_same_loop_in_process(api, repository):
    [image] = sample(api, seed=5, labels=[2])
    np.testing.assert_array_equal(pixels(image.image), ripple_in_process(repository, 1, seed=5, label=2))


def test_every_option_reaches_the_model(api, repository):
    options = {"sampler": SAMPLER_DDPM, "steps": 7, "guidance": 3.5, "eta": 0.25}
    [image] = sample(api, seed=5, labels=[2], options=diffusion(**options))
    expected = ripple_in_process(repository, 1, seed=5, label=2, **options)
    np.testing.assert_array_equal(pixels(image.image), expected)


def test_item_i_has_the_seed_of_the_request_plus_i(api):
    together = sample(api, seed=100, count=5)
    assert [image.recipe.seed for image in together] == [100, 101, 102, 103, 104]
    assert [image.index for image in together] == [0, 1, 2, 3, 4]
    for image in together:
        [alone] = sample(api, seed=image.recipe.seed)
        difference = pixels(image.image).astype(int) - pixels(alone.image)
        assert np.abs(difference).max() <= 1


def test_seeds_wrap_past_the_largest(api):
    images = sample(api, seed=2**63 - 1, count=2)
    assert [image.recipe.seed for image in images] == [2**63 - 1, 0]
    [first] = sample(api, seed=0)
    assert np.abs(pixels(images[1].image).astype(int) - pixels(first.image)).max() <= 1


def test_seed_zero_is_a_seed(api):
    [one], [two] = sample(api, seed=0), sample(api, seed=0)
    assert one == two
    assert one.recipe.seed == 0


def test_without_a_seed_the_server_draws_one_and_says_which(api):
    [one], [two] = sample(api), sample(api)
    assert one.recipe.seed != two.recipe.seed
    assert max(one.recipe.seed, two.recipe.seed) < 2**53
    [again] = sample(api, seed=one.recipe.seed)
    assert again == one


def test_another_seed_and_another_class_give_other_pictures(api):
    [base], [seeded], [labelled] = sample(api, seed=1), sample(api, seed=2), sample(api, seed=1, labels=[0])
    assert pixels(base.image).tolist() != pixels(seeded.image).tolist()
    assert pixels(base.image).tolist() != pixels(labelled.image).tolist()


@pytest.mark.parametrize(
    ("labels", "effective"), [([], [-1, -1, -1]), ([2], [2, 2, 2]), ([0, -1, 1], [0, -1, 1])]
)
def test_labels_are_none_or_one_for_all_or_one_for_each(api, labels, effective):
    assert [image.recipe.label for image in sample(api, count=3, labels=labels)] == effective


def test_the_recipe_has_every_option_filled_in(api, repository):
    version = repository.get(ModelSelector(name="ripples")).version
    [image] = sample(api, seed=3, options=diffusion(steps=4))
    assert image.recipe == recipe_pb2.Recipe(
        model="ripples",
        version=1,
        digest=version.digest,
        seed=3,
        label=-1,
        options=diffusion(sampler=SAMPLER_DDIM, steps=4, guidance=1.0, eta=0.5),
    )


def test_the_recipe_draws_the_same_picture_again(api):
    [image] = sample(api, labels=[1], options=diffusion(guidance=0.1, eta=1.0))
    recipe = image.recipe
    [again] = sample(api, recipe.model, seed=recipe.seed, labels=[recipe.label], options=recipe.options)
    assert again == image


def test_a_recipe_without_classes_or_known_family(api):
    [image] = sample(api, "blobs", seed=1)
    assert not image.recipe.HasField("label")
    assert image.recipe.options.autoregressive == AutoregressiveOptions(temperature=1.0)
    # A family that the server has never heard of takes any kind of options that has all of its own.
    options = SampleOptions(latent_variable=LatentVariableOptions(temperature=0))
    [grey] = sample(api, "blobs", seed=1, options=options)
    assert set(pixels(grey.image).flat) == {128}
    assert grey.recipe.options.latent_variable.temperature == 0


def test_png_is_the_default_and_carries_the_recipe(api):
    [raw] = sample(api, seed=9, labels=[0])
    [png] = sample(api, seed=9, labels=[0], encoding=image_pb2.IMAGE_ENCODING_UNSPECIFIED)
    assert png.image.encoded.mime_type == "image/png"
    assert (png.image.width, png.image.height, png.image.channels) == (4, 4, 3)
    with Image.open(io.BytesIO(png.image.encoded.data)) as file:
        np.testing.assert_array_equal(np.asarray(file), pixels(raw.image))
        text = file.text["pixelzoo.recipe"]
    assert json_format.Parse(text, recipe_pb2.Recipe()) == png.recipe == raw.recipe


def test_grey_png(api):
    [raw], [png] = sample(api, "blobs", seed=9), sample(api, "blobs", seed=9, encoding=0)
    with Image.open(io.BytesIO(png.image.encoded.data)) as file:
        assert file.mode == "L"
        np.testing.assert_array_equal(np.asarray(file)[..., None], pixels(raw.image))


def test_jpeg(api):
    [image] = sample(api, seed=9, encoding=image_pb2.IMAGE_ENCODING_JPEG)
    assert image.image.encoded.mime_type == "image/jpeg"
    with Image.open(io.BytesIO(image.image.encoded.data)) as file:
        assert (file.format, file.size) == ("JPEG", (4, 4))


def test_raw_says_shape_and_type(api):
    [image] = sample(api, "blobs", seed=1)
    assert list(image.image.raw.shape) == [4, 4, 1]
    assert image.image.raw.data_type == image_pb2.DATA_TYPE_UINT8


def test_a_picture_can_be_an_option(api):
    given = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    raw = image_pb2.RawTensor(data=given.tobytes(), shape=given.shape, data_type=image_pb2.DATA_TYPE_UINT8)
    options = SampleOptions(
        autoregressive=AutoregressiveOptions(image=image_pb2.Image(raw=raw), given_rows=3)
    )
    [image] = sample(api, "tiles", seed=7, labels=[1], options=options)
    drawn = pixels(image.image)
    np.testing.assert_array_equal(drawn[:3], given[:3])
    assert set(drawn[3].flat) == {7 + 1}
    used = image.recipe.options.autoregressive
    assert used.given_rows == 3
    with Image.open(io.BytesIO(used.image.encoded.data)) as file:
        np.testing.assert_array_equal(np.asarray(file), given[:, :, 0])


def test_strangers_in_the_batch_change_nothing(api, repository):
    """Requests of other steps, samplers, seeds and classes, all in flight at once; each picture is its own."""
    requests = [
        {
            "seed": index * 1000,
            "labels": [index % 4 - 1],
            "options": diffusion(steps=3 + index, sampler=1 + index % 2),
        }
        for index in range(12)
    ]
    alone = [pixels(sample(api, **fields)[0].image) for fields in requests]
    calls = [
        api.sampling.Sample.future(SampleRequest(model=ModelSelector(name="ripples"), encoding=RAW, **fields))
        for fields in requests
    ]
    for one, call, fields in zip(alone, calls, requests, strict=True):
        [image] = call.result().images
        assert image.recipe.seed == fields["seed"]
        assert np.abs(pixels(image.image).astype(int) - one).max() <= 1


def test_one_bucket_gives_the_same_bytes_in_company(api):
    alone = sample(api, "tiles", seed=50, labels=[0])
    company = sample(api, "tiles", seed=48, labels=[0], count=4)
    assert company[2].image == alone[0].image


def test_a_version_can_be_chosen(api):
    [image] = api.sampling.Sample(
        SampleRequest(model=ModelSelector(name="ripples", version=1), seed=1)
    ).images
    assert image.recipe.version == 1

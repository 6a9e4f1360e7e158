"""What each kind of family answers over gRPC: upscaling, domains, inpainting, completion, classes and codes."""

import io
import threading

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from PIL import Image as Pillow

from pixelzoo.v1 import image_pb2, translation_service_pb2_grpc
from pixelzoo.v1.capability_pb2 import (
    SCORE_KIND_CLASS_PROBABILITY,
    SCORE_KIND_DISCRIMINATOR_LOGIT,
    SCORE_KIND_EXACT_LOG_LIKELIHOOD,
    SCORE_KIND_RECONSTRUCTION_ERROR,
)
from pixelzoo.v1.latent_service_pb2 import DecodeRequest, EncodeRequest, InterpolateRequest, LatentPoint
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import (
    DIRECTION_A_TO_B,
    DIRECTION_B_TO_A,
    AdversarialOptions,
    AdversarialTranslateOptions,
    AutoregressiveOptions,
    DiffusionTranslateOptions,
    SampleOptions,
    TranslateOptions,
)
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest
from pixelzoo.v1.translation_service_pb2 import StreamTranslateRequest, TranslateRequest
from zoo_server.repository.repository import Repository

RAW = image_pb2.IMAGE_ENCODING_RAW


def picture(pixels):
    """As a PNG file."""
    buffer = io.BytesIO()
    Pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return image_pb2.Image(encoded=image_pb2.EncodedImage(data=buffer.getvalue()))


def pixels(image):
    return np.frombuffer(image.raw.data, np.uint8).reshape(image.raw.shape)


def random_picture(*shape):
    return np.random.default_rng(shape[0]).integers(0, 256, shape, np.uint8)


def codes(*rows, data_type=image_pb2.DATA_TYPE_INT32):
    values = np.array(rows, "<i4")
    return image_pb2.RawTensor(data=values.tobytes(), shape=values.shape, data_type=data_type)


def translate(model, *pictures, **fields):
    return TranslateRequest(
        model=ModelSelector(name=model), images=map(picture, pictures), encoding=RAW, **fields
    )


def paint(*pictures, mask=None, labels=(0,), seed=0, **options):
    chosen = DiffusionTranslateOptions(mask=None if mask is None else picture(mask), **options)
    return translate(
        "painter", *pictures, seed=seed, labels=labels, options=TranslateOptions(diffusion=chosen)
    )


def draw(model, labels=(), count=1, seed=0, member="autoregressive", **options):
    message = SampleOptions()
    if options:
        kind = {"autoregressive": AutoregressiveOptions, "adversarial": AdversarialOptions}[member]
        getattr(message, member).CopyFrom(kind(**options))
    return SampleRequest(
        model=ModelSelector(name=model), count=count, seed=seed, labels=labels, options=message, encoding=RAW
    )


def refusal(call):
    """The code of the error, its reason, the fields that it names, and its words."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    details = rpc_status.from_call(caught.value).details
    assert details[0].Unpack(info)
    details[1].Unpack(bad_request)
    fields = [violation.field for violation in bad_request.field_violations]
    return info.reason, fields, caught.value.details()


# --- a higher resolution, of pictures of any size ----------------------------------------------------------------


SIZES = [(3, 5), (20, 9), (64, 64), (3, 5), (1, 1)]


def enlarged(pixels):
    return pixels.repeat(4, axis=0).repeat(4, axis=1)


def test_pictures_of_any_sizes_are_enlarged_tile_by_tile_in_one_request(zoo):
    pictures = [random_picture(*size, 3) for size in SIZES]
    images = zoo.translation.Translate(translate("enlarger", *pictures)).images
    for image, original in zip(images, pictures, strict=True):
        assert (image.image.height, image.image.width) == (4 * original.shape[0], 4 * original.shape[1])
        np.testing.assert_array_equal(pixels(image.image), enlarged(original))


def test_a_tile_is_a_step_and_the_pictures_have_as_many_as_they_need(zoo):
    pictures = [random_picture(*size, 3) for size in SIZES]
    request = StreamTranslateRequest(translate=translate("enlarger", *pictures), preview_interval=32)
    news = list(zoo.translation.StreamTranslate(request))
    progress = [event.progress for event in news if event.HasField("progress")]
    assert progress[-1].step == progress[-1].steps == sum(-(-h // 8) * -(-w // 8) for h, w in SIZES)
    assert sorted(event.image.index for event in news if event.HasField("image")) == [0, 1, 2, 3, 4]
    [preview] = [event.preview for event in news if event.HasField("preview")]
    half = np.concatenate([enlarged(pictures[2])[:128], np.zeros((128, 256, 3), np.uint8)])
    assert (preview.index, preview.step, preview.steps) == (2, 32, 64)
    np.testing.assert_array_equal(pixels(preview.image), half)


def test_callers_with_pictures_of_different_sizes_do_not_disturb_one_another(zoo):
    pictures = [random_picture(8 + 8 * (index % 3), 16, 3) for index in range(8)]
    results = [None] * len(pictures)

    def call(index):
        [image] = zoo.translation.Translate(translate("enlarger", pictures[index])).images
        results[index] = pixels(image.image)

    callers = [threading.Thread(target=call, args=(index,)) for index in range(len(pictures))]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for result, original in zip(results, pictures, strict=True):
        np.testing.assert_array_equal(result, enlarged(original))


def test_a_picture_past_the_models_limit_is_refused_before_any_compute(zoo):
    turns = zoo.app.engine.turns
    request = translate("enlarger", random_picture(3, 3, 3), random_picture(64, 65, 3))
    reason, fields, words = refusal(lambda: zoo.translation.Translate(request))
    assert (reason, fields) == ("IMAGE_TOO_LARGE", ["images[1].encoded.data"])
    assert "65x64 = 4160 pixels and at most 4096" in words
    assert zoo.app.engine.turns == turns


def test_a_response_that_would_be_too_large_is_refused_but_streams(families, start_server, connect, tmp_path):
    families.write_enlarger(tmp_path, tile=64)
    server = start_server(Repository.load(tmp_path), max_response_bytes=2 * 256 * 256 * 3)
    api = connect(server.address)
    pictures = [random_picture(64, 64, 3)] * 3
    reason, fields, words = refusal(lambda: api.translation.Translate(translate("enlarger", *pictures)))
    assert (reason, fields) == ("TOO_MANY_IMAGES", ["images"])
    assert "589824 bytes of pixels" in words
    assert "at most 393216" in words
    assert server.app.engine.turns == 0
    assert len(api.translation.Translate(translate("enlarger", *pictures[:2])).images) == 2
    news = api.translation.StreamTranslate(StreamTranslateRequest(translate=translate("enlarger", *pictures)))
    assert sum(event.HasField("image") for event in news) == 3


def test_a_stream_refuses_a_picture_that_alone_would_be_too_large(families, start_server, connect, tmp_path):
    families.write_enlarger(tmp_path, tile=64)
    server = start_server(Repository.load(tmp_path), max_response_bytes=256 * 256 * 3 - 1)
    request = StreamTranslateRequest(translate=translate("enlarger", random_picture(64, 64, 3)))
    reason, fields, words = refusal(
        lambda: list(connect(server.address).translation.StreamTranslate(request))
    )
    assert (reason, fields) == ("TOO_MANY_IMAGES", ["images"])
    assert "196608 bytes of pixels" in words
    assert server.app.engine.turns == 0


def test_decoded_pictures_that_would_be_too_large_are_refused(families, start_server, connect, tmp_path):
    families.write_codes(tmp_path)
    server = start_server(Repository.load(tmp_path), max_response_bytes=2 * 4 * 4)
    api = connect(server.address)

    def decode(count):
        latents = [codes([0, 1], [2, 3])] * count
        return api.latent.Decode(DecodeRequest(model=ModelSelector(name="codes"), latents=latents))

    reason, fields, words = refusal(lambda: decode(3))
    assert (reason, fields) == ("TOO_MANY_IMAGES", ["latents"])
    assert "48 bytes of pixels and one response may have at most 32" in words
    assert server.app.engine.turns == 0
    assert len(decode(2).images) == 2


def test_a_large_result_arrives_at_a_client_that_takes_large_messages(families, start_server, tmp_path):
    families.write_enlarger(tmp_path, tile=200, pixels=400 * 400)
    server = start_server(Repository.load(tmp_path))
    original = random_picture(400, 400, 3)
    options = [("grpc.max_receive_message_length", 8 << 20)]
    with grpc.insecure_channel(server.address, options) as channel:
        stub = translation_service_pb2_grpc.TranslationServiceStub(channel)
        [image] = stub.Translate(translate("enlarger", original)).images
    np.testing.assert_array_equal(pixels(image.image), enlarged(original))


def test_pictures_of_any_size_are_scored(zoo):
    grey = [np.full((height, 7, 3), level, np.uint8) for height, level in ((2, 110), (9, 70), (2, 100))]
    request = ScoreRequest(model=ModelSelector(name="enlarger"), images=map(picture, grey))
    assert [score.values[0].value for score in zoo.scoring.Score(request).scores] == [10, -30, 0]


# --- two domains ---------------------------------------------------------------------------------------------------


def test_both_ways_between_two_domains(zoo):
    original = random_picture(4, 4, 1)
    for direction, wanted in ((DIRECTION_A_TO_B, original[:, ::-1]), (DIRECTION_B_TO_A, 255 - original)):
        options = TranslateOptions(adversarial=AdversarialTranslateOptions(direction=direction))
        [image] = zoo.translation.Translate(translate("turner", original, options=options)).images
        np.testing.assert_array_equal(pixels(image.image), wanted)
        assert image.recipe.options == options


def test_a_logit_for_each_domain_and_no_sample(zoo):
    request = ScoreRequest(
        model=ModelSelector(name="turner"), images=[picture(np.full((4, 4, 1), 60, np.uint8))]
    )
    [score] = zoo.scoring.Score(request).scores
    assert [(value.name, value.value) for value in score.values] == [("logit_a", 10), ("logit_b", -10)]
    assert {value.kind for value in score.values} == {SCORE_KIND_DISCRIMINATOR_LOGIT}
    reason, _, words = refusal(lambda: zoo.sampling.Sample(draw("turner")))
    assert reason == "CAPABILITY_NOT_SUPPORTED"
    assert "these can: codes, critic, rows" in words


# --- image to image, and inpainting --------------------------------------------------------------------------------

ORIGINAL = random_picture(4, 4, 1)
MASK = np.array([[0, 255, 127, 128]] * 4, np.uint8)[..., None]


def test_what_is_white_in_the_mask_is_drawn_anew_and_the_rest_is_kept_to_the_bit(zoo):
    images = zoo.translation.Translate(
        paint(ORIGINAL, 255 - ORIGINAL, mask=MASK, seed=3, labels=[0, 1], strength=1)
    ).images
    for index, (image, original) in enumerate(zip(images, (ORIGINAL, 255 - ORIGINAL), strict=True)):
        found = pixels(image.image)
        np.testing.assert_array_equal(found[:, [0, 2]], original[:, [0, 2]])
        assert set(found[:, [1, 3]].flat) == {100 * (index + 1) + 3 + index + 10}


def test_without_a_mask_all_is_drawn_anew_in_as_many_steps_as_the_strength_says(zoo):
    for options, steps in (({}, 5), ({"strength": 0.25}, 3), ({"strength": 1, "steps": 20}, 20)):
        [image] = zoo.translation.Translate(paint(ORIGINAL, **options)).images
        assert set(pixels(image.image).flat) == {100 + steps}
    [image] = zoo.translation.Translate(paint(ORIGINAL, strength=0)).images
    np.testing.assert_array_equal(pixels(image.image), ORIGINAL)


def test_previews_and_progress_of_a_translation_in_steps(zoo):
    request = StreamTranslateRequest(translate=paint(ORIGINAL, strength=0.4), preview_interval=2)
    news = list(zoo.translation.StreamTranslate(request))
    previews = [event.preview for event in news if event.HasField("preview")]
    assert [(preview.step, preview.steps) for preview in previews] == [(2, 4)]
    assert set(pixels(previews[0].image).flat) == {102}
    progress = [event.progress for event in news if event.HasField("progress")][-1]
    assert (progress.step, progress.steps) == (4, 4)


def test_the_recipe_has_the_mask_as_a_plain_file_and_makes_the_picture_again(zoo):
    buffer = io.BytesIO()
    Pillow.fromarray(MASK[..., 0]).save(buffer, "PNG", comment="x")
    ballast = buffer.getvalue() + b"\0" * 100_000  # What stands behind a PNG's end is no part of the picture.
    request = paint(ORIGINAL, mask=MASK, seed=8, strength=0.3)
    request.options.diffusion.mask.encoded.data = ballast
    [image] = zoo.translation.Translate(request).images
    used = image.recipe.options.diffusion
    assert (round(used.strength, 6), used.steps, used.guidance) == (0.3, 10, 1)
    assert used.mask.ByteSize() < 200
    again = translate("painter", ORIGINAL, seed=8, labels=[0], options=image.recipe.options)
    assert zoo.translation.Translate(again).images[0].image == image.image


@pytest.mark.parametrize(
    ("mask", "path", "rule"),
    [
        (MASK[:, :3], "options.diffusion.mask.encoded.data", "is 3x4 pixels, and the model takes 4x4"),
        (MASK.repeat(3, -1), "options.diffusion.mask.encoded.data", "has 3 channels, and the model takes 1"),
    ],
)
def test_a_mask_of_another_shape(zoo, mask, path, rule):
    reason, fields, words = refusal(lambda: zoo.translation.Translate(paint(ORIGINAL, mask=mask)))
    assert (reason, fields) == ("INVALID_FIELD", [path])
    assert rule in words


@pytest.mark.parametrize("labels", [(), (-1,), (0, -1)])
def test_guidance_that_would_do_nothing_is_refused(zoo, labels):
    pictures = [ORIGINAL] * max(1, len(labels))
    reason, fields, words = refusal(
        lambda: zoo.translation.Translate(paint(*pictures, labels=labels, guidance=2))
    )
    assert (reason, fields) == ("INVALID_FIELD", ["options.diffusion.guidance"])
    assert "set labels" in words


def test_guidance_towards_a_class_is_taken_and_1_always(zoo):
    zoo.translation.Translate(paint(ORIGINAL, labels=[1], guidance=2))
    [image] = zoo.translation.Translate(paint(ORIGINAL, labels=[], guidance=1)).images
    assert image.recipe.label == -1
    zoo.translation.Translate(translate("painter", ORIGINAL, options=image.recipe.options))


# --- completion ----------------------------------------------------------------------------------------------------


def rows_of(image):
    return [sorted(set(row.flat)) for row in pixels(image)]


def test_the_given_rows_are_kept_and_each_item_draws_another_rest(zoo):
    images = zoo.sampling.Sample(draw("rows", count=2, seed=5, image=picture(ORIGINAL), given_rows=2)).images
    for image in images:
        np.testing.assert_array_equal(pixels(image.image)[:2], ORIGINAL[:2])
    assert [rows_of(image.image)[2:] for image in images] == [[[25], [35]], [[26], [36]]]


@pytest.mark.parametrize("given_rows", [0, 1, 3, 4])
def test_only_the_missing_rows_cost_a_step(zoo, given_rows):
    turns = zoo.app.engine.turns
    request = draw("rows", image=picture(ORIGINAL), given_rows=given_rows)
    [image] = zoo.sampling.Sample(request).images
    assert zoo.app.engine.turns - turns == max(1, 4 - given_rows)
    np.testing.assert_array_equal(pixels(image.image)[:given_rows], ORIGINAL[:given_rows])


def test_items_at_different_rows_share_the_one_bucket(zoo):
    results = {}

    def call(given_rows):
        images = zoo.sampling.Sample(
            draw("rows", count=3, seed=given_rows, image=picture(ORIGINAL), given_rows=given_rows)
        ).images
        results[given_rows] = [rows_of(image.image)[given_rows:] for image in images]

    callers = [threading.Thread(target=call, args=(given_rows,)) for given_rows in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for given, items in results.items():
        assert items == [[[given + item + 10 * row] for row in range(given, 4)] for item in range(3)]


def test_more_rows_than_there_are(zoo):
    reason, fields, words = refusal(lambda: zoo.sampling.Sample(draw("rows", given_rows=5)))
    assert (reason, fields) == ("INVALID_FIELD", ["options.autoregressive.given_rows"])
    assert "must be 0 to 4, and is 5" in words


def test_an_exact_likelihood_says_so(zoo):
    request = ScoreRequest(
        model=ModelSelector(name="rows"), images=[picture(np.full((4, 4, 1), 64, np.uint8))]
    )
    [value] = zoo.scoring.Score(request).scores[0].values
    assert (value.kind, value.exact, value.value) == (SCORE_KIND_EXACT_LOG_LIKELIHOOD, True, 2)


# --- classes -------------------------------------------------------------------------------------------------------


def test_a_probability_for_each_class_and_no_label_needed_to_score(zoo):
    bright, dark = (np.full((4, 4, 1), level, np.uint8) for level in (128, 0))
    request = ScoreRequest(model=ModelSelector(name="critic"), images=[picture(bright), picture(dark)])
    for score, likely in zip(zoo.scoring.Score(request).scores, (1, 0), strict=True):
        logit, *probabilities = score.values
        assert (logit.name, logit.HasField("entry")) == ("logit", False)
        assert [value.entry for value in probabilities] == [0, 1]
        assert {value.kind for value in probabilities} == {SCORE_KIND_CLASS_PROBABILITY}
        assert sum(value.value for value in probabilities) == pytest.approx(1)
        assert probabilities[likely].value > 0.9


def test_a_class_must_be_named_to_draw(zoo):
    reason, fields, words = refusal(lambda: zoo.sampling.Sample(draw("critic")))
    assert (reason, fields) == ("INVALID_FIELD", ["labels"])
    assert "needs a class, 0 to 1" in words
    assert len(zoo.sampling.Sample(draw("critic", labels=[0, 1], count=2)).images) == 2


def test_truncation_bounds_the_latent(zoo):
    def widest(truncation):
        request = draw("critic", labels=[0], count=8, member="adversarial", truncation=truncation)
        images = zoo.sampling.Sample(request).images
        return max(np.abs(pixels(image.image) - 127.5).max() for image in images)

    assert widest(0.5) <= 128 / 20 + 1 < widest(3)
    reason, fields, words = refusal(lambda: widest(0.0))
    assert (reason, fields) == ("INVALID_FIELD", ["options.adversarial.truncation"])
    assert "must be 0.1 to 5, and is 0" in words


# --- codes ---------------------------------------------------------------------------------------------------------


def test_codes_there_and_back(zoo):
    quarters = np.kron(np.array([[0, 100], [200, 50]], np.uint8), np.ones((2, 2), np.uint8))[..., None]
    model = ModelSelector(name="codes")
    [latent] = zoo.latent.Encode(EncodeRequest(model=model, images=[picture(quarters)])).latents
    assert latent == codes([0, 2], [4, 1])
    [image] = zoo.latent.Decode(DecodeRequest(model=model, latents=[latent], encoding=RAW)).images
    np.testing.assert_array_equal(pixels(image), quarters)
    request = ScoreRequest(model=model, images=[picture(quarters)])
    kinds = {value.name: value for value in zoo.scoring.Score(request).scores[0].values}
    assert kinds["reconstruction_error"].kind == SCORE_KIND_RECONSTRUCTION_ERROR
    assert (kinds["reconstruction_error"].value, kinds["bits_per_dim"].value) == (0, 1)


@pytest.mark.parametrize("stranger", [5, -1, 2**31 - 1])
def test_a_code_that_is_none_is_named_with_the_range(zoo, stranger):
    latents = [codes([0, 1], [2, 3]), codes([4, stranger], [0, 0])]
    request = DecodeRequest(model=ModelSelector(name="codes"), latents=latents)
    reason, fields, words = refusal(lambda: zoo.latent.Decode(request))
    assert (reason, fields) == ("INVALID_FIELD", ["latents[1].data"])
    assert f"must be codes of 0 to 4, and has {stranger}" in words


def test_nothing_lies_between_two_codes(zoo):
    end = LatentPoint(latent=codes([0, 1], [2, 3]))
    request = InterpolateRequest(model=ModelSelector(name="codes"), start=end, end=end)
    reason, _, words = refusal(lambda: zoo.latent.Interpolate(request))
    assert reason == "CAPABILITY_NOT_SUPPORTED"
    assert "'codes' has no capability 'interpolate': its latents are codes" in words


def test_any_number_of_items_goes_through_the_one_bucket(zoo):
    alone = [zoo.sampling.Sample(draw("codes", seed=seed)).images[0].image for seed in range(9)]
    assert [image.image for image in zoo.sampling.Sample(draw("codes", count=9)).images] == alone

"""Tensors of the Open Inference Protocol: they mean what the other services mean, and bring the same."""

import numpy as np

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.latent_service_pb2 import EncodeRequest
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest
from zoo_server import images
from zoo_server.open_inference import grpc_service_pb2 as oip

RAW = image_pb2.IMAGE_ENCODING_RAW


def levels(*shape):
    """Pixels of noise, always the same."""
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def pixels(answer):
    return [np.frombuffer(one.image.raw.data, np.uint8).reshape(one.image.raw.shape) for one in answer.images]


def test_samples_are_those_of_the_sampling_service(api, theirs):
    options = SampleOptions(diffusion=DiffusionOptions(sampler="SAMPLER_DDPM", steps=7, guidance=2.0))
    ours = SampleRequest(
        model=ModelSelector(name="ripples"), count=3, seed=40, labels=[2], options=options, encoding=RAW
    )
    tensors = {"sampler": [b"ddpm"], "steps": [7], "guidance": [2], "label": [2]}
    made = theirs.infer("ripples", seed=[40, 41, 42], **tensors)
    assert np.array_equal(made["image"], pixels(api.sampling.Sample(ours)))
    assert made["seed"].tolist() == [40, 41, 42]


def test_each_item_may_have_its_own_options_and_any_seed(theirs):
    together = theirs.infer(
        "ripples",
        seed=[9, 3, 3],
        label=[0, 1, -1],
        steps=[3, 12, 5],
        eta=[0, 1, 0.5],
    )["image"]
    for index, (seed, label, steps, eta) in enumerate([(9, 0, 3, 0), (3, 1, 12, 1), (3, -1, 5, 0.5)]):
        [alone] = theirs.infer("ripples", seed=[seed], label=[label], steps=[steps], eta=[eta])["image"]
        assert (
            np.abs(alone.astype(int) - together[index]).max() <= 1
        )  # by rounding, in batches of other sizes


def test_options_that_are_the_same_for_all_may_be_parameters(theirs):
    tensors = {"steps": [4], "eta": [0.25], "sampler": [b"ddpm"], "seed": [5]}
    parameters = {"steps": 4, "eta": 0.25, "sampler": "ddpm", "seed": 5, "reproducible": True}
    assert np.array_equal(
        theirs.infer("ripples", parameters=parameters)["image"],
        theirs.infer("ripples", parameters={"reproducible": True}, **tensors)["image"],
    )


def test_one_seed_of_several_items_counts_up(theirs):
    made = theirs.infer("ripples", seed=[2**63 - 1], label=[0, 1, 2])
    assert made["seed"].tolist() == [2**63 - 1, 0, 1]
    assert made["image"].shape == (3, 4, 4, 3)


def test_without_a_seed_one_is_drawn_and_given_back(theirs):
    first, second = (theirs.infer("blobs") for _ in range(2))
    assert first["seed"] != second["seed"]
    assert 0 <= first["seed"][0] < 2**53
    assert np.array_equal(theirs.infer("blobs", seed=first["seed"])["image"], first["image"])


def test_columns_are_taken_as_well(theirs):
    rows = theirs.infer("ripples", seed=[1, 2], steps=[3, 4])
    columns = theirs.infer("ripples", seed=np.array([[1], [2]]), steps=np.array([[3], [4]], np.int32))
    assert np.array_equal(rows["image"], columns["image"])


def test_scores_are_those_of_the_scoring_service(api, theirs):
    pictures = levels(3, 4, 4, 1)
    ours = ScoreRequest(
        model=ModelSelector(name="blobs"),
        images=[images.encode(picture, RAW) for picture in pictures],
        seed=6,
    )
    scored = theirs.infer("blobs:score", image=pictures, seed=[6])
    for index, score in enumerate(api.scoring.Score(ours).scores):
        values = [scored[name][index] for name in ("bits_per_dim", "extra", "parts")]
        assert [value.value for value in score.values] == np.hstack(values).tolist()
    assert scored["seed"].tolist() == [6, 7, 8]
    # Without a seed equal requests give equal scores.
    assert theirs.infer("blobs:score", image=pictures)["seed"].tolist() == [0, 1, 2]


def test_pictures_may_come_as_files(theirs):
    pictures = levels(2, 4, 6, 3)
    files = [images.encode(one, image_pb2.IMAGE_ENCODING_PNG).encoded.data for one in pictures]
    for direction, turned in ((b"a_to_b", pictures[:, :, ::-1]), (b"b_to_a", pictures[:, ::-1])):
        for sent in (pictures, files):
            made = theirs.infer("mirror:translate", image=sent, direction=[direction])
            assert np.array_equal(made["image"], turned)


def test_encoding_and_decoding_are_those_of_the_latent_service(api, theirs):
    pictures = levels(2, 4, 4, 1)
    ours = EncodeRequest(
        model=ModelSelector(name="blobs"), images=[images.encode(picture, RAW) for picture in pictures]
    )
    latents = theirs.infer("blobs:encode", image=pictures)["latent"]
    assert latents.tobytes() == b"".join(latent.data for latent in api.latent.Encode(ours).latents)
    assert np.array_equal(theirs.infer("blobs:decode", latent=latents)["image"], pictures)
    codes = np.array([[[0, 1], [2, 3]]], np.int32)
    assert theirs.infer("tiles:decode", latent=codes)["image"][0, ::2, ::2, 0].tolist() == [
        [0, 50],
        [100, 150],
    ]


def test_a_completion_keeps_what_it_is_given_for_each_item(theirs):
    given = levels(2, 4, 4, 1)
    made = theirs.infer("tiles", image=given, given_rows=[1, 3], label=[0], seed=[7, 8])["image"]
    assert np.array_equal(made[0, :1], given[0, :1])
    assert np.array_equal(made[1, :3], given[1, :3])
    assert (made[0, 1:] == 7).all()
    assert (made[1, 3:] == 8).all()


def test_typed_contents_give_what_raw_ones_do(theirs):
    asked = oip.ModelInferRequest(model_name="ripples")
    for name, datatype, field, values in (
        ("seed", "INT64", "int64_contents", [4, 5]),
        ("label", "INT32", "int_contents", [0, 2]),
        ("eta", "FP32", "fp32_contents", [0.5, 0.25]),
        ("sampler", "BYTES", "bytes_contents", [b"ddpm", b"ddim"]),
    ):
        asked.inputs.add(name=name, datatype=datatype, shape=[2], contents={field: values})
    tensors = {"seed": [4, 5], "label": [0, 2], "eta": [0.5, 0.25]}
    raw = theirs.infer("ripples", sampler=[b"ddpm", b"ddim"], **tensors)
    assert np.array_equal(theirs.arrays(theirs.stub.ModelInfer(asked))["image"], raw["image"])

    picture = levels(1, 4, 4, 1)
    asked = oip.ModelInferRequest(model_name="blobs:encode")
    contents = {"uint_contents": picture.ravel().tolist()}
    asked.inputs.add(name="image", datatype="UINT8", shape=picture.shape, contents=contents)
    latent = theirs.infer("blobs:encode", image=picture)["latent"]
    assert np.array_equal(theirs.arrays(theirs.stub.ModelInfer(asked))["latent"], latent)


def test_the_outputs_asked_for_come_in_their_order(theirs):
    asked = {"image": levels(1, 4, 4, 1), "outputs": ["parts", "bits_per_dim"]}
    assert list(theirs.infer("blobs:score", **asked)) == ["parts", "bits_per_dim"]
    assert list(theirs.infer("blobs", outputs=["seed"])) == ["seed"]


def test_the_answer_says_which_version_made_it(api, theirs):
    asked = theirs.request("blobs:sample", seed=[1])
    asked.id = "mine-17"
    answer = theirs.stub.ModelInfer(asked)
    assert (answer.model_name, answer.model_version, answer.id) == ("blobs:sample", "1", "mine-17")
    ours = api.sampling.Sample(SampleRequest(model=ModelSelector(name="blobs"), seed=1))
    assert answer.parameters["digest"].string_param == ours.images[0].recipe.digest

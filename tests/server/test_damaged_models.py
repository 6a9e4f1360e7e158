"""A model folder that is damaged or breaks the contract is reported and left out, and the others serve."""

import json
import shutil

import grpc
import pytest
import tensorflow as tf
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pixelzoo.v1.catalog_service_pb2 import (
    MODEL_STATE_AVAILABLE,
    MODEL_STATE_FAILED,
    GetModelRequest,
    ListModelsRequest,
)
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.repository.model import FailedModel, LoadedModel, load
from zoo_server.repository.repository import Repository

CARD = "assets.extra/card.json"


@pytest.fixture
def copy(models, tmp_path):
    """Copies a model made by hand to a folder of its own; gives the version's path."""

    def copy_of(name="blobs", version=1):
        path = tmp_path / "models" / name / str(version)
        shutil.copytree(models / name / "1", path)
        return path

    return copy_of


def change_card(handmade, path, change):
    """Change the card as a dict; digests stay right."""
    card = json.loads((path / CARD).read_text())
    change(card)
    del card["files"]
    handmade.write_card(path, card)


def flip_a_bit(path):
    [weights] = path.glob("variables/*.data-*")
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)


def truncate_weights(path):
    [weights] = path.glob("variables/*.data-*")
    weights.write_bytes(weights.read_bytes()[:-1])


def truncate_card(path):
    card = path / CARD
    card.write_bytes(card.read_bytes()[:-100])


def lose_a_file(path):
    (path / "saved_model.pb").unlink()


def add_a_file(path):
    (path / "assets" / "extra.txt").write_text("hello")


def swap_in_other_bytes(path):
    pb = path / "saved_model.pb"
    pb.write_bytes(bytes(pb.stat().st_size))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (flip_a_bit, "has another SHA-256 than the card says"),
        (truncate_weights, "bytes and the card says"),
        (truncate_card, "not the proto JSON of a ModelCard"),
        (lambda path: (path / CARD).write_bytes(b"\xff\xfe{}"), "cannot be read"),
        (lambda path: (path / CARD).write_text("[1]"), "not the proto JSON of a ModelCard"),
        (lambda path: (path / CARD).unlink(), "assets.extra/card.json is missing"),
        (lose_a_file, "'saved_model.pb' of the card is missing"),
        (add_a_file, "'assets/extra.txt' is in the folder but not on the card"),
        (swap_in_other_bytes, "has another SHA-256 than the card says"),
    ],
)
def test_a_damaged_folder_says_what_is_wrong(copy, damage, says):
    path = copy()
    assert isinstance(load(path), LoadedModel)
    damage(path)
    failed = load(path)
    assert isinstance(failed, FailedModel)
    assert says in failed.why
    assert str(path) not in failed.why


def test_a_model_that_loads_but_fails_when_run_is_left_out_and_the_others_serve(
    handmade, start_server, connect, copy, tmp_path
):
    copy()
    handmade.write_trap(tmp_path / "models", "stumbler", seed_that_fails=0)  # The seed that warming up uses.
    live = start_server(Repository.load(tmp_path / "models"))
    api = connect(live.address)
    listed = {model.name: model for model in api.catalog.ListModels(ListModelsRequest()).models}
    assert listed["stumbler"].versions[0].state == MODEL_STATE_FAILED
    assert "fails when it is run" in listed["stumbler"].versions[0].message
    api.sampling.Sample(SampleRequest(model=ModelSelector(name="blobs")))


def set_in(*keys):
    *path, last, value = keys

    def change(card):
        for key in path:
            card = card[key]
        card[last] = value

    return change


CHANGES = [
    (set_in("contractVersion", 2), "contract_version 2"),
    (set_in("model", "other"), "model 'other', but its folder is named 'blobs'"),
    (set_in("imageShape", "channels", 2), "image_shape is 4x4x2"),
    (set_in("imageShape", "height", 5), "must give 'image' as uint8[n, 5, 4, 1]; it has uint8[n, 4, 4, 1]"),
    (set_in("limits", "maxItemsPerRequest", 0), "max_items_per_request"),
    (set_in("batchLane", "buckets", []), "buckets must ascend"),
    (set_in("batchLane", "buckets", [4, 1]), "buckets must ascend"),
    (set_in("batchLane", "exact", True), "needs a single bucket"),
    (set_in("conditional", True), "names no classes"),
    (set_in("labelRequired", True), "not conditional"),
    (set_in("capabilities", []), "no capabilities"),
    (set_in("capabilities", 0, "kind", "CAPABILITY_KIND_SCORE"), "stands twice"),
    (set_in("capabilities", 0, "kind", "CAPABILITY_KIND_TRANSLATE"), "translation.input_shape"),
    (set_in("capabilities", 0, "previews", True), "has previews, but is not iterative"),
    (set_in("capabilities", 0, "iterative", True), "no signature 'sample_begin'"),
    (set_in("capabilities", 0, "options", []), "signature 'sample' must take the tensors ['seed']"),
    (set_in("capabilities", 0, "options", 0, "name", "Temperature"), "names are [a-z]"),
    (set_in("capabilities", 0, "options", 0, "name", "warmth"), "has the options ['warmth']"),
    (set_in("capabilities", 0, "options", 0, "real", "default", 3), "its default is not one of the values"),
    (set_in("capabilities", 0, "options", 0, {"name": "temperature"}), "does not say what values"),
    (
        set_in("capabilities", 0, "options", 0, {"name": "temperature", "integer": {}}),
        "has the options ['temperature'], each of the type that the card says",
    ),
    (
        set_in(
            "capabilities",
            0,
            "options",
            0,
            {
                "name": "image",
                "image": {"shape": {"height": 4, "width": 4, "channels": 1}, "defaultLevel": 256},
            },
        ),
        "option 'image' of 'sample': its default is not one of the values",
    ),
    (
        set_in("capabilities", 1, "scores", 0, "kind", "SCORE_KIND_CLASS_PROBABILITY"),
        "must give score 'bits_per_dim' as float32[n, 0], an entry for each class",
    ),
    (set_in("capabilities", 1, "scores", []), "must name its scores"),
    (set_in("capabilities", 1, "scores", 0, "name", "nats"), "must give score 'nats'"),
    (set_in("capabilities", 2, "latent", "shape", [15]), "must give 'latent' as float32[n, 15]"),
    (set_in("capabilities", 2, "latent", "shape", []), "must state the shape of its latent"),
    (set_in("capabilities", 3, "latent", "dataType", "DATA_TYPE_UINT8"), "FLOAT32 or INT32"),
    (set_in("family", "ddpm"), "no member of pixelzoo.v1.SampleOptions for family 'ddpm'"),
]


@pytest.mark.parametrize(("change", "says"), CHANGES, ids=[says.replace(" ", "-") for _, says in CHANGES])
def test_a_card_that_breaks_the_contract_says_where(copy, handmade, change, says):
    path = copy()
    change_card(handmade, path, change)
    failed = load(path)
    assert isinstance(failed, FailedModel), failed
    assert says in failed.why


@pytest.mark.parametrize("scale", [0, 17])
def test_a_translation_that_breaks_the_contract_says_where(copy, handmade, scale):
    path = copy("mirror")
    change_card(handmade, path, set_in("capabilities", 0, "translation", "scale", scale))
    failed = load(path)
    assert isinstance(failed, FailedModel)
    assert "translation.scale, 1 to 16" in failed.why


def test_a_card_of_tomorrow_with_more_fields_is_read(copy, handmade):
    path = copy()
    change_card(handmade, path, set_in("colourSpace", "sRGB"))
    assert isinstance(load(path), LoadedModel)


def write_iterative(handmade, folder, **changes):
    """A model of one-number states, with one of its functions changed."""
    step = {"step": handmade.integer("step"), "steps": handmade.integer("steps"), "x": handmade.real("x")}
    begin = lambda seed: {  # noqa: E731
        "x": tf.cast(seed, tf.float32),
        "step": tf.zeros(tf.shape(seed), tf.int32),
        "steps": tf.ones(tf.shape(seed), tf.int32),
    }
    advance = lambda step, steps, x: {"step": step + 1, "steps": steps + 0, "x": x + 1.0}  # noqa: E731
    image = lambda step, steps, x: {"image": tf.cast(tf.reshape(x, [-1, 1, 1, 1]), tf.uint8)}  # noqa: E731
    parts = {
        "sample": (lambda seed: {"image": tf.zeros([tf.shape(seed)[0], 1, 1, 1], tf.uint8)}, [handmade.SEED]),
        "sample_begin": (begin, [handmade.SEED]),
        "sample_advance": (advance, step.values()),
        "sample_finish": (image, step.values()),
        **changes,
    }
    signatures = {name: handmade.concrete(part[0], *part[1]) for name, part in parts.items() if part}
    card = handmade.card(
        "counter", "dcgan", 1, 1, 1, capabilities=[{"kind": "CAPABILITY_KIND_SAMPLE", "iterative": True}]
    )
    return handmade.write(folder, card, signatures)


def test_signatures_that_break_the_contract_say_where(handmade, tmp_path):
    state = [handmade.integer("step"), handmade.integer("steps"), handmade.real("x")]
    changes = {
        "has no signature 'sample_finish'": {"sample_finish": None},
        "has no signature 'sample'": {"sample": None},
        "signature 'sample_begin' must give 'step' as int32[n]; it gives None": {
            "sample_begin": (lambda seed: {"x": tf.cast(seed, tf.float32)}, [handmade.SEED])
        },
        "signature 'sample_advance' must give the tensors ['step', 'steps', 'x']; it has ['step', 'x']": {
            "sample_advance": (lambda step, steps, x: {"step": step + 1, "x": x + 1.0}, state)
        },
        "signature 'sample_advance' must give 'x' as float32[n]; it has int32[n]": {
            "sample_advance": (
                lambda step, steps, x: {"step": step + 1, "steps": steps + 0, "x": tf.cast(x, tf.int32)},
                state,
            )
        },
        "must give 'image' as uint8[n, 1, 1, 1]; it has float32": {
            "sample_finish": (lambda step, steps, x: {"image": tf.reshape(x, [-1, 1, 1, 1])}, state)
        },
    }
    assert isinstance(load(write_iterative(handmade, tmp_path / "sound")), LoadedModel)
    for number, (says, change) in enumerate(changes.items()):
        failed = load(write_iterative(handmade, tmp_path / str(number), **change))
        assert isinstance(failed, FailedModel), says
        assert says in failed.why


def test_what_tensorflow_cannot_load_is_left_out_too(copy, handmade):
    path = copy()
    (path / "variables" / "variables.index").write_bytes(b"\x0a\xff")
    change_card(handmade, path, lambda card: None)
    failed = load(path)
    assert isinstance(failed, FailedModel)
    assert "TensorFlow cannot load it" in failed.why
    assert str(path) not in failed.why


def test_folders_of_other_names_are_passed_over(copy, caplog):
    folder = copy().parent.parent
    for name in ("Upper/1", "blobs/latest", "blobs/0", "blobs/01", "blobs/.export-x", "empty", ".git/1"):
        (folder / name).mkdir(parents=True)
    (folder / "README.md").write_text("hello")
    repository = Repository.load(folder)
    assert repository.names == ["blobs"]
    assert [version.number for version in repository.versions("blobs")] == [1]
    assert "Upper" in caplog.text
    assert "empty" in caplog.text


def test_the_others_serve_and_the_catalogue_tells(copy, start_server, connect, caplog):
    """blobs: 1 sound, 2 damaged; ripples: damaged; tiles: sound."""
    sound, damaged, ripples = copy("blobs", 1), copy("blobs", 2), copy("ripples")
    copy("tiles")
    flip_a_bit(damaged)
    truncate_card(ripples)
    live = start_server(Repository.load(sound.parent.parent))
    api = connect(live.address)
    assert "model blobs version 2 is left out" in caplog.text

    models = {model.name: model for model in api.catalog.ListModels(ListModelsRequest()).models}
    assert list(models) == ["blobs", "ripples", "tiles"]
    assert models["blobs"].version == 1
    states = [(status.version, status.state) for status in models["blobs"].versions]
    assert states == [(2, MODEL_STATE_FAILED), (1, MODEL_STATE_AVAILABLE)]
    assert (models["ripples"].version, models["ripples"].HasField("card")) == (0, False)
    [status] = api.catalog.GetModel(GetModelRequest(model=ModelSelector(name="ripples"))).model.versions
    assert "not the proto JSON" in status.message

    [image] = api.sampling.Sample(SampleRequest(model=ModelSelector(name="blobs"))).images
    assert image.recipe.version == 1
    for selector, version in (
        (ModelSelector(name="blobs", version=2), 2),
        (ModelSelector(name="ripples"), 1),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            api.sampling.Sample(SampleRequest(model=selector))
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        status = rpc_status.from_call(caught.value)
        info, precondition = error_details_pb2.ErrorInfo(), error_details_pb2.PreconditionFailure()
        assert status.details[0].Unpack(info)
        assert status.details[1].Unpack(precondition)
        assert (info.reason, dict(info.metadata)) == (
            "MODEL_FAILED",
            {"model": selector.name, "version": str(version)},
        )


def test_the_highest_version_is_the_default(copy, start_server, connect):
    folder = copy("blobs", 9).parent.parent
    copy("blobs", 10)
    api = connect(start_server(Repository.load(folder)).address)
    for selector, version in ((ModelSelector(name="blobs"), 10), (ModelSelector(name="blobs", version=9), 9)):
        [image] = api.sampling.Sample(SampleRequest(model=selector)).images
        assert image.recipe.version == version

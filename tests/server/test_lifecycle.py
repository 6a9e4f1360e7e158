"""New versions are taken in while the server answers, broken ones are not, and what has gone is let go."""

import shutil
import threading
import weakref

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pixelzoo.v1 import latent_service_pb2
from pixelzoo.v1.catalog_service_pb2 import (
    MODEL_STATE_AVAILABLE,
    MODEL_STATE_FAILED,
    MODEL_STATE_LOADING,
    MODEL_STATE_UNLOADED,
    GetModelRequest,
    ListModelsRequest,
)
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from zoo_server.engine.admission import Limits
from zoo_server.engine.engine import Engine
from zoo_server.engine.turn import Turn
from zoo_server.engine.warm_up import warm_up
from zoo_server.repository.function import Function
from zoo_server.repository.repository import Repository

CARD = "assets.extra/card.json"
CALLERS = 16


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def drop(models, tmp_path, folder):
    """Puts a version into the folder at one stroke, as a careful operator does; gives its path."""

    def drop_version(name, version, source=None):
        whole = tmp_path / "incoming" / name / str(version)
        shutil.copytree(source or models / name / "1", whole)
        target = folder / name / str(version)
        target.parent.mkdir(parents=True, exist_ok=True)
        return whole.rename(target)

    return drop_version


def sample(api, name="blobs", **selector):
    """The version that answers."""
    [image] = api.sampling.Sample(SampleRequest(model=ModelSelector(name=name, **selector))).images
    return image.recipe.version


def refusal(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    status = rpc_status.from_call(caught.value)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info.reason, status


def states(api, name="blobs"):
    model = api.catalog.GetModel(GetModelRequest(model=ModelSelector(name=name))).model
    return {status.version: status.state for status in model.versions}


def poll(live):
    live.run(live.app.lifecycle.poll())


class Caller(threading.Thread):
    """Calls without a pause; keeps which versions answered, in order, or the error that ended it."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api = api
        self.versions = []
        self.error = None
        self.enough = threading.Event()

    def run(self):
        try:
            while not self.enough.is_set():
                self.versions.append(sample(self.api))
        except grpc.RpcError as error:
            self.error = error


def test_a_new_version_takes_over_with_no_failed_call(start_server, connect, drop, folder, wait_until):
    first = drop("blobs", 1)
    live = start_server(Repository.load(folder), model_poll_seconds=0.1)
    callers = [Caller(connect(live.address)) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    wait_until(lambda: all(caller.versions or caller.error for caller in callers), 60)
    drop("blobs", 2)
    wait_until(lambda: all(2 in caller.versions or caller.error for caller in callers), 60)
    shutil.rmtree(first)
    wait_until(lambda: list(states(callers[0].api)) == [2], 60)
    answered = [len(caller.versions) for caller in callers]
    wait_until(
        lambda: all(
            len(caller.versions) > n or caller.error for caller, n in zip(callers, answered, strict=True)
        ),
        60,
    )
    for caller in callers:
        caller.enough.set()
    for caller in callers:
        caller.join(60)
    assert [caller.error for caller in callers] == [None] * CALLERS
    for caller in callers:
        assert set(caller.versions) == {1, 2}
        assert caller.versions == sorted(caller.versions)  # Nobody goes back to the old one.


def test_a_call_ends_on_the_version_it_began_with_and_then_its_memory_is_free(
    start_server, connect, drop, folder, wait_until
):
    first = drop("slow", 1)
    live = start_server(Repository.load(folder), model_poll_seconds=0)
    api = connect(live.address)
    saved_model = weakref.ref(live.app.repository.get(ModelSelector(name="slow")).saved_model)
    options = SampleOptions(diffusion=DiffusionOptions(steps=1000))
    request = SampleRequest(model=ModelSelector(name="slow"), options=options)
    stream = api.sampling.StreamSample(StreamSampleRequest(sample=request, preview_interval=1))
    next(stream)
    shutil.rmtree(first)
    drop("slow", 2)
    poll(live)
    assert states(api, "slow") == {2: MODEL_STATE_AVAILABLE}
    assert saved_model() is not None
    assert sample(api, "slow") == 2
    [image] = [message.image for message in stream if message.HasField("image")]
    assert image.recipe.version == 1
    wait_until(lambda: saved_model() is None)


def flip_a_bit(path):
    [weights] = path.glob("variables/*.data-*")
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)


def cut_weights(path):
    [weights] = path.glob("variables/*.data-*")
    weights.write_bytes(weights.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (flip_a_bit, "has another SHA-256"),
        (cut_weights, "bytes and the card says"),
        (lambda path: (path / CARD).unlink(), "card.json is missing"),
    ],
)
def test_half_a_copy_is_waited_for_and_has_failed_when_no_more_comes(
    start_server, connect, drop, folder, models, damage, says, caplog
):
    drop("blobs", 1)
    live = start_server(Repository.load(folder), model_poll_seconds=0)
    api = connect(live.address)
    path = drop("blobs", 2)
    damage(path)
    poll(live)
    assert states(api) == {2: MODEL_STATE_LOADING, 1: MODEL_STATE_AVAILABLE}
    reason, status = refusal(lambda: sample(api, version=2))
    assert reason == "MODEL_LOADING"
    assert status.details[1].Is(error_details_pb2.RetryInfo.DESCRIPTOR)
    assert "left out" not in caplog.text

    for _ in range(3):
        poll(live)
        assert states(api) == {2: MODEL_STATE_FAILED, 1: MODEL_STATE_AVAILABLE}
    assert caplog.text.count("model blobs version 2 is left out") == 1  # It is not tried again and again.
    [failed, _] = api.catalog.GetModel(GetModelRequest(model=ModelSelector(name="blobs"))).model.versions
    assert says in failed.message
    assert refusal(lambda: sample(api, version=2))[0] == "MODEL_FAILED"
    assert sample(api) == 1

    shutil.copytree(models / "blobs" / "1", path, dirs_exist_ok=True)
    poll(live)
    assert states(api) == {2: MODEL_STATE_AVAILABLE, 1: MODEL_STATE_AVAILABLE}
    assert sample(api) == 2


def test_a_version_that_fails_when_it_is_warmed_up_leaves_the_old_one(
    handmade, start_server, connect, drop, folder, tmp_path, caplog
):
    drop("trap", 1)
    live = start_server(Repository.load(folder), model_poll_seconds=0)
    api = connect(live.address)
    drop("trap", 2, handmade.write_trap(tmp_path / "broken", seed_that_fails=0))
    for _ in range(2):
        poll(live)
        assert states(api, "trap") == {2: MODEL_STATE_FAILED, 1: MODEL_STATE_AVAILABLE}
    assert caplog.text.count("model trap version 2 is left out: it fails when it is run") == 1
    assert sample(api, "trap", version=1) == 1


def test_a_version_that_max_bucket_leaves_no_bucket_fails_and_says_so(start_server, connect, drop, folder):
    """At the start that would end the server; once it serves, a new model must not."""
    drop("blobs", 1)
    live = start_server(Repository.load(folder), model_poll_seconds=0, max_bucket={"tiles": 2})
    api = connect(live.address)
    drop("tiles", 1)
    poll(live)
    assert states(api, "tiles") == {1: MODEL_STATE_FAILED}
    [failed] = api.catalog.GetModel(GetModelRequest(model=ModelSelector(name="tiles"))).model.versions
    assert (
        failed.message
        == "the server's max_bucket of model 'tiles': 2 is below the smallest bucket, 4, of its card"
    )
    assert sample(api) == 1


def test_of_two_versions_at_the_start_the_lower_serves_when_the_higher_fails_to_warm(
    handmade, start_server, connect, drop, folder, tmp_path
):
    drop("trap", 1)
    drop("trap", 2, handmade.write_trap(tmp_path / "broken", seed_that_fails=0))
    live = start_server(Repository.load(folder, loaded_versions=1), model_poll_seconds=0)
    api = connect(live.address)
    assert states(api, "trap") == {2: MODEL_STATE_FAILED, 1: MODEL_STATE_AVAILABLE}


def test_models_come_and_go(start_server, connect, drop, folder):
    drop("blobs", 1)
    live = start_server(Repository.load(folder), model_poll_seconds=0)
    api = connect(live.address)
    drop("mirror", 1)
    shutil.rmtree(folder / "blobs")
    poll(live)
    assert [model.name for model in api.catalog.ListModels(ListModelsRequest()).models] == ["mirror"]
    assert refusal(lambda: sample(api))[0] == "MODEL_NOT_FOUND"
    folder.rename(folder.parent / "away")  # As a share does that is away for a while.
    poll(live)
    assert states(api, "mirror") == {1: MODEL_STATE_AVAILABLE}


def test_an_empty_folder_takes_nothing_away_and_is_warned_of(start_server, connect, drop, folder, caplog):
    path = drop("blobs", 1).parent
    live = start_server(Repository.load(folder), model_poll_seconds=0)
    api = connect(live.address)
    away = path.rename(folder.parent / "away")  # What is left is as the mount point of a share that is away.
    poll(live)
    assert states(api) == {1: MODEL_STATE_AVAILABLE}
    assert sample(api) == 1
    assert "the models' folder is empty" in caplog.text
    drop("mirror", 1)
    away.rename(path)
    poll(live)
    assert states(api) == states(api, "mirror") == {1: MODEL_STATE_AVAILABLE}
    shutil.rmtree(path)
    poll(live)
    assert refusal(lambda: sample(api))[0] == "MODEL_NOT_FOUND"


def test_the_highest_are_kept_loaded_and_the_others_are_freed(
    start_server, connect, drop, folder, wait_until
):
    drop("blobs", 1)
    live = start_server(Repository.load(folder, loaded_versions=2), model_poll_seconds=0)
    api = connect(live.address)
    saved_model = weakref.ref(live.app.repository.get(ModelSelector(name="blobs")).saved_model)
    drop("blobs", 2)
    drop("blobs", 3)
    poll(live)
    assert states(api) == {
        3: MODEL_STATE_AVAILABLE,
        2: MODEL_STATE_AVAILABLE,
        1: MODEL_STATE_UNLOADED,
    }
    reason, status = refusal(lambda: sample(api, version=1))
    assert reason == "VERSION_NOT_FOUND"
    assert "not kept loaded; these are: 3, 2" in status.message
    wait_until(lambda: saved_model() is None)


@pytest.mark.parametrize(("max_bucket", "sizes"), [({}, (1, 4, 8)), ({"ripples": 5}, (1, 4))])
def test_warming_up_runs_every_function_at_every_bucket_in_use_one_at_a_time(
    repository, monkeypatch, max_bucket, sizes
):
    model = repository.get(ModelSelector(name="ripples"))
    buckets = Engine(Limits(8, max_bucket=max_bucket)).buckets
    calls = []
    run = Function.__call__

    def watched(function, tensors):
        calls.append((function.name, len(next(iter(tensors.values())))))
        return run(function, tensors)

    monkeypatch.setattr(Function, "__call__", watched)
    for number, _ in enumerate(warm_up(model, buckets, Turn()), start=1):
        assert len(calls) == number
    names = ["sample_begin", "sample_advance", "sample_preview", "sample_finish"]
    names += ["score_begin", "score_advance", "score_finish"]
    assert sorted(calls) == sorted((name, size) for name in names for size in sizes)


def test_a_chore_shares_the_scheduler_with_running_jobs(start_server, connect, wait_until):
    live = start_server()
    engine = live.app.engine
    request = SampleRequest(
        model=ModelSelector(name="slow"),
        options=SampleOptions(diffusion=DiffusionOptions(steps=1000)),
    )
    call = connect(live.address).sampling.Sample.future(request)
    wait_until(lambda: engine.turns > 5)
    turns, threads = [], set()

    def chore():
        for _ in range(5):
            turns.append(engine.turns)
            threads.add(threading.current_thread().name)
            yield

    engine._scheduler.add_chore(chore()).result(60)
    call.cancel()
    assert turns == list(range(turns[0], turns[0] + 5))
    assert threads == {"scheduler"}


def test_a_call_asks_only_once_which_version_it_gets(start_server, connect, monkeypatch, models):
    """Or the ends of a way between two pictures could be latents of two versions."""
    live = start_server()
    api = connect(live.address)
    image = api.sampling.Sample(SampleRequest(model=ModelSelector(name="blobs"), seed=1)).images[0].image
    asked = []
    get = Repository.get
    monkeypatch.setattr(Repository, "get", lambda self, selector: asked.append(1) or get(self, selector))
    point = latent_service_pb2.LatentPoint(image=image)
    request = latent_service_pb2.InterpolateRequest(
        model=ModelSelector(name="blobs"), start=point, end=point, count=2
    )
    assert len(api.latent.Interpolate(request).images) == 2
    assert asked == [1]

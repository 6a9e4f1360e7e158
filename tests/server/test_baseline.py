"""However a call ends, and in whatever phase: nothing of it is left within a step, and its neighbours see nothing."""

import asyncio
import gc
import threading
import time
from pathlib import Path

import grpc
import pytest

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, DiffusionScoreOptions, SampleOptions, ScoreOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from pixelzoo.v1.scoring_service_pb2 import ScoreRequest, StreamScoreRequest
from pixelzoo.v1.translation_service_pb2 import StreamTranslateRequest, TranslateRequest
from zoo_server.engine.mailbox import Mailbox
from zoo_server.repository.repository import Repository

VICTIM, NEIGHBOUR, BLOCKER = 500, 600, 700


def sample(model, seed, steps, **fields):
    return SampleRequest(
        model=ModelSelector(name=model),
        options=SampleOptions(diffusion=DiffusionOptions(steps=steps)),
        encoding=image_pb2.IMAGE_ENCODING_RAW,
        seed=seed,
        **fields,
    )


class Scene:
    """A server with a neighbour in flight, and a victim that is brought to a phase and ended there."""

    def __init__(self, live, api, network, wait_until, streaming):
        self.live, self.api, self.network, self.wait_until = live, api, network, wait_until
        self.scheduler = live.app.engine._scheduler
        self.executor = live.app._pool._executor
        self.streaming = streaming
        self.may_encode = threading.Event()
        self.blocker = None

    def left_behind(self):
        """Everything that a call could leave behind, but for mailboxes."""
        return {
            "pending": self.live.pending_items,
            "jobs": len(self.scheduler._jobs) + len(self.scheduler._inbox),
            "lanes": len(self.scheduler._lanes),
            "encodings": self.executor._work_queue.qsize(),
            "tasks": self.live.run(self.count_tasks()),
        }

    def idle(self):
        """Whether no call is in flight, and nothing in the engine or waiting to be encoded."""
        counts = self.left_behind()
        counts.pop("tasks")
        return not any(counts.values()) and self.live.app._in_flight._calls == 0

    def mailboxes(self):
        gc.collect()
        return sum(isinstance(one, Mailbox) for one in gc.get_objects())

    async def count_tasks(self):
        return len(asyncio.all_tasks())

    def send(self, steps=200):
        request = sample("ripples", VICTIM, steps)
        if not self.streaming:
            return self.api.sampling.Sample.future(request)
        return self.api.sampling.StreamSample(StreamSampleRequest(sample=request, preview_interval=1))

    def job(self, seed=VICTIM):
        jobs = list(self.scheduler._jobs)
        return next((job for job in jobs if int(job.items[0].inputs["seed"]) == seed), None)

    def block_the_device(self):
        """With a call of another model, so that nobody of this one is in a step."""
        self.network.hold("sample_advance", BLOCKER)
        self.blocker = self.api.sampling.Sample.future(sample("slow", BLOCKER, 1000))
        assert self.network.held.wait(60)

    # The phases.

    def queued(self):
        self.block_the_device()
        call = self.send()
        self.wait_until(lambda: self.job() is not None, seconds=60)
        return call

    def batched(self):
        call = self.send(1000)
        self.wait_until(lambda: self.network.of(VICTIM), seconds=60)
        self.block_the_device()
        assert self.job() is not None
        return call

    def mid_step(self):
        self.network.hold("sample_advance", VICTIM, calls=3)
        call = self.send()
        assert self.network.held.wait(60)
        return call

    def encoding(self):
        for _ in range(self.executor._max_workers):
            self.executor.submit(self.may_encode.wait, 60)
        call = self.send(3)
        self.wait_until(lambda: self.network.of(VICTIM, name="sample_finish"), seconds=60)
        self.wait_until(lambda: self.job() is None, seconds=60)
        return call

    def done(self):
        call = self.send(3)
        list(call) if self.streaming else call.result()
        self.wait_until(lambda: self.job() is None, seconds=60)
        return call

    # The ends.

    def cancel(self, call):
        victim = self.job()
        call.cancel()
        self.wait_until(lambda: victim is None or victim.over, seconds=60)

    def expire(self, call):
        """As if its deadline had come just now."""
        self.job().deadline = time.monotonic()

    def let_go(self):
        self.may_encode.set()
        self.network.release()
        if self.blocker:
            self.blocker.cancel()


@pytest.fixture
def scene(server, api, network, wait_until, request):
    scene = Scene(server, api, network, wait_until, request.param == "stream")
    yield scene
    scene.let_go()


PHASES = ("queued", "batched", "mid_step", "encoding", "done")
CASES = [("cancel", phase) for phase in PHASES]
CASES += [("expire", phase) for phase in ("queued", "batched", "mid_step")]


@pytest.mark.parametrize("scene", ["unary", "stream"], indirect=True)
@pytest.mark.parametrize(("end", "phase"), CASES)
def test_nothing_is_left_of_a_call_and_neighbours_see_nothing(scene, end, phase):
    kept = sample("ripples", NEIGHBOUR, 30, reproducible=True)
    alone = scene.api.sampling.Sample(kept)
    scene.wait_until(scene.idle, seconds=60)
    baseline, mailboxes, threads = scene.left_behind(), scene.mailboxes(), threading.active_count()

    call = getattr(scene, phase)()
    neighbour = scene.api.sampling.Sample.future(kept)
    seen = len(scene.network.of(VICTIM))
    getattr(scene, end)(call)
    scene.let_go()

    assert neighbour.result(60) == alone
    if end == "expire":
        with pytest.raises(grpc.RpcError) as caught:
            list(call) if scene.streaming else call.result(60)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    del call, neighbour
    scene.wait_until(scene.idle, seconds=60)
    # The baseline may have caught gRPC at the last touches to the call before it.
    scene.wait_until(
        lambda: all(now <= baseline[key] for key, now in scene.left_behind().items()), seconds=60
    )
    scene.wait_until(lambda: scene.mailboxes() <= mailboxes, seconds=60)
    assert threading.active_count() <= threads + 2  # gRPC keeps its own for a while.
    # The step that it was in when it ended was its last.
    if phase != "done":
        assert len(scene.network.of(VICTIM)) == seen
    if phase == "queued":
        assert not scene.network.of(VICTIM, name="sample_begin")


def resident_bytes():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def check_memory(rounds, server, api, network, wait_until):
    """Every phase is cancelled `rounds` times, unary and streaming: the floor of the memory in use does not rise."""
    sizes = []
    for _ in range(rounds):
        for phase in PHASES:
            for streaming in (False, True):
                scene = Scene(server, api, network, wait_until, streaming)
                call = getattr(scene, phase)()
                scene.cancel(call)
                scene.let_go()
                del call
                wait_until(scene.idle, seconds=60)
                network.calls.clear()
        sizes.append(resident_bytes())
    # Allocators settle in the beginning, and what is on its way out comes on top; the floor is what must not rise.
    early, late = (min(some) for some in (sizes[rounds // 4 : rounds // 2], sizes[-rounds // 4 :]))
    assert late < 1.01 * early, f"{early} bytes grew to {late}"


def test_memory_is_flat_over_many_cancelled_calls(server, api, network, wait_until):
    check_memory(20, server, api, network, wait_until)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_very_many_cancelled_calls(server, api, network, wait_until):
    check_memory(200, server, api, network, wait_until)


def picture(size):
    raw = image_pb2.RawTensor(
        data=bytes(size * size * 3), shape=[size, size, 3], data_type=image_pb2.DATA_TYPE_UINT8
    )
    return image_pb2.Image(raw=raw)


def score(api, streaming):
    options = ScoreOptions(diffusion=DiffusionScoreOptions(timesteps=100))
    request = ScoreRequest(model=ModelSelector(name="ripples"), images=[picture(4)], options=options)
    scoring = api.scoring
    return (
        scoring.StreamScore(StreamScoreRequest(score=request)) if streaming else scoring.Score.future(request)
    )


def enlarge(api, streaming):
    request = TranslateRequest(model=ModelSelector(name="enlarger"), images=[picture(64)])
    translation = api.translation
    if streaming:
        return translation.StreamTranslate(StreamTranslateRequest(translate=request))
    return translation.Translate.future(request)


@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize(("send", "function"), [(score, "score_advance"), (enlarge, "translate_advance")])
def test_long_scores_and_large_translations_stop_within_a_step(
    start_server, connect, network, wait_until, families, handmade, tmp_path, send, function, streaming
):
    (families.write_enlarger if send is enlarge else handmade.write_ripples)(tmp_path)
    live = start_server(Repository.load(tmp_path))
    network.calls.clear()
    network.hold(function, calls=3)
    call = send(connect(live.address), streaming)
    assert network.held.wait(60)
    [job] = live.app.engine._scheduler._jobs
    if streaming:
        assert next(call).progress.items == 1
    call.cancel()
    wait_until(lambda: job.over, seconds=60)
    network.release()
    wait_until(lambda: live.pending_items == 0 and not live.app.engine._scheduler._lanes, seconds=60)
    assert [call.name for call in network.calls].count(function) == 3

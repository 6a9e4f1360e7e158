"""Who is let in: estimates from measured costs, and what is refused by them, at once and with reasons."""

from collections import Counter

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_SAMPLE
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest, StreamSampleRequest
from zoo_server.engine.costs import LaneCosts
from zoo_server.engine.forecast import Load, seconds_of, seconds_shared, seconds_until
from zoo_server.engine.phase import Phase

BUCKETS = (1, 4, 8)
PUSHBACK = "grpc-retry-pushback-ms"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def measured(begin=0.0, advance=0.0, finish=0.0, bucket=8, clock=None):
    """Costs of which enough has been measured at one bucket."""
    costs = LaneCosts(BUCKETS, clock or Clock())
    for _ in range(5):
        for phase, seconds in ((Phase.BEGIN, begin), (Phase.ADVANCE, advance), (Phase.FINISH, finish)):
            costs.record(phase, bucket, seconds)
    return costs


class TestCosts:
    def test_the_middle_counts_once_enough_has_been_measured(self):
        costs = LaneCosts(BUCKETS)
        for seconds in (9.0, 1.0, 2.0, 1.5):
            costs.record(Phase.ADVANCE, 4, seconds)
        assert costs.seconds(Phase.ADVANCE, 4) is None
        costs.record(Phase.ADVANCE, 4, 1.2)
        assert costs.seconds(Phase.ADVANCE, 4) == 1.5
        assert costs.seconds(Phase.BEGIN, 4) is None

    def test_an_unmeasured_bucket_is_never_overestimated(self):
        costs = measured(advance=2.0, bucket=4)
        assert costs.seconds(Phase.ADVANCE, 8) == 2.0
        assert costs.seconds(Phase.ADVANCE, 1) == 0.5

    def test_what_nothing_renews_is_forgotten(self):
        clock = Clock()
        costs = measured(advance=2.0, clock=clock)
        clock.now = 59.0
        assert costs.seconds(Phase.ADVANCE, 8) == 2.0
        clock.now = 61.0
        assert costs.seconds(Phase.ADVANCE, 8) is None

    def test_it_follows_what_is_measured_now(self):
        costs = measured(advance=2.0)
        for _ in range(15):
            costs.record(Phase.ADVANCE, 8, 0.5)
        assert costs.seconds(Phase.ADVANCE, 8) == 0.5


class TestForecast:
    def test_a_lane_shrinks_its_batch_and_takes_turns(self):
        costs = measured(begin=0.5, advance=8.0, finish=0.25)
        for _ in range(5):
            costs.record(Phase.ADVANCE, 1, 1.0)
            costs.record(Phase.ADVANCE, 4, 3.0)
        # 3 steps of both, cheaper one after the other than at bucket 4, and 7 more of one; a begin and two finishes at
        # bucket 1, shares of those at 8.
        assert (
            seconds_of(Load("m", costs, BUCKETS, Counter([3, 10]), waiting=1))
            == 3 * 2 + 7 * 1 + 0.5 / 8 + 2 * 0.25 / 8
        )
        # 16 items of 5 steps at 8 places: 10 turns, and 2 finishes.
        assert seconds_of(Load("m", costs, BUCKETS, Counter([5] * 16))) == 10 * 8 + 2 * 0.25

    def test_a_short_item_waits_for_no_long_one(self):
        load = Load("m", measured(advance=1.0), BUCKETS, Counter([1000] * 80 + [10]))
        assert seconds_until(load, 10, 0) == 10
        # Alone in its half of the room, the last of 16 equals is done after 4 rounds.
        assert seconds_until(Load("m", measured(advance=1.0), BUCKETS, Counter([10] * 16)), 10, 0) == 20

    def test_one_shot_items_wait_for_those_before_them(self):
        load = Load("m", measured(finish=2.0), BUCKETS, Counter([0] * 20), waiting=20)
        assert seconds_until(load, 0, 20) == 3 * 2

    def test_nobody_can_tell_without_measurements(self):
        assert seconds_until(Load("m", LaneCosts(BUCKETS), BUCKETS, Counter([10])), 10, 1) is None

    def test_others_take_as_much_or_all_that_they_need(self):
        costs = measured(advance=1.0, bucket=1)
        own = Load("mine", costs, BUCKETS, Counter([10]))
        sister = Load("mine", costs, BUCKETS, Counter([4]))
        long = Load("long", costs, BUCKETS, Counter([1000]))
        assert seconds_shared(10.0, own, []) == 10
        assert seconds_shared(10.0, own, [sister]) == 14
        assert seconds_shared(10.0, own, [sister, long, long]) == 28


def slow(steps, **fields):
    options = SampleOptions(diffusion=DiffusionOptions(steps=steps))
    return SampleRequest(model=ModelSelector(name="slow"), options=options, **fields)


def details_of(error):
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for packed in rpc_status.from_call(error).details:
        for detail in (info, retry):
            packed.Unpack(detail)
    return info, retry.retry_delay.ToMilliseconds()


@pytest.fixture
def serve(start_server, connect, repository):
    """A server on which a step of `slow` is known to take a second at each bucket, and its stubs."""

    def start(known=True, **settings):
        live = start_server(**settings)
        model = repository.get(ModelSelector(name="slow"))
        program = model.programs[CAPABILITY_KIND_SAMPLE]
        shapes = tuple(() for _ in program.inputs)
        costs = live.app.engine._admission.costs.of(program, shapes, BUCKETS)
        for _ in range(5 if known else 0):
            for bucket in BUCKETS:
                costs.record(Phase.ADVANCE, bucket, 1.0)
        return live, connect(live.address), costs

    return start


def refused(call, *arguments, **fields):
    """The error that the call ends with, whether it gives one reply or several."""
    with pytest.raises(grpc.RpcError) as caught:
        list(call(*arguments, **fields))
    return caught.value


@pytest.mark.parametrize("streaming", [False, True])
def test_a_call_that_would_come_too_late_is_refused_before_it_begins(serve, network, streaming):
    live, api, _ = serve()
    if streaming:
        error = refused(api.sampling.StreamSample, StreamSampleRequest(sample=slow(400, seed=5)), timeout=120)
    else:
        error = refused(api.sampling.Sample, slow(400, seed=5), timeout=120)
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    info, _ = details_of(error)
    assert (info.reason, info.metadata["model"]) == ("DEADLINE_TOO_SHORT", "slow")
    assert float(info.metadata["needed_seconds"]) == pytest.approx(400)
    assert "400 s" in error.details()
    assert not network.of(5, name="sample_begin")
    assert live.pending_items == 0


def test_the_prediction_counts_what_waits_before_it(serve, network):
    """100 steps would come in time alone, but not when they share one place with 4 items of as many."""
    _, api, _ = serve(max_bucket={"slow": 1})
    network.hold("sample_advance", 0)
    first = api.sampling.Sample.future(slow(100, seed=0, count=4))
    assert network.held.wait(60)
    error = refused(api.sampling.Sample, slow(100, seed=50), timeout=250)
    assert float(details_of(error)[0].metadata["needed_seconds"]) == pytest.approx(500, abs=2)
    second = api.sampling.Sample.future(slow(10, seed=50), timeout=250)
    network.release()
    assert second.result().images
    first.cancel()


def test_the_prediction_counts_the_steps_that_are_left_and_nobody_who_has_gone(serve, network, wait_until):
    live, api, costs = serve(max_bucket={"slow": 1})
    network.hold("sample_advance", 0, calls=61)
    first = api.sampling.Sample.future(slow(100, seed=0))
    assert network.held.wait(60)
    for _ in range(15):  # As many as are remembered: by now real steps have been measured.
        costs.record(Phase.ADVANCE, 1, 1.0)

    def needed():
        error = refused(api.sampling.Sample, slow(100, seed=50), timeout=50)
        return float(details_of(error)[0].metadata["needed_seconds"])

    assert needed() == pytest.approx(40 + 100, abs=2)
    first.cancel()
    # Its step goes on, but no forecast counts it any more.
    wait_until(lambda: not live.app.engine._admission.ledger.loads())
    assert live.pending_items == 1
    assert needed() == pytest.approx(100, abs=2)


def test_whatever_becomes_of_a_call_the_ledger_forgets_it(serve, network, wait_until):
    live, api, _ = serve()
    ledger = live.app.engine._admission.ledger
    network.hold("sample_advance", 1)
    long = api.sampling.Sample.future(slow(1000, seed=1, count=4))
    short = api.sampling.Sample.future(slow(5, seed=10, count=12))
    assert network.held.wait(60)
    wait_until(lambda: live.pending_items == 16)
    assert sum(load.items for load in ledger.loads().values()) == 16
    network.release()
    assert short.result().images
    long.cancel()
    trap = SampleRequest(model=ModelSelector(name="trap"), seed=12, count=4)
    assert refused(api.sampling.Sample, trap).code() == grpc.StatusCode.INTERNAL
    wait_until(lambda: live.pending_items == 0)
    assert not ledger.loads()
    scheduler = live.app.engine._scheduler
    wait_until(lambda: not scheduler._lanes and not scheduler._lanes_of)


def test_without_measurements_every_deadline_is_tried(serve, wait_until):
    live, api, costs = serve(known=False)
    call = api.sampling.Sample.future(slow(1000, seed=1), timeout=60)
    wait_until(lambda: costs.seconds(Phase.ADVANCE, 1) is not None, seconds=60)
    assert live.pending_items == 1
    call.cancel()


def test_seconds_of_pending_work_are_bounded(serve, network, wait_until):
    live, api, _ = serve(max_pending_seconds=950)
    network.hold("sample_advance", 1)
    # Alone it is let in although it is more than the limit: no other time would be better.
    first = api.sampling.Sample.future(slow(1000, seed=1))
    assert network.held.wait(60)
    error = refused(api.sampling.Sample, slow(40, seed=2))
    info, milliseconds = details_of(error)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (info.reason, info.metadata["limit"], info.metadata["unit"]) == ("QUEUE_FULL", "950", "seconds")
    # 1000 + 40 - 950, less what has been done.
    assert milliseconds == pytest.approx(90_000, abs=2000)
    assert dict(error.trailing_metadata())[PUSHBACK] == str(milliseconds)
    first.cancel()
    network.release()
    wait_until(lambda: live.pending_items == 0, seconds=60)
    assert api.sampling.Sample(slow(4, seed=2)).images


def test_a_full_queue_says_when_the_next_items_will_be_gone(serve, network, wait_until):
    live, api, _ = serve(max_pending_items=10)
    network.hold("sample_advance", 1)
    calls = [api.sampling.Sample.future(slow(steps, seed=1, count=4)) for steps in (50, 200)]
    assert network.held.wait(60)
    wait_until(lambda: live.pending_items == 8, seconds=60)
    error = refused(api.sampling.Sample, slow(1, count=3))
    info, milliseconds = details_of(error)
    assert (info.reason, info.metadata["limit"], info.metadata["unit"]) == ("QUEUE_FULL", "10", "items")
    assert milliseconds == pytest.approx(50_000, abs=2000)
    assert dict(error.trailing_metadata())[PUSHBACK] == str(milliseconds)
    for call in calls:
        call.cancel()


def test_a_call_for_which_there_can_never_be_room_is_not_told_to_try_again(serve):
    _, api, _ = serve(max_pending_items=2)
    for error in (
        refused(api.sampling.Sample, slow(1, count=3)),
        refused(api.sampling.StreamSample, StreamSampleRequest(sample=slow(1, count=3))),
    ):
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        details = rpc_status.from_call(error).details
        assert details[0].Unpack(info)
        assert details[1].Unpack(bad_request)
        assert (info.reason, info.metadata["limit"]) == ("TOO_MANY_IMAGES", "2")
        assert bad_request.field_violations[0].field.endswith("count")
        assert len(details) == 2
    assert api.sampling.Sample(slow(1, count=2)).images


def test_a_quick_retry_is_not_asked_of_a_server_that_is_going_down(start_server, connect):
    live = start_server()
    live.run(live.app.engine.stop())
    error = refused(connect(live.address).sampling.Sample, slow(1))
    assert details_of(error)[0].reason == "SHUTTING_DOWN"
    assert PUSHBACK not in dict(error.trailing_metadata())

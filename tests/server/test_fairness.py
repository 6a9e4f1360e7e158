"""Who gets the device: short requests among long ones, and light models beside heavy ones, by counts of turns."""

import threading
from collections import Counter

import pytest

from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.config import SettingError
from zoo_server.engine import policy
from zoo_server.engine.shares import Shares

SHORT, LONG = 10, 1000
MINE = 9_000_000


def request(model, steps, seed, count=1):
    options = SampleOptions(diffusion=DiffusionOptions(steps=steps))
    return SampleRequest(model=ModelSelector(name=model), options=options, seed=seed, count=count)


class Alive:
    def __init__(self, left, last_turn=0):
        self.left = left
        self.last_turn = last_turn


class TestItems:
    def test_all_advance_if_there_is_room(self):
        items = [Alive(5), Alive(1)]
        assert policy.next_items(items, 2, 1) == items

    def test_half_of_the_room_is_for_the_shortest_and_half_for_those_that_waited(self):
        items = [Alive(900, 4), Alive(3, 9), Alive(900, 2), Alive(900, 3), Alive(5, 9), Alive(7, 9)]
        assert policy.next_items(items, 4, 2) == [items[1], items[2], items[3], items[4]]

    def test_a_single_place_goes_to_either_in_turn(self):
        items = [Alive(900, 1), Alive(2, 5)]
        assert [policy.next_items(items, 1, turn) for turn in (1, 2)] == [[items[1]], [items[0]]]

    def test_everyone_gets_on_however_many_short_ones_come(self):
        long = [Alive(LONG) for _ in range(5)]
        for turn in range(1, 200):
            chosen = policy.next_items([*long, *(Alive(1) for _ in range(20))], 4, turn)
            for item in chosen:
                item.left, item.last_turn = item.left - 1, turn
        # 2 places a turn, shared with 20 newcomers that have waited just as long, or longer.
        assert all(item.left < LONG for item in long)


class TestShares:
    def turns(self, shares, costs, count):
        taken = Counter()
        for _ in range(count):
            key = shares.next(costs)
            shares.charge(key, costs[key])
            taken[key] += 1
        return taken

    def test_each_gets_the_same_seconds(self):
        taken = self.turns(Shares(), {"heavy": 9.0, "light": 1.0, "middle": 3.0}, 130)
        seconds = {"heavy": 9 * taken["heavy"], "light": taken["light"], "middle": 3 * taken["middle"]}
        assert max(seconds.values()) - min(seconds.values()) <= 9.0

    def test_nobody_catches_up_on_time_away(self):
        shares = Shares()
        self.turns(shares, {"old": 1.0}, 1000)
        taken = self.turns(shares, {"old": 1.0, "new": 1.0}, 100)
        assert abs(taken["old"] - taken["new"]) <= 1

    def test_nobody_shakes_off_a_debt_by_going_away(self):
        """A heavy model whose every call comes just after the last one's end, beside a light one that stays."""
        shares = Shares()
        taken = Counter()
        for _ in range(200):
            key = shares.next(["heavy", "light"] if taken["light"] % 2 else ["light", "heavy"])
            shares.charge(key, 10.0 if key == "heavy" else 1.0)
            taken[key] += 1
            if key == "heavy":  # It is away for the next turn.
                assert shares.next(["light"]) == "light"
                shares.charge("light", 1.0)
                taken["light"] += 1
        assert taken["light"] >= 9 * taken["heavy"]


@pytest.mark.parametrize(("others", "max_bucket"), [(4, 8), (4, 4), (40, 8)])
def test_a_request_of_10_steps_does_not_wait_for_those_of_1000(
    start_server, connect, network, wait_until, monkeypatch, others, max_bucket
):
    """From when it comes until it is done: at most 3 times the calls of the network that it takes alone, 10."""
    live = start_server(max_bucket={"ripples": max_bucket})
    scheduler = live.app.engine._scheduler
    submit, came = scheduler.submit, []

    def noting(job):
        came.append(len(network.calls))
        submit(job)

    monkeypatch.setattr(scheduler, "submit", noting)
    sampling = connect(live.address).sampling
    long = [sampling.Sample.future(request("ripples", LONG, 1000 * place)) for place in range(others)]
    wait_until(lambda: live.pending_items == others and network.of(0), seconds=60)
    sampling.Sample(request("ripples", SHORT, MINE))
    since = came[-1]
    last = max(place for place, call in enumerate(network.calls) if MINE in call.seeds and "adv" in call.name)
    turns = sum(call.name == "sample_advance" for call in network.calls[since : last + 1])
    assert len(network.of(MINE)) == SHORT
    assert turns <= 3 * SHORT
    for call in long:
        call.cancel()


def test_a_heavy_model_does_not_take_most_of_the_device(api, network, wait_until):
    """Turn by turn it would make as many steps as the light one; by seconds it makes far fewer."""
    heavy = api.sampling.Sample.future(request("slow", LONG, 0, count=8))
    wait_until(lambda: network.of(0), seconds=60)
    api.sampling.Sample(request("ripples", 300, MINE))
    mine = [place for place, call in enumerate(network.calls) if MINE in call.seeds]
    between = network.calls[mine[0] : mine[-1]]
    light = sum(call.name == "sample_advance" and MINE in call.seeds for call in between)
    others = sum(call.name == "sample_advance" and MINE not in call.seeds for call in between)
    heavy.cancel()
    assert light == 300
    assert 0 < others < light / 2


def test_the_largest_bucket_of_a_model_can_be_lowered(start_server, connect, network):
    """Between two buckets the lower one is taken; other models keep theirs."""
    live = start_server(max_bucket={"ripples": 7, "unknown": 1})
    sampling = connect(live.address).sampling
    assert len(sampling.Sample(request("ripples", 5, 100, count=16)).images) == 16
    assert len(sampling.Sample(request("slow", 5, 200, count=16)).images) == 16
    assert max(len(call.seeds) for call in network.of(*range(100, 116))) == 4
    assert max(len(call.seeds) for call in network.of(*range(200, 216))) == 8


def test_a_largest_bucket_below_the_smallest_is_refused_at_the_start(start_server):
    with pytest.raises(SettingError, match="max_bucket of model 'tiles': 2 is below the smallest bucket, 4"):
        start_server(max_bucket={"tiles": 2})


def test_a_long_call_gets_on_beside_a_crowd_of_single_steps(server, connect, network):
    """Every newcomer has waited for its first step; one that has made it is no newcomer any more."""
    enough = threading.Event()

    def come_and_go(first):
        stub = connect(server.address).sampling
        while not enough.is_set():
            stub.Sample(request("ripples", 1, first, count=16))

    crowd = [threading.Thread(target=come_and_go, args=(1000 * number,)) for number in range(1, 5)]
    for caller in crowd:
        caller.start()
    before = len(network.calls)
    assert connect(server.address).sampling.Sample(request("ripples", 50, MINE), timeout=60).images
    advances = [call for call in network.calls[before:] if call.name == "sample_advance"]
    enough.set()
    for caller in crowd:
        caller.join()
    assert sum(MINE in call.seeds for call in advances) == 50
    assert len(advances) < 50 * 8


def test_all_that_is_done_ends_in_the_turn_in_which_it_is_done(server, connect, network, wait_until):
    """Even where small batches are cheapest: between two finishes there would be an advance of everyone else."""
    long = connect(server.address).sampling.Sample.future(request("slow", LONG, MINE))
    wait_until(lambda: network.of(MINE))
    before = len(network.calls)
    assert len(connect(server.address).sampling.Sample(request("slow", 2, 7, count=7)).images) == 7
    long.cancel()
    names = [call.name for call in network.calls[before:]]
    finishes = [place for place, name in enumerate(names) if name == "sample_finish"]
    assert names[finishes[0] : finishes[-1] + 1].count("sample_advance") == 0

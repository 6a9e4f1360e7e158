"""The engine: shared network calls, padding, and items that know nothing of each other."""

import numpy as np
import pytest

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.capability_pb2 import CAPABILITY_KIND_SAMPLE
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.options_pb2 import DiffusionOptions, SampleOptions
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.engine.batch import gather, stack
from zoo_server.engine.bucket import bucket_for, buckets_up_to, fastest_bucket
from zoo_server.engine.job import Item, Job


@pytest.fixture
def ripples(repository):
    return repository.get(ModelSelector(name="ripples"))


def rows(model, seeds, **options):
    """The inputs of one item per seed."""
    shared = {**model.options[CAPABILITY_KIND_SAMPLE].defaults(), **options}
    label = np.asarray(-1, np.int32)
    return [{**shared, "label": label, "seed": np.asarray(seed, np.int64)} for seed in seeds]


def advanced(model, seeds, size, steps=7):
    """The state x of each item after some steps in one batch of `size`."""
    program = model.programs[CAPABILITY_KIND_SAMPLE]
    batch = stack(rows(model, seeds), program.inputs, size).through(program.begin)
    for _ in range(steps):
        batch = batch.through(program.advance)
    return batch.column("x")[: len(seeds)]


@pytest.mark.parametrize(("items", "bucket"), [(1, 1), (2, 4), (4, 4), (5, 8), (8, 8), (9, 8), (100, 8)])
def test_the_bucket_is_the_smallest_that_holds_the_items(items, bucket):
    assert bucket_for(items, (1, 4, 8)) == bucket


@pytest.mark.parametrize(
    ("costs", "items", "bucket"),
    [
        ({1: 2.0, 4: 6.0, 8: 12.0}, 5, 4),  # 4 in 6 s; at 8 the 5 would take 12 s.
        ({1: 2.0, 4: 6.0, 8: 12.0}, 7, 4),
        ({1: 2.0, 4: 6.0, 8: 10.0}, 7, 8),  # 7 in 10 s beat 4 in 6 s.
        ({1: 2.0, 4: 6.0, 8: 12.0}, 8, 8),  # As fast as two times 4, and all of them at once.
        ({1: 2.0, 4: 6.0, 8: 12.0}, 2, 1),
        ({1: 2.0, 4: 2.0, 8: 2.0}, 2, 4),  # A larger batch that costs no more.
        ({1: 2.0, 4: 6.0, 8: 12.0}, 100, 8),
        ({1: 2.0, 4: None, 8: 12.0}, 5, 8),  # Not all is known.
    ],
)
def test_the_fastest_bucket_makes_most_items_a_second(costs, items, bucket):
    assert fastest_bucket(items, tuple(costs), costs.get) == bucket


@pytest.mark.parametrize(
    ("most", "kept"), [(None, (1, 4, 8)), (9, (1, 4, 8)), (8, (1, 4, 8)), (7, (1, 4)), (4, (1, 4)), (1, (1,))]
)
def test_buckets_up_to_a_limit(most, kept):
    assert buckets_up_to(most, (1, 4, 8)) == kept


def test_a_limit_below_the_smallest_bucket_names_both():
    with pytest.raises(ValueError, match="2 is below the smallest bucket, 4"):
        buckets_up_to(2, (4, 8))


def test_at_one_bucket_floats_do_not_depend_on_neighbours_position_or_padding(ripples):
    seeds = [11, 22, 33, 44, 55]
    together = advanced(ripples, seeds, 8)
    turned = advanced(ripples, seeds[::-1], 8)[::-1]
    np.testing.assert_array_equal(together, turned)
    for seed, row in zip(seeds, together, strict=True):
        np.testing.assert_array_equal(advanced(ripples, [seed], 8)[0], row)


def test_across_buckets_floats_differ_by_rounding_alone(ripples):
    seeds = [11, 22, 33, 44]
    for seed, row in zip(seeds, advanced(ripples, seeds, 4), strict=True):
        np.testing.assert_allclose(advanced(ripples, [seed], 1)[0], row, atol=1e-5)


class TestGather:
    @pytest.fixture
    def items(self, ripples):
        """Four items in the rows of one batch."""
        program = ripples.programs[CAPABILITY_KIND_SAMPLE]
        inputs = rows(ripples, range(4))
        job = Job(program, inputs, mailbox=None)
        batch = stack(inputs, program.inputs, 4)
        for row, item in enumerate(job.items):
            item.batch, item.row = batch, row
        return job.items

    def test_members_that_stay_keep_their_tensors(self, items):
        assert gather(items, 4) is items[0].batch

    def test_members_that_leave_are_left_out(self, items):
        batch = gather([items[2], items[0]], 4)
        assert batch.column("seed").tolist() == [2, 0, 0, 0]  # The last row pads.

    def test_members_that_join_come_in_their_order(self, ripples, items):
        program = ripples.programs[CAPABILITY_KIND_SAMPLE]
        joined = Item(items[0].job, 0, {})
        joined.batch, joined.row = stack(rows(ripples, [7]), program.inputs, 1), 0
        batch = gather([items[1], joined, items[3]], 4)
        assert batch.size == 4
        assert batch.column("seed").tolist() == [1, 7, 3, 3]
        assert set(batch.tensors) == set(program.inputs)

    def test_a_smaller_bucket_is_a_new_batch(self, items):
        assert gather(items[:1], 1).column("seed").tolist() == [0]


def test_calls_share_the_calls_of_the_network(api, server):
    """Eight calls of 80 steps, each joining when it comes, take far fewer turns than 8 x 80."""
    options = SampleOptions(diffusion=DiffusionOptions(steps=80))
    model = ModelSelector(name="slow")
    before = server.app.engine.turns
    calls = [
        api.sampling.Sample.future(SampleRequest(model=model, seed=seed, options=options))
        for seed in range(8)
    ]
    assert [call.result().images[0].recipe.seed for call in calls] == list(range(8))
    assert server.app.engine.turns - before < 8 * 80 / 2


def test_one_shot_calls_share_them_too(api, server):
    before = server.app.engine.turns
    images = api.sampling.Sample(
        SampleRequest(model=ModelSelector(name="blobs"), count=16, encoding=image_pb2.IMAGE_ENCODING_RAW)
    ).images
    assert len(images) == 16
    assert server.app.engine.turns - before == 2  # Two of the largest bucket, 8.

"""The row sampler draws what the naive sampler draws, pixel for pixel, from cached activations alone.

Equality is asserted in float64, in which rounding flips no pixel; what float32 may do is bounded in a test of its own.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from zoo.autoregressive import RowSampler, sample_naively
from zoo.layers.gated_pixelcnn import GatedPixelCNN

ITEMS = 12
HEIGHT, WIDTH = 6, 7
# Head, channels, levels: brightness with one channel and with three, codes of a codebook of 11, and levels of colours.
KINDS = [("logistic_mixture", 1, 256), ("logistic_mixture", 3, 256), ("softmax", 1, 11), ("softmax", 3, 5)]


def make(head: str, channels: int, levels: int, dtype: str = "float64", **changes: Any) -> GatedPixelCNN:
    settings = {
        "features": 10,
        "blocks": 3,
        "reach": 1,
        "components": 4,
        "head_features": 16,
        "num_classes": 3,
    }
    network = GatedPixelCNN(
        image_shape=(HEIGHT, WIDTH, channels),
        levels=levels,
        head=head,
        dtype=dtype,
        **{**settings, **changes},
    )
    rng = np.random.default_rng(0)
    # Untrained heads would draw from nearly the same distribution whatever they see.
    network.set_weights([rng.normal(0.0, 0.5, weight.shape) for weight in network.weights])
    return network


def request(network: GatedPixelCNN, items: int = ITEMS) -> dict[str, tf.Tensor]:
    """Items that differ in everything: seed, class, temperature, and how many rows of a random picture are given."""
    rng = np.random.default_rng(1)
    return {
        "seed": tf.constant(rng.integers(0, 2**62, items)),
        "label": tf.constant(rng.integers(-1, 3, items), tf.int32),
        "temperature": tf.constant(rng.choice([0.0, 0.7, 1.0, 1.5], items), tf.float32),
        "levels": tf.constant(rng.integers(0, network.levels, (items, *network.image_shape)), tf.int32),
        "given_rows": tf.constant(rng.integers(0, HEIGHT + 1, items), tf.int32),
    }


def run(sampler: RowSampler, state: Mapping[str, Any], rows: int = HEIGHT) -> dict[str, Any]:
    for _ in range(rows):
        state = sampler.advance(**state)
    return dict(state)


@pytest.fixture(scope="module")
def network() -> GatedPixelCNN:
    return make(*KINDS[0])


@pytest.fixture(scope="module")
def sampler(network: GatedPixelCNN) -> RowSampler:
    return RowSampler(network, xla=False, precision="float64")


@pytest.fixture(scope="module")
def asked(network: GatedPixelCNN) -> dict[str, tf.Tensor]:
    return request(network)


@pytest.fixture(scope="module")
def drawn(sampler: RowSampler, asked: dict[str, tf.Tensor]) -> dict[str, Any]:
    """The final state of those items."""
    return run(sampler, sampler.initial(**asked))


# --- the same as the naive sampler ------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "changes"), [(KINDS[0], {"reach": 2}), *((kind, {}) for kind in KINDS[1:])])
def test_it_draws_what_the_naive_sampler_draws(kind: tuple[str, int, int], changes: dict[str, Any]) -> None:
    network = make(*kind, **changes)
    asked = request(network)
    sampler = RowSampler(network, xla=False, precision="float64")
    got = run(sampler, sampler.initial(**asked))["levels"].numpy()
    np.testing.assert_array_equal(got, sample_naively(network, **asked))
    assert len(np.unique(got)) > min(network.levels, 40) // 2


def test_xla_draws_the_same(
    network: GatedPixelCNN, asked: dict[str, tf.Tensor], drawn: dict[str, Any]
) -> None:
    sampler = RowSampler(network, xla=True, precision="float64")
    np.testing.assert_array_equal(run(sampler, sampler.initial(**asked))["levels"], drawn["levels"])


def test_float32_draws_other_levels_at_most_in_a_few_items(
    asked: dict[str, tf.Tensor], drawn: dict[str, Any]
) -> None:
    """Rounding may flip a level now and then; a wrong cache would change every item."""
    sampler = RowSampler(make(*KINDS[0], dtype="float32"), xla=False)
    levels = run(sampler, sampler.initial(**asked))["levels"].numpy()
    assert (levels == drawn["levels"].numpy()).all(axis=(1, 2, 3)).mean() > 0.7


def test_a_broken_cache_is_noticed(
    network: GatedPixelCNN, asked: dict[str, tf.Tensor], drawn: dict[str, Any]
) -> None:
    """The comparison has teeth: with the rows just above forgotten, items come out otherwise."""

    class Forgetful(RowSampler):
        def advance(self, **state: Any) -> dict[str, Any]:
            return super().advance(**{**state, "above": tf.zeros_like(state["above"])})

    sampler = Forgetful(network, xla=False, precision="float64")
    levels = run(sampler, sampler.initial(**asked))["levels"].numpy()
    same = (levels == drawn["levels"].numpy()).all(axis=(1, 2, 3))
    assert not same[asked["given_rows"].numpy() < HEIGHT - 2].any()


# --- steps ------------------------------------------------------------------------------------------------------


def test_items_at_different_rows_share_a_batch(
    sampler: RowSampler, asked: dict[str, tf.Tensor], drawn: dict[str, Any]
) -> None:
    start = sampler.initial(**asked)
    ahead = run(sampler, start, 3)
    row = tf.range(ITEMS) % 2
    mixed = {name: tf.stack([(start, ahead)[i % 2][name][i] for i in range(ITEMS)]) for name in start}
    np.testing.assert_array_equal(mixed["step"], 3 * row)
    # Those ahead are done after three more rows, and wait for the others.
    final = run(sampler, mixed)
    for name in final:
        np.testing.assert_array_equal(final[name], drawn[name], err_msg=name)


def test_an_item_does_not_depend_on_its_neighbours(
    sampler: RowSampler, asked: dict[str, tf.Tensor], drawn: dict[str, Any]
) -> None:
    some = [7, 2, 2]
    state = run(sampler, sampler.initial(**{name: tf.gather(tensor, some) for name, tensor in asked.items()}))
    np.testing.assert_array_equal(state["levels"], tf.gather(drawn["levels"], some))


def test_one_step_is_one_row_and_rows_to_come_are_black(
    sampler: RowSampler, asked: dict[str, tf.Tensor]
) -> None:
    state = sampler.initial(**{**asked, "given_rows": tf.zeros([ITEMS], tf.int32)})
    np.testing.assert_array_equal(state["steps"], np.full(ITEMS, HEIGHT))
    for row in range(HEIGHT):
        assert not tf.reduce_any(state["levels"][:, row:] != 0)
        before, state = state, sampler.advance(**state)
        np.testing.assert_array_equal(state["levels"][:, :row], before["levels"][:, :row])
        np.testing.assert_array_equal(state["step"], np.full(ITEMS, row + 1))
        assert tf.reduce_any(state["levels"][:, row] != 0)


def test_rows_that_the_caches_stand_for_are_not_read_again(
    sampler: RowSampler, network: GatedPixelCNN, asked: dict[str, tf.Tensor], drawn: dict[str, Any]
) -> None:
    """The work of a row does not grow with the rows above: only `first_reach` of them are looked at."""
    state, seen = run(sampler, sampler.initial(**asked), 5), network.blocks[0].rows
    erased = tf.where((tf.range(HEIGHT) < 5 - seen)[:, None, None], 0, state["levels"])
    final = sampler.advance(**{**state, "levels": erased})
    np.testing.assert_array_equal(final["levels"][:, 5 - seen :], drawn["levels"][:, 5 - seen :])


# --- what can be asked ------------------------------------------------------------------------------------------


def test_given_rows_are_kept_and_continued(asked: dict[str, tf.Tensor], drawn: dict[str, Any]) -> None:
    given = asked["given_rows"].numpy()
    for got, want, rows in zip(drawn["levels"].numpy(), asked["levels"].numpy(), given, strict=True):
        np.testing.assert_array_equal(got[:rows], want[:rows])
        assert rows == HEIGHT or (got[rows:] != want[rows:]).any()


def test_what_is_given_changes_what_is_drawn_below(sampler: RowSampler, asked: dict[str, tf.Tensor]) -> None:
    three = {**asked, "given_rows": tf.fill([ITEMS], 3), "temperature": tf.ones([ITEMS])}
    one = run(sampler, sampler.initial(**three))["levels"].numpy()
    other = run(sampler, sampler.initial(**{**three, "levels": 255 - three["levels"]}))["levels"].numpy()
    assert (one[:, 3:] != other[:, 3:]).any(axis=(1, 2, 3)).all()


def test_what_stands_below_the_given_rows_is_never_seen(
    sampler: RowSampler, asked: dict[str, tf.Tensor]
) -> None:
    three = {**asked, "given_rows": tf.fill([ITEMS], 3)}
    below = tf.range(HEIGHT)[:, None, None] >= 3
    changed = {**three, "levels": tf.where(below, 255 - three["levels"], three["levels"])}
    one, other = (run(sampler, sampler.initial(**items))["levels"] for items in (three, changed))
    np.testing.assert_array_equal(one, other)


def test_without_a_picture_all_is_drawn(sampler: RowSampler, asked: dict[str, tf.Tensor]) -> None:
    nothing = {**asked, "given_rows": tf.zeros([ITEMS], tf.int32)}
    short = {name: nothing[name] for name in ("seed", "label", "temperature")}
    np.testing.assert_array_equal(
        run(sampler, sampler.initial(**short))["levels"], run(sampler, sampler.initial(**nothing))["levels"]
    )


def test_cold_items_are_all_alike_and_warm_ones_are_not(sampler: RowSampler) -> None:
    same = {"seed": tf.range(ITEMS, dtype=tf.int64), "label": tf.zeros([ITEMS], tf.int32)}
    cold = run(sampler, sampler.initial(temperature=tf.zeros([ITEMS]), **same))["levels"].numpy()
    warm = run(sampler, sampler.initial(temperature=tf.ones([ITEMS]), **same))["levels"].numpy()
    assert len(np.unique(cold, axis=0)) == 1
    assert len(np.unique(warm, axis=0)) == ITEMS


def test_a_network_of_one_block_has_nothing_to_cache() -> None:
    network = make("softmax", 1, 4, blocks=1, num_classes=0)
    sampler = RowSampler(network, xla=False, precision="float64")
    asked = request(network, 4) | {"label": tf.fill([4], -1)}
    np.testing.assert_array_equal(
        run(sampler, sampler.initial(**asked))["levels"], sample_naively(network, **asked)
    )

"""The gated PixelCNN: what each output depends on, proven both ways, and probabilities that add up to 1."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from zoo import likelihoods
from zoo.layers.gated_pixelcnn import CausalBlock, GatedPixelCNN, gate

MIXTURE, SOFTMAX = "logistic_mixture", "softmax"


def make(
    image_shape: tuple[int, int, int] = (5, 6, 1), kind: type = GatedPixelCNN, **changes: object
) -> GatedPixelCNN:
    """A small network in float64 (so that no influence is lost in rounding) with random weights everywhere."""
    settings = {
        "features": 16,
        "blocks": 3,
        "head": SOFTMAX,
        "levels": 5,
        "components": 3,
        "head_features": 24,
    }
    settings |= {"first_reach": 2, "reach": 1, "dtype": "float64", **changes}
    if settings["head"] == MIXTURE:
        settings["levels"] = 256
    network = kind(image_shape=image_shape, **settings)
    rng = np.random.default_rng(0)
    # What starts at zero would hide wrong wiring.
    network.set_weights([rng.normal(0.0, 0.3, weight.shape) for weight in network.weights])
    return network


def influence(network: GatedPixelCNN) -> np.ndarray:
    """Whether d output(i) / d input(j) is not zero, bool [i, j], both in raster order and channel by channel.

    One item of a batch for each i: a single backward pass gives all rows.
    """
    height, width, channels = network.image_shape
    dims = height * width * channels
    rng = np.random.default_rng(1)
    x = np.repeat(rng.integers(0, network.levels, (1, *network.image_shape)), dims, axis=0)
    embedded = network.embed(tf.constant(x, tf.int32))
    with tf.GradientTape() as tape:
        tape.watch(embedded)
        parameters = network.head(network.features_of(embedded, tf.fill([dims], -1)), embedded)
        outputs = 0.0
        for value in parameters.values():
            weighted = value * rng.normal(size=value.shape[-1])
            # The mixture's weights belong to every channel of their pixel.
            each = tf.reduce_sum(weighted, axis=-1, keepdims=value.shape.rank == 4)
            outputs += each + tf.zeros((dims, height, width, channels), each.dtype)
        own = tf.reduce_sum(tf.reshape(outputs, (dims, dims)) * tf.eye(dims, dtype=outputs.dtype))
    gradient = tape.gradient(own, embedded)
    return np.abs(gradient.numpy()).sum(axis=-1).reshape(dims, dims) > 0.0


def receptive_field(height: int, width: int, reach: int) -> np.ndarray:
    """All pixels of the `reach` rows above and the `reach` columns to either side that come before; bool [i, j]."""
    places = list(itertools.product(range(height), range(width)))
    field = np.zeros((len(places), len(places)), bool)
    for (i, (row, column)), (j, (above, aside)) in itertools.product(enumerate(places), repeat=2):
        field[i, j] = j < i and row - above <= reach and abs(column - aside) <= reach
    return field


EVERYTHING_BEFORE = {channels: np.tril(np.ones((30 * channels,) * 2, bool), -1) for channels in (1, 3)}


# --- causality, both ways ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("head", "channels"), list(itertools.product((SOFTMAX, MIXTURE), (1, 3))))
def test_an_output_depends_on_everything_before_it_and_on_nothing_else(head: str, channels: int) -> None:
    network = make((5, 6, channels), head=head, blocks=5)
    np.testing.assert_array_equal(influence(network), EVERYTHING_BEFORE[channels])


@pytest.mark.parametrize(("first_reach", "reach", "blocks"), [(3, 1, 1), (1, 1, 3), (2, 2, 2), (3, 1, 2)])
def test_the_receptive_field_is_a_square_without_a_blind_spot(
    first_reach: int, reach: int, blocks: int
) -> None:
    network = make((7, 9, 1), first_reach=first_reach, reach=reach, blocks=blocks)
    np.testing.assert_array_equal(
        influence(network), receptive_field(7, 9, first_reach + (blocks - 1) * reach)
    )


class OneStack(GatedPixelCNN):
    """The PixelCNN of 2016a: the rows above are seen through one stack of masked convolutions."""

    def features_of(self, embedded: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        hidden = tf.concat([embedded[..., 0, :], tf.ones_like(embedded[..., 0, :1])], axis=-1)
        for block in self.blocks:
            _, hidden = block(hidden, hidden, tf.zeros((tf.shape(label)[0], 0), hidden.dtype))
        return hidden


def test_one_stack_has_a_blind_spot() -> None:
    got = influence(make((5, 6, 1), OneStack, blocks=5))
    assert not got[~EVERYTHING_BEFORE[1]].any()
    assert not got[EVERYTHING_BEFORE[1]].all()


def test_a_masked_1x1_convolution_loses_the_row() -> None:
    """With mask A its one tap is gone; then nothing of the first row reaches the first row."""
    network = make(blocks=5)
    out = network.blocks[0].out
    out.kernel.assign(tf.zeros_like(out.kernel))
    got = influence(network)
    assert not got[~EVERYTHING_BEFORE[1]].any()
    assert not got[:6, :6].any()
    assert got[6:].any()


def test_a_first_kernel_with_mask_b_sees_its_own_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    call = CausalBlock.call

    def shifted(self: CausalBlock, vertical: tf.Tensor, horizontal: tf.Tensor, one_hot: tf.Tensor) -> tuple:
        return call(self, vertical, tf.roll(horizontal, -1, axis=2) if self.first else horizontal, one_hot)

    monkeypatch.setattr(CausalBlock, "call", shifted)
    assert influence(make())[np.eye(30, dtype=bool)].any()


@pytest.mark.parametrize("head", [SOFTMAX, MIXTURE])
def test_channels_without_an_order_see_themselves(head: str) -> None:
    """The mistake: what the head is told of a pixel is not the channels before, but from the channel itself on."""
    network = make((5, 6, 3), head=head, blocks=5)
    inner = network.head.call
    network.head.call = lambda features, embedded: inner(features, tf.roll(embedded, -1, axis=-2))
    assert influence(network)[np.eye(90, dtype=bool)].any()


@pytest.mark.parametrize("late", [False, True])
def test_the_link_is_taken_before_the_gate(late: bool) -> None:
    """Where the gates of the vertical stack are saturated, nothing passes them, but the link is linear."""
    network = make(blocks=1)
    block = network.blocks[0]
    block.vertical.kernel.assign(1e6 * block.vertical.kernel)
    block.link.kernel.assign(1e-6 * block.link.kernel)
    if late:
        link = block.link
        block.link = lambda vertical: link(tf.repeat(gate(vertical), 2, axis=-1))
    row = np.arange(30) // 6
    assert influence(network)[row[:, None] > row].any() != late


# --- probabilities ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image_shape", "head", "levels"),
    [((2, 2, 1), SOFTMAX, 4), ((1, 2, 3), SOFTMAX, 3), ((1, 2, 1), MIXTURE, 256), ((1, 1, 2), MIXTURE, 256)],
)
def test_all_pictures_together_have_probability_one(
    image_shape: tuple[int, int, int], head: str, levels: int
) -> None:
    network = make(image_shape, head=head, levels=levels, num_classes=2, features=4)
    dims = int(np.prod(image_shape))
    every = np.stack(np.meshgrid(*[np.arange(levels)] * dims, indexing="ij"), axis=-1)
    every = tf.constant(every.reshape(-1, *image_shape), tf.int32)
    for label in (-1, 1):
        log_prob = network.head.log_prob(every, network(every, tf.fill([len(every)], label)))
        total = tf.reduce_sum(tf.exp(tf.reduce_sum(log_prob, axis=(1, 2))))
        np.testing.assert_allclose(total, 1.0, atol=1e-6)


def test_the_class_enters_every_gate_and_no_class_is_no_bias() -> None:
    network = make(num_classes=3)
    x = tf.zeros((4, 5, 6, 1), tf.int32)
    features = network.features_of(network.embed(x), tf.constant([-1, 0, 1, 2]))
    assert len({float(tf.reduce_sum(item)) for item in features}) == 4
    for block in network.blocks:
        block.class_bias.assign(tf.zeros_like(block.class_bias))
    without = network.features_of(network.embed(x), tf.constant([-1, 0, 1, 2]))
    np.testing.assert_array_equal(without[0], features[0])
    np.testing.assert_array_equal(without[0], without[3])


def test_the_mixture_has_3_parameters_a_component_for_one_channel_and_10_for_three() -> None:
    assert make(head=MIXTURE).head.outputs == 3 * 3
    assert make((5, 6, 3), head=MIXTURE).head.outputs == 10 * 3


def test_the_mixture_of_one_channel_is_that_of_the_likelihoods() -> None:
    network = make(head=MIXTURE)
    x = tf.constant(np.random.default_rng(2).integers(0, 256, (2, 5, 6, 1)), tf.int32)
    parameters = network(x, tf.constant([-1, -1]))
    expected = likelihoods.discretised_logistic_mixture_log_prob(
        network.embed(x)[:, :, :, 0, 0],
        parameters["logits"],
        parameters["means"][..., 0, :],
        parameters["log_scales"][..., 0, :],
    )
    np.testing.assert_allclose(network.head.log_prob(x, parameters), expected, rtol=1e-10)


def test_the_mean_of_blue_is_shifted_by_red_and_green() -> None:
    """PixelCNN++ eq. 3 by hand: mu_b + beta r + gamma g."""
    head = make((1, 1, 3), head=MIXTURE, components=1).head
    means = tf.constant([[0.1], [0.2], [0.3]], tf.float64)
    shares = tf.constant([[0.5], [0.25], [-0.5]], tf.float64)
    levels = tf.constant([[0.8], [-0.4], [99.0]], tf.float64)
    got = [float(head._mean(means, shares, levels, channel)[0]) for channel in range(3)]
    np.testing.assert_allclose(got, [0.1, 0.2 + 0.5 * 0.8, 0.3 + 0.25 * 0.8 + 0.5 * 0.4])


@pytest.mark.parametrize(("head", "channels"), list(itertools.product((SOFTMAX, MIXTURE), (1, 2))))
def test_levels_are_drawn_as_often_as_they_are_probable(head: str, channels: int) -> None:
    network, n = make((1, 1, channels), head=head), 40_000
    feature = tf.constant(np.random.default_rng(3).normal(size=(1, 16)))
    uniform = tf.constant(np.random.default_rng(4).random((n, network.head.draws)))
    drawn = network.head.draw(tf.repeat(feature, n, axis=0), uniform, tf.ones([n], tf.float64)).numpy()
    last = drawn[:, -1]
    # The distribution of the last channel, given the channels before it as they were drawn most often.
    before = np.array([np.bincount(drawn[:, channel]).argmax() for channel in range(channels - 1)], int)
    chosen = last[(drawn[:, :-1] == before).all(axis=1)]
    x = np.concatenate([np.tile(before, (network.levels, 1)), np.arange(network.levels)[:, None]], axis=1)
    x = tf.constant(x.reshape(-1, 1, 1, channels), tf.int32)
    features = tf.repeat(feature, network.levels, axis=0)[:, None, None, :]
    log_prob = network.head.log_prob(x, network.head(features, network.embed(x))).numpy().ravel()
    expected = np.exp(log_prob - np.logaddexp.reduce(log_prob))
    frequency = np.bincount(chosen, minlength=network.levels) / len(chosen)
    assert np.abs(np.cumsum(frequency) - np.cumsum(expected)).max() < 2.0 / np.sqrt(len(chosen))


@pytest.mark.parametrize("head", [SOFTMAX, MIXTURE])
def test_temperature_0_takes_the_likeliest_whatever_is_drawn(head: str) -> None:
    network = make((1, 1, 1), head=head)
    features = tf.repeat(tf.constant(np.random.default_rng(5).normal(size=(1, 16))), 100, axis=0)
    uniform = tf.constant(np.random.default_rng(6).random((100, network.head.draws)))
    cold = network.head.draw(features, uniform, tf.zeros([100], tf.float64)).numpy()
    warm = network.head.draw(features, uniform, tf.ones([100], tf.float64)).numpy()
    assert len(np.unique(cold)) == 1 < len(np.unique(warm))


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "gaussian"}, "head 'gaussian' is unknown; choose one of softmax, logistic_mixture"),
        ({"blocks": 0}, "blocks must be at least 1; got 0"),
        ({"head": MIXTURE, "levels": 17}, "the logistic mixture has 256 levels, got 17"),
    ],
)
def test_wrong_settings_name_the_rule(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GatedPixelCNN(image_shape=(4, 4, 1), **changes)


def test_all_layers_are_built() -> None:
    """A layer that is built late makes its variables outside of a strategy's scope."""
    layers: Callable = make(num_classes=2)._flatten_layers
    assert all(layer.built for layer in layers())

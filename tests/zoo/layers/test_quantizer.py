"""Vector quantisation, worked out by hand, and the mistakes of record in its bookkeeping."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.layers.quantizer import VectorQuantizer

# Three codes in the plane, and four vectors: two nearest to the first code, two to the second, none to the third.
CODES = [[0.0, 0.0], [4.0, 0.0], [0.0, 8.0]]
VECTORS = [[1.0, 0.0], [0.0, 1.0], [4.0, 1.0], [3.0, 1.0]]


def quantizer(codes: object = CODES, **settings: object) -> VectorQuantizer:
    """A quantiser with these codes that revives none, unless told to."""
    codes = np.asarray(codes, np.float32)
    layer = VectorQuantizer(len(codes), codes.shape[1], **{"revive_below": 0.0, **settings})
    layer.build()
    layer.codebook.assign(codes)
    return layer


def grid(vectors: object) -> tf.Tensor:
    """Vectors as the map of one image with one row."""
    return tf.constant(vectors, tf.float32)[None, None]


def learn(layer: VectorQuantizer, *batches: object) -> VectorQuantizer:
    @tf.function(autograph=False)
    def step(z: tf.Tensor) -> None:
        layer.update(z, layer(z).codes)

    for batch in batches:
        step(grid(batch))
    return layer


# --- quantising -----------------------------------------------------------------------------------------------


def test_a_vector_becomes_its_nearest_code() -> None:
    quantised = quantizer()(grid(VECTORS))
    np.testing.assert_array_equal(quantised.codes, [[[0, 0, 1, 1]]])
    np.testing.assert_array_equal(quantised.vectors[0, 0], [CODES[0], CODES[0], CODES[1], CODES[1]])
    assert quantised.codes.dtype == tf.int32


def test_of_equally_near_codes_the_first_is_taken() -> None:
    np.testing.assert_array_equal(quantizer()(grid([[2.0, 0.0]])).codes, [[[0]]])


def test_what_is_decoded_is_the_code_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    layer = quantizer(rng.normal(size=(8, 5)))
    quantised = layer(tf.constant(1000.0 * rng.normal(size=(2, 3, 3, 5)), tf.float32))
    np.testing.assert_array_equal(quantised.vectors, layer.lookup(quantised.codes))


def test_the_gradient_passes_straight_through() -> None:
    """d loss / d z is d loss / d vectors itself: not zero, and not what the distance would give."""
    layer, z = quantizer(), tf.Variable(grid(VECTORS))
    weight = tf.constant([[[[1.0, -2.0], [3.0, 0.5], [0.0, 7.0], [-1.0, 1.0]]]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weight * layer(z).vectors ** 2)
    vectors = layer(z).vectors
    np.testing.assert_allclose(tape.gradient(loss, z), 2.0 * weight * vectors)


def test_the_two_distances_are_one_number_and_pull_opposite_ends() -> None:
    layer, z = quantizer(updates="gradient"), tf.Variable(grid(VECTORS))
    with tf.GradientTape(persistent=True) as tape:
        quantised = layer(z)
    # Squared distances 1, 1, 1, 2 over 4 vectors of length 2.
    np.testing.assert_allclose(quantised.commitment, [5 / 8])
    np.testing.assert_allclose(quantised.codebook, [5 / 8])
    difference = np.array(VECTORS) - np.array(CODES)[[0, 0, 1, 1]]
    np.testing.assert_allclose(tape.gradient(quantised.commitment, z)[0, 0], 2 * difference / 8)
    assert tape.gradient(quantised.commitment, layer.codebook.value) is None
    assert tape.gradient(quantised.codebook, z) is None
    pull = tf.convert_to_tensor(tape.gradient(quantised.codebook, layer.codebook.value))
    np.testing.assert_allclose(pull, [2 * np.array([-1.0, -1.0]) / 8, 2 * np.array([1.0, -2.0]) / 8, [0, 0]])


def test_quantising_changes_nothing() -> None:
    """The codebook moves in `update` alone: a batch is quantised with the codebook from before it."""
    layer = quantizer()
    before = [weight.numpy() for weight in layer.weights]
    layer(grid(VECTORS))
    for old, new in zip(before, layer.weights, strict=True):
        np.testing.assert_array_equal(old, new)


# --- moving averages ------------------------------------------------------------------------------------------


def test_the_first_update_is_the_mean_of_what_chose_each_code() -> None:
    """The averages start empty. Without dividing by their gathered weight, counts of nothing throw codes to infinity
    or to the origin (keras-hub's residual quantiser); here a code that nothing chose stays where it is.
    """
    layer = learn(quantizer(), VECTORS)
    np.testing.assert_allclose(layer.codebook, [[0.5, 0.5], [3.5, 1.0], CODES[2]], rtol=1e-4)
    np.testing.assert_allclose(layer.usage, [2, 2, 0], rtol=1e-5)


def test_two_updates_by_hand() -> None:
    """Weights 0.9 x 0.1 and 0.1, over the 1 - 0.9^2 gathered."""
    second = [[0.0, 3.0], [4.0, 3.0], [4.0, 5.0], [4.0, 1.0]]  # one for the first code, three for the second
    layer = learn(quantizer(decay=0.9), VECTORS, second)
    old, new = 0.09 / 0.19, 0.1 / 0.19
    np.testing.assert_allclose(layer.usage, [2 * old + new, 2 * old + 3 * new, 0], rtol=1e-5)
    first = (old * np.array([1.0, 1.0]) + new * np.array([0.0, 3.0])) / (2 * old + new)
    other = (old * np.array([7.0, 2.0]) + new * np.array([12.0, 9.0])) / (2 * old + 3 * new)
    np.testing.assert_allclose(layer.codebook[:2], [first, other], rtol=1e-4)


def test_counts_are_smoothed_towards_each_other() -> None:
    """(n + eps) / (total + K eps) total in place of n (Laplace), with an eps large enough to see."""
    layer = learn(quantizer(epsilon=1.0), VECTORS)
    smoothed = (2 + 1) / (4 + 3) * 4
    np.testing.assert_allclose(layer.codebook[:2], np.array([[1.0, 1.0], [7.0, 2.0]]) / smoothed, rtol=1e-5)


def test_a_code_that_nothing_chooses_any_more_keeps_its_place() -> None:
    layer = learn(quantizer(), VECTORS, *[VECTORS[:2]] * 100)
    np.testing.assert_allclose(layer.codebook[1], [3.5, 1.0], rtol=0.01)
    assert np.abs(layer.codebook).max() <= 8.0


def test_codes_find_every_cluster() -> None:
    rng = np.random.default_rng(1)
    centres = np.array([[5.0, 5.0], [-5.0, 5.0], [-5.0, -5.0], [5.0, -5.0]])
    batches = [centres[rng.integers(0, 4, 64)] + 0.1 * rng.normal(size=(64, 2)) for _ in range(60)]
    # Without revival the seven codes that start far out would be nearest to nothing for ever.
    start = [[0.0, 0.0], *([90.0, float(place)] for place in range(7))]
    layer = learn(quantizer(start, revive_below=0.1, decay=0.9), *batches)
    distance = np.linalg.norm(layer.codebook.numpy()[None] - centres[:, None], axis=-1).min(axis=1)
    assert distance.max() < 0.2
    assert float(layer.perplexity) > 3.9


# --- revival --------------------------------------------------------------------------------------------------


def test_a_dead_code_is_put_onto_a_vector_of_the_batch_and_starts_anew_there() -> None:
    layer = learn(quantizer(decay=0.5, revive_below=0.1), [CODES[2]] * 4)
    while layer.codebook.numpy()[2, 1] > 7.0:  # As long as its past keeps it alive.
        learn(layer, VECTORS)
    place = layer.codebook.numpy()[2]
    assert place.tolist() in VECTORS
    # Averages that had kept that past would pull it back at the next update, in which nothing chooses it.
    layer.update(grid(VECTORS), tf.constant([[[0, 0, 1, 1]]]))
    np.testing.assert_allclose(layer.codebook[2], place, rtol=1e-4)


def test_living_codes_are_left_alone_by_a_revival() -> None:
    with_revival, without = learn(quantizer(revive_below=0.3), VECTORS), learn(quantizer(), VECTORS)
    np.testing.assert_array_equal(with_revival.codebook[:2], without.codebook[:2])
    assert (with_revival.codebook[2].numpy() != without.codebook[2].numpy()).any()


def test_the_first_update_takes_the_codebook_from_the_batch() -> None:
    """From a codebook far off, all codes but the one that is nearest to everything become different vectors."""
    batch = np.random.default_rng(2).normal(size=(100, 4)) + 10.0
    layer = learn(quantizer(np.random.default_rng(3).normal(size=(32, 4)), revive_below=0.05), batch)
    on_data = {tuple(row) for row in layer.codebook.numpy()} & {
        tuple(row) for row in batch.astype(np.float32)
    }
    assert len(on_data) >= 28
    assert len(np.unique(layer(grid(batch)).codes)) >= 28


def test_fewer_vectors_than_codes_are_enough() -> None:
    layer = learn(quantizer(np.zeros((5, 2)), revive_below=0.1), [[1.0, 2.0], [3.0, 4.0]])
    assert np.isfinite(layer.codebook).all()
    assert {tuple(row) for row in layer.codebook.numpy()[1:]} == {(1.0, 2.0), (3.0, 4.0)}


def test_a_revival_repeats_itself() -> None:
    first, second = (learn(quantizer(revive_below=0.3), VECTORS) for _ in range(2))
    np.testing.assert_array_equal(first.codebook, second.codebook)


# --- by gradient ----------------------------------------------------------------------------------------------


def test_by_gradient_only_dead_codes_are_moved_by_an_update() -> None:
    layer = learn(quantizer(updates="gradient", revive_below=0.3), VECTORS)
    np.testing.assert_array_equal(layer.codebook[:2], CODES[:2])
    assert layer.codebook.numpy()[2].tolist() in VECTORS


def test_by_gradient_the_codebook_loss_leads_codes_to_the_means() -> None:
    layer = quantizer(updates="gradient")
    optimizer = keras.optimizers.SGD(0.5)
    for _ in range(60):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(grid(VECTORS)).codebook)
        optimizer.apply(tape.gradient(loss, layer.trainable_variables), layer.trainable_variables)
    np.testing.assert_allclose(layer.codebook, [[0.5, 0.5], [3.5, 1.0], CODES[2]], atol=1e-3)


# --- the layer ------------------------------------------------------------------------------------------------


def test_perplexity_by_hand() -> None:
    layer = learn(quantizer(), VECTORS)
    np.testing.assert_allclose(layer.perplexity, 2.0, rtol=1e-5)
    uneven = learn(quantizer(), [VECTORS[0]] * 3 + [VECTORS[2]])
    np.testing.assert_allclose(
        uneven.perplexity, np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)), rtol=1e-5
    )


@pytest.mark.parametrize(("updates", "trained"), [("ema", []), ("gradient", ["codebook"])])
def test_keras_tracks_the_codebook_and_trains_it_by_gradient_only(updates: str, trained: list[str]) -> None:
    """A bare tf.Variable would be missing here, and from every saved file."""
    layer = quantizer(updates=updates)
    assert [weight.name for weight in layer.trainable_weights] == trained
    names = {weight.name for weight in layer.weights}
    assert {"codebook", "count_average", "update_count"} <= names
    assert ("sum_average" in names) == (updates == "ema")


def test_config_round_trip() -> None:
    layer = quantizer(updates="gradient", decay=0.7, epsilon=0.1)
    assert VectorQuantizer.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 1}, "a codebook needs at least 2 codes of length 1; got 1 of length 2"),
        ({"updates": "adam"}, "updates 'adam' is unknown; choose one of ema, gradient"),
        ({"decay": 1.0}, r"decay must lie in \[0, 1\); got 1.0"),
        ({"revive_below": -0.1}, r"revive_below must lie in \[0, 1\); got -0.1"),
    ],
)
def test_wrong_settings_name_the_field_and_the_rule(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VectorQuantizer(**{"size": 4, "dim": 2, **settings})

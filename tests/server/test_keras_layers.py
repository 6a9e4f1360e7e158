"""What the layers of Keras come to in a SavedModel is allowed, but for those that look words up."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pixelzoo.v1 import image_pb2
from pixelzoo.v1.model_pb2 import ModelSelector
from pixelzoo.v1.sampling_service_pb2 import SampleRequest
from zoo_server.repository.contract import ContractError
from zoo_server.repository.operations import check_operations
from zoo_server.repository.repository import Repository

LAYERS = keras.layers
SEQUENCE, PICTURE, WORDS = (6, 4), (8, 8, 3), (6,)
RANKS = (1, 2, 3)


def over(shape, *layers, dtype="float32", inputs=1):
    """A model of these layers, the first of which takes the input as often as it has `inputs`."""
    tensor = given = keras.Input(shape, dtype=dtype)
    for index, layer in enumerate(layers):
        tensor = layer([tensor] * inputs if inputs > 1 and not index else tensor)
    return keras.Model(given, tensor)


def space(rank):
    return (*[8] * rank, 2)


def convolutions():
    for rank in RANKS:
        yield over(space(rank), getattr(LAYERS, f"Conv{rank}D")(2, 3, padding="same"))
        yield over(space(rank), getattr(LAYERS, f"Conv{rank}DTranspose")(2, 3, strides=2))
        yield over((3, *space(rank)), getattr(LAYERS, f"ConvLSTM{rank}D")(2, 3))
    for rank in RANKS[:2]:
        yield over(space(rank), getattr(LAYERS, f"SeparableConv{rank}D")(2, 3))
        yield over(space(rank), getattr(LAYERS, f"DepthwiseConv{rank}D")(3, dilation_rate=2))


def pooling_and_shapes():
    for rank in RANKS:
        for name in ("MaxPooling", "AveragePooling"):
            yield over(space(rank), getattr(LAYERS, f"{name}{rank}D")(2))
        for name in ("GlobalMaxPooling", "GlobalAveragePooling", "UpSampling", "ZeroPadding", "Cropping"):
            yield over(space(rank), getattr(LAYERS, f"{name}{rank}D")())
    for layer in (LAYERS.Flatten(), LAYERS.Permute((2, 1)), LAYERS.Reshape((4, 6)), LAYERS.Identity()):
        yield over(SEQUENCE, layer)
    yield over(WORDS, LAYERS.RepeatVector(3))
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
        yield over(WORDS, getattr(LAYERS, name)(), inputs=2)
    yield over(WORDS, LAYERS.Dot(1), inputs=2)


def recurrences():
    yield over(SEQUENCE, LAYERS.SimpleRNN(3, unroll=True))
    for kind in (LAYERS.LSTM, LAYERS.GRU):
        yield over(SEQUENCE, LAYERS.Bidirectional(kind(3, return_sequences=True)))
        yield over(WORDS, LAYERS.Embedding(9, 4, mask_zero=True), kind(3), dtype="int32")
    yield over(SEQUENCE, LAYERS.Masking(), LAYERS.LSTM(3, go_backwards=True))
    yield over(SEQUENCE, LAYERS.RNN(LAYERS.StackedRNNCells([LAYERS.LSTMCell(3), LAYERS.GRUCell(3)])))
    yield over(SEQUENCE, LAYERS.TimeDistributed(LAYERS.Dense(2)))


def attention():
    given = keras.Input(SEQUENCE)
    yield keras.Model(given, LAYERS.MultiHeadAttention(2, 4)(given, given, use_causal_mask=True))
    yield keras.Model(given, LAYERS.GroupQueryAttention(4, 2, 1)(given, given))
    yield over(SEQUENCE, LAYERS.Attention(), inputs=2)
    yield over(SEQUENCE, LAYERS.AdditiveAttention(), inputs=2)


def dense_normal_and_noisy():
    yield over(WORDS, LAYERS.Dense(3))
    yield over(SEQUENCE, LAYERS.EinsumDense("abc,cd->abd", (None, 5)))
    for name in ("BatchNormalization", "LayerNormalization", "UnitNormalization", "RMSNormalization"):
        yield over(PICTURE, getattr(LAYERS, name)())
    yield over(PICTURE, LAYERS.GroupNormalization(3))
    yield over(PICTURE, LAYERS.SpectralNormalization(LAYERS.Conv2D(2, 3)))
    yield over(WORDS, LAYERS.Normalization(mean=0.0, variance=1.0))
    for name in ("Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "SpatialDropout1D"):
        yield over(SEQUENCE, getattr(LAYERS, name)(0.2))


def activations():
    for name in ("ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"):
        yield over(WORDS, getattr(LAYERS, name)())
    names = "selu softplus softsign tanh sigmoid silu gelu hard_sigmoid hard_silu mish relu6 log_softmax glu sparsemax"
    for name in names.split():
        yield over(WORDS, LAYERS.Activation(name))


def pictures():
    for how in ("nearest", "bilinear", "area", "lanczos3"):
        yield over(PICTURE, LAYERS.Resizing(5, 7, interpolation=how))
    yield over(PICTURE, LAYERS.Resizing(5, 7, crop_to_aspect_ratio=True))
    yield over(PICTURE, LAYERS.Resizing(5, 7, pad_to_aspect_ratio=True))
    yield over(PICTURE, LAYERS.UpSampling2D(interpolation="bicubic"), LAYERS.CenterCrop(4, 4))
    yield over(PICTURE, LAYERS.Rescaling(1 / 255))
    yield over((400,), LAYERS.MelSpectrogram(fft_length=64, sampling_rate=800, num_mel_bins=8))


def numbers():
    yield over(WORDS, LAYERS.Embedding(9, 4), dtype="int32")
    yield over(WORDS, LAYERS.Discretization([0.0, 1.0]))
    for mode in ("multi_hot", "count"):
        yield over(WORDS, LAYERS.CategoryEncoding(5, mode), dtype="int32")
    yield over(WORDS, LAYERS.Hashing(5), dtype="int64")


KINDS = (
    convolutions,
    pooling_and_shapes,
    recurrences,
    attention,
    dense_normal_and_noisy,
    activations,
    pictures,
    numbers,
)


def save(folder, models):
    """One SavedModel with a signature for each of the models."""
    module = tf.Module()
    module.models = list(models)
    signatures = {}
    for index, model in enumerate(module.models):
        [spec] = [tf.TensorSpec(tensor.shape, tensor.dtype, "x") for tensor in model.inputs]
        run = tf.function(lambda x, model=model: {"y": model(x, training=False)})
        signatures[f"{index}_{model.layers[-1].name}"] = run.get_concrete_function(x=spec)
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_allowed(tmp_path, kind):
    check_operations(save(tmp_path, kind()))


@pytest.mark.parametrize(
    ("layer", "dtype", "operation"),
    [
        (lambda: LAYERS.StringLookup(vocabulary=["a"]), "string", "HashTableV2|LookupTable"),
        (lambda: LAYERS.IntegerLookup(vocabulary=[1, 2]), "int64", "HashTableV2|LookupTable"),
        (lambda: LAYERS.TextVectorization(vocabulary=["a"]), "string", "HashTableV2|LookupTable|String"),
    ],
    ids=["words", "whole numbers", "text"],
)
def test_lookup_tables_and_text_are_not(tmp_path, layer, dtype, operation):
    """Tables are resources that read files, and no picture is made of text."""
    with pytest.raises(ContractError, match=operation):
        check_operations(save(tmp_path, [over((1,), layer(), dtype=dtype)]))


def test_a_recurrent_network_is_served(handmade, start_server, connect, tmp_path):
    keras.utils.set_random_seed(1)
    network = over(SEQUENCE, LAYERS.GRU(8, return_sequences=True), LAYERS.LSTM(16), LAYERS.Activation("tanh"))
    module = tf.Module()
    module.network = network

    def sample(seed):
        drawn = handmade.noise(seed, tf.fill(tf.shape(seed), -1), list(SEQUENCE))
        return {"image": handmade.to_pixels(tf.reshape(network(drawn, training=False), [-1, 4, 4, 1]))}

    card = handmade.card("recurrent", "dcgan", 4, 4, 1, capabilities=[{"kind": "CAPABILITY_KIND_SAMPLE"}])
    handmade.write(tmp_path, card, {"sample": handmade.concrete(sample, handmade.SEED)}, module)
    api = connect(start_server(Repository.load(tmp_path)).address)
    request = SampleRequest(
        model=ModelSelector(name="recurrent"), count=3, seed=5, encoding=image_pb2.IMAGE_ENCODING_RAW
    )
    images = [np.frombuffer(one.image.raw.data, np.uint8) for one in api.sampling.Sample(request).images]
    expected = sample(tf.constant([5, 6, 7], tf.int64))["image"].numpy().reshape(3, 16)
    assert np.abs(np.stack(images).astype(int) - expected).max() <= 1
    assert len(np.unique(expected)) > 10

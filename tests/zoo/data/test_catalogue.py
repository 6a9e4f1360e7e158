"""Sources of tensorflow-datasets: small datasets defined and registered here, so that nothing is downloaded."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core import constants

import zoo.data
from zoo.data import catalogue, splits


class PixelzooPictures(tfds.core.GeneratorBasedBuilder):
    """Thirty training and ten test pictures of two kinds."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(6, 4, 3)),
                    "label": tfds.features.ClassLabel(names=["cat", "dog"]),
                }
            ),
            homepage="https://pictures.example/",
            description="Pictures.",
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(0, 30), "test": self._generate_examples(30, 40)}

    def _generate_examples(self, first, last):
        for value in range(first, last):
            yield value, {"image": np.full((6, 4, 3), value, np.uint8), "label": value % 2}


class PixelzooMixedSizes(tfds.core.GeneratorBasedBuilder):
    """Pictures of different sizes, without classes and without a test split."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(None, None, 1))})
        )

    def _split_generators(self, dl_manager):
        return {"trainA": self._generate_examples(20), "trainB": self._generate_examples(3)}

    def _generate_examples(self, count):
        for value in range(count):
            yield value, {"image": np.full((4 + value % 3, 8, 1), value, np.uint8)}


class PixelzooNumbers(tfds.core.GeneratorBasedBuilder):
    """No pictures at all."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"value": np.float32, "label": np.int64})
        )

    def _split_generators(self, dl_manager):
        raise AssertionError("a dataset without pictures is not prepared")

    def _generate_examples(self):
        raise AssertionError


class PixelzooUnreachable(PixelzooPictures):
    """A dataset whose download fails."""

    def _split_generators(self, dl_manager):
        raise OSError("the server is gone")


@pytest.fixture(scope="module", autouse=True)
def data_folder(tmp_path_factory):
    """Where tensorflow-datasets keeps what it prepares, during these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "DATA_DIR", str(tmp_path_factory.mktemp("tensorflow_datasets")))
        yield


def labels_by_value(data, split):
    images, labels = data.arrays(split)
    return {int(image[0, 0, 0]): int(label) for image, label in zip(images, labels, strict=True)}


def test_a_dataset_by_its_name():
    data = zoo.data.load("pixelzoo_pictures")
    assert data.image_shape == (6, 4, 3)
    assert data.class_names == ("cat", "dog")
    assert data.uri == "https://pictures.example/"
    assert labels_by_value(data, "train") == {value: value % 2 for value in range(30)}
    assert labels_by_value(data, "test") == {value: value % 2 for value in range(30, 40)}
    batch = next(data.train(8, seed=1).as_numpy_iterator())
    assert batch["image"].shape == (8, 6, 4, 3)
    np.testing.assert_array_equal(np.diff(batch["seed"]), 1)


def test_a_large_dataset_is_streamed_and_resumes_exactly(monkeypatch):
    monkeypatch.setattr(splits, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(splits, "WINDOW_BYTES", 720)  # ten pictures
    data = zoo.data.load("pixelzoo_pictures")
    assert labels_by_value(data, "train") == {value: value % 2 for value in range(30)}
    whole = list(data.train(8, seed=4, epochs=3).as_numpy_iterator())
    tf.random.set_seed(0)  # what else the program seeds makes no difference
    rest = list(data.train(8, seed=4, epochs=3, start_step=5).as_numpy_iterator())
    assert len(whole) == 9
    for expected, found in zip(whole[5:], rest, strict=True):
        for key in expected:
            np.testing.assert_array_equal(expected[key], found[key])


def test_sizes_are_made_equal_and_splits_chosen():
    data = zoo.data.load(
        "pixelzoo_mixed_sizes", size=2, train_split="trainA[:90%]", test_split="trainA[90%:]"
    )
    assert data.image_shape == (2, 2, 1)
    assert data.num_classes == 0
    assert labels_by_value(data, "train") | labels_by_value(data, "test") == dict.fromkeys(range(20), -1)
    assert (data.train_size, data.test_size) == (18, 2)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (
            "fashon_mnist",
            {},
            "unknown data source 'fashon_mnist'. Did you mean fashion_mnist.*fashion_mnist, photos, folder:PATH",
        ),
        ("pixelzoo_numbers", {}, "has no feature 'image'; it has value, label. Choose an image dataset"),
        ("pixelzoo_mixed_sizes", {}, "have different sizes; set data.size=64"),
        (
            "pixelzoo_mixed_sizes",
            {"size": 4},
            "has no split 'train'; it has trainA, trainB. Name one with data.train_split",
        ),
        (
            "pixelzoo_mixed_sizes",
            {"size": 4, "train_split": "trainA"},
            "has no split 'test'; it has trainA, trainB. Name one with data.test_split",
        ),
        (
            "pixelzoo_pictures",
            {"train_split": "train", "test_split": "train[50%:]"},
            r"'train' and data.test_split 'train\[50%:\]' of pixelzoo_pictures share images",
        ),
        (
            "pixelzoo_pictures",
            {"test_split": "test[:0]"},
            r"the split 'test\[:0\]' of pixelzoo_pictures is empty",
        ),
        (
            "pixelzoo_unreachable",
            {},
            "could not be downloaded and prepared: the server is gone. Check the network",
        ),
        ("digits", {"size": 4}, "data.size does not apply to 'digits'"),
        ("digits", {"train_split": "train"}, "data.train_split does not apply to 'digits'"),
        ("folder:/tmp", {"test_split": "test"}, "data.test_split does not apply"),
        ("digits", {"size": -1}, "data.size must be at least 0; got -1"),
    ],
)
def test_what_cannot_be_had_is_said_with_the_remedy(source, options, message):
    with pytest.raises(zoo.data.DataError, match=message):
        zoo.data.load(source, **options)


def test_without_debians_files_fashion_mnist_is_a_download_whose_failure_names_the_package(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PIXELZOO_FASHION_MNIST", str(tmp_path))
    monkeypatch.setattr(catalogue, "_resolves", lambda host: False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        zoo.data.DataError, match=r"no network: .* cannot be found. .*apt-get install dataset-fashion-mnist"
    ):
        zoo.data.load("fashion_mnist")

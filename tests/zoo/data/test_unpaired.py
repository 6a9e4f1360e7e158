"""Two domains side by side: two classes of one source, or two sources."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core import constants

import zoo.data
from zoo.data import splits
from zoo.training.presets import check_preset


class PixelzooPairs(tfds.core.GeneratorBasedBuilder):
    """Two domains in four splits, as in `cycle_gan/horse2zebra`."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(names=["A", "B"]),
                }
            )
        )

    def _split_generators(self, dl_manager):
        return {
            "trainA": self._generate_examples("A", 0, 7),
            "trainB": self._generate_examples("B", 100, 112),
            "testA": self._generate_examples("A", 50, 53),
            "testB": self._generate_examples("B", 150, 152),
        }

    def _generate_examples(self, label, first, last):
        for value in range(first, last):
            yield value, {"image": np.full((4 + value % 2, 6, 3), value, np.uint8), "label": label}


HORSE_TO_ZEBRA = {
    "train_split": "trainA+trainB",
    "test_split": "testA+testB",
    "domain_a": "A",
    "domain_b": "B",
    "size": 4,
}


@pytest.fixture(scope="module", autouse=True)
def data_folder(tmp_path_factory):
    """Where tensorflow-datasets keeps what it prepares, during these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "DATA_DIR", str(tmp_path_factory.mktemp("tensorflow_datasets")))
        yield


@pytest.fixture(scope="module")
def digits():
    """Threes to eights: 140 training images of domain A, 129 of domain B."""
    return zoo.data.load("digits", domain_a="3", domain_b="8")


def write(folder, count, first=0, size=(5, 5), mode="L"):
    folder.mkdir(parents=True)
    for value in range(first, first + count):
        Image.new(mode, size, value if mode == "L" else (value, 0, 255)).save(folder / f"{value}.png")


def values(images):
    return [int(image[0, 0, 0]) for image in images]


def test_two_classes_of_one_source(digits):
    whole = zoo.data.load("digits")
    assert digits.class_names == digits.domains == ("3", "8")
    assert whole.domains == ()
    assert digits.name == "digits"
    assert digits.image_shape == (8, 8, 1)
    for split in ("train", "test"):
        images, labels = whole.arrays(split)
        domains, domain = digits.arrays(split)
        np.testing.assert_array_equal(domains[domain == 0], images[labels == 3])
        np.testing.assert_array_equal(domains[domain == 1], images[labels == 8])
    threes, eights = ((whole.arrays("train")[1] == digit).sum() for digit in (3, 8))
    assert digits.train_size == max(threes, eights)
    assert digits.train_images == threes + eights
    assert digits.splits.startswith(f"A: 3, {threes} to train on")


def test_a_batch_is_one_image_of_each_domain(digits):
    batch = next(digits.train(16, seed=3).as_numpy_iterator())
    assert {name: (value.dtype.name, value.shape) for name, value in batch.items()} == {
        "image": ("uint8", (16, 8, 8, 1)),
        "target": ("uint8", (16, 8, 8, 1)),
        "label": ("int32", (16,)),
        "seed": ("int64", (16,)),
    }
    np.testing.assert_array_equal(np.diff(batch["seed"]), 1)
    images, domain = digits.arrays("train")
    for name, place in (("image", 0), ("target", 1)):
        own = {image.tobytes() for image in images[domain == place]}
        assert all(image.tobytes() in own for image in batch[name])


def test_each_domain_is_shuffled_on_its_own_and_anew_in_each_epoch(tmp_path):
    for part in ("train", "test"):
        write(tmp_path / part / "a", 40)
        write(tmp_path / part / "b", 40, first=100)
    data = zoo.data.load(f"folder:{tmp_path}", domain_a="a", domain_b="b")
    batches = list(data.train(20, seed=1, epochs=2).as_numpy_iterator())
    image = np.concatenate([values(batch["image"]) for batch in batches])
    target = np.concatenate([values(batch["target"]) for batch in batches]) - 100
    for domain in (image, target):
        assert sorted(domain[:40]) == sorted(domain[40:]) == list(range(40))
        assert list(domain[:40]) != list(domain[40:])
    # Of 80 meetings, two of the same pair are to be expected by chance; with one order for both it would be 40.
    assert len(set(zip(image, target, strict=True))) > 70


@pytest.mark.parametrize("in_memory", [True, False])
def test_the_stream_resumes_anywhere_and_the_smaller_domain_begins_again(tmp_path, monkeypatch, in_memory):
    for part in ("train", "test"):
        write(tmp_path / part / "a", 30)
        write(tmp_path / part / "b", 12, first=100)
    if not in_memory:
        monkeypatch.setattr(splits, "IN_MEMORY_BYTES", 0)
        monkeypatch.setattr(splits, "WINDOW_BYTES", 250)  # ten pictures
    data = zoo.data.load(f"folder:{tmp_path}", domain_a="a", domain_b="b")
    assert data.train_size == 30
    whole = list(data.train(6, seed=5, epochs=2).as_numpy_iterator())
    assert len(whole) == 10
    seen = np.concatenate([values(batch["target"]) for batch in whole])
    assert all((seen == 100 + value).sum() == 5 for value in range(12))
    for start in (0, 3, 7):
        rest = list(data.train(6, seed=5, epochs=2, start_step=start).as_numpy_iterator())
        for expected, found in zip(whole[start:], rest, strict=True):
            for name in expected:
                np.testing.assert_array_equal(expected[name], found[name])
    other = next(data.train(6, seed=6, epochs=2).as_numpy_iterator())
    assert values(other["image"]) != values(whole[0]["image"])
    assert values(other["target"]) != values(whole[0]["target"])


def test_two_sources_and_a_class_of_one(tmp_path):
    for part in ("train", "test"):
        write(tmp_path / "horses" / part / "wild", 5)
        write(tmp_path / "horses" / part / "tame", 3, first=20)
        write(tmp_path / "zebras" / part, 8, first=100)
    horses, zebras = f"folder:{tmp_path / 'horses'}", f"folder:{tmp_path / 'zebras'}"
    both = zoo.data.load(horses, source_b=zebras)
    assert both.domains == ("horses", "zebras")
    assert both.name == "folder:horses + folder:zebras"
    assert (both.train_size, both.train_images) == (8, 16)
    tame = zoo.data.load(horses, source_b=zebras, domain_a="tame")
    assert tame.domains == ("tame", "zebras")
    images, domain = tame.arrays("train")
    assert sorted(values(images[domain == 0])) == [20, 21, 22]


def test_every_test_image_of_both_domains_comes_in_order(tmp_path):
    for part, count in (("train", 4), ("test", 5)):
        write(tmp_path / part / "a", count)
        write(tmp_path / part / "b", count - 2, first=100)
    data = zoo.data.load(f"folder:{tmp_path}", domain_a="a", domain_b="b")
    batches = list(data.test(3).as_numpy_iterator())
    assert [values(batch["image"]) for batch in batches] == [[0, 1, 2], [3, 4]]
    assert [values(batch["target"]) for batch in batches] == [[100, 101, 102], [100, 101]]
    assert np.concatenate([batch["seed"] for batch in batches]).tolist() == [0, 1, 2, 3, 4]
    assert (data.test_size, data.test_images) == (5, 8)


@pytest.mark.parametrize("in_memory", [True, False])
def test_four_splits_of_a_dataset_as_in_horse2zebra(monkeypatch, in_memory):
    if not in_memory:
        monkeypatch.setattr(splits, "IN_MEMORY_BYTES", 0)
    data = zoo.data.load("pixelzoo_pairs", **HORSE_TO_ZEBRA)
    assert data.domains == ("A", "B")
    assert data.image_shape == (4, 4, 3)
    for split, a, b in (("train", range(7), range(100, 112)), ("test", range(50, 53), range(150, 152))):
        images, domain = data.arrays(split)
        assert sorted(values(images[domain == 0])) == list(a)
        assert sorted(values(images[domain == 1])) == list(b)


def test_images_held_out_come_from_the_end_of_both_domains(digits):
    rest = digits.hold_out(10)
    assert rest.train_size == digits.train_size - 10
    batch = next(rest.validation(10).as_numpy_iterator())
    images, domain = digits.arrays("train")
    np.testing.assert_array_equal(batch["image"], images[domain == 0][-10:])
    np.testing.assert_array_equal(batch["target"], images[domain == 1][-10:])


def test_what_cannot_be_paired_is_said_with_the_remedy(tmp_path, digits):
    for part in ("train", "test"):
        write(tmp_path / "flat" / part, 3, size=(8, 8))
        write(tmp_path / "wide" / part, 3, size=(9, 8))
        write(tmp_path / "colour" / part, 3, size=(8, 8), mode="RGB")
    write(tmp_path / "half" / "train" / "a", 2)
    write(tmp_path / "half" / "train" / "b", 2)
    write(tmp_path / "half" / "test" / "a", 2)
    flat, wide, colour = (f"folder:{tmp_path / name}" for name in ("flat", "wide", "colour"))
    for options, message in (
        ({"domain_a": "3"}, "two domains take two names: set data.domain_a and data.domain_b"),
        ({"domain_a": "3", "domain_b": "ate"}, "data.domain_b: digits has no class 'ate'.* It has 0, 1, 2"),
        (
            {"domain_a": "3", "domain_b": "3"},
            "both domains are the class '3' of 'digits'; name another class",
        ),
        ({"source_b": flat, "domain_b": "x"}, "data.domain_b: folder:flat has no class 'x'. It has none at"),
        ({"source_b": wide}, "digits has images 8x8x1, and folder:wide 8x9x1; set data.size=64"),
        ({"source_b": colour}, "and folder:colour 8x8x3; bring both to grey or both to RGB"),
        ({"source_b": "digits"}, "both domains are all of 'digits'"),
    ):
        with pytest.raises(zoo.data.DataError, match=message):
            zoo.data.load("digits", **options)
    with pytest.raises(zoo.data.DataError, match="the class 'b' of folder:half has no images to test on"):
        zoo.data.load(f"folder:{tmp_path / 'half'}", domain_a="a", domain_b="b")
    with pytest.raises(zoo.data.DataError, match=r"cannot hold out 135 of the .* images of domain B"):
        digits.hold_out(135)


def test_a_close_name_is_suggested():
    with pytest.raises(zoo.data.DataError, match=r"no class 'Ankle boots'\. Did you mean 'Ankle boot'"):
        zoo.data.load("fashion_mnist", domain_a="Sneaker", domain_b="Ankle boots")


def test_a_preset_names_the_domains():
    preset = check_preset(
        {
            "name": "pairs",
            "title": "Threes to eights",
            "family": "vae",
            "data": {"source": "digits", "domain_a": "3", "domain_b": "8"},
            "train": {"epochs": 1, "batch_size": 1},
        }
    )
    assert zoo.data.load(**preset.data_options()).domains == ("3", "8")

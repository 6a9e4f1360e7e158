import shutil

import numpy as np
import pytest

import zoo
from zoo.metrics import extractor, frechet
from zoo.metrics.extractor import ExtractorError, find, load


@pytest.fixture(scope="module")
def digits():
    return zoo.data.load("digits")


@pytest.fixture(scope="module")
def space(digits):
    return find("digits", digits.image_shape)


def test_a_bundled_classifier_knows_the_test_split(space, digits):
    image, label = digits.arrays("test")
    view = space(image)
    assert view.features.shape == (len(image), 64)
    assert view.probabilities.sum(axis=1) == pytest.approx(np.ones(len(image)), abs=1e-5)
    assert (view.classes == label).mean() == pytest.approx(space.accuracy, abs=0.005)
    assert space.accuracy > 0.93
    assert space.class_names == digits.class_names


def test_a_distance_in_it_is_not_called_fid(space):
    assert space.distance == "frechet_classifier_distance"
    assert space.score == "classifier_score"
    assert space.digest in (extractor.BUNDLED / extractor.SUMS).read_text()
    assert str(space) == f"digits classifier {space.digest[:12]}"


def test_real_images_are_near_and_noise_is_far(space, digits):
    (train, _), (test, _) = digits.arrays("train"), digits.arrays("test")
    noise = np.random.default_rng(0).integers(0, 256, test.shape, np.uint8)
    reference = frechet.fit(space(test).features)
    real, far = (frechet.distance(frechet.fit(space(image).features), reference) for image in (train, noise))
    assert real < far / 5


@pytest.mark.parametrize("path", sorted(extractor.BUNDLED.glob("*.npz")), ids=lambda path: path.stem)
def test_every_bundled_file_is_small_and_the_one_that_was_bundled(path):
    assert path.stat().st_size < 500_000
    extractor._check_sum(path)


def test_a_bundled_file_that_was_changed_is_refused(monkeypatch, tmp_path, digits):
    for name in ("digits.npz", extractor.SUMS):
        shutil.copy(extractor.BUNDLED / name, tmp_path)
    monkeypatch.setattr(extractor, "BUNDLED", tmp_path)
    assert find("digits", digits.image_shape)
    with (tmp_path / "digits.npz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ExtractorError, match="is not the file that was bundled"):
        find("digits", digits.image_shape)


def test_a_source_without_any(monkeypatch, tmp_path):
    monkeypatch.setattr(extractor, "INCEPTION_WEIGHTS", tmp_path / "none.h5")
    with pytest.raises(ExtractorError, match="pixelzoo train-extractor cifar10 -o FILE"):
        find("cifar10", (32, 32, 3))
    with pytest.raises(ExtractorError, match=r"no weights at .*none\.h5"):
        find("digits", (8, 8, 1), "inception")


def test_saved_weights_come_back_as_float16(tmp_path, digits):
    network = extractor.build(1, side=8, classes=10, seed=3)
    digest = extractor.save(
        network, tmp_path / "mine.npz", source="digits", class_names=digits.class_names, accuracy=0.1
    )
    mine = find("digits", (8, 8, 1), str(tmp_path / "mine.npz"))
    assert mine.digest == digest
    assert digest != find("digits", (8, 8, 1)).digest
    image = digits.arrays("test")[0][:5]
    network.set_weights(extractor.rounded_weights(network))
    (logits,) = extractor.classifier.run(network, image)
    assert mine(image).classes.tolist() == logits.argmax(axis=1).tolist()


def test_what_is_no_extractor(tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, a=np.zeros(3))
    with pytest.raises(ExtractorError, match="is not a classifier of pixelzoo train-extractor"):
        load(other, (8, 8, 1))
    with pytest.raises(ExtractorError, match="is not a classifier of pixelzoo train-extractor"):
        load(tmp_path / "missing.npz", (8, 8, 1))


def test_images_of_another_shape_are_refused():
    with pytest.raises(ExtractorError, match=r"looks at images of \(8, 8, 1\), but these are \(28, 28, 1\)"):
        load(extractor.BUNDLED / "digits.npz", (28, 28, 1))


def test_without_a_side_it_looks_at_images_of_any_size(tmp_path):
    extractor.save(
        extractor.build(3, seed=0), tmp_path / "turns.npz", source="photos", class_names=(), accuracy=0.5
    )
    turns = load(tmp_path / "turns.npz", (96, 96, 3))
    assert turns.class_names == ()
    for side in (32, 48):
        view = turns(np.zeros((2, side, side, 3), np.uint8))
        assert view.features.shape == (2, 96)
        assert view.probabilities.shape == (2, 4)


def test_maps_are_those_of_the_convolutions(space, digits):
    image = digits.arrays("test")[0][:2]
    maps = space.maps(image)
    assert [layer.shape for layer in maps] == [(2, 8, 8, 32), (2, 4, 4, 64), (2, 2, 2, 96)]
    assert all((layer >= 0).all() and (layer > 0).any() for layer in maps)

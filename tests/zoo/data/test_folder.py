import numpy as np
import pytest
from PIL import Image

import zoo.data
from zoo.data import splits


def write(path, value=0, size=(6, 5), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = value if mode == "L" else (value, 0, 255)
    Image.new(mode, size, colour).save(path)


def values(data, split):
    images, labels = data.arrays(split)
    return {int(image[0, 0, 0]): int(label) for image, label in zip(images, labels, strict=True)}


def test_subfolders_are_classes(tmp_path):
    for value in range(40):
        write(tmp_path / ("cat" if value % 2 else "dog") / f"{value}.png", value)
    data = zoo.data.load(f"folder:{tmp_path}")
    assert data.class_names == ("cat", "dog")
    assert data.image_shape == (5, 6, 1)
    assert data.name == f"folder:{tmp_path.name}"
    train, test = values(data, "train"), values(data, "test")
    assert train | test == {value: 0 if value % 2 else 1 for value in range(40)}
    assert not train.keys() & test.keys()
    assert 1 <= len(test) <= 10
    assert next(data.train(10).as_numpy_iterator())["image"].shape == (10, 5, 6, 1)


def test_a_flat_folder_has_no_classes(tmp_path):
    for value in range(20):
        write(tmp_path / f"{value}.png", value)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image")
    data = zoo.data.load(f"folder:{tmp_path}")
    assert data.num_classes == 0
    assert data.train_size + data.test_size == 20
    assert set(data.arrays("train")[1]) == {-1}
    assert set(next(data.test(5).as_numpy_iterator())["label"]) == {-1}


def test_the_split_is_the_same_each_time_and_new_files_move_no_old_ones(tmp_path):
    for value in range(50):
        write(tmp_path / f"{value}.png", value)
    before = values(zoo.data.load(f"folder:{tmp_path}"), "test")
    assert values(zoo.data.load(f"folder:{tmp_path}"), "test") == before
    for value in range(50, 100):
        write(tmp_path / f"{value}.png", value)
    after = values(zoo.data.load(f"folder:{tmp_path}"), "test")
    assert {value for value in after if value < 50} == set(before)


def test_two_images_are_one_to_train_and_one_to_test_on(tmp_path):
    write(tmp_path / "a.png", 1)
    write(tmp_path / "b.png", 2)
    data = zoo.data.load(f"folder:{tmp_path}")
    assert (data.train_size, data.test_size) == (1, 1)


def test_the_users_own_split_is_kept(tmp_path):
    write(tmp_path / "train" / "cat" / "1.png", 1)
    write(tmp_path / "train" / "dog" / "2.jpg", 200)
    write(tmp_path / "test" / "dog" / "3.png", 3)
    data = zoo.data.load(f"folder:{tmp_path}")
    assert data.class_names == ("cat", "dog")
    assert list(data.arrays("train")[1]) == [0, 1]
    assert values(data, "test") == {3: 1}


def test_a_class_may_be_called_train(tmp_path):
    for value, name in enumerate(["bus", "train", "tram"]):
        for copy in range(5):
            write(tmp_path / name / f"{copy}.png", value)
    assert zoo.data.load(f"folder:{tmp_path}").class_names == ("bus", "train", "tram")


def test_one_colour_image_makes_all_of_them_rgb(tmp_path):
    write(tmp_path / "grey.png", 7)
    write(tmp_path / "colour.png", 9, mode="RGB")
    data = zoo.data.load(f"folder:{tmp_path}")
    assert data.image_shape == (5, 6, 3)
    pixels = {tuple(image[0, 0]) for split in ("train", "test") for image in data.arrays(split)[0]}
    assert pixels == {(7, 7, 7), (9, 0, 255)}


def test_size_crops_to_the_centre_square_and_resizes(tmp_path):
    wide = np.zeros((4, 8), np.uint8)
    wide[:, 2:6] = [[0, 100, 200, 200]] * 4
    wide[:, :2] = wide[:, 6:] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(np.full((6, 6), 80, np.uint8)).save(tmp_path / "square.png")
    data = zoo.data.load(f"folder:{tmp_path}", size=2)
    assert data.image_shape == (2, 2, 1)
    images = {tuple(image.ravel()) for split in ("train", "test") for image in data.arrays(split)[0]}
    assert images == {(50, 200, 50, 200), (80, 80, 80, 80)}


def test_a_folder_too_large_for_memory_is_streamed(tmp_path, monkeypatch):
    for value in range(40):
        write(tmp_path / ("cat" if value % 2 else "dog") / f"{value}.png", value)
    whole = zoo.data.load(f"folder:{tmp_path}")
    monkeypatch.setattr(splits, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(splits, "WINDOW_BYTES", 300)  # ten pictures
    streamed = zoo.data.load(f"folder:{tmp_path}")
    assert values(streamed, "train") == values(whole, "train")
    assert values(streamed, "test") == values(whole, "test")
    steps = streamed.steps_per_epoch(5)
    batches = list(streamed.train(5, seed=2, epochs=2).as_numpy_iterator())
    assert len(batches) == 2 * steps
    for start in (0, 2, steps + 1):
        rest = list(streamed.train(5, seed=2, epochs=2, start_step=start).as_numpy_iterator())
        assert len(rest) == len(batches) - start
        for expected, found in zip(batches[start:], rest, strict=True):
            np.testing.assert_array_equal(expected["image"], found["image"])
            np.testing.assert_array_equal(expected["seed"], found["seed"])
    stream = np.concatenate([batch["image"][:, 0, 0, 0] for batch in batches])
    epoch, next_epoch = stream[: streamed.train_size], stream[streamed.train_size :]
    assert sorted(epoch) == sorted(values(streamed, "train"))
    assert list(epoch[: len(next_epoch)]) != list(next_epoch)


def test_an_empty_folder_says_what_to_put_there(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(
        zoo.data.DataError, match=r"is empty: no file .* ends in .png, .jpg.* one subfolder for each class"
    ):
        zoo.data.load(f"folder:{tmp_path}")


def test_a_single_image_is_too_few(tmp_path):
    write(tmp_path / "only.png")
    with pytest.raises(zoo.data.DataError, match=r"one image \(only.png\); it takes at least two"):
        zoo.data.load(f"folder:{tmp_path}")


def test_a_missing_folder_is_named():
    with pytest.raises(zoo.data.DataError, match="folder:/no/such/place: there is no such folder"):
        zoo.data.load("folder:/no/such/place")


def test_mixed_sizes_name_two_files_and_the_remedy(tmp_path):
    write(tmp_path / "a.png", size=(6, 5))
    write(tmp_path / "b.png", size=(6, 5))
    write(tmp_path / "c.png", size=(7, 5))
    with pytest.raises(zoo.data.DataError) as error:
        zoo.data.load(f"folder:{tmp_path}")
    message = str(error.value)
    assert "c.png is 7x5" in message
    assert ".png is 6x5" in message
    assert "Set data.size=64" in message


@pytest.mark.parametrize("content", [b"", b"not an image at all", None])
def test_an_unreadable_image_is_named(tmp_path, content):
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.png", size=(60, 50))
    broken = tmp_path / "b.png"
    # None: a file whose header is whole and whose pixels are cut short.
    broken.write_bytes(content if content is not None else broken.read_bytes()[:60])
    with pytest.raises(
        zoo.data.DataError, match=r"b.png cannot be read as an image .* repair it or take it away"
    ):
        zoo.data.load(f"folder:{tmp_path}")


def test_images_beside_class_folders_are_refused(tmp_path):
    write(tmp_path / "cat" / "1.png")
    write(tmp_path / "2.png")
    with pytest.raises(
        zoo.data.DataError, match=r"both in subfolders \(cat, ...\) and beside them \(2.png, ...\)"
    ):
        zoo.data.load(f"folder:{tmp_path}")


def test_a_test_class_without_training_images_is_refused(tmp_path):
    write(tmp_path / "train" / "cat" / "1.png")
    write(tmp_path / "test" / "cow" / "2.png")
    with pytest.raises(zoo.data.DataError, match="cow is a class that the training images do not have"):
        zoo.data.load(f"folder:{tmp_path}")

"""The IDX files of Debian's package. Where it is not installed, files of the same form stand in for them."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

import zoo.data
from zoo.data import fashion_mnist


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Four files of the right form, declared to be the published ones."""
    generator = np.random.default_rng(0)
    digests = {}
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        # One row of noise for all images keeps the files small.
        images = np.broadcast_to(generator.integers(0, 256, (1, 28, 28), np.uint8), (count, 28, 28)).copy()
        images[:, 0, 0] = np.arange(count) % 251
        labels = (np.arange(count) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            name = f"{part}-{kind}-ubyte"
            content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content, 1))
            digests[name] = hashlib.sha256(content).hexdigest()
    monkeypatch.setenv(fashion_mnist.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(fashion_mnist, "DIGESTS", digests)
    return tmp_path


def test_idx_files_are_read(files):
    data = zoo.data.load("fashion_mnist")
    assert data.image_shape == (28, 28, 1)
    assert (data.train_size, data.test_size) == (60_000, 10_000)
    assert data.class_names[9] == "Ankle boot"
    images, labels = data.arrays("train")
    np.testing.assert_array_equal(images[:, 0, 0, 0], np.arange(60_000) % 251)
    np.testing.assert_array_equal(labels, np.arange(60_000) % 10)
    np.testing.assert_array_equal(data.arrays("test")[1], np.arange(10_000) % 10)


def test_the_installed_files_are_the_published_ones():
    """With Debian's package this reads the real files; their digests are in the module."""
    if not fashion_mnist.is_installed():
        assert len(set(fashion_mnist.DIGESTS.values())) == 4
        return
    data = zoo.data.load("fashion_mnist")
    images, labels = data.arrays("train")
    np.testing.assert_array_equal(np.bincount(labels), [6000] * 10)
    np.testing.assert_array_equal(np.bincount(data.arrays("test")[1]), [1000] * 10)
    assert images.mean() == pytest.approx(72.94, abs=0.01)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def not_gzip(path):
    path.write_bytes(b"<html>not found</html>")


def other_content(path):
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(content), 1))


def too_few(path):
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[4:8] = struct.pack(">I", 9_999)
    path.write_bytes(gzip.compress(bytes(content), 1))


def wrong_magic(path):
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[2] = 0x0D  # floats
    path.write_bytes(gzip.compress(bytes(content), 1))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (truncated, ""),
        (not_gzip, "Not a gzipped file"),
        (other_content, r"SHA-256 differs"),
        (too_few, r"its header is not that of unsigned bytes \[10000\]"),
        (wrong_magic, r"its header is not that of unsigned bytes \[10000\]"),
    ],
)
def test_a_damaged_file_is_named_with_the_remedy(files, damage, reason):
    damage(files / "t10k-labels-idx1-ubyte.gz")
    with pytest.raises(
        zoo.data.DataError,
        match=rf"t10k-labels-idx1-ubyte.gz cannot be used: .*{reason}.*apt-get install --reinstall",
    ):
        zoo.data.load("fashion_mnist")

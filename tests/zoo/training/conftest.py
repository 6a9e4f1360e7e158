import pytest

from zoo.training import RunFolder, load_preset, train

# As small as a real family gets: what is tested here is the training, not the model.
PRESET = """
title = "A tiny diffusion model of digits"
family = "ddpm"
[model]
num_classes = 10
widths = [8]
blocks = [1]
attention = [false]
patch = 1
fourier = 0
groups = 4
timesteps = 10
[data]
source = "digits"
[train]
epochs = 2
batch_size = 128
log_every = 4
[sample]
columns = 2
[sample.options]
steps = 2
"""
STEPS_PER_EPOCH = 10  # 1350 // 128


@pytest.fixture(scope="session")
def preset_file(tmp_path_factory):
    """The path of a preset that trains in a second or two."""
    path = tmp_path_factory.mktemp("presets") / "tiny.toml"
    path.write_text(PRESET)
    return path


@pytest.fixture(scope="session")
def finished(preset_file, tmp_path_factory):
    """A run that was trained from beginning to end without a stop. Do not change it."""
    run = RunFolder.create(load_preset(str(preset_file)), tmp_path_factory.mktemp("runs") / "finished")
    train(run)
    return run

import pytest

from zoo.training import RunFolder, load_preset, train

# As small as a real family gets: what is tested with it is the training, not the model.
PRESET = """
title = "A tiny VAE of digits"
family = "vae"
[model]
widths = [8]
blocks = [1]
latent_groups = [1]
latent_channels = [1]
top_latents = 4
components = 2
[data]
source = "digits"
[train]
epochs = 2
batch_size = 128
log_every = 4
validation_images = 70  # leaves 1280 of the 1350 digits: ten steps an epoch
validate_every = 2
[sample]
rows = 2
columns = 3
[sample.options]
temperature = 0.9
"""


@pytest.fixture(scope="session")
def preset_file(tmp_path_factory):
    """The path of a preset that trains in a moment."""
    path = tmp_path_factory.mktemp("presets") / "tiny.toml"
    path.write_text(PRESET)
    return path


@pytest.fixture(scope="session")
def finished(preset_file, tmp_path_factory):
    """A run that was trained from beginning to end without a stop. Do not change it."""
    run = RunFolder.create(load_preset(str(preset_file)), tmp_path_factory.mktemp("runs") / "finished")
    train(run)
    return run

"""Sources of images, each opened by name as train and test pipelines of {"image", "label", "seed"}."""

from __future__ import annotations

from zoo.data.errors import DataError
from zoo.data.image_data import ImageData, Licence
from zoo.data.sources import SOURCES, load

__all__ = ["SOURCES", "DataError", "ImageData", "Licence", "load"]

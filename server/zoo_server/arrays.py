"""The type of the arrays that travel between the services and the engine."""

from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]

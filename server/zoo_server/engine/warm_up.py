"""Runs each function of a program once, so that a caller of one item does not wait for TensorFlow to prepare it."""

from collections.abc import Mapping

import numpy as np

from zoo_server.arrays import Array
from zoo_server.engine.batch import stack
from zoo_server.repository.program import Program


def warm_up(program: Program, options: Mapping[str, Array], size: int) -> None:
    """One call of each function with `size` items; `options` has a value that the model accepts for each option.

    Call it before the scheduler starts: TensorFlow has one owner at a time.
    """
    row = {
        name: options.get(name, np.zeros([axis or 1 for axis in spec.shape[1:]], spec.dtype))
        for name, spec in program.inputs.items()
    }
    state = stack([row], program.inputs, size)
    for function in (program.begin, program.advance):
        state = state.through(function) if function else state
    for function in (program.preview, program.finish):
        if function:
            state.through(function)

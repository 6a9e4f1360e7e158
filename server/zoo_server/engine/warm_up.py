"""Runs each function of a version at each bucket in use, so that no caller waits for TensorFlow to prepare it."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from zoo_server.arrays import Array
from zoo_server.engine.batch import stack
from zoo_server.engine.turn import Turn
from zoo_server.repository.model import LoadedModel
from zoo_server.repository.program import Program


def warm_up(model: LoadedModel, buckets: Callable[[Program], Sequence[int]], turn: Turn) -> Iterator[None]:
    """One call of the network at each turn of the iterator, so that the scheduler can do other things between them.

    `buckets` gives those that a program is run at. Raises whatever the model's graph does.
    """
    for kind, program in model.programs.items():
        for size in buckets(program):
            yield from _calls(program, model.options[kind].defaults(), size, turn)


def _calls(program: Program, options: Mapping[str, Array], size: int, turn: Turn) -> Iterator[None]:
    """`options` has a value that the model accepts for each option."""
    row = {
        name: options.get(name, np.zeros([axis or 1 for axis in spec.shape[1:]], spec.dtype))
        for name, spec in program.inputs.items()
    }
    state = stack([row], program.inputs, size)
    for function in (program.begin, program.advance):
        if function:
            with turn.calls(program, function.name, size):
                state = state.through(function)
            yield
    for function in (program.preview, program.finish):
        if function:
            with turn.calls(program, function.name, size):
                state.through(function)
            yield

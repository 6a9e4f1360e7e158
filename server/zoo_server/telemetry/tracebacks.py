"""Tracebacks for the log: where a mistake happened and of what kind it is, and nothing of the call that met it.

What an exception says is left out, for it may quote values: TensorFlow prints the tensors of an assertion that fails.
"""

import re
import traceback

_NODE = re.compile(r"\{\{(?:function_)?node ([\w./:-]{1,200})\}\}")
"""How TensorFlow names the node of a graph that failed: a name of the model's, as its file has it."""


def without_values(error: BaseException) -> str:
    """The traceback of `error`, after those of the exceptions that it came from."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    told = [without_values(before), ""] if before else []
    told += ["Traceback (most recent call last):", "".join(traceback.format_tb(error.__traceback__)).rstrip()]
    return "\n".join([*told, _kind(error)])


def _kind(error: BaseException) -> str:
    kind = type(error)
    nodes = dict.fromkeys(_NODE.findall(str(error))) if kind.__module__.startswith("tensorflow.") else ()
    at = f" at {', '.join(nodes)}" if nodes else ""
    return f"{kind.__module__}.{kind.__qualname__}{at}"

"""The engine's progress as the message that streams send."""

from pixelzoo.v1 import progress_pb2
from zoo_server.engine.events import Progress


def progress_message(event: Progress) -> progress_pb2.Progress:
    """The message of `event`, field for field."""
    return progress_pb2.Progress(
        queue_position=event.queue_position,
        step=event.step,
        steps=event.steps,
        items_done=event.items_done,
        items=event.items,
    )

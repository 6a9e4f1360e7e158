"""What can stop a training, each with a message that names the remedy."""


class TrainingError(RuntimeError):
    """A training cannot start or go on. The message says what is wrong and what to do."""


class PresetError(TrainingError, ValueError):
    """A preset, or an override of it, is wrong. The message names the key, the rule and the nearest right one."""


class StartError(TrainingError):
    """The weights of another run cannot be taken over. The message says why; nothing has been trained."""


class CheckpointError(TrainingError):
    """A checkpoint cannot be read. The message names the file and what to do; nothing has been changed."""


class Stopped(TrainingError):
    """The training was asked to stop and has written a checkpoint. The message says how to resume.

    `signal` is the number of the signal that asked for it, or 0 when the time given was up.
    """

    def __init__(self, message: str, signal: int = 0) -> None:
        super().__init__(message)
        self.signal = signal

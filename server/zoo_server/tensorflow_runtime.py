"""The one place that imports TensorFlow, so that its environment is always set first.

Every other file writes `from zoo_server.tensorflow_runtime import tf`.
"""

import os

# With oneDNN off, an item's position in its batch changes its floats, and with them its picture: the promise
# "same seed, same image, whatever shares the batch" needs it on.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
# TensorFlow's own notes about CPU features and missing GPUs are not news to the operator of a server.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from tensorflow.core.framework.types_pb2 import DT_RESOURCE, DT_VARIANT
from tensorflow.core.protobuf import saved_model_pb2

__all__ = ["DT_RESOURCE", "DT_VARIANT", "configure_threads", "saved_model_pb2", "tf"]


def configure_threads(count: int) -> None:
    """Let one TensorFlow operation use `count` cores; 0 means all of them.

    Call it before the first model is loaded; TensorFlow refuses later changes with a RuntimeError.
    """
    tf.config.threading.set_intra_op_parallelism_threads(count)

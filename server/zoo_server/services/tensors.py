"""Raw tensors on their way in and out: latents and codes."""

import numpy as np

from pixelzoo.v1 import capability_pb2, image_pb2
from zoo_server.arrays import Array
from zoo_server.errors import invalid_field

_DTYPES = {
    image_pb2.DATA_TYPE_UINT8: "<u1",
    image_pb2.DATA_TYPE_INT32: "<i4",
    image_pb2.DATA_TYPE_INT64: "<i8",
    image_pb2.DATA_TYPE_FLOAT32: "<f4",
}


def decode_latent(tensor: image_pb2.RawTensor, spec: capability_pb2.LatentSpec, path: str) -> Array:
    """The latent that a request has at `path`; raises INVALID_FIELD if it is not one that `spec` describes."""
    wanted = list(spec.shape)
    if tensor.data_type != spec.data_type:
        rule = f"must be {_type_name(spec.data_type)} for this model, and is {_type_name(tensor.data_type)}"
        raise invalid_field(f"{path}.data_type", rule)
    if list(tensor.shape) != wanted:
        raise invalid_field(f"{path}.shape", f"must be {wanted} for this model, and is {list(tensor.shape)}")
    dtype = np.dtype(_DTYPES[tensor.data_type])
    size = int(np.prod(wanted)) * dtype.itemsize
    if len(tensor.data) != size:
        raise invalid_field(f"{path}.data", f"must be {size} bytes for its shape, and is {len(tensor.data)}")
    values = np.frombuffer(tensor.data, dtype).reshape(wanted)
    if dtype.kind == "f" and not np.isfinite(values).all():
        raise invalid_field(f"{path}.data", "must be finite numbers, and has infinities or NaN")
    if spec.codebook_size:
        strangers = values[(values < 0) | (values >= spec.codebook_size)]
        if strangers.size:
            rule = f"must be codes of 0 to {spec.codebook_size - 1}, and has {strangers[0]}"
            raise invalid_field(f"{path}.data", rule)
    return values


def encode_latent(values: Array, spec: capability_pb2.LatentSpec) -> image_pb2.RawTensor:
    """The RawTensor of a latent that `spec` describes."""
    return raw_tensor(values, spec.data_type)


def raw_tensor(values: Array, data_type: image_pb2.DataType.ValueType) -> image_pb2.RawTensor:
    """The RawTensor of `values`, as elements of that type."""
    return image_pb2.RawTensor(
        data=values.astype(_DTYPES[data_type], copy=False).tobytes(), shape=values.shape, data_type=data_type
    )


def _type_name(data_type: image_pb2.DataType.ValueType) -> str:
    return image_pb2.DataType.Name(data_type).removeprefix("DATA_TYPE_")

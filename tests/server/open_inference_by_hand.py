"""A client of the Open Inference Protocol on bare stubs, which can write what no sensible client would."""

import re
import struct

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from zoo_server.open_inference import grpc_service_pb2 as oip
from zoo_server.open_inference.grpc_service_pb2_grpc import GRPCInferenceServiceStub

DTYPES = {"UINT8": np.uint8, "INT32": np.int32, "INT64": np.int64, "FP32": np.float32}

_OF = {
    "seed": "INT64",
    "eta": "FP32",
    "guidance": "FP32",
    "temperature": "FP32",
    "sampler": "BYTES",
    "direction": "BYTES",
    "image": "BYTES",
}
"""The datatypes of tensors that are written as plain numbers or bytes, by their names; INT32 is that of all others."""

_PARAMETERS = {bool: "bool_param", int: "int64_param", float: "double_param", str: "string_param"}


class OpenInference:
    """`stub` and, by it, calls with tensors by name: arrays, or numbers and bytes, one or a list with one an item."""

    def __init__(self, channel):
        self.stub = GRPCInferenceServiceStub(channel)

    def infer(self, model, **asked):
        """The tensors that `request` of the same arguments brings."""
        return self.arrays(self.stub.ModelInfer(self.request(model, **asked), timeout=60))

    @staticmethod
    def request(model, parameters=None, outputs=(), version="", **tensors):
        """A request with these tensors as raw contents."""
        asked = oip.ModelInferRequest(model_name=model, model_version=version)
        for name, values in tensors.items():
            array = _array(name, values)
            datatype = next((one for one, dtype in DTYPES.items() if array.dtype == dtype), "BYTES")
            asked.inputs.add(name=name, datatype=datatype, shape=array.shape)
            asked.raw_input_contents.append(_packed(array))
        for name, value in (parameters or {}).items():
            kind = _PARAMETERS[type(value)]
            # What is too large for it goes as the other type that there is.
            kind = "uint64_param" if kind == "int64_param" and value >= 2**63 else kind
            setattr(asked.parameters[name], kind, value)
        asked.outputs.extend(oip.ModelInferRequest.InferRequestedOutputTensor(name=name) for name in outputs)
        return asked

    @staticmethod
    def arrays(answer):
        """The tensors of an answer by name; their raw contents have exactly the bytes of their shapes."""
        assert len(answer.outputs) == len(answer.raw_output_contents)
        return {
            tensor.name: np.frombuffer(raw, DTYPES[tensor.datatype]).reshape(tensor.shape)
            for tensor, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
        }

    @staticmethod
    def refusal(call):
        """(status code, reason, message, fields) of the error that `call` ends with."""
        with pytest.raises(grpc.RpcError) as caught:
            call()
        status = rpc_status.from_call(caught.value)
        assert not re.search(r"model\.(name|version)", str(status))  # those are fields of pixelzoo.v1
        info, fields = error_details_pb2.ErrorInfo(), []
        for detail in status.details:
            bad = error_details_pb2.BadRequest()
            if detail.Unpack(bad):
                fields = [violation.field for violation in bad.field_violations]
            else:
                detail.Unpack(info)
        return caught.value.code(), info.reason, caught.value.details(), fields


def _array(name, values):
    if isinstance(values, np.ndarray):
        return values
    dtype = DTYPES.get(_OF.get(name, "INT32"), np.object_)
    return np.array(values if isinstance(values, list) else [values], dtype)


def _packed(array):
    """Raw contents, as tritonclient writes them."""
    if array.dtype == np.object_:
        return b"".join(struct.pack("<I", len(entry)) + entry for entry in array.ravel().tolist())
    return array.tobytes()

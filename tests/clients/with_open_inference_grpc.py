"""What a program with open-inference-grpc does: run by test_open_inference.py in an environment of its own.

    python with_open_inference_grpc.py HOST:PORT OUT.npz

It has bare stubs, and so its tensors are typed contents; what comes back is written to OUT.npz.
"""

import sys

import grpc
import numpy as np
from open_inference.grpc.protocol import (
    ModelInferRequest,
    ModelMetadataRequest,
    ModelReadyRequest,
    ServerLiveRequest,
    ServerMetadataRequest,
    ServerReadyRequest,
)
from open_inference.grpc.service import GRPCInferenceServiceStub


def main(address, out):
    with grpc.insecure_channel(address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        assert stub.ServerLive(ServerLiveRequest()).live
        assert stub.ServerReady(ServerReadyRequest()).ready
        assert stub.ServerMetadata(ServerMetadataRequest()).name == "pixelzoo"
        metadata = stub.ModelMetadata(ModelMetadataRequest(name="vae_fashion_mnist"))
        [version] = metadata.versions
        assert stub.ModelReady(ModelReadyRequest(name="vae_fashion_mnist", version=version)).ready
        assert "image" in {tensor.name for tensor in metadata.outputs}
        seeds = {"int64_contents": [3, 4]}
        answer = stub.ModelInfer(
            ModelInferRequest(
                model_name="vae_fashion_mnist",
                inputs=[{"name": "seed", "datatype": "INT64", "shape": [2], "contents": seeds}],
                parameters={"reproducible": {"bool_param": True}},
            )
        )
    [images] = [
        np.frombuffer(raw, np.uint8).reshape(tensor.shape)
        for tensor, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
        if tensor.name == "image"
    ]
    np.savez(out, images=images)


if __name__ == "__main__":
    main(*sys.argv[1:])

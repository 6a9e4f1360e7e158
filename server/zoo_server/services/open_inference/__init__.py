"""The Open Inference Protocol over the same plans and engine: each capability of a model as a model of tensors."""

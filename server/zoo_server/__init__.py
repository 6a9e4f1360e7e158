"""The pixelzoo server: SavedModels that follow the contract, served over gRPC.

It knows a model only through its SavedModel and its card: neither `zoo` nor Keras is ever imported here.
"""

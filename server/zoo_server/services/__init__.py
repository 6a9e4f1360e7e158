"""One file for each gRPC service of `pixelzoo.v1`, and what they share: the plan, the pictures, the deadline."""

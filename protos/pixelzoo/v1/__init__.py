"""pixelzoo.v1: the .proto files and the Python stubs generated from them (`make stubs`)."""

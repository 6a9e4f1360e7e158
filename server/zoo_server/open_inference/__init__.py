"""The contract of the Open Inference Protocol, version 2, which others have set, and its stubs.

It lies here and not in `protos/`, because only the server may load it: `tritonclient` and its kin bring stubs of their
own for the same names, and a process that loads two for one name fails in protobuf's pool of descriptors. So a program
can use the clients of pixelzoo and theirs side by side.
"""

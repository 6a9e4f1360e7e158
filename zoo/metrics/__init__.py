"""What a generator is measured by: pure functions of images, features and labels, one idea to a file.

Every figure is a `Measurement` with its protocol (`zoo.metrics.measurement`), and figures of different protocols refuse
to be compared.
"""

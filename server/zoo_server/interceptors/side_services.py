"""The services beside our own, by the beginnings of their methods' names."""

HEALTH = "/grpc.health.v1.Health/"

SIDE_SERVICES = ("/grpc.health.", "/grpc.reflection.")
"""Load balancers and tools call them all the time, and some of these calls go on for as long as the server does."""

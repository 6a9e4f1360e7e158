"""Buckets: the few batch shapes that a model is run at.

A model's floats depend on its batch shape alone, never on who shares the batch, so a short list of shapes keeps
results steady, and keeps TensorFlow from preparing a kernel for every number of items there can be.
"""

from collections.abc import Callable, Sequence


def bucket_for(items: int, buckets: Sequence[int]) -> int:
    """The smallest bucket that holds `items`, or the largest bucket if none does.

    `buckets` ascends and is not empty; `items` is at least 1.
    """
    return next((bucket for bucket in buckets if bucket >= items), buckets[-1])


def fastest_bucket(items: int, buckets: Sequence[int], seconds: Callable[[int], float | None]) -> int:
    """The bucket at which most of `items` are made a second: a full smaller one, or a larger one that is padded.

    `seconds` gives the cost of one call at a bucket; where it does not know one (None), none is padded more than need
    be, and none of the items is left for the next turn.
    """
    enough = bucket_for(items, buckets)
    costs = {bucket: seconds(bucket) for bucket in buckets if bucket <= enough}
    known = {bucket: cost for bucket, cost in costs.items() if cost}
    if len(known) < len(costs):
        return enough
    return max(known, key=lambda bucket: (min(items, bucket) / known[bucket], bucket))


def buckets_up_to(most: int | None, buckets: tuple[int, ...]) -> tuple[int, ...]:
    """Those of `buckets` that are at most `most`; all of them for None. ValueError if none is left."""
    kept = buckets if most is None else tuple(bucket for bucket in buckets if bucket <= most)
    if not kept:
        raise ValueError(f"{most} is below the smallest bucket, {buckets[0]}")
    return kept

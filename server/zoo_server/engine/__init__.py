"""The engine: every item of every call advances here, step by step, in batches shared with strangers."""

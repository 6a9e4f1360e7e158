"""The one error of the data room."""


class DataError(ValueError):
    """A data source cannot be used as asked. The message names the source, what is wrong, and the remedy."""

"""What the networks see: the Reserve (a world with a known truth) and real datasets behind the same door."""

from glassbook.data.registry import DataFile, Dataset

__all__ = ["DataFile", "Dataset"]

"""Datasets: the Reserve (a synthetic world with a known truth), synthetic activations, and a registry of real data."""

from glassbook.data.registry import DataFile, Dataset

__all__ = ["DataFile", "Dataset"]

"""Glassbook: a lab notebook for neural networks, where every claim has a run behind it."""

__version__ = "0.1.0"

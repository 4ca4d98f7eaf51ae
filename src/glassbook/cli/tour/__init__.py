"""`glassbook tour`: open a model, learn its features, hold them against the truth, steer, and write a page."""

from glassbook.cli.tour.command import main

__all__ = ["main"]

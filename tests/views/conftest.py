"""The tiny models of the tests of circuits."""

from tests.circuits.conftest import model, models, opened, task

__all__ = ["model", "models", "opened", "task"]

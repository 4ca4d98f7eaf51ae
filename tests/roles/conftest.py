"""The tiny models of the tests of trace."""

from tests.trace.conftest import build, example, hooks, layers, lm

__all__ = ["build", "example", "hooks", "layers", "lm"]

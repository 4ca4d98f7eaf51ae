"""The tiny models of the tests of steering."""

from tests.steer.conftest import characters, lm

__all__ = ["characters", "lm"]

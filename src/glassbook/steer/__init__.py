"""Steering: directions as values, added to the residual stream where you say, and scored with controls."""

from glassbook.steer.vector import Vector

__all__ = ["Vector"]

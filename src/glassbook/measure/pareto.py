"""Pareto front of a set of points, in plain Python: the web process loads no array library for it."""

from __future__ import annotations

import math
from collections.abc import Sequence


def pareto_front(points: Sequence[Sequence[float]], minimise: Sequence[bool]) -> list[int]:
    """Indices of the points that no other point dominates, in the order given.

    A point dominates another if it is at least as good in every coordinate and better in one. Equal points do not
    dominate each other: all of them are on the front or none. A point with NaN can be compared with nothing and is
    left out. O(n log n) for two coordinates, O(n^2) for more.

    Args:
        points: n points of k coordinates each.
        minimise: for each coordinate, whether less is better.

    Raises:
        ValueError: a point has another number of coordinates than `minimise`.
    """
    if any(len(point) != len(minimise) for point in points):
        raise ValueError(f"every point needs {len(minimise)} coordinates")
    signed = [tuple(value if less else -value for value, less in zip(point, minimise, strict=True)) for point in points]
    finite = [i for i, point in enumerate(signed) if not any(math.isnan(value) for value in point)]
    if len(minimise) == 2:
        return sorted(_plane(signed, finite))
    return [i for i in finite if not any(_dominates(signed[j], signed[i]) for j in finite)]


def _plane(signed: Sequence[tuple[float, ...]], indices: list[int]) -> list[int]:
    """From left to right, a point is on the front if it is lower than all before it, or equal to the last that was."""
    front: list[int] = []
    lowest = math.inf
    for i in sorted(indices, key=lambda i: signed[i]):
        if signed[i][1] < lowest or (front and signed[i] == signed[front[-1]]) or not front:
            front.append(i)
            lowest = signed[i][1]
    return front


def _dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))

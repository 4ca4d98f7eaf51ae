"""Names on an axis."""

from __future__ import annotations

from collections.abc import Sequence


def numbered(tokens: Sequence[str]) -> list[str]:
    """Names that differ even where tokens repeat."""
    return list(tokens) if len({*tokens}) == len(tokens) else [f"{i} {token}" for i, token in enumerate(tokens)]

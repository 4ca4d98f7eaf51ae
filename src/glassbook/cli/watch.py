"""Progress of work that leaves no run behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from glassbook.notebook import Progress


class Watched(Protocol):
    """What long steps ask of whoever watches them: a `Run`, or a `Watch`."""

    @property
    def seed(self) -> int:
        """Seed of everything random."""
        ...

    def progress(self, total: int | None, label: str, unit: str = "step") -> Progress:
        """A bar."""
        ...


@dataclass(frozen=True)
class Watch:
    """Shows bars and records nothing."""

    seed: int = 0

    def progress(self, total: int | None, label: str, unit: str = "step") -> Progress:
        """A bar on stderr."""
        return Progress(total, label, unit)

"""Named random number generators: independent streams from one seed.

A run draws its training data, its held-out data and its controls from generators with names, so that no stream
overlaps another by accident, and adding one changes none of the others.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glassbook.errors import GlassbookError
from glassbook.notebook.serialization import to_json

if TYPE_CHECKING:
    import numpy
    import torch


def seed_generators(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators."""
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@dataclass(frozen=True)
class Rng:
    """A source of generators that depends on a run's seed and on names alone, not on what was drawn before.

    Args:
        base: the run's seed.
        path: names that lead to this stream: that of `run.rng(name)`, then that of each `child`.
    """

    base: int
    path: tuple[str, ...]

    @property
    def seed(self) -> int:
        """A whole number of 63 bits, not negative: the first bytes of SHA-256 over the run's seed and the names."""
        key = to_json([self.base, *self.path], what="the name of a generator").encode()
        return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 1

    def child(self, name: str) -> Rng:
        """An independent stream below this one, such as one for each repetition."""
        if not isinstance(name, str) or not name:
            raise GlassbookError(f"a generator has a text as its name, not {name!r}")
        return Rng(self.base, (*self.path, name))

    def torch(self, device: str | torch.device = "cpu") -> torch.Generator:
        """A new torch generator at the start of the stream."""
        import torch

        return torch.Generator(device).manual_seed(self.seed)

    def numpy(self) -> numpy.random.Generator:
        """A new NumPy generator at the start of the stream."""
        import numpy

        return numpy.random.default_rng(self.seed)

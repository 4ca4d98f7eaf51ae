"""Prompts that forms begin with: of its own world for the built-in model, the plainest opening for any other."""

from __future__ import annotations

from typing import NamedTuple


class Prompts(NamedTuple):
    """What the forms of a model begin with."""

    sample: str
    """A text to continue."""
    inside: str
    """A text whose attention and layers are looked at."""
    steer: tuple[str, ...]
    """Texts to continue plainly and steered; a short one, at which a prompt pair has most of its effect, is first."""


BUILTIN = Prompts(
    "One day, Tam came to the ford.",
    "The heron came to the mill weir. The heron",
    ("The", "One day, Tam came to the ford."),
)
OTHERS = Prompts("Once upon a time", "Once upon a time", ("Once upon a time",))


def prompts_for(model: str) -> Prompts:
    return BUILTIN if model == "builtin" else OTHERS

"""Recipes: one file for each system in the notes, with the claims that its runs decide."""

from glassbook.experiments.base import (
    Experiment,
    Outputs,
    Sabotage,
    code_root,
    default_settings,
    experiment,
    find,
    launch,
    names,
    settings,
    summary,
    working,
)

__all__ = [
    "Experiment",
    "Outputs",
    "Sabotage",
    "code_root",
    "default_settings",
    "experiment",
    "find",
    "launch",
    "names",
    "settings",
    "summary",
    "working",
]

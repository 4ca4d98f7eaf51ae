"""Directions as values: what they are, where they come from, and the files that other programs keep them in."""

from glassbook.vectors.control_vector import load_gguf, save_gguf
from glassbook.vectors.norms import PROBE, in_norms, residual_norms
from glassbook.vectors.sources import Latents, actadd, feature, mean_difference, principal, probe, random_like
from glassbook.vectors.vector import Vector

__all__ = [
    "PROBE",
    "Latents",
    "Vector",
    "actadd",
    "feature",
    "in_norms",
    "load_gguf",
    "mean_difference",
    "principal",
    "probe",
    "random_like",
    "residual_norms",
    "save_gguf",
]

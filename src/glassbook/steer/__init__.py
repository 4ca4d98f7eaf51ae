"""Activation steering: vectors as values, interventions applied by hooks, and scores against controls.

    v = actadd(lm, "Love", "Hate", site)       # or mean_difference (CAA), repe_pca, logistic_probe, feature
    with steer(lm, v, coeff=2.0, where=after_prompt()):
        lm.generate(...)

A name is imported when it is first used: `spec` and `where` serve processes that must not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassbook.steer.apply import steer
    from glassbook.steer.extract import (
        Latents,
        actadd,
        caa,
        feature,
        logistic_probe,
        mean_difference,
        random_like,
        repe_pca,
    )
    from glassbook.steer.gguf import load_gguf, save_gguf
    from glassbook.steer.interventions import Ablate, Clamp, When, threshold
    from glassbook.steer.norms import PROBE, in_norms, residual_norms
    from glassbook.steer.scoring import Best, Row, Score, layer_sweep, score, strength_sweep
    from glassbook.steer.vector import Vector
    from glassbook.steer.where import (
        Where,
        after_prompt,
        before_position,
        during_prompt,
        everywhere,
        first,
        from_position,
        last,
        read_where,
    )

__all__ = [
    "PROBE",
    "Ablate",
    "Best",
    "Clamp",
    "Latents",
    "Row",
    "Score",
    "Vector",
    "When",
    "Where",
    "actadd",
    "after_prompt",
    "before_position",
    "caa",
    "during_prompt",
    "everywhere",
    "feature",
    "first",
    "from_position",
    "in_norms",
    "last",
    "layer_sweep",
    "load_gguf",
    "logistic_probe",
    "mean_difference",
    "random_like",
    "read_where",
    "repe_pca",
    "residual_norms",
    "save_gguf",
    "score",
    "steer",
    "strength_sweep",
    "threshold",
]

_MODULES = ("where", "vector", "extract", "norms", "interventions", "apply", "scoring", "gguf")


def __getattr__(name: str) -> Any:
    for module in _MODULES if name in __all__ else ():
        value = getattr(import_module(f"{__name__}.{module}"), name, None)
        if value is not None:
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

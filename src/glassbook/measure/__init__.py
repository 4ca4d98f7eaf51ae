"""Metrics: arrays in, numbers out. Each definition stands in its docstring and has a test with a known answer.

A metric is imported when it is first used: `measure.pareto` serves processes that must not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassbook.measure.detection import auroc, average_precision
    from glassbook.measure.feature_absorption import absorption
    from glassbook.measure.language import bits_per_byte, distinct_n, repetition
    from glassbook.measure.matching import cosines, f1, latent_f1, match, matched_f1, mcc, mmcs, uniqueness
    from glassbook.measure.monosemanticity import label_entropy, single_label_r2
    from glassbook.measure.pareto import pareto_front
    from glassbook.measure.probing import sparse_probe, splits
    from glassbook.measure.reconstruction import ExplainedVariance, dead_share, density, explained_variance, l0
    from glassbook.measure.similarity import (
        PermutationBaseline,
        best_matches,
        cka,
        correlations,
        permutation_baseline,
        svcca,
    )
    from glassbook.measure.statistics import bootstrap, wilson

__all__ = [
    "ExplainedVariance",
    "PermutationBaseline",
    "absorption",
    "auroc",
    "average_precision",
    "best_matches",
    "bits_per_byte",
    "bootstrap",
    "cka",
    "correlations",
    "cosines",
    "dead_share",
    "density",
    "distinct_n",
    "explained_variance",
    "f1",
    "l0",
    "label_entropy",
    "latent_f1",
    "match",
    "matched_f1",
    "mcc",
    "mmcs",
    "pareto_front",
    "permutation_baseline",
    "repetition",
    "single_label_r2",
    "sparse_probe",
    "splits",
    "svcca",
    "uniqueness",
    "wilson",
]

_MODULES = (
    "pareto",
    "detection",
    "feature_absorption",
    "language",
    "matching",
    "monosemanticity",
    "probing",
    "reconstruction",
    "similarity",
    "statistics",
)


def __getattr__(name: str) -> Any:
    for module in _MODULES if name in __all__ else ():
        metric = getattr(import_module(f"{__name__}.{module}"), name, None)
        if metric is not None:
            globals()[name] = metric
            return metric
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

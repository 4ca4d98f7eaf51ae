"""Arrays in, numbers out. Each definition stands in its docstring and has a test with a known answer."""

from glassbook.measure.absorption import absorption
from glassbook.measure.detection import auroc, auroc_sparse, average_precision
from glassbook.measure.language import bits_per_byte, distinct_n, perplexity_ratio, repetition
from glassbook.measure.matching import cosines, f1, latent_f1, match, matched_f1, mcc, mmcs, uniqueness
from glassbook.measure.monosemanticity import explained_by_one, label_entropy
from glassbook.measure.probing import sparse_probe, splits
from glassbook.measure.reconstruction import (
    ExplainedVariance,
    dead_share,
    density,
    density_histogram,
    explained_variance,
    l0,
)
from glassbook.measure.similarity import Null, beside_null, best_matches, cka, correlations, svcca
from glassbook.measure.statistics import bootstrap, wilson

__all__ = [
    "ExplainedVariance",
    "Null",
    "absorption",
    "auroc",
    "auroc_sparse",
    "average_precision",
    "beside_null",
    "best_matches",
    "bits_per_byte",
    "bootstrap",
    "cka",
    "correlations",
    "cosines",
    "dead_share",
    "density",
    "density_histogram",
    "distinct_n",
    "explained_by_one",
    "explained_variance",
    "f1",
    "l0",
    "label_entropy",
    "latent_f1",
    "match",
    "matched_f1",
    "mcc",
    "mmcs",
    "perplexity_ratio",
    "repetition",
    "sparse_probe",
    "splits",
    "svcca",
    "uniqueness",
    "wilson",
]

"""Arrays in, numbers out. Each definition stands in its docstring and has a test with a known answer."""

from glassbook.measure.detection import auroc, auroc_sparse, average_precision
from glassbook.measure.language import bits_per_byte, distinct_n, perplexity_ratio, repetition
from glassbook.measure.matching import cosines, f1, match, matched_f1, mcc, mmcs
from glassbook.measure.reconstruction import ExplainedVariance, dead_share, density, explained_variance, l0
from glassbook.measure.statistics import bootstrap, wilson

__all__ = [
    "ExplainedVariance",
    "auroc",
    "auroc_sparse",
    "average_precision",
    "bits_per_byte",
    "bootstrap",
    "cosines",
    "dead_share",
    "density",
    "distinct_n",
    "explained_variance",
    "f1",
    "l0",
    "match",
    "matched_f1",
    "mcc",
    "mmcs",
    "perplexity_ratio",
    "repetition",
    "wilson",
]

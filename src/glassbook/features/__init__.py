"""Features: sparse dictionaries of a network's activations, learnt, scored and held against the truth."""

from glassbook.features.coder import Coder
from glassbook.features.dictionary import Dictionary
from glassbook.features.evaluate import Scores, evaluate
from glassbook.features.sparsity import BatchTopK, Gated, JumpReLU, Matryoshka, ReLU, SparsityRule, TopK
from glassbook.features.train import FitReport, fit, fit_many

__all__ = [
    "BatchTopK",
    "Coder",
    "Dictionary",
    "FitReport",
    "Gated",
    "JumpReLU",
    "Matryoshka",
    "ReLU",
    "Scores",
    "SparsityRule",
    "TopK",
    "evaluate",
    "fit",
    "fit_many",
]

"""Features: sparse dictionaries of a network's activations, learnt, scored and held against the truth."""

from glassbook.features.codes import BatchTopK, TopK
from glassbook.features.contexts import Context, Contexts, top_contexts
from glassbook.features.dictionary import Dictionary
from glassbook.features.evaluate import Scores, evaluate
from glassbook.features.fit import FitReport, fit
from glassbook.features.recovery import Recovery, recovery

__all__ = [
    "BatchTopK",
    "Context",
    "Contexts",
    "Dictionary",
    "FitReport",
    "Recovery",
    "Scores",
    "TopK",
    "evaluate",
    "fit",
    "recovery",
    "top_contexts",
]

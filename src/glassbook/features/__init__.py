"""Sparse autoencoders (SAEs) and other dictionaries of a network's activations: learnt, scored, shown as features.

    sae = Dictionary(d_in=128, width=2048, rule=TopK(8))
    fit(sae, activations, steps=1500)
    scores = evaluate(sae, held_out)

`dictionary` has the SAE, transcoder and crosscoder, `sparsity` their rules, `train` and `sae_trainer` their training;
`dashboard` the top activating examples and names of features; `classical` sparse coding, PCA and k-means; `formats` the
files of other programs.
"""

from glassbook.features.coder import Coder
from glassbook.features.controls import frozen_random, reinitialised
from glassbook.features.detect import Detected, Sentences, both_signs, detect
from glassbook.features.dictionary import Dictionary
from glassbook.features.evaluate import Scores, evaluate
from glassbook.features.origin import check_use, site_of
from glassbook.features.sparsity import BatchTopK, Gated, JumpReLU, Matryoshka, ReLU, SparsityRule, TopK
from glassbook.features.train import FitReport, fit, fit_many

__all__ = [
    "BatchTopK",
    "Coder",
    "Detected",
    "Dictionary",
    "FitReport",
    "Gated",
    "JumpReLU",
    "Matryoshka",
    "ReLU",
    "Scores",
    "Sentences",
    "SparsityRule",
    "TopK",
    "both_signs",
    "check_use",
    "detect",
    "evaluate",
    "fit",
    "fit_many",
    "frozen_random",
    "reinitialised",
    "site_of",
]

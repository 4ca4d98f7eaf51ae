"""Sparse coding as it was before networks learnt it (codes are solved for, not computed), with two plain baselines."""

from glassbook.features.classical.baselines import Clusters, Components, kmeans, pca
from glassbook.features.classical.lasso import Lasso, fista, lasso_objective
from glassbook.features.classical.online import learn_atoms
from glassbook.features.classical.pursuit import Pursuit, omp
from glassbook.features.classical.solved import SparseCoder

__all__ = [
    "Clusters",
    "Components",
    "Lasso",
    "Pursuit",
    "SparseCoder",
    "fista",
    "kmeans",
    "lasso_objective",
    "learn_atoms",
    "omp",
    "pca",
]

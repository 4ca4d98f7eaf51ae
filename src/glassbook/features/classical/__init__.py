"""Classical sparse coding (LASSO, OMP, online dictionary learning), and the baselines PCA and k-means."""

from glassbook.features.classical.baselines import Clusters, Components, kmeans, pca
from glassbook.features.classical.lasso import Lasso, fista, lasso_objective
from glassbook.features.classical.matching_pursuit import OMP
from glassbook.features.classical.online import learn_atoms
from glassbook.features.classical.sparse_coder import SparseCoder

__all__ = [
    "OMP",
    "Clusters",
    "Components",
    "Lasso",
    "SparseCoder",
    "fista",
    "kmeans",
    "lasso_objective",
    "learn_atoms",
    "pca",
]

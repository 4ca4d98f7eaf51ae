"""Activations in bfloat16 and float16, as large models give them, beside dictionaries in float32, and the reverse."""

import copy

import pytest
import torch

from glassbook.features import Dictionary, Gated, JumpReLU, ReLU, TopK, evaluate
from glassbook.features.classical import OMP, Lasso, SparseCoder, pca
from glassbook.features.classical.baselines import Clusters
from glassbook.features.detect import Sentences, both_signs

X = torch.randn(40, 16, generator=torch.Generator().manual_seed(2))
ATOMS = torch.nn.functional.normalize(torch.randn(24, 16, generator=torch.Generator().manual_seed(3)), dim=1)
CODERS = {
    "autoencoder": lambda: Dictionary(16, 32, TopK(4)),
    "jumprelu": lambda: Dictionary(16, 32, JumpReLU()),
    "gated": lambda: Dictionary(16, 32, Gated()),
    "transcoder": lambda: Dictionary(16, 32, TopK(4), 16),
    "skip transcoder": lambda: Dictionary(16, 32, ReLU(), 16, skip=True),
    "pca": lambda: pca(X, 8),
    "clusters": lambda: Clusters(ATOMS),
    "omp": lambda: SparseCoder(ATOMS, X.mean(0), OMP(3)),
    "lasso": lambda: SparseCoder(ATOMS, X.mean(0), Lasso(1.0)),
}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("kind", CODERS)
def test_a_coder_takes_activations_to_its_own_precision(kind, dtype):
    torch.manual_seed(0)
    d, x = CODERS[kind](), X.to(dtype)
    with torch.no_grad():
        assert torch.equal(d.encode(x), d.encode(x.float()))
        assert torch.equal(d(x), d(x.float()))
        assert d.decode(d.encode(x).to(dtype)).dtype == torch.float32
        assert (
            d.decode_sparse(*(t.to(dtype) if t.is_floating_point() else t for t in d.encode_sparse(x))).shape == X.shape
        )


def test_a_dictionary_in_half_precision_reads_float32():
    torch.manual_seed(0)
    for d in (Dictionary(16, 32, TopK(4)), Dictionary(16, 32, ReLU(), 16, skip=True)):
        half = copy.deepcopy(d).bfloat16()
        assert half(X).dtype == torch.bfloat16
        both = torch.cat([X, X], 1) if d.transcodes else X
        assert abs(evaluate(half, both).explained_variance - evaluate(d, both).explained_variance) < 0.03


def test_sentences_are_pooled_in_float32():
    text = Sentences.of(torch.arange(40) // 4, torch.zeros(40, 1, dtype=torch.bool))
    half = X.bfloat16()
    assert torch.equal(text.pool(both_signs, half), text.pool(both_signs, half.float()))
    assert torch.equal(text.mean(half), text.mean(half.float()))

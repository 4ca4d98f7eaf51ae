import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from glassbook.errors import GlassbookError
from glassbook.features import BatchTopK, Dictionary, Gated, JumpReLU, Matryoshka, ReLU, TopK
from glassbook.features.normalize import ActivationNormalizer

X = torch.randn(3, 7, 10, generator=torch.Generator().manual_seed(0)) * 4 + 2


RULES = [
    TopK(5),
    BatchTopK(5, threshold=0.4),
    ReLU(2.0),
    JumpReLU(l0=4),
    Gated(),
    Matryoshka(TopK(5), (8, 32)),
    Matryoshka(BatchTopK(5, threshold=0.4), (4, 16, 32)),
]
SHAPES = [{}, {"d_out": 6}, {"d_out": 6, "skip": True}, {"parts": (4, 6)}]


def scaled(rule, **shape):
    """A dictionary with biases, as after training."""
    torch.manual_seed(1)
    d = Dictionary(10, 32, rule, **shape)
    with torch.no_grad():
        for name, p in d.named_parameters():
            if name in ("b_enc", "b_dec", "b_mag", "W_skip"):
                p.normal_(std=0.3)
            elif name in ("theta", "gain"):
                p.uniform_(0.2, 1.5)
    return d


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_sparse_and_dense_agree_for_any_leading_dimensions(rule, shape):
    d = scaled(rule, **shape)
    z = d.encode(X)
    values, indices = d.encode_sparse(X)
    assert z.shape == (3, 7, 32)
    assert torch.allclose(torch.zeros_like(z).scatter(-1, indices, values), z)
    assert torch.allclose(d.decode(z), d.decode_sparse(values, indices), atol=1e-5)
    past = 0 if d.W_skip is None else X @ d.W_skip.T
    assert torch.allclose(d(X), d.decode(z) + past, atol=1e-4)
    assert d(X).shape == (3, 7, shape.get("d_out", 10))
    assert 0 < (z > 0).sum() < z.numel()
    assert torch.allclose(d.encode(X[0, 0]), z[0, 0], atol=1e-6)


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_what_is_saved_is_what_is_loaded(rule, shape, tmp_path):
    d = scaled(rule, **shape)
    d.about = {"tokens": 12}
    d.save(tmp_path / "d.safetensors", site="blocks.3.out", model="m")
    e = Dictionary.load(tmp_path / "d.safetensors")
    assert e.about == {"tokens": 12, "site": "blocks.3.out", "model": "m"}
    assert e.rule == rule
    assert e.parts == d.parts
    assert torch.equal(e.encode(X), d.encode(X))
    assert torch.equal(e(X), d(X))


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_training_units_and_back_are_the_same_function(rule, shape):
    d, y = scaled(rule, **shape), torch.randn(21, shape.get("d_out", 10)) * 3 - 1
    x = X.reshape(-1, 10)
    normalizer = ActivationNormalizer.measure(d, x, y, "mean")
    raw, latents = d(x).detach(), d.encode(x).detach()
    if isinstance(rule, Gated):
        return  # not learnt
    normalizer.unfold_from_weights(d)
    seen = d(normalizer.normalize(x)).detach()
    assert torch.allclose(seen / normalizer.scale_out[: seen.shape[1]] + normalizer.centre_out, raw, atol=1e-4)
    assert torch.allclose((d.encode(normalizer.normalize(x)) > 0), latents > 0)
    normalizer.fold_into_weights(d)
    assert torch.allclose(d(x), raw, atol=1e-4)
    assert torch.allclose(d.encode(x), latents, atol=1e-4)
    for site in normalizer.normalize(x).split(d.parts, 1):
        assert site.square().sum(1).mean() == pytest.approx(site.shape[1], rel=1e-4)


def test_a_file_of_version_1_is_read(tmp_path):
    d = scaled(BatchTopK(5, threshold=0.4))
    facts = {"format": "glassbook.dictionary", "version": 1, "d_in": 10, "width": 32, "d_out": None, "about": {"a": 1}}
    facts["code"] = {"name": "BatchTopK", "k": 5, "threshold": 0.4}
    save_file(dict(d.state_dict()), tmp_path / "d", {"glassbook.dictionary": json.dumps(facts)})
    e = Dictionary.load(tmp_path / "d")
    assert torch.equal(e.encode(X), d.encode(X))
    assert e.about == {"a": 1}


def test_topk_keeps_k_and_batch_topk_k_on_average():
    d = scaled(TopK(5))
    assert ((d.encode(X) != 0).sum(-1) <= 5).all()
    torch.manual_seed(0)
    b = Dictionary(10, 32, BatchTopK(5))
    assert (b.encode(X) > 0).sum() == 3 * 7 * 5
    assert (b.rule.dense(-torch.rand(4, 32)) == 0).all()


def test_loading_draws_nothing_from_the_generator(tmp_path):
    scaled(TopK(5)).save(tmp_path / "d.safetensors")
    torch.manual_seed(3)
    Dictionary.load(tmp_path / "d.safetensors")
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.rand(1) == after


def test_directions_have_norm_one_and_a_number():
    d = scaled(TopK(5))
    assert torch.linalg.vector_norm(d.direction(3)) == pytest.approx(1, abs=1e-6)
    with pytest.raises(GlassbookError, match="no feature 32"):
        d.direction(32)


@pytest.mark.parametrize("spoil", ["missing", "text", "cut", "other", "shape", "tensor", "code", "nan", "newer"])
def test_a_file_that_is_no_dictionary_is_one_line(spoil, tmp_path):
    path = tmp_path / "d.safetensors"
    scaled(TopK(5)).save(path)
    tensors = load_file(path)
    facts = {"format": "glassbook.dictionary", "d_in": 10, "width": 32, "d_out": None, "about": {}}
    facts["code"] = {"name": "Wrong" if spoil == "code" else "TopK", "k": 5}
    if spoil == "missing":
        path.unlink()
    elif spoil == "text":
        path.write_text("no tensors here")
    elif spoil == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif spoil == "other":
        save_file(tensors, path)
    else:
        if spoil == "shape":
            tensors["W_enc"] = tensors["W_enc"].T.contiguous()
        if spoil == "tensor":
            del tensors["b_enc"]
        if spoil == "nan":
            tensors["b_enc"][3] = float("nan")
        if spoil == "newer":
            facts["version"] = 3
        save_file(tensors, path, {"glassbook.dictionary": json.dumps(facts)})
    with pytest.raises(GlassbookError) as error:
        Dictionary.load(path)
    assert "\n" not in str(error.value)
    assert "d.safetensors" in str(error.value)


def test_impossible_settings_are_refused():
    with pytest.raises(GlassbookError, match="only 4 latents"):
        Dictionary(10, 4, TopK(5))
    with pytest.raises(GlassbookError, match="at least one"):
        TopK(0)
    with pytest.raises(GlassbookError, match="10 dimensions, not 9"):
        scaled(TopK(5)).encode(X[..., :9])
    with pytest.raises(GlassbookError, match="last prefix is 16"):
        Dictionary(10, 32, Matryoshka(TopK(5), (8, 16)))
    with pytest.raises(GlassbookError, match="must rise"):
        Matryoshka(TopK(5), (8, 8))
    with pytest.raises(GlassbookError, match="add up"):
        Dictionary(10, 32, TopK(5), parts=(4, 4))
    with pytest.raises(GlassbookError, match="only a transcoder"):
        Dictionary(10, 32, TopK(5), skip=True)
    with pytest.raises(GlassbookError, match="not both"):
        Dictionary(10, 32, TopK(5), d_out=4, parts=(4, 6))

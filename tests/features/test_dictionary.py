import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from glassbook.errors import GlassbookError
from glassbook.features import BatchTopK, Dictionary, TopK

X = torch.randn(3, 7, 10, generator=torch.Generator().manual_seed(0)) * 4 + 2


def scaled(code, d_out=None):
    """A dictionary with biases, centre and scale, as in the middle of training."""
    torch.manual_seed(1)
    d = Dictionary(10, 32, code, d_out=d_out)
    with torch.no_grad():
        d.b_enc.normal_(std=0.3)
        d.b_dec.normal_(std=0.3)
        d.centre.copy_(X.mean((0, 1)))
        d.scale.fill_(0.37)
        d.centre_out.copy_(d.centre if d_out is None else torch.randn(d_out))
        d.scale_out.fill_(0.37 if d_out is None else 1.9)
    return d


@pytest.mark.parametrize("code", [TopK(5), BatchTopK(5, threshold=0.4)])
@pytest.mark.parametrize("d_out", [None, 6])
def test_sparse_and_dense_agree_for_any_leading_dimensions(code, d_out):
    d = scaled(code, d_out)
    z = d.encode(X)
    values, indices = d.encode_sparse(X)
    assert z.shape == (3, 7, 32)
    assert torch.allclose(torch.zeros_like(z).scatter(-1, indices, values), z)
    assert torch.allclose(d.decode(z), d.decode_sparse(values, indices), atol=1e-5)
    assert torch.allclose(d(X), d.decode(z), atol=1e-5)
    assert d(X).shape == (3, 7, d_out or 10)
    assert torch.allclose(d.encode(X[0, 0]), z[0, 0], atol=1e-6)


@pytest.mark.parametrize("code", [TopK(5), BatchTopK(5, threshold=0.4)])
@pytest.mark.parametrize("d_out", [None, 6])
def test_a_saved_dictionary_reads_raw_activations_as_the_unfolded_one_does(code, d_out, tmp_path):
    d = scaled(code, d_out)
    d.about = {"tokens": 12}
    d.save(tmp_path / "d.safetensors", site="blocks.3.out", model="m")
    e = Dictionary.load(tmp_path / "d.safetensors")
    assert e.scale == 1
    assert not e.centre.any()
    assert e.about == {"tokens": 12, "site": "blocks.3.out", "model": "m"}
    assert torch.allclose(e.encode(X), d.encode(X), atol=1e-5)
    assert torch.allclose(e(X), d(X), atol=1e-5)
    assert torch.allclose(torch.linalg.vector_norm(e.W_dec, dim=1), torch.ones(32))
    assert d.scale == pytest.approx(0.37)  # saving changed nothing


def test_topk_keeps_k_and_batch_topk_k_on_average():
    d = scaled(TopK(5))
    assert ((d.encode(X) != 0).sum(-1) <= 5).all()
    torch.manual_seed(0)
    b = Dictionary(10, 32, BatchTopK(5))
    assert (b.encode(X) > 0).sum() == 3 * 7 * 5
    assert (b.code.codes(-torch.rand(4, 32)) == 0).all()


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


@pytest.mark.parametrize("spoil", ["missing", "text", "cut", "other", "shape", "tensor", "code"])
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

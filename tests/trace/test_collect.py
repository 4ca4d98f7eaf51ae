"""Activations in memory are those that a recording holds on disk, and serve wherever a recording does."""

from __future__ import annotations

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.features import Dictionary, TopK, fit
from glassbook.trace import collect, read_sites, record
from glassbook.trace.roles import residual_site


def batches(n: int = 3) -> list[dict[str, torch.Tensor]]:
    g = torch.Generator().manual_seed(1)
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    return [{"input_ids": torch.randint(1, 61, (2, 5), generator=g) * mask, "attention_mask": mask} for _ in range(n)]


def test_collected_rows_are_the_recorded_ones(lm, layers, tmp_path):
    sites, skip = f"{layers(lm)}.*.out", {5, 7, 20}
    acts, recording = collect(lm, batches(), sites, skip=skip), record(lm, batches(), sites, tmp_path / "r", skip=skip)
    assert acts.sites == recording.sites == [f"{layers(lm)}.{i}.out" for i in range(3)]
    assert acts.n == recording.n > 0
    for site in acts.sites:
        assert torch.equal(acts.read(site), recording.read(site))
        assert acts.dim(site) == 32
    assert torch.equal(acts.tokens(), recording.tokens())
    assert not set(acts.tokens().tolist()) & (skip | {0})
    assert all(torch.equal(a, b) for a, b in zip(acts.index(), recording.index(), strict=True))
    same = ("model", "sites", "special_tokens", "dims", "dtype", "context", "sequences", "n")
    assert {key: acts.header[key] for key in same} == {key: recording.header[key] for key in same}


def test_a_dictionary_learns_from_activations_in_memory(build):
    model, _ = build("ours")
    site = residual_site(model, 1)
    d = Dictionary(32, 64, TopK(4))
    fit(d, (collect(model, batches(20), site), site), steps=3, batch=16)
    assert d.about["site"] == "blocks.1.out"


def test_what_cannot_be_collected_is_refused(build):
    model, _ = build("ours")
    with pytest.raises(GlassbookError, match="nothing was recorded"):
        collect(model, [], "blocks.0.out")
    with pytest.raises(GlassbookError, match="nothing was recorded"):
        collect(model, batches(), "blocks.0.out", skip=range(61))
    with pytest.raises(GlassbookError, match="was not recorded"):
        collect(model, batches(), "blocks.0.out").read("blocks.1.out")
    with pytest.raises(GlassbookError, match="training mode"):
        collect(model.train(), batches(), "blocks.0.out")


def test_the_site_of_the_stream_at_a_layer(lm, layers):
    assert residual_site(lm, 0) == f"{layers(lm)}.0.out"
    assert residual_site(lm, -1, "in") == f"{layers(lm)}.2.in"
    for layer in (3, -4):
        with pytest.raises(GlassbookError, match="layers 0 to 2"):
            residual_site(lm, layer)


def test_one_call_is_read_in_the_models_own_shape(build):
    model, inputs = build("ours")
    model.blocks[2].register_forward_hook(lambda *_: pytest.fail("ran on"))
    found = read_sites(model, inputs, ["blocks.1.out", "blocks.0.in"])
    assert list(found) == ["blocks.1.out", "blocks.0.in"]
    assert {x.shape for x in found.values()} == {(2, 7, 32)}
    assert not any(x.requires_grad for x in found.values())
    with pytest.raises(GlassbookError, match=r"reads blocks\.1\.out"):
        read_sites(model, inputs, ["blocks.1"])
    with pytest.raises(GlassbookError, match="training mode"):
        read_sites(model.train(), inputs, ["blocks.1.out"])


@pytest.mark.parametrize("ids", [[[61]], [[1, 2, 3, 1000]], [[-1, 3]]])
def test_tokens_that_the_model_does_not_know_are_refused_in_one_line(lm, layers, ids):
    site = f"{layers(lm)}.0.out"
    with pytest.raises(GlassbookError, match="beyond its vocabulary"):
        collect(lm, [{"input_ids": torch.tensor(ids)}], site)
    with pytest.raises(GlassbookError, match="cannot read this batch"):
        read_sites(lm, {"input_ids": torch.tensor(ids)}, [site])


def test_a_text_beyond_the_context_is_refused_in_one_line(build):
    model, _ = build("gpt2")
    with pytest.raises(GlassbookError, match="more tokens than its context"):
        collect(model, [{"input_ids": torch.ones(1, 500, dtype=torch.long)}], "transformer.h.0.out")

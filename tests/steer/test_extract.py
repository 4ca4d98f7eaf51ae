"""Vectors from models: activation addition against two forwards by hand, and the other sources."""

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.features.dictionary import Dictionary
from glassbook.features.sparsity import TopK
from glassbook.nets import LM, LanguageModel, LMConfig
from glassbook.nets.tokenizer import byte_tokenizer
from glassbook.steer import Vector, actadd, caa, feature, logistic_probe, mean_difference, random_like, repe_pca
from glassbook.trace.roles import blocks


def block_input(lm, ids: list[int], layer: int) -> torch.Tensor:
    """The input of a block, taken by a plain hook."""
    taken = []
    block = lm.model.get_submodule(blocks(lm.model)[layer])
    handle = block.register_forward_pre_hook(lambda _, args, kw: taken.append(args[0]), with_kwargs=True)
    with torch.no_grad():
        lm.model(input_ids=torch.tensor([ids]))
    handle.remove()
    return taken[0][0]


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize(("plus", "minus"), [("love", "mind"), ("weddings", ""), ("i", "anger")])
def test_actadd_equals_two_forwards_by_hand(lm, plus, minus, layer):
    site = f"{blocks(lm.model)[layer]}.in"
    v = actadd(lm, plus, minus, site)
    length, space = 1 + max(len(plus), len(minus)), 2
    hand = []
    for text in (plus, minus):
        ids = [0, *lm.tokenizer.encode(text)]
        hand.append(block_input(lm, ids + [space] * (length - len(ids)), layer))
    assert v.positional
    assert torch.equal(v.rows[site], hand[0] - hand[1])
    # An expert multiplies all its tokens at once, so the last bits of BOS depend on how many share its experts.
    rounding = 1e-5 * float(hand[0].abs().max()) if lm.name == "mixtral" else 0
    assert float(v.rows[site][0].abs().max()) <= rounding
    assert bool(v.rows[site][1:].any(dim=1).all())
    assert actadd(lm, minus, plus, site) == -v


@pytest.mark.parametrize(("plus", "minus"), [("love", "mind"), ("weddings", ""), ("i", "anger")])
def test_actadd_without_a_bos_begins_at_the_first_token(plus, minus):
    """Many tokenizers put no BOS before a text; then the two prompts share no first row."""
    torch.manual_seed(0)
    lm = LanguageModel(LM(LMConfig(256, 32, 2, 2, 2, 64, context=32)).eval(), byte_tokenizer(256), "bytes")
    assert lm.encode("") == []
    length = max(len(plus), len(minus))
    hand = [block_input(lm, list(text.encode()) + [32] * (length - len(text)), 1) for text in (plus, minus)]
    v = actadd(lm, plus, minus, "blocks.1.in")
    assert torch.equal(v.rows["blocks.1.in"], hand[0] - hand[1])
    with pytest.raises(GlassbookError, match="same tokens"):
        actadd(lm, "", "", "blocks.1.in")


def test_the_pad_token_matters_and_can_be_named(lm):
    site = f"{blocks(lm.model)[1]}.in"
    assert actadd(lm, "abc", "", site, pad=2) == actadd(lm, "abc", "", site)
    assert actadd(lm, "abc", "", site, pad="z") != actadd(lm, "abc", "", site)
    with pytest.raises(GlassbookError, match="no single token"):
        actadd(lm, "abc", "", site, pad="ab")
    actadd(lm, "abc", "xyz", site, pad="ab")  # nothing to pad, so no pad is looked for


def test_actadd_refuses_what_it_cannot_do(lm):
    site = f"{blocks(lm.model)[1]}.in"
    with pytest.raises(GlassbookError, match="same tokens"):
        actadd(lm, "abc", "abc", site)
    with pytest.raises(GlassbookError, match="shorten"):
        actadd(lm, "a" * 200, "", site)
    lm.model.train()
    with pytest.raises(GlassbookError, match="eval"):
        actadd(lm, "abc", "", site)


@pytest.mark.parametrize(("token", "rows"), [(-1, slice(-1, None)), (2, slice(2, 3)), ("mean", slice(1, None))])
def test_mean_difference_ignores_padding(lm, token, rows, monkeypatch):
    plus, minus = ["a lot", "to be", "x y z and more"], ["nothing", "ab"]
    site = f"{blocks(lm.model)[1]}.in"
    hand = [
        torch.stack([block_input(lm, lm.encode(t), 1)[rows].mean(0) for t in texts]).mean(0) for texts in (plus, minus)
    ]
    for batch in (2, 32):
        monkeypatch.setattr("glassbook.steer.extract.BATCH", batch)
        v = mean_difference(lm, plus, minus, site, token=token)
        assert not v.positional
        torch.testing.assert_close(v.rows[site][0], hand[0] - hand[1], atol=1e-5, rtol=1e-4)


def test_mean_difference_refuses_empty_lists_and_missing_tokens(lm):
    site = f"{blocks(lm.model)[1]}.in"
    with pytest.raises(GlassbookError, match="list of texts"):
        mean_difference(lm, [], ["a"], site)
    with pytest.raises(GlassbookError, match="list of texts"):
        mean_difference(lm, "a", ["a"], site)
    with pytest.raises(GlassbookError, match="no token 5"):
        mean_difference(lm, ["abc"], ["abcdefg"], site, token=5)
    with pytest.raises(GlassbookError, match="no token 'mean'"):
        mean_difference(lm, [""], ["abcdefg"], site, token="mean")


def test_feature_is_the_decoder_row():
    dictionary = Dictionary(d_in=8, width=5, rule=TopK(2))
    assert feature(dictionary, 3, "blocks.1.out") == Vector({"blocks.1.out": dictionary.W_dec[3]})
    with pytest.raises(GlassbookError, match="no feature 5"):
        feature(dictionary, 5, "blocks.1.out")
    with pytest.raises(GlassbookError, match="does not record its site"):
        feature(dictionary, 3)
    dictionary.about = {"site": "blocks.1.out"}
    assert feature(dictionary, 3).sites == ["blocks.1.out"]


def test_random_like_keeps_the_norm_of_each_row():
    v = Vector({"a.in": torch.randn(4, 16) * torch.tensor([[0.0], [1], [5], [30]])}, positional=True)
    w = random_like(v, torch.Generator().manual_seed(0))
    torch.testing.assert_close(w.rows["a.in"].norm(dim=1), v.rows["a.in"].norm(dim=1))
    assert w == random_like(v, torch.Generator().manual_seed(0))
    assert w != random_like(v, torch.Generator().manual_seed(1))
    assert torch.cosine_similarity(v.rows["a.in"][1:], w.rows["a.in"][1:]).abs().max() < 0.9


@pytest.mark.parametrize("source", [repe_pca, logistic_probe])
def test_directions_point_from_minus_to_plus_with_the_mean_differences_length(lm, source):
    at = f"{blocks(lm.model)[1]}.out"
    plus, minus = ["my friend", "my fox", "my word", "my bed"], ["the friend", "the fox", "the word", "the bed"]
    mean = mean_difference(lm, plus, minus, at, token="mean").rows[at][0]
    v, swapped = source(lm, plus, minus, at, token="mean"), source(lm, minus, plus, at, token="mean")
    row = v.rows[at][0]
    assert float(row @ mean) > 0
    assert float(row @ mean) == pytest.approx(float(row @ row), rel=1e-3)  # the mean difference's part along it
    torch.testing.assert_close(swapped.rows[at][0], -row, rtol=1e-2, atol=1e-3)


def test_the_principal_component_by_hand(lm):
    at = f"{blocks(lm.model)[1]}.out"
    plus, minus = ["my friend", "my fox", "a word"], ["the friend", "the fox", "the bed"]
    rows = [mean_difference(lm, [a], [b], at).rows[at][0].double() for a, b in zip(plus, minus, strict=True)]
    u = torch.linalg.eigh(torch.stack(rows).T @ torch.stack(rows))[1][:, -1]
    expected = (torch.stack(rows).mean(0) @ u) * u
    torch.testing.assert_close(repe_pca(lm, plus, minus, at).rows[at][0].double(), expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(GlassbookError, match="needs pairs"):
        repe_pca(lm, plus, minus[:2], at)


def test_a_probe_tells_its_texts_apart(lm):
    at = f"{blocks(lm.model)[1]}.out"
    plus, minus = ["my friend", "my fox", "my word"], ["the friend", "the fox", "the word"]
    row = logistic_probe(lm, plus, minus, at).rows[at][0]
    values = [[float(mean_difference(lm, [t], ["so"], at).rows[at][0] @ row) for t in texts] for texts in (plus, minus)]
    assert min(values[0]) > max(values[1])
    with pytest.raises(GlassbookError, match="list of texts"):
        logistic_probe(lm, [], minus, at)


def test_caa_is_the_mean_difference():
    assert caa is mean_difference

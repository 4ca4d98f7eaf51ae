"""The language model: its stream, its cache, its padding, its sampling."""

import subprocess
import sys

import pytest
import torch

from glassbook.errors import GlassbookError
from glassbook.nets import LM, LMConfig
from glassbook.nets.transformer import sample

CONFIG = LMConfig(vocab=97, d_model=32, n_layers=3, n_heads=4, n_kv_heads=2, d_hidden=48, context=64, tied=False)


@pytest.fixture
def lm() -> LM:
    torch.manual_seed(0)
    model = LM(CONFIG).eval()
    for p in model.parameters():  # larger weights, so that mistakes show
        p.data.mul_(5 if p.dim() == 2 else 1)
    return model


def prompts(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(0, 97, (1, n), generator=generator) for n in lengths]


def padded(rows: list[torch.Tensor], side: str) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(row.shape[1] for row in rows)
    ids, mask = torch.full((len(rows), longest), 5), torch.zeros(len(rows), longest, dtype=torch.long)
    for i, row in enumerate(rows):
        real = slice(longest - row.shape[1], None) if side == "left" else slice(row.shape[1])
        ids[i, real], mask[i, real] = row[0], 1
    return ids, mask


def test_the_stream_is_the_embedding_plus_what_attention_and_mlp_add(lm: LM):
    seen: dict[str, torch.Tensor] = {}
    for name, module in lm.named_modules():
        if name and not name.endswith("blocks"):
            module.register_forward_hook(lambda m, i, out, name=name: seen.update({name: out}))
    (ids,) = prompts(9)
    logits = lm(ids).logits
    stream = seen["embed"]
    for i in range(CONFIG.n_layers):
        stream = stream + seen[f"blocks.{i}.attn"] + seen[f"blocks.{i}.mlp"]
        torch.testing.assert_close(seen[f"blocks.{i}"], stream)
    torch.testing.assert_close(logits, lm.head(lm.norm(stream)))
    assert {"blocks.0.norm1", "blocks.0.norm2", "blocks.0.attn.q", "blocks.0.attn.o"} <= seen.keys()


def test_later_tokens_do_not_change_earlier_logits(lm: LM):
    (ids,) = prompts(9)
    other = ids.clone()
    other[0, 6] = (other[0, 6] + 1) % 97
    torch.testing.assert_close(lm(ids).logits[:, :6], lm(other).logits[:, :6])
    assert not torch.allclose(lm(ids).logits[:, 6:], lm(other).logits[:, 6:])


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_batch_gives_what_each_text_gives_alone(lm: LM, side: str):
    rows = prompts(3, 9, 6)
    ids, mask = padded(rows, side)
    logits = lm(input_ids=ids, attention_mask=mask).logits
    assert logits.isfinite().all()
    for row, own, got in zip(rows, mask.bool(), logits, strict=True):
        torch.testing.assert_close(got[own], lm(row).logits[0], atol=1e-4, rtol=0)


def test_a_row_of_pads_only_is_finite_and_so_is_its_gradient(lm: LM):
    ids, mask = padded(prompts(4, 4), "left")
    mask[0] = 0
    lm(ids, mask).logits.sum().backward()
    assert lm(ids, mask).logits.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in lm.parameters())


def test_the_cache_in_pieces_gives_the_logits_of_the_whole(lm: LM):
    rows = prompts(3, 9)
    ids, mask = padded(rows, "left")
    whole, cache, got = lm(ids, mask).logits, None, []
    for a, b in [(0, 4), (4, 8), (8, 9)]:
        out = lm(ids[:, a:b], mask[:, :b], past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        got.append(out.logits)
        assert cache is not None
        assert cache.get_seq_length() == b
    torch.testing.assert_close(torch.cat(got, 1)[mask.bool()], whole[mask.bool()], atol=1e-4, rtol=1e-4)
    assert lm(ids).past_key_values is None


def test_generation_is_the_same_with_and_without_cache_and_padding(lm: LM):
    rows = prompts(3, 9, 1)
    ids, mask = padded(rows, "left")
    fast = lm.generate(ids, mask, max_new_tokens=20)
    assert torch.equal(fast, lm.generate(ids, mask, max_new_tokens=20, use_cache=False))
    for i, row in enumerate(rows):
        assert torch.equal(fast[i, 9:], lm.generate(row, max_new_tokens=20)[0, row.shape[1] :])


def test_sampling_repeats_with_its_generator_and_leaves_the_global_one_alone(lm: LM):
    (ids,) = prompts(5)
    before = torch.get_rng_state()
    draws = [
        lm.generate(ids, max_new_tokens=20, temperature=1.0, top_p=0.9, generator=torch.Generator().manual_seed(s))
        for s in (0, 0, 1)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(before, torch.get_rng_state())


def test_rows_end_at_eos_and_generation_with_the_last(lm: LM):
    ids, mask = padded(prompts(4, 6), "left")
    free = lm.generate(ids, mask, max_new_tokens=30)[:, 6:]
    eos = int(free[0, 7])
    got = lm.generate(ids, mask, max_new_tokens=30, eos_token_id=eos)[:, 6:]
    ends = []
    for row, unended in zip(got.tolist(), free.tolist(), strict=True):
        end = unended.index(eos) if eos in unended else len(unended)
        assert row[:end] == unended[: len(row)][:end]
        assert set(row[end:]) <= {eos}
        ends.append(min(end + 1, 30))
    assert got.shape[1] == max(ends)


def test_top_p_keeps_the_token_that_crosses_it():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().repeat(4000, 1)
    draw = sample(logits, 1.0, 0.7, torch.Generator().manual_seed(0))
    share = draw.bincount(minlength=4) / 4000
    assert share[2:].sum() == 0
    assert share[0].item() == pytest.approx(0.625, abs=0.03)
    assert (sample(logits, 1.0, 1e-6, torch.Generator().manual_seed(0)) == 0).all()
    assert (sample(logits) == 0).all()


def test_a_new_model_is_near_uniform_and_tied_heads_share_their_matrix():
    torch.manual_seed(0)
    model = LM(LMConfig(97, 32, 3, 4, 2, 48, 64))
    assert model.head.weight is model.embed.weight
    (ids,) = prompts(20)
    loss = torch.nn.functional.cross_entropy(model(ids).logits[0, :-1], ids[0, 1:])
    assert loss.item() == pytest.approx(torch.tensor(97.0).log().item(), abs=0.1)
    assert model.blocks[0].attn.o.weight.std().item() == pytest.approx(0.02 / 6**0.5, rel=0.1)  # type: ignore


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"d_model": 30}, "multiple of 8"),
        ({"n_kv_heads": 3}, "does not divide"),
        ({"vocab": 0}, "at least 1"),
    ],
)
def test_sizes_that_do_not_fit_are_one_line(change: dict, says: str):
    with pytest.raises(GlassbookError, match=says) as error:
        LMConfig(**{**CONFIG.__dict__, **change})
    assert "\n" not in str(error.value)


def test_what_exceeds_the_context_is_refused(lm: LM):
    with pytest.raises(GlassbookError, match="context of 64"):
        lm.generate(prompts(60)[0], max_new_tokens=5)


def test_importing_the_nets_imports_no_transformers():
    code = "import sys, glassbook.nets; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

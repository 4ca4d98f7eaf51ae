"""Lenses: the last layer's is the model's own, the tuned one comes nearer."""

import json

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import kl_div

from glassbook.circuits import TunedLens, fit_tuned_lens, load_tuned_lens, logit_lens
from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.trace import read_sites
from glassbook.trace.roles import blocks, final


@pytest.fixture
def lm(model):
    return LanguageModel(model, None, "a random one")


def test_the_last_lens_is_the_model(lm, task):
    found = list(logit_lens(lm, task.clean).values())
    assert len(found) == 2
    torch.testing.assert_close(found[-1], lm.model(**task.clean).logits, rtol=1e-4, atol=1e-4)
    assert float((found[0] - found[1]).abs().max()) > 0.1


def test_a_tuned_lens_begins_as_the_logit_lens_and_comes_nearer(models):
    lm = LanguageModel(models["ours"], None, "ours")
    g = torch.Generator().manual_seed(0)
    batches = [{"input_ids": torch.randint(61, (16, 8), generator=g)} for _ in range(60)]
    held = {"input_ids": torch.randint(61, (16, 8), generator=g)}
    before = {name: p.clone() for name, p in lm.model.state_dict().items()}
    lens = fit_tuned_lens(lm, batches, lr=1e-2)
    target = lm.model(**held).logits.log_softmax(-1)
    plain = logit_lens(lm, held)
    from glassbook.trace import trace

    with torch.no_grad(), trace(lm.model, read="blocks.0.out") as t:
        lm.model(**held)
    x = t["blocks.0.out"]

    @torch.no_grad()
    def far(logits):
        return float(kl_div(logits.log_softmax(-1), target, log_target=True, reduction="none").sum(-1).mean())

    torch.testing.assert_close(TunedLens(lm)("blocks.0", x), plain["blocks.0"])
    assert far(lens("blocks.0", x)) < 0.7 * far(plain["blocks.0"])
    assert all(torch.equal(p, before[name]) for name, p in lm.model.state_dict().items())
    assert all(p.grad is None for p in lm.model.parameters())


def test_inputs_beyond_the_context_are_one_line(lm):
    inputs = {"input_ids": torch.zeros(1, lm.context + 1, dtype=torch.long)}
    for lens in (lambda: logit_lens(lm, inputs), lambda: fit_tuned_lens(lm, [inputs])):
        with pytest.raises(GlassbookError, match=f"context of {lm.context}") as error:
            lens()
        assert "\n" not in str(error.value)


def test_a_saved_tuned_lens_reads_the_same_and_fits_no_other_model(lm, tmp_path):
    lens = TunedLens(lm)
    torch.manual_seed(0)
    for p in lens.parameters():
        p.data = 0.1 * torch.randn_like(p)
    file = tmp_path / "lens.safetensors"
    lens.save(file)
    name, x = lens.names[0], torch.randn(3, lens.translators[0].in_features)
    torch.testing.assert_close(load_tuned_lens(lm, file)(name, x), lens(name, x))
    file.write_bytes(b"no lens")
    with pytest.raises(GlassbookError, match="not a tuned lens"):
        load_tuned_lens(lm, file)
    save_file({"translators.0.weight": torch.zeros(3, 3)}, file)
    with pytest.raises(GlassbookError, match="of another model"):
        load_tuned_lens(lm, file)
    with pytest.raises(GlassbookError, match="not a tuned lens"):
        load_tuned_lens(lm, tmp_path / "nothing.safetensors")


def published(lens, folder, **change):
    """The lens as the package tuned-lens writes it: a translator for each block's input, the embeddings' first."""
    d = lens.width
    layers = [nn.Linear(d, d), *lens.translators]
    folder.mkdir(exist_ok=True)
    bias = change.get("bias", True)
    state = {f"{i}.{name}": p for i, part in enumerate(layers) for name, p in part.state_dict().items()}
    torch.save({name: p for name, p in state.items() if bias or "bias" not in name}, folder / "params.pt")
    config = {"base_model_name_or_path": "m", "d_model": d, "num_hidden_layers": len(layers), "bias": True}
    (folder / "config.json").write_text(json.dumps(config | change))
    return folder


@torch.no_grad()
@pytest.mark.parametrize("bias", [True, False])
def test_a_published_tuned_lens_translates_the_same_streams(lm, tmp_path, task, bias):
    lens = TunedLens(lm)
    for p in lens.parameters():
        p.copy_(0.1 * torch.randn_like(p))
    if not bias:
        for translator in lens.translators:
            translator.bias.zero_()
    found = load_tuned_lens(lm, published(lens, tmp_path / "lens", bias=bias))
    for name, x in read_sites(lm.model, task.clean, [f"{name}.out" for name in blocks(lm.model)]).items():
        torch.testing.assert_close(found(name.removesuffix(".out"), x), lens(name.removesuffix(".out"), x))
    # by the package's own rule: hidden_states[i], the input of block i, and translator i
    if hasattr(lm.model, "generation_config"):
        states = lm.model(**task.clean, output_hidden_states=True).hidden_states
        by_hand = states[1] + nn.functional.linear(states[1], lens.translators[0].weight, lens.translators[0].bias)
        torch.testing.assert_close(found(lens.names[0], states[1]), final(lm)(by_hand), rtol=1e-4, atol=1e-4)


class Step:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return print, ("run",)


def test_published_lenses_that_do_not_fit_are_one_line(lm, tmp_path, capsys):
    lens, folder = TunedLens(lm), tmp_path / "lens"
    for change, words in (
        ({"num_hidden_layers": 7}, "of 7 blocks"),
        ({"d_model": 48}, "width 48"),
        ({"lens_type": "logit_lens"}, "only linear"),
    ):
        with pytest.raises(GlassbookError, match=words) as error:
            load_tuned_lens(lm, published(lens, folder, **change))
        assert "\n" not in str(error.value)
    torch.save({"0.weight": torch.zeros(32, 32)}, published(lens, folder) / "params.pt")
    with pytest.raises(GlassbookError, match=r"has no 1\.weight"):
        load_tuned_lens(lm, folder)
    torch.save({"0.weight": Step()}, folder / "params.pt")
    with pytest.raises(GlassbookError, match="would run code"):
        load_tuned_lens(lm, folder)
    assert capsys.readouterr().out == ""
    (folder / "config.json").unlink()
    with pytest.raises(GlassbookError, match=r"no config\.json"):
        load_tuned_lens(lm, folder)

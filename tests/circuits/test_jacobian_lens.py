"""Jacobian lens: exact where the model is linear, equal to derivatives taken one by one, and resumable."""

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from glassbook.circuits import TunedLens, fit_jacobian_lens, load_jacobian_lens, load_tuned_lens, logit_lens
from glassbook.circuits.jacobian_lens import agreement
from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.trace import trace
from glassbook.trace.roles import blocks, final

D, VOCAB = 12, 30


class Step(nn.Module):
    def __init__(self):
        super().__init__()
        self.map = nn.Linear(D, D, bias=False)

    def forward(self, x):
        return x + self.map(x)


class LinearNetwork(nn.Module):
    """Residual blocks that are linear and look at one token alone."""

    def __init__(self):
        super().__init__()
        sizes = SimpleNamespace(vocab_size=VOCAB, max_position_embeddings=64)
        self.config = SimpleNamespace(get_text_config=lambda: sizes)
        self.embed = nn.Embedding(VOCAB, D)
        self.blocks = nn.ModuleList(Step() for _ in range(3))
        self.norm = nn.Identity()
        self.head = nn.Linear(D, VOCAB, bias=False)

    def forward(self, input_ids, attention_mask=None):
        x = self.embed(input_ids)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def texts(n, length, seed=0, vocab=VOCAB):
    g = torch.Generator().manual_seed(seed)
    return [{"input_ids": torch.randint(vocab, (3, length), generator=g)} for _ in range(n)]


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return LanguageModel(LinearNetwork().eval(), None, "a linear one")


def test_exact_on_a_linear_network(linear):
    lens = fit_jacobian_lens(linear, texts(2, 6), skip=2)
    steps = [torch.eye(D) + block.map.weight.detach() for block in linear.model.blocks]
    torch.testing.assert_close(lens.matrices["blocks.0"], steps[2] @ steps[1])
    torch.testing.assert_close(lens.matrices["blocks.1"], steps[2])
    assert lens.prompts == 6
    assert all(value == pytest.approx(1, abs=1e-4) for value in lens.agreement.values())


def test_the_last_layer_is_the_logit_lens(model, task):
    lm = LanguageModel(model, None, "a random one")
    lens = fit_jacobian_lens(lm, [task.clean], skip=2)
    name = blocks(model)[-1]
    with torch.no_grad(), trace(model, read=f"{name}.out") as t:
        model(**task.clean)
    torch.testing.assert_close(lens(name, t[f"{name}.out"]), logit_lens(lm, task.clean)[name])


@pytest.mark.parametrize("together", [3, 64, 1000, None])
def test_equals_derivatives_taken_one_by_one(models, together):
    lm, skip = LanguageModel(models["ours"], None, "ours"), 1
    ids = torch.randint(61, (2, 5), generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([[1, 1, 1, 1, 1], [0, 1, 1, 1, 1]])
    lens = fit_jacobian_lens(lm, [{"input_ids": ids, "attention_mask": mask}], skip=skip, rows=together)
    with trace(lm.model, read=["blocks.0.out", "blocks.1.out"], grad=True) as t:
        lm.model(input_ids=ids, attention_mask=mask)
    first, last = t["blocks.0.out"], t["blocks.1.out"]
    valid = mask.bool() & (mask.cumsum(1) > skip)
    expected = torch.zeros(lens.matrices["blocks.0"].shape)
    for row in range(2):
        for i in range(len(expected)):
            (grad,) = torch.autograd.grad(last[row, valid[row], i].sum(), first, retain_graph=True)
            expected[i] += grad[row, valid[row]].mean(0) / 2
    torch.testing.assert_close(lens.matrices["blocks.0"], expected, rtol=1e-4, atol=1e-5)


def test_random_directions_come_near_the_exact_matrix(models):
    lm = LanguageModel(models["ours"], None, "ours")
    batches = texts(1, 8, vocab=61)
    exact = fit_jacobian_lens(lm, batches, skip=2).matrices["blocks.0"]

    def far(projections):
        found = fit_jacobian_lens(lm, batches, skip=2, projections=projections).matrices["blocks.0"]
        return float((found - exact).norm() / exact.norm())

    assert far(4096) < 0.2 < far(32)


def test_a_fit_goes_on_from_its_checkpoint(models, tmp_path):
    lm, batches = LanguageModel(models["ours"], None, "ours"), texts(4, 6, vocab=61)
    whole = fit_jacobian_lens(lm, batches, skip=2)
    fit_jacobian_lens(lm, batches[:2], skip=2, checkpoint=tmp_path)
    resumed = fit_jacobian_lens(lm, batches, skip=2, checkpoint=tmp_path)
    assert torch.equal(resumed.matrices["blocks.0"], whole.matrices["blocks.0"])
    assert resumed.agreement == whole.agreement
    with pytest.raises(GlassbookError, match="other settings"):
        fit_jacobian_lens(lm, batches, skip=3, checkpoint=tmp_path)


def other_weights(lm):
    other = copy.deepcopy(lm.model)
    with torch.no_grad():
        next(other.parameters()).mul_(1.5)
    return LanguageModel(other, None, "other")


def test_what_was_fitted_to_one_model_is_not_used_on_another_of_its_sizes(models, tmp_path):
    lm, batches = LanguageModel(models["ours"], None, "ours"), texts(2, 6, vocab=61)
    other = other_weights(lm)
    lens = fit_jacobian_lens(lm, batches, skip=2, checkpoint=tmp_path / "fit")
    lens.save(tmp_path / "lens.pt")
    with pytest.raises(GlassbookError, match="of another model"):
        fit_jacobian_lens(other, batches, skip=2, checkpoint=tmp_path / "fit")
    with pytest.raises(GlassbookError, match="its weights differ"):
        load_jacobian_lens(other, tmp_path / "lens.pt")
    TunedLens(lm).save(tmp_path / "tuned.safetensors")
    load_tuned_lens(lm, tmp_path / "tuned.safetensors")
    with pytest.raises(GlassbookError, match="its weights differ"):
        load_tuned_lens(other, tmp_path / "tuned.safetensors")
    half = LanguageModel(copy.deepcopy(lm.model).bfloat16(), None, "half")  # cannot be compared
    load_jacobian_lens(half, tmp_path / "lens.pt")
    load_tuned_lens(half, tmp_path / "tuned.safetensors").save(tmp_path / "half.safetensors")
    load_tuned_lens(lm, tmp_path / "half.safetensors")


def test_a_model_in_training_mode_is_refused(models):
    lm = LanguageModel(copy.deepcopy(models["ours"]).train(), None, "ours")
    with pytest.raises(GlassbookError, match="training mode"):
        fit_jacobian_lens(lm, texts(1, 6, vocab=61), skip=2)


def test_texts_that_are_too_short_are_refused(models):
    with pytest.raises(GlassbookError, match="no text is longer than the 16 first"):
        fit_jacobian_lens(LanguageModel(models["ours"], None, "ours"), texts(1, 16, vocab=61))


def test_saved_and_read_in_the_published_format(models, tmp_path):
    lm = LanguageModel(models["ours"], None, "ours")
    lens = fit_jacobian_lens(lm, texts(2, 6, vocab=61), skip=2)
    lens.save(tmp_path / "lens.pt")
    content = torch.load(tmp_path / "lens.pt", weights_only=True)
    assert set(content) == {"J", "n_prompts", "source_layers", "d_model", "weights"}
    assert content["J"][0].dtype == torch.float16
    again = load_jacobian_lens(lm, tmp_path / "lens.pt")
    torch.testing.assert_close(again.matrices["blocks.0"], lens.matrices["blocks.0"], rtol=1e-3, atol=1e-3)
    assert again.prompts == 6


def test_files_that_are_no_lens_of_this_model_are_refused(models, linear, tmp_path):
    lens = fit_jacobian_lens(linear, texts(2, 6), skip=2)
    lens.save(tmp_path / "lens.pt")
    ours = LanguageModel(models["ours"], None, "ours")
    with pytest.raises(GlassbookError, match="of a model of width 12"):
        load_jacobian_lens(ours, tmp_path / "lens.pt")
    torch.save({"weights": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(GlassbookError, match="no matrices by layer"):
        load_jacobian_lens(ours, tmp_path / "other.pt")
    torch.save({"J": {7: torch.zeros(32, 32)}}, tmp_path / "deep.pt")
    with pytest.raises(GlassbookError, match=r"has layers \[7\]"):
        load_jacobian_lens(ours, tmp_path / "deep.pt")
    torch.save(Step(), tmp_path / "code.pt")
    with pytest.raises(GlassbookError, match="is not a Jacobian lens"):
        load_jacobian_lens(ours, tmp_path / "code.pt")


def test_the_model_is_not_changed(models):
    lm = LanguageModel(models["ours"], None, "ours")
    before = {name: p.clone() for name, p in lm.model.state_dict().items()}
    fit_jacobian_lens(lm, texts(1, 6, vocab=61), skip=2)
    assert all(torch.equal(p, before[name]) for name, p in lm.model.state_dict().items())
    assert all(p.grad is None for p in lm.model.parameters())
    assert final(lm)


def test_the_control_has_the_same_spectrum_and_says_something_else(models):
    lm = LanguageModel(models["ours"], None, "ours")
    lens = fit_jacobian_lens(lm, texts(2, 6, vocab=61), skip=2)
    control = lens.permuted(torch.Generator().manual_seed(0))
    J, other = lens.matrices["blocks.0"], control.matrices["blocks.0"]
    torch.testing.assert_close(torch.linalg.svdvals(other), torch.linalg.svdvals(J), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(other.trace(), J.trace())
    assert float((other - J).norm() / J.norm()) > 0.05
    x = torch.randn(1, 2, J.shape[0])
    assert torch.equal(control("blocks.1", x), lens("blocks.1", x))  # the last layer has no matrix


def test_what_is_compared_between_the_halves_is_what_goes_beyond_the_identity():
    one = torch.eye(6)
    a, b = torch.zeros(6, 6), torch.zeros(6, 6)
    a[0, 1] = b[2, 3] = 1e-3
    assert agreement(one + a, one + b) == pytest.approx(0, abs=1e-4)
    assert agreement(one + a, one + 3 * a) == pytest.approx(1, abs=1e-3)

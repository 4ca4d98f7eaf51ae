"""Patching and its estimate: exact where they have to be, refused where nothing could be found."""

import pytest
import torch
import transformers
from torch import nn

from glassbook.circuits import Task, attribute, logit_difference, patch
from glassbook.errors import GlassbookError
from glassbook.trace.roles import roles


def mixture_of_all():
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.MixtralConfig(
        vocab_size=61, num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=4, **sizes
    )
    return transformers.MixtralForCausalLM(config).eval()


def test_patching_the_whole_stream_gives_the_clean_run(opened, task):
    for site in (opened["resid.0.in"], opened["resid.1.out"]):
        found = patch(opened.model, task, [site])
        torch.testing.assert_close(found.values[0], found.clean)
        assert found.recovered().tolist() == pytest.approx([1.0])


def test_patching_where_nothing_differs_changes_nothing(opened, task):
    found = patch(opened.model, task, [opened["resid.0.in"]], positions=True)
    # Only the changed token's embedding differs; the others are the same in both runs.
    assert [s.position for s, v in zip(found.locations, found.recovered().tolist(), strict=True) if v != 0] == [2]
    _, positions, grid = found.grid()
    assert positions == list(range(8))
    assert grid[0, 2] == pytest.approx(1.0)


def test_a_head_is_a_slice_of_what_is_mixed(opened, task):
    """Written by hand: the clean head's columns in the corrupted run."""
    model, site = opened.model, opened["attn.1.heads"]
    found = patch(model, task, [site], heads=4)
    with torch.no_grad():
        with opened.trace(read=["attn.1.heads"]) as clean:
            model(**task.clean)
        module = model.get_submodule(site.removesuffix(".in"))

        def by_hand(_, args):
            x = args[0].clone()
            x[..., 8:16] = clean["attn.1.heads"][..., 8:16]
            return (x,)

        handle = module.register_forward_pre_hook(by_hand)
        expected = task.score(model, task.corrupted)
        handle.remove()
    assert torch.equal(found.values[1], expected)


def test_noising_is_the_other_way_round(opened, task):
    site = opened["mlp.0.out"]
    swapped = Task(task.corrupted, task.clean, task.metric)
    a, b = patch(opened.model, task, [site], into="clean"), patch(opened.model, swapped, [site])
    assert torch.equal(a.values, b.values)


class Linear(nn.Module):
    """A residual network without any nonlinearity."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(3))
        self.head = nn.Linear(6, 11)

    def forward(self, input_ids):
        x = self.embed(input_ids)
        for layer in self.layers:
            x = x + layer(x)
        return self.head(x)


def test_attribution_is_exact_on_a_linear_net():
    torch.manual_seed(0)
    model = Linear().double()
    clean, corrupted = torch.randint(11, (2, 4, 5))
    task = Task({"input_ids": clean}, {"input_ids": corrupted}, logit_difference(*torch.randint(11, (2, 4))))
    sites = ["layers.0.out", "layers.1.in", "layers.2.out"]
    for how in ({}, {"positions": True}, {"heads": 3}, {"positions": True, "heads": 2}):
        exact, estimate = patch(model, task, sites, **how), attribute(model, task, sites, **how)
        assert estimate.locations == exact.locations
        torch.testing.assert_close(estimate.values, exact.values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["ours", "gpt2", "llama", "mixtral of all experts"])
def test_integrated_gradients_are_complete(models, task, name):
    # Choosing experts is a jump that no gradient knows of; a mixture in which all take part has none.
    opened = roles(models.get(name) or mixture_of_all())
    sites = [opened["resid.0.in"], opened["mlp.0.out"], opened["attn.1.heads"]]
    exact, estimate = patch(opened.model, task, sites), attribute(opened.model, task, sites, steps=64)
    whole = float((exact.clean - exact.corrupted).abs().max())
    assert float((exact.values - estimate.values).abs().max()) <= 0.01 * max(whole, 1.0)


def test_attribution_leaves_the_parameters_alone(opened, task):
    wanted = [p.requires_grad for p in opened.model.parameters()]
    found = attribute(opened.model, task, list(opened.select("attn.*.heads").values()), heads=opened.n_heads)
    assert len(found.locations) == 8
    assert all(p.grad is None for p in opened.model.parameters())
    assert [p.requires_grad for p in opened.model.parameters()] == wanted


def test_pairs_that_cannot_tell_anything_are_refused(opened, task):
    with pytest.raises(GlassbookError, match="the same on clean and corrupted"):
        patch(opened.model, Task(task.clean, task.clean, task.metric), [opened["mlp.0.out"]])
    with pytest.raises(GlassbookError, match="make them equal"):
        Task({"input_ids": torch.zeros(2, 3)}, {"input_ids": torch.zeros(2, 4)}, task.metric)
    with pytest.raises(GlassbookError, match="one number for each row"):
        patch(opened.model, Task(task.clean, task.corrupted, lambda x: x.mean()), [opened["mlp.0.out"]])
    with pytest.raises(GlassbookError, match="5 equal heads"):
        patch(opened.model, task, [opened["mlp.0.out"]], heads=5)


def test_an_image_model_is_patched_by_its_patches():
    import transformers

    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=16, patch_size=4,
        num_labels=3,
    )  # fmt: skip
    model = transformers.ViTForImageClassification(config).eval()
    image = torch.randn(2, 3, 16, 16)
    other = image.clone()
    other[:, :, :4, 4:8] = torch.randn(2, 3, 4, 4)  # the second patch of the first row
    right, wrong = torch.tensor([0, 1]), torch.tensor([2, 2])
    task = Task({"pixel_values": image}, {"pixel_values": other}, logit_difference(right, wrong))
    r = roles(model)
    found = patch(model, task, [r["resid.0.in"], r["resid.1.out"]], positions=True)
    sites, columns, shares = found.grid()
    assert columns == list(range(17))  # the class token and 16 patches
    assert float(shares[0, 2]) == pytest.approx(1, abs=1e-4)
    assert shares[0, [0, 1, *range(3, 17)]].abs().max() < 1e-4
    assert float(shares[1, 0]) == pytest.approx(1, abs=1e-4)  # in the end only the class token is read
    assert len(sites) == 2

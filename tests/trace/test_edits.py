"""Editing: what a hand-written hook would do, bitwise; and every way of doing nothing or too much is refused."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.trace import allow_identity, sites, trace
from glassbook.trace.tree import leaves, pick, rebuild


def tensors(value) -> list[torch.Tensor]:
    return [x for _, x in leaves(value)]


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(tensors(a), tensors(b), strict=True))


SITE = {
    "ours": "blocks.1.out",
    "gpt2": "transformer.h.1.out",
    "llama": "model.layers.1.out",
    "mixtral": "model.layers.1.mlp.out",
    "vit": None,  # the last block, wherever this version of transformers keeps it
    "resnet": "layer2.1.conv2.out",
    "vae": "encoder.out",
    "gru": "out",
}


def site_of(model: nn.Module, kind: str) -> str:
    if SITE[kind]:
        return SITE[kind]
    last = max((n for n, m in model.named_modules() if "layer" in type(m).__name__.lower()), key=len)
    return f"{last}.out"


@pytest.mark.parametrize("kind", SITE)
def test_an_edit_equals_a_hand_written_hook_bitwise(build, kind):
    model, inputs = build(kind)
    site = site_of(model, kind)
    name = site.removesuffix("out").removesuffix(".")

    def by_hand(module, args, output):
        first = tensors(output)[0]
        if isinstance(output, torch.Tensor):
            return 2 * first
        return (
            type(output)(*(2 * x if x is first else x for x in output))
            if hasattr(output, "_fields")
            else (
                2 * first,
                *output[1:],
            )
        )

    with torch.no_grad():
        plain = model(**inputs)
        with trace(model, edit={site: lambda x, at: 2 * x}) as t:
            edited = model(**inputs)
        handle = model.get_submodule(name).register_forward_hook(by_hand)
        expected = model(**inputs)
        handle.remove()
        again = model(**inputs)
    assert t.sites == []
    assert same(edited, expected)
    assert type(edited) is type(expected)
    assert not same(edited, plain)
    assert same(again, plain)


def test_identity_edits_change_no_bit_anywhere(example):
    model, inputs = example
    with torch.no_grad():
        plain = model(**inputs)
        names = [row.name for row in sites(model, **inputs)]
        for fn in (lambda x, at: x, lambda x, at: x.clone()):
            with trace(model, edit=dict.fromkeys(names, allow_identity(fn))):
                edited = model(**inputs)
            assert same(plain, edited)
            assert type(plain) is type(edited)


def test_a_clone_does_not_part_arguments_that_are_one_tensor():
    """`nn.MultiheadAttention` asks `query is key is value`, and computes other last bits if they are not."""

    class Asking(nn.Module):
        def forward(self, query, key, value):
            return query + (query is key is value)

    model, x, every = Asking(), torch.zeros(2), ["in", "in#1", "in#2"]
    with trace(model, edit=dict.fromkeys(every, allow_identity(lambda x, at: x.clone()))):
        assert torch.equal(model(x, x, x), torch.ones(2))
    with trace(model, edit={"in#1": lambda x, at: x + 1}):
        assert torch.equal(model(x, x, x), torch.zeros(2))


def test_patching_everything_gives_the_clean_run(build):
    """Writing the activations of one prompt into the run of another at every block gives the first one's logits."""
    model, inputs = build("llama")
    other = {"input_ids": inputs["input_ids"].flip(1)}
    with torch.no_grad():
        with trace(model, read="model.layers.*.out") as clean:
            expected = model(**inputs).logits
        # `at` knows the site, so there is no late binding; after the first edit the others change nothing more
        edits = dict.fromkeys(clean.sites, allow_identity(lambda x, at: clean[at.site]))
        with trace(model, edit=edits):
            assert torch.equal(model(**other).logits, expected)


def test_edits_reach_every_row_of_the_batch(lm, layers):
    """transformers 5 blocks return bare tensors; output[0] would be batch row 0 only."""
    site = f"{layers(lm)}.1.out"
    ids = torch.randint(1, 61, (4, 5))
    with torch.no_grad():
        plain = lm(ids).logits
        with trace(lm, edit={site: lambda x, at: x + torch.arange(32.0)}):
            edited = lm(ids).logits
        alone = []
        for row in ids:
            with trace(lm, edit={site: lambda x, at: x + torch.arange(32.0)}):
                alone.append(lm(row[None]).logits)
    assert ((edited - plain).abs().amax(dim=(1, 2)) > 1e-3).all()
    assert (edited - torch.cat(alone)).abs().max() < 1e-4


def test_several_edits_of_one_site_are_all_applied_in_order(build):
    """The late-binding bug of lm-eval (both hookpoints got the last vector), and rows that overwrite each other."""
    model, inputs = build("ours")
    vectors = {f"blocks.{i}.out": torch.randn(32) for i in range(3)}
    with torch.no_grad():
        with trace(model, read="blocks.*.out") as plain:
            model(**inputs)
        seen = {}

        def add(x, at):
            seen[at.site] = x
            return x + vectors[at.site]

        edits = {"blocks.*.out": add, "blocks.1.out": lambda x, at: 2 * x}
        with trace(model, read="blocks.*.out", edit=edits) as t:
            model(**inputs)
    assert torch.equal(seen["blocks.0.out"], plain["blocks.0.out"])
    assert torch.equal(t["blocks.1.out"], 2 * (seen["blocks.1.out"] + vectors["blocks.1.out"]))
    assert torch.equal(t["blocks.2.out"], seen["blocks.2.out"] + vectors["blocks.2.out"])


def test_nested_traces_compose_and_reads_come_after_edits(build):
    model, inputs = build("gpt2")
    site = "transformer.h.1.out"
    first = trace(model, read=site, edit={site: lambda x, at: x + 1})
    second = trace(model, read=site, edit={site: lambda x, at: 3 * x})
    with torch.no_grad(), first as outer, second as inner:
        model(**inputs)
    assert torch.equal(inner[site], 3 * outer[site])


def test_structures_are_rebuilt_exactly(build):
    model, inputs = build("vae")
    with torch.no_grad():
        plain = model(**inputs)
        with trace(model, edit={"out": lambda x, at: -x}):  # a frozen dataclass whose __init__ must not run again
            a = model(**inputs)
        with trace(model, edit={"encoder.out#1": lambda x, at: -x}):  # a named tuple
            b = model(**inputs)
        with trace(model, edit={"middle.in": lambda x, at: -x}, read="middle.out"):  # a list in a dict
            c = model(**inputs)
    assert torch.equal(a.image, -plain.image)
    assert a.count == 2
    assert torch.equal(a.code.mean, plain.code.mean)
    assert dataclasses.is_dataclass(a)
    assert torch.equal(b.code.log_variance, -plain.code.log_variance)
    assert torch.equal(b.image, plain.image)
    assert type(b.code) is type(plain.code)
    assert torch.equal(c.code.mean, plain.code.mean)  # what the encoder returned was not written into
    assert not torch.equal(c.image, plain.image)


def test_model_outputs_lists_and_structseqs_are_rebuilt(build):
    model, inputs = build("gpt2")
    with torch.no_grad():
        plain = model(**inputs)
        with trace(model, edit={"out": lambda x, at: x + 1}):
            out = model(**inputs)
    assert type(out) is type(plain)
    assert torch.equal(out.logits, plain.logits + 1)
    assert out["logits"] is out.logits
    assert out.past_key_values is not None

    class Top(nn.Module):
        def forward(self, x):
            return [torch.topk(x, 2), x]

    model, x = nn.Sequential(Top()), torch.randn(3, 4)
    plain = model(x)
    with trace(model, edit={"0.out#1": lambda i, at: i.flip(1)}):  # an integer leaf of a structseq in a list
        edited = model(x)
    assert [type(part) for part in edited] == [type(part) for part in plain]
    assert torch.equal(edited[0].indices, plain[0].indices.flip(1))
    assert torch.equal(edited[0].values, plain[0].values)
    assert edited[1] is x


def test_keyword_inputs_are_edited(build):
    gru, inputs = build("gru")
    with torch.no_grad():
        expected = gru(2 * inputs["input"])
        with trace(gru, edit={"in": lambda x, at: 2 * x}):
            assert same(gru(**inputs), expected)


def test_an_edit_without_effect_raises(lm, layers):
    site = f"{layers(lm)}.1.out"
    ids = torch.randint(1, 61, (2, 5))
    harmless = {
        "the same object": lambda x, at: x,
        "an equal tensor": lambda x, at: x + 0,
        "a mask that never holds": lambda x, at: torch.where((at.pos == 99)[..., None], 0.0, x),
        "the reconstruction error added back": lambda x, at: (0.5 * x) + (x - 0.5 * x),
    }
    for fn in harmless.values():
        with torch.no_grad():
            with pytest.raises(GlassbookError, match="changed nothing in 1 calls"), trace(lm, edit={site: fn}):
                lm(ids)
            with trace(lm, edit={site: allow_identity(fn)}):
                lm(ids)
    with torch.no_grad(), trace(lm, edit={site: lambda x, at: x if at.call else x + 1}):
        lm(ids)  # one effect is enough
        lm(ids)
    edits = {f"{layers(lm)}.*.out": lambda x, at: x + 1 if "1" in at.site else x}
    with pytest.raises(GlassbookError, match=r"0\.out changed nothing"), trace(lm, edit=edits):
        lm(ids)


def test_nan_does_not_pass_for_an_effect():
    model = nn.Identity()
    with pytest.raises(GlassbookError, match="changed nothing"), trace(model, edit={"out": lambda x, at: x.clone()}):
        model(torch.tensor([1.0, float("nan")]))
    with trace(model, edit={"out": lambda x, at: x.nan_to_num()}):
        model(torch.tensor([1.0, float("nan")]))


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (lambda x, at: x[:1], "keep shape"),
        (lambda x, at: x[..., None].expand(*x.shape, 1), "keep shape"),
        (lambda x, at: x.double(), "keep shape, dtype"),
        (lambda x, at: None, "returned NoneType"),
        (lambda x, at: (x,), "returned tuple"),
        (lambda x, at: x.add_(1), "writes into x"),
        (lambda x, at: x.mul_(2).clone(), "writes into x"),
    ],
)
@pytest.mark.parametrize("inference", [False, True])
def test_edits_that_break_the_rules_are_refused(build, hooks, fn, message, inference):
    model, inputs = build("gpt2")
    t = trace(model, edit={"transformer.h.0.out": fn})
    with torch.no_grad(), torch.inference_mode(inference), pytest.raises(GlassbookError, match=message), t:
        model(**inputs)
    assert hooks(model) == 0


def test_edits_carry_gradients(build):
    model, inputs = build("ours")
    v = torch.zeros(32, requires_grad=True)
    with trace(model, edit={"blocks.0.out": allow_identity(lambda x, at: x + v)}):
        model(**inputs).logits.logsumexp(-1).sum().backward()
    assert v.grad is not None
    assert v.grad.abs().sum() > 0


def test_attribution_is_exact_on_a_linear_network():
    """grad * (x - baseline) summed over a site is the whole change of the output."""
    model = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 1)).double()
    x, base = torch.randn(1, 6).double(), torch.zeros(1, 6).double()
    with trace(model, read="0.out", grad=True) as t:
        y = model(x).sum()
        y.backward()
    with torch.no_grad(), trace(model, read="0.out") as b:
        y0 = model(base).sum()
    assert torch.allclose((t.grad("0.out") * (t["0.out"] - b["0.out"])).sum(), y - y0)


def test_parts_called_on_their_own_are_traced_without_positions(build):
    model, inputs = build("gpt2")
    phases = []

    def note(x, at):
        phases.append((at.pos is None, at.real is None, at.phase, at.prompt is None))
        return x + 1

    with torch.no_grad(), trace(model, edit={"transformer.h.0.out": note}):
        model(**inputs)
        model.transformer(**inputs)  # must not be given the positions of the call before
    assert phases == [(False, False, "prefill", False), (True, True, None, True)]


def test_pick_prefers_floating_leaves():
    structure = (torch.arange(3), {"a": [None, torch.ones(2)]})
    assert pick(structure, None)[0] == (1, "a", 1)
    assert pick(structure, 0)[0] == (0,)
    assert pick(structure, 2) is None
    assert pick(torch.arange(3), None) is None
    assert pick(torch.arange(3), 0) is not None


def test_rebuilding_leaves_the_original_alone():
    x, y, other = torch.ones(1), torch.zeros(1), torch.ones(2)
    original = {"a": [x, other], "b": "kept"}
    new = rebuild(original, ("a", 0), y)
    assert new["a"][0] is y
    assert new["a"][1] is other
    assert original["a"][0] is x

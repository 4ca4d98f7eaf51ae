"""Reading: bitwise harmless on every kind of model, safe from in-place writes, and never silently empty."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path

import pytest
import torch
from torch import nn

from glassbook.errors import GlassbookError
from glassbook.trace import sites, trace
from glassbook.trace.tree import leaves


def tensors(value) -> list[torch.Tensor]:
    return [x for _, x in leaves(value)]


def equal(a, b) -> bool:
    a, b = tensors(a), tensors(b)
    return len(a) == len(b) > 0 and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_reading_every_site_changes_no_bit_and_leaves_no_hook(example, hooks):
    model, inputs = example
    before = hooks(model)
    with torch.no_grad():
        plain = model(**inputs)
        rows = sites(model, **inputs)
        with trace(model, read=[row.name for row in rows], copy=True) as t:
            traced = model(**inputs)
    assert equal(plain, traced)
    assert type(plain) is type(traced)
    assert hooks(model) == before
    for row in rows:
        assert len(t.calls(row.name)) == row.calls
        assert (tuple(t.calls(row.name)[0].shape), t.calls(row.name)[0].dtype) == (row.shape, row.dtype)


def test_reads_equal_a_hand_written_hook_bitwise(build):
    model, inputs = build("gpt2")
    kept = {}
    for name, module in model.named_modules():
        if name.startswith("transformer.h.1"):
            module.register_forward_hook(lambda m, a, out, name=name: kept.setdefault(name, out))
    with torch.no_grad():
        model(**inputs)
        with trace(model, read=[f"{name}.out" for name in kept]) as t:
            model(**inputs)
    assert len(kept) > 5
    for name, out in kept.items():
        assert torch.equal(t[f"{name}.out"], tensors(out)[0])


def test_reads_are_free_of_order_and_hold_whole_batches(lm, layers):
    name = layers(lm)
    ids = torch.randint(61, (3, 5))
    with torch.no_grad(), trace(lm, read=[f"{name}.2.out", f"{name}.0.out", f"{name}.*.in"]) as t:
        lm(ids)
    assert t.sites == [f"{name}.2.out", f"{name}.0.out", f"{name}.0.in", f"{name}.1.in", f"{name}.2.in"]
    assert t[f"{name}.2.out"].shape == (3, 5, 32)  # not row 0 of the batch
    assert torch.equal(t[f"{name}.0.out"], t[f"{name}.1.in"])


def test_the_residual_stream_adds_up(build):
    """resid_out = resid_in + attention + mlp: proves that the sites are what their names say."""
    model, inputs = build("ours")
    with (
        torch.no_grad(),
        trace(model, read=["blocks.*.in", "blocks.*.out", "blocks.*.attn.out", "blocks.*.mlp.out"]) as t,
    ):
        model(**inputs)
    for i in range(3):
        parts = t[f"blocks.{i}.in"] + t[f"blocks.{i}.attn.out"] + t[f"blocks.{i}.mlp.out"]
        assert torch.equal(parts, t[f"blocks.{i}.out"])


def test_leaves_by_number_and_keyword_inputs(build):
    gru, inputs = build("gru")
    with torch.no_grad(), trace(gru, read=["out", "out#1", "in"]) as t:
        output, hidden = gru(**inputs)
    assert torch.equal(t["out"], output)
    assert torch.equal(t["out#1"], hidden)
    assert torch.equal(t["in"], inputs["input"])  # given by keyword
    with pytest.raises(GlassbookError, match="no such tensor"), trace(gru, read="out#2"):
        gru(**inputs)
    model, inputs = build("gpt2")
    with pytest.raises(GlassbookError, match="no such tensor"), trace(model, read="in"):
        model(**inputs)  # token ids are no floating tensor; say in#0
    with torch.no_grad(), trace(model, read="in#0") as t:
        model(**inputs)
    assert torch.equal(t["in#0"], inputs["input_ids"])


def test_globs_stand_within_one_name_and_the_suffix_may_be_left_out(build):
    model, _ = build("ours")
    assert trace(model, read="blocks.*").sites == ["blocks.0.out", "blocks.1.out", "blocks.2.out"]
    assert trace(model, read="blocks.[02].out").sites == ["blocks.0.out", "blocks.2.out"]
    assert trace(model, read="**.q.in").sites == [f"blocks.{i}.attn.q.in" for i in range(3)]
    assert "blocks.out" not in trace(model, read="**.out").sites  # a ModuleList is never called
    assert trace(model, read=["blocks.0.out", "blocks.*.out"]).sites[0] == "blocks.0.out"


def test_a_site_that_matches_nothing_is_refused_with_near_names(build):
    model, _ = build("ours")
    with pytest.raises(GlassbookError, match=r"blocks\.0"):
        trace(model, read="block.0.out")
    with pytest.raises(GlassbookError, match="matches no module"):
        trace(model, edit={"blocks.7.out": lambda x, at: x + 1})
    with pytest.raises(GlassbookError, match="after #"):
        trace(model, read="blocks.0.out#x")


def test_a_site_that_never_fires_raises(hooks):
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    model = Gated()
    for wanted in ({"read": "*.out"}, {"edit": {"unused.in": lambda x, at: x + 1}}):
        with pytest.raises(GlassbookError, match=r"unused.* never fired"), trace(model, **wanted):
            model(torch.ones(1, 2))
    with trace(model, read="unused.out") as t:
        pass  # the model did not run, so there is nothing to complain about until something is asked for
    with pytest.raises(GlassbookError, match="has not fired"):
        t["unused.out"]
    assert hooks(model) == 0


def test_a_compiled_module_is_not_silently_unread():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    compiled = torch.compile(model, backend="eager")
    compiled(torch.ones(1, 2))
    with pytest.raises(GlassbookError, match="compiled"), trace(compiled, read="_orig_mod.0.out"):
        compiled(torch.ones(1, 2))
    scripted = torch.jit.script(model)
    with pytest.raises(GlassbookError, match="scripted"):
        trace(scripted, read="0.out")


def test_several_calls_are_asked_for_by_name():
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    with torch.no_grad(), trace(model, read="0.out") as t:
        y = model(torch.ones(1, 3))
    with pytest.raises(GlassbookError, match=r"2 times; t\.calls"):
        t["0.out"]
    assert torch.equal(t.calls("0.out")[1], y)
    with pytest.raises(GlassbookError, match="same module as '0'"):
        trace(model, read="2.out")
    with pytest.raises(GlassbookError, match="not read in this trace"):
        t["1.out"]


class Overwriting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.relu = nn.Linear(4, 4), nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.linear(x))


def test_a_later_write_in_place_cannot_corrupt_a_read():
    model, x = Overwriting(), torch.randn(8, 4)
    true = model.linear(x).detach()
    with torch.no_grad():
        with pytest.raises(GlassbookError, match="overwritten in place"), trace(model, read="linear.out"):
            model(x)
        with trace(model, read="linear.out", copy=True) as t:
            y = model(x)
    assert torch.equal(t["linear.out"], true)
    assert not torch.equal(t["linear.out"], y)
    with torch.inference_mode(), trace(model, read="linear.out") as t:
        model(x)  # no versions to compare in inference mode, so reads are copies
    assert torch.equal(t["linear.out"], true)


def test_reading_copies_nothing_without_need():
    model, x = nn.Linear(4, 4), torch.randn(8, 4)
    with torch.no_grad(), trace(model, read="out") as t:
        y = model(x)
    assert t["out"].data_ptr() == y.data_ptr()
    with trace(model, read="out") as t:
        model(x)
    assert not t["out"].requires_grad


def test_stop_skips_the_rest_and_later_statements_stay_reachable_by_run(build, hooks):
    model, inputs = build("ours")
    reached = []
    model.blocks[2].register_forward_hook(lambda *_: reached.append(True))
    with torch.no_grad():
        with trace(model, read="blocks.0.*.out") as full:
            model(**inputs)
        reached.clear()
        with trace(model, read="blocks.0.*.out", stop=True) as t:
            model(**inputs)
            raise AssertionError("a plain call of a stopped model leaves the block")
        assert all(torch.equal(t[s], full[s]) for s in full.sites)
        after = []
        with trace(model, read="blocks.[01].out", stop=True) as t:
            after.append(t.run(**inputs))
            after.append(t.run(**inputs))
    assert after == [None, None]
    assert len(t.calls("blocks.0.out")) == len(t.calls("blocks.1.out")) == 2
    assert reached == []
    assert hooks(model) == 1


def test_stop_is_not_caught_by_the_model_and_nests():
    class Careful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            try:
                return self.b(self.a(x))
            except Exception:
                return x

    model, x = Careful(), torch.ones(1, 2)
    with trace(model, read="b.out", stop=True) as outer:
        with trace(model, read="a.out", stop=True) as inner:
            model(x)
        model(x)
    assert inner["a.out"].shape == outer["b.out"].shape
    with trace(model, read="a.out", stop=True) as outer, trace(model, read="b.out"):
        model(x)  # the outer trace ends the forward before the inner one has fired, and the block with it
    assert outer.calls("a.out")


def test_hooks_are_gone_after_errors_and_nesting_and_user_hooks_stay(build, hooks):
    model, inputs = build("llama")
    fired = []
    handle = model.model.layers[1].register_forward_hook(lambda *_: fired.append("mine"))
    before = hooks(model)
    with pytest.raises(ZeroDivisionError), trace(model, read="model.layers.*.out"):
        model(**inputs).logits[0, 0, 0] + 1 // 0  # and the user's own error is what comes out
    assert hooks(model) == before
    with pytest.raises(ValueError, match="mine"), trace(model, edit={"model.layers.0.in": _raise}):
        model(**inputs)
    assert hooks(model) == before
    with trace(model, read="model.layers.*.out"):
        with trace(model, read="model.layers.1.out") as inner:
            model(**inputs)
        model(**inputs)
    assert inner["model.layers.1.out"] is not None
    assert hooks(model) == before
    fired.clear()
    model(**inputs)
    assert fired == ["mine"]
    handle.remove()
    assert hooks(model) == 0


def _raise(x, at):
    raise ValueError("mine")


def test_gradients_of_reads(build):
    for kind, site in (("gpt2", "transformer.h.1.out"), ("gru", "out#1"), ("vae", "encoder.out#1")):
        model, inputs = build(kind)
        with trace(model, read=site, grad=True) as t:
            out = model(**inputs)
        chosen = t[site]
        loss = sum(x.float().square().sum() for x in tensors(out) if x.requires_grad)
        loss.backward(retain_graph=True)
        found = t.grad(site).clone()  # torch.autograd.grad would add to it
        (by_hand,) = torch.autograd.grad(loss, chosen)
        assert torch.equal(found, by_hand)
        assert found.abs().sum() > 0


def test_gradients_of_a_frozen_model_and_of_one_that_overwrites(build):
    model, inputs = build("ours")
    model.requires_grad_(False)
    with trace(model, read="blocks.1.in", grad=True) as t:
        loss = model(**inputs).logits.logsumexp(-1).sum()
    loss.backward()
    assert t.grad("blocks.1.in").abs().sum() > 0
    over, x = Overwriting(), torch.randn(8, 4)
    with trace(over, read="linear.out", grad=True, copy=True) as t:
        over(x).sum().backward()
    assert torch.equal(t.grad("linear.out"), (t["linear.out"] > 0).float())


def test_a_missing_gradient_is_an_error(build):
    model, inputs = build("ours")
    with trace(model, read="blocks.1.in", grad=True) as t:
        model(**inputs)
    with pytest.raises(GlassbookError, match="backward"):
        t.grad("blocks.1.in")
    with pytest.raises(GlassbookError, match="no_grad"), torch.no_grad(), trace(model, read="blocks.1.in", grad=True):
        model(**inputs)


def test_sites_leaves_the_model_and_the_random_state_alone():
    class Noise(nn.Module):
        def forward(self, x):
            return x + torch.rand_like(x)

    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), Noise())
    model[2].eval()
    state, flags, seed = {k: v.clone() for k, v in model.state_dict().items()}, [m.training for m in model.modules()], 5
    torch.manual_seed(seed)
    rows = sites(model, torch.randn(4, 3, generator=torch.Generator().manual_seed(1)))
    after = torch.rand(1)
    torch.manual_seed(seed)
    assert torch.equal(after, torch.rand(1))
    assert [m.training for m in model.modules()] == flags
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert [row.name for row in rows] == ["in", "0.in", "0.out", "1.in", "1.out", "2.in", "2.out", "out"]
    assert [row.order for row in rows] == list(range(8))


@pytest.mark.skipif("GLASSBOOK_DATA" not in os.environ, reason="GLASSBOOK_DATA does not name the folder of real data")
def test_a_trained_resnet20(build):
    model, inputs = build("resnet")
    file = Path(os.environ["GLASSBOOK_DATA"]) / "resnet-cifar10" / "resnet20-12fca82f.th"
    saved = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    model.load_state_dict({name.removeprefix("module."): value for name, value in saved.items()})
    with torch.no_grad():
        plain = model(**inputs)
        with trace(model, read=["**.out", "**.in"], copy=True) as t:
            assert torch.equal(model(**inputs), plain)
        with trace(model, edit={"layer3.2.out": lambda x, at: x - x.mean(0)}):
            edited = model(**inputs)
    assert torch.equal(t["linear.out"], plain)
    assert torch.equal(t["layer2.0.in"], t["layer1.2.out"])
    assert not torch.equal(edited, plain)


def test_a_denoiser_of_images(build):
    """What a U-Net carries past its middle can be read, cut and asked for its gradient by name alone."""
    model, inputs = build("unet")
    with torch.no_grad():
        plain = model(**inputs)["sample"]
        with trace(model, read=["down.*.out", "attn.out#0", "attn.out#1"]) as t:
            model(**inputs)
        assert [tuple(t[f"down.{i}.out"].shape) for i in (0, 1)] == [(2, 16, 4, 4), (2, 16, 2, 2)]
        assert torch.allclose(t["attn.out#1"].sum(-1), torch.ones(2, 4))  # its weights, the second leaf
        deep = (torch.arange(32) < 16)[:, None, None]
        with trace(model, edit={"up.1.in": lambda x, at: x * deep}):  # without what comes past the middle
            cut = model(**inputs, return_dict=False)[0]
    assert not torch.equal(cut, plain)
    with trace(model, read="enter.out", grad=True) as t:
        model(**inputs)["sample"][0].sum().backward()
    assert float(t.grad("enter.out")[0].abs().sum()) > 0 == float(t.grad("enter.out")[1].abs().sum())


@pytest.mark.filterwarnings("ignore:Dynamo does not know")
def test_a_model_that_is_compiled_while_it_is_traced_is_read():
    """Compiled before, it is refused (see above): its hooks do not run."""
    plain, x = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)), torch.ones(1, 2)
    compiled = torch.compile(plain, backend="eager")
    for _ in range(2):
        with torch.no_grad(), trace(compiled, read="_orig_mod.0.out") as t:
            compiled(x)
        assert torch.equal(t["_orig_mod.0.out"], plain[0](x))


def test_a_model_that_was_rebuilt_is_read_as_it_is_now() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    x = torch.ones(1, 2)
    with trace(model, read="*.out") as t:
        model(x)
    assert t.sites == ["0.out", "1.out", "2.out"]
    model[1] = nn.Linear(2, 2)
    with trace(model, read="1.out") as t:
        model(x)
    assert torch.equal(t["1.out"], model[1](model[0](x)))
    model[2] = model[0]
    with trace(model, read="**.out") as t:
        model(x)
    assert t.sites == ["out", "0.out", "1.out"]
    assert len(t.calls("0.out")) == 2
    with pytest.raises(GlassbookError, match="same module as '0'"):
        trace(model, read="2.out")


@pytest.mark.parametrize("grad", [False, True])
def test_what_was_read_is_freed_with_the_trace_and_not_when_garbage_is_collected(grad) -> None:
    """Reads of a loop would pile up otherwise: the collector counts objects, not their memory."""
    model, x = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), torch.ones(1, 2)

    def read() -> list[weakref.ref]:
        with trace(model, read="*.out", edit={"1.in": lambda x, at: 2 * x}, grad=grad, positions=True) as t:
            model(x)
        return [weakref.ref(t), *(weakref.ref(t[site]) for site in t.sites)]

    gc.collect()
    gc.disable()
    try:
        assert [seen() for seen in read()] == [None, None, None]
    finally:
        gc.enable()


def test_a_trace_that_nobody_holds_works_to_the_end_of_its_block() -> None:
    model, x = nn.Sequential(nn.Linear(2, 2)), torch.ones(1, 2)
    with trace(model, edit={"0.out": lambda x, at: x + 1}):
        gc.collect()
        edited = model(x)
    assert torch.equal(edited, model(x) + 1)

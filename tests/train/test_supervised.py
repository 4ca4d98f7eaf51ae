import contextlib
import math
import os
import random
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from toy_training import Net, batch, learn, phases, squared_error

from glassbook.errors import GlassbookError
from glassbook.measure.flops import Counting, FlopCounter, Meter
from glassbook.nets import LM, LMConfig
from glassbook.notebook import Notebook
from glassbook.train import (
    adamw,
    constant,
    cosine,
    list_checkpoints,
    next_token,
    read_checkpoint,
    train,
    write_checkpoint,
)


class Stop(Exception):
    """The machine goes down."""


def stopping(at):
    def batches(step):
        if step == at:
            raise Stop
        return batch(step)

    return batches


@pytest.fixture
def run(tmp_path):
    nb = Notebook.create(tmp_path / "notebook", title="Test")
    with nb.start_run("test", config={}, seed=0, claims=[]) as run:
        yield run


@pytest.mark.parametrize(
    "options",
    [{}, {"accumulate": 3}, {"ema": 0.9}, {"precision": "bf16"}, {"accumulate": 2, "ema": 0.9, "precision": "bf16"}],
)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_resume_is_bit_identical(tmp_path, options, dropout):
    options = {"checkpoint_every": 10, "log_every": 30, "seed": 5, **options}  # one window over everything
    whole = learn(Net(dropout), checkpoint=tmp_path / "whole", **options)
    with pytest.raises(Stop):
        learn(Net(dropout), batches=stopping(23), checkpoint=tmp_path / "parts", **options)
    torch.rand(5)  # whatever happens in between must not matter
    parts = learn(Net(dropout), checkpoint=tmp_path / "parts", resume=True, **options)
    assert parts.metrics == whole.metrics
    a, facts_a = read_checkpoint(list_checkpoints(tmp_path / "whole")[-1])
    b, facts_b = read_checkpoint(list_checkpoints(tmp_path / "parts")[-1])
    assert facts_a == facts_b
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(name.startswith("ema/") for name in a) == ("ema" in options)


@pytest.mark.parametrize("clip", [0.01, 1.0, None])
@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_counting_changes_no_bit(monkeypatch, clip, precision):
    """Whichever steps are counted: the first, none, or all. A norm is rounded as the gradients lie in memory."""
    logged = []

    def net():
        torch.manual_seed(0)
        return LM(LMConfig(97, 32, 2, 2, 2, 48, 20))

    class Log(SimpleNamespace):
        progress = advance = seconds_spent = spent = lambda self, *args, **more: contextlib.nullcontext(self)

        def log(self, step, **metrics):
            logged[-1].append(metrics)

    def learnt():
        logged.append([])
        run = Log(seconds_spent=lambda *part: 0.0)
        rows = lambda step: {"input_ids": torch.randint(0, 97, (3, 20), generator=torch.Generator().manual_seed(step))}  # noqa: E731
        options = {"steps": 6, "lr": 1e-2, "accumulate": 2, "clip": clip, "precision": precision, "log_every": 1}
        return train(net(), next_token(), rows, run=run, **options).model.state_dict()

    usual = learnt()
    monkeypatch.setattr(Meter, "step", lambda self, kind: contextlib.nullcontext(Counting(None)))
    never = learnt()
    monkeypatch.setattr(Meter, "step", lambda self, kind: contextlib.nullcontext(Counting(FlopCounter())))
    always = learnt()
    assert logged[0] == logged[1] == logged[2]
    for other in (never, always):
        assert all(map(torch.equal, usual.values(), other.values()))


def test_a_resumed_training_counts_no_step_again(tmp_path, monkeypatch):
    with pytest.raises(Stop):
        learn(Net(), batches=stopping(23), checkpoint=tmp_path, checkpoint_every=10)

    def counted():
        raise AssertionError("a step was counted again")

    monkeypatch.setattr("glassbook.measure.flops.FlopCounter", counted)
    learn(Net(), checkpoint=tmp_path, checkpoint_every=10, resume=True)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_what_a_training_has_cost(run, accumulate):
    """Three products of 8 x 6 by 6 x 6 for each of two layers, but that of the gradient of the data."""
    learn(
        Net(),
        steps=7,
        accumulate=accumulate,
        run=run,
        label="toy",
        evaluate=lambda net, done: {"y": net(batch(0)["x"]).sum()},
    )
    [cost] = Notebook(run.folder.parent.parent).run(run.id).compute
    assert (cost.kind, cost.label, cost.flop) == ("training", "toy", 7 * 5 * 2 * 8 * 6 * 6)
    assert cost.seconds > 0


def test_each_shape_and_each_phase_has_a_cost_of_its_own(run):
    def growing(step):
        return {name: torch.cat([t] * (1 + step % 2)) for name, t in batch(step).items()}

    learn(Net(), phases(), growing, steps=6, run=run)
    layer = 2 * 8 * 6 * 6
    # The norm alone is trained in the steps 0 and 3: both layers forwards, and back to the norm.
    linear, norm = (3 * 1 + 3 * 2) * 5 * layer, (1 + 2) * 3 * layer
    assert Notebook(run.folder.parent.parent).run(run.id).flop == linear + norm


def test_a_checkpoint_without_its_cost_is_refused(tmp_path):
    learn(Net(), steps=10, checkpoint=tmp_path)
    tensors, facts = read_checkpoint(list_checkpoints(tmp_path)[-1])
    write_checkpoint(tmp_path, 10, {k: t for k, t in tensors.items() if not k.startswith("meter/")}, facts)
    with pytest.raises(GlassbookError, match="counted no FLOPs"):
        learn(Net(), steps=10, checkpoint=tmp_path, resume=True)


def test_a_finished_training_is_not_done_again(tmp_path):
    first = learn(Net(), checkpoint=tmp_path)
    again = learn(Net(), batches=stopping(0), checkpoint=tmp_path, resume=True)
    assert (again.step, again.metrics) == (first.step, first.metrics)
    assert torch.equal(again.model.first.weight, first.model.first.weight)
    assert again.model.first.weight is again.model.second.weight


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    weights = [learn(Net(0.5), seed=seed).model.first.weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_it_finds_the_function_behind_the_data():
    net = learn(nn.Linear(6, 6), steps=800, optimiser=adamw(weight_decay=0.0)).model
    torch.testing.assert_close(net.weight, torch.eye(6).flip(1) * 0.5, rtol=0, atol=1e-3)


def test_one_phase_equals_a_loop_written_by_hand():
    """And the numbers of this loop before it had phases, up to what another CPU may round otherwise."""
    state = learn(Net(0.3), seed=5)
    net, schedule = Net(0.3), cosine()
    matrices = [p for p in net.parameters() if p.dim() == 2]
    vectors = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95), fused=True)
    torch.manual_seed(5)
    losses = []
    for step in range(30):
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * schedule(step, 30)
        loss, _ = squared_error(net, batch(step))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    for name, p in state.model.named_parameters():
        assert torch.equal(p, net.get_parameter(name)), name
    assert state.metrics["loss"] == pytest.approx(sum(losses[-10:]) / 10)
    assert state.metrics == pytest.approx({"loss": 0.322594166, "grad_norm": 0.562502432}, rel=1e-4)
    frozen = [-0.274615496, -0.208308831, -0.048331983, -0.260455132, -0.011114512, -0.261072695]
    torch.testing.assert_close(net.first.weight[0], torch.tensor(frozen), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_accumulation_gives_the_update_of_the_whole_batch(masked):
    """Also when the parts count different numbers of tokens."""

    class Bigram(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.table = nn.Embedding(9, 9)

        def forward(self, input_ids, attention_mask=None):
            return SimpleNamespace(logits=self.table(input_ids))

    def batches(step):
        chance = torch.Generator().manual_seed(step)
        ids = torch.randint(9, (8, 12), generator=chance)
        lengths = torch.randint(2, 13, (8, 1), generator=chance)
        return {"input_ids": ids} | ({"loss_mask": torch.arange(12) < lengths} if masked else {})

    options = {"steps": 5, "objective": next_token(), "batches": batches, "clip": 0.1}
    whole, parts = learn(Bigram(), **options), learn(Bigram(), accumulate=3, **options)
    torch.testing.assert_close(parts.model.table.weight, whole.model.table.weight, rtol=1e-5, atol=1e-6)
    assert parts.metrics == pytest.approx(whole.metrics, rel=1e-5)


def test_clipping_bounds_the_gradient_that_the_optimiser_sees(monkeypatch):
    norms = []
    step = torch.optim.AdamW.step

    def watch(self, *args):
        grads = [p.grad for g in self.param_groups for p in g["params"]]
        norms.append(torch.cat([g.flatten() for g in grads]).norm().item())
        return step(self, *args)

    monkeypatch.setattr(torch.optim.AdamW, "step", watch)
    state = learn(Net(), steps=3, log_every=1, clip=0.01)
    assert norms == pytest.approx([0.01] * 3, rel=1e-3)
    assert state.metrics["grad_norm"] > 0.01  # reported as it was before clipping
    norms.clear()
    learn(Net(), steps=3, clip=None)
    assert max(norms) > 0.01


def test_the_average_follows_the_parameters():
    seen = []

    def objective(model, batch):
        seen.append(model.weight.detach().clone())
        return (model(batch["x"]) - batch["y"]).square().mean(), {}

    net = nn.Linear(6, 6, bias=False)
    state = learn(net, objective, steps=4, ema=0.75)
    expected = seen[0]
    for weight in [*seen[1:], net.weight.detach()]:
        expected = 0.75 * expected + 0.25 * weight
    torch.testing.assert_close(state.averaged().weight, expected)
    assert not torch.equal(net.weight, expected)


def test_points_are_means_over_their_window_weighed_by_what_they_count(run):
    values = {0: (1.0, 1.0), 1: (5.0, 3.0), 2: (7.0, 1.0)}

    def objective(model, batch):
        value, weight = batch["v"]
        return model.weight.sum() * 0 + value, {"double": 2 * value, "weight": weight}

    net = nn.Linear(1, 1)
    learn(net, objective, lambda s: {"v": torch.tensor(values[s])}, steps=3, log_every=2, run=run, label="toy")
    assert run.metrics("toy_loss") == ([2, 3], [4.0, 7.0])
    assert run.metrics("toy_double") == ([2, 3], [8.0, 14.0])


def test_the_logged_rate_is_that_of_the_schedule(run):
    learn(Net(), steps=4, lr=0.2, schedule=constant(warmup=2), log_every=1, run=run)
    assert run.metrics("lr") == ([1, 2, 3, 4], pytest.approx([0.1, 0.2, 0.2, 0.2]))


def test_bf16_computes_in_bf16_and_keeps_float32_parameters():
    kinds = set()

    def objective(model, batch):
        out = model(batch["x"])
        kinds.add(out.dtype)
        return (out.float() - batch["y"]).square().mean(), {}

    net = learn(Net(), objective, steps=2, precision="bf16").model
    assert kinds == {torch.bfloat16}
    assert {p.dtype for p in net.parameters()} == {torch.float32}


def test_a_lost_network_stops_with_one_line_and_keeps_the_last_good_checkpoint(tmp_path):
    def objective(model, batch):
        loss = (model(batch["x"]) - batch["y"]).square().mean()
        return (loss * math.nan if batch["bad"].any() else loss), {}

    def batches(step):
        return {**batch(step), "bad": torch.full((8,), step >= 11)}

    with pytest.raises(GlassbookError, match="loss is nan at step 15; lower the learning rate"):
        learn(Net(), objective, batches, checkpoint=tmp_path, checkpoint_every=5, log_every=20)
    assert [p.stem for p in list_checkpoints(tmp_path)] == ["step-000000005", "step-000000010"]


def test_ctrl_c_finishes_the_step_writes_a_checkpoint_and_says_how_to_go_on(tmp_path, run):
    def batches(step):
        if step == 7 and not list_checkpoints(tmp_path):
            os.kill(os.getpid(), signal.SIGINT)
        return batch(step)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=f"step 8 of 30.*glassbook run test --resume {run.id}"):
        learn(Net(0.5), batches=batches, checkpoint=tmp_path, run=run)
    assert signal.getsignal(signal.SIGINT) is before
    resumed = learn(Net(0.5), batches=batches, checkpoint=tmp_path, resume=True)
    assert torch.equal(resumed.model.first.weight, learn(Net(0.5)).model.first.weight)


def test_a_folder_with_checkpoints_is_not_overwritten(tmp_path):
    learn(Net(), steps=2, checkpoint=tmp_path)
    with pytest.raises(GlassbookError, match="resume it or choose an empty folder"):
        learn(Net(), steps=2, checkpoint=tmp_path)


def test_a_checkpoint_of_other_settings_or_another_network_is_refused(tmp_path):
    learn(Net(), steps=2, checkpoint=tmp_path)
    with pytest.raises(GlassbookError, match=r"lr was 0\.01, is 0\.5"):
        learn(Net(), steps=2, lr=0.5, checkpoint=tmp_path, resume=True)
    with pytest.raises(GlassbookError, match="another network"):
        learn(nn.Linear(6, 6), steps=2, checkpoint=tmp_path, resume=True)


class Normed(nn.Sequential):
    """Its buffers change in training mode, and its dropout draws random numbers."""

    def __init__(self):
        torch.manual_seed(2)
        super().__init__(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 6))


@pytest.mark.parametrize("ema", [None, 0.9])
def test_evaluation_is_logged_and_changes_nothing(run, ema):
    calls = []

    def evaluate(model, done):
        assert not model.training
        assert not torch.is_grad_enabled()
        calls.append(done)
        random.random(), np.random.rand(), torch.rand(3)
        return {"held_out": squared_error(model, batch(10**6))[0].item()}

    def fix_statistics(model, done):
        if done == 20:
            model[1].eval()

    plain = learn(Normed(), ema=ema, after=fix_statistics)
    state = learn(Normed(), ema=ema, after=fix_statistics, evaluate=evaluate, evaluate_every=12, run=run, label="toy")
    assert calls == run.metrics("toy_held_out")[0] == [12, 24, 30]
    assert state.metrics == plain.metrics
    for name, t in plain.model.state_dict().items():
        assert torch.equal(t, state.model.state_dict()[name]), name
    assert state.model[0].training
    assert not state.model[1].training
    state.model.eval()
    assert run.metrics("toy_held_out")[1][-1] == squared_error(state.model, batch(10**6))[0].item()


def test_after_each_step_buffers_may_change_and_resume(tmp_path):
    def after(model, done):
        assert not torch.is_grad_enabled()
        model.seen.mul_(0.5).add_(done)

    whole = learn(Net(), after=after)
    with pytest.raises(Stop):
        learn(Net(), batches=stopping(23), after=after, checkpoint=tmp_path, checkpoint_every=10)
    parts = learn(Net(), after=after, checkpoint=tmp_path, resume=True)
    assert torch.equal(whole.model.seen, parts.model.seen)
    expected = 0.0
    for done in range(1, 31):
        expected = (expected + 8) * 0.5 + done
    assert whole.model.seen.item() == pytest.approx(expected)


def test_the_average_has_the_current_buffers():
    state = learn(Net(), steps=3, ema=0.9)
    assert state.averaged().seen.item() == 24
    with pytest.raises(GlassbookError, match=r"ema=0\.999"):
        learn(Net(), steps=1).averaged()


def test_progress_shows_rows_or_tokens():
    shown = []

    class Run:
        def progress(self, *args, **kwargs):
            return contextlib.nullcontext(self)

        def advance(self, n, **numbers):
            shown.append(set(numbers))

        def log(self, step, **metrics):
            pass

        def seconds_spent(self, *part):
            return 0.0

        def spent(self, *cost):
            pass

    learn(Net(), steps=2, log_every=2, run=Run())
    learn(Net(), squared_error, lambda s: {**batch(s), "input_ids": torch.zeros(8, 3)}, steps=1, run=Run())
    assert shown == [set(), {"loss", "rows/s"}, {"loss", "tokens/s"}]


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"accumulate": 0}, {"accumulate": 9}, {"checkpoint_every": 0}, {"evaluate_every": 0}]
)
def test_settings_that_cannot_be(options):
    with pytest.raises(GlassbookError):
        learn(Net(), **options)

"""Several objectives, optimisers and parameter groups in one training."""

import pytest
import torch
from torch import nn
from toy_training import Drawn, Net, batch, learn, phases, squared_error

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.train import Phase, adamw, constant, list_checkpoints, read_checkpoint, sgd


class Gan(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.generator, self.critic = nn.Linear(6, 6), nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))


def critic_loss(model, batch):
    return (model.critic(model.generator(batch["x"])) - model.critic(batch["y"])).mean(), {}


def generator_loss(model, batch):
    return -model.critic(model.generator(batch["x"])).mean(), {}


def gan_phases(**options):
    return [
        Phase("critic", critic_loss, "critic.*", lr=1e-2, **options),
        Phase("generator", generator_loss, "generator.*", optimiser=sgd(), every=5),
    ]


def test_a_gan_equals_a_loop_written_by_hand():
    gan, twin = Gan(), Gan()
    state = learn(gan, gan_phases(), lr=1e-3, schedule=constant(), clip=None)
    critic = torch.optim.AdamW(twin.critic.parameters(), lr=1e-2, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    for group in critic.param_groups:
        matrices = [p for p in group["params"] if p.dim() == 2]
        vectors = [p for p in group["params"] if p.dim() == 1]
    critic.param_groups = [
        {**critic.param_groups[0], "params": matrices},
        {**critic.param_groups[0], "params": vectors, "weight_decay": 0.0},
    ]
    generator = torch.optim.SGD(twin.generator.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    for step in range(30):
        twin.zero_grad()
        critic_loss(twin, batch(step))[0].backward()
        critic.step()
        if step % 5 == 0:
            twin.zero_grad()
            generator_loss(twin, batch(step))[0].backward()
            generator.step()
    for name, p in gan.named_parameters():
        assert torch.equal(p, twin.get_parameter(name)), name
    assert state.metrics.keys() == {"critic/loss", "generator/loss"}


def test_parameters_of_other_phases_get_no_gradient():
    seen = []

    class Watching(torch.optim.SGD):
        def step(self, closure=None):
            seen.append([p.grad is None for p in gan.generator.parameters()])
            return super().step(closure)

    gan = Gan()
    learn(gan, gan_phases(optimiser=lambda named: Watching(named.values(), lr=0.1)), steps=3)
    assert seen == [[True, True]] * 3
    assert all(p.requires_grad for p in gan.parameters())


def test_a_frozen_parameter_stays_frozen():
    gan = Gan()
    gan.critic[0].requires_grad_(False)
    before = gan.critic[0].weight.clone()
    learn(gan, gan_phases(), steps=3)
    assert torch.equal(gan.critic[0].weight, before)
    assert not gan.critic[0].weight.requires_grad


def test_every_runs_the_first_step_and_each_nth_after_it():
    steps = {"a": [], "b": []}

    def objective(name):
        def count(model, batch):
            steps[name].append(int(batch["step"]))
            return squared_error(model, batch)

        return count

    def batches(step):
        return {**batch(step), "step": torch.tensor([step])}

    learn(Net(), [Phase("a", objective("a")), Phase("b", objective("b"), every=5)], batches, steps=12)
    assert steps == {"a": list(range(12)), "b": [0, 5, 10]}


def test_metrics_and_checkpoint_keys_name_their_phase(tmp_path):
    with Notebook.create(tmp_path / "notebook", title="Test").start_run("test", config={}, seed=0, claims=[]) as run:
        learn(Net(), phases(), run=run, checkpoint=tmp_path / "c", steps=6, log_every=2, schedule=constant())
        assert run.metrics("linear/loss")[0] == [2, 4, 6]
        assert run.metrics("norm/loss")[0] == [2, 4]  # steps 0 and 3
        assert run.metrics("linear/lr")[1] == [1e-2] * 3
        assert run.metrics("norm/lr")[1] == [1e-3] * 2
    tensors, facts = read_checkpoint(list_checkpoints(tmp_path / "c")[-1])
    assert {"opt/linear/first.weight/exp_avg", "opt/norm/norm.bias/momentum_buffer"} <= tensors.keys()
    assert "opt/norm/first.weight/momentum_buffer" not in tensors
    assert facts["settings"]["norm/every"] == 3
    with pytest.raises(GlassbookError, match=r"norm/lr was 0\.001, is 0\.01"):
        learn(
            Net(),
            [phases()[0], Phase("norm", squared_error, "norm.*", sgd(), every=3)],
            checkpoint=tmp_path / "c",
            resume=True,
            steps=6,
        )


def test_two_phases_and_stateful_batches_resume_in_the_middle(tmp_path):
    class Stop(Exception):
        pass

    class Stopping(Drawn):
        def __call__(self, step):
            if step == 17:
                raise Stop
            return super().__call__(step)

    options = {"checkpoint_every": 5, "log_every": 30, "checkpoint": tmp_path / "whole"}
    whole = learn(Net(0.3), phases(), Drawn(), **options)
    options["checkpoint"] = tmp_path / "parts"
    with pytest.raises(Stop):
        learn(Net(0.3), phases(), Stopping(), **options)
    parts = learn(Net(0.3), phases(), Drawn(), resume=True, **options)
    assert parts.metrics == whole.metrics
    a, b = (read_checkpoint(list_checkpoints(tmp_path / folder)[-1])[0] for folder in ("whole", "parts"))
    assert a.keys() == b.keys()
    assert "data/generator" in a
    assert all(torch.equal(a[name], b[name]) for name in a)
    with pytest.raises(GlassbookError, match="state of batches, and these batches have none"):
        learn(Net(0.3), phases(), resume=True, **options)


def test_a_tied_parameter_may_be_named_either_way():
    net = Net()
    before = net.first.weight.clone()
    learn(net, [Phase("tied", squared_error, "second.weight")], steps=1)
    assert not torch.equal(net.first.weight, before)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], "at least one Phase"),
        ([Phase("a", squared_error), Phase("a", squared_error)], "different names, not a, a"),
        ([Phase("a/b", squared_error)], "without /"),
        ([Phase("a", squared_error, every=0)], "every = 0 must be at least 1"),
        ([Phase("a", squared_error, "third.*")], r"'third.\*' matches no trainable parameter \(first.weight"),
        ([Phase("a", squared_error, ["first.*", "third.*"])], r"'third.\*' matches no"),
        ([Phase("a", squared_error, optimiser=adamw(weight_decay=-1))], "weight_decay"),
    ],
)
def test_bad_phases_are_one_line(bad, message):
    with pytest.raises(GlassbookError, match=message) as problem:
        learn(Net(), bad)
    assert "\n" not in str(problem.value)

"""A tiny network and its data, shared by the tests of training."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from glassbook.notebook import Notebook, Run
from glassbook.train import Batch, Objective, Phase, TrainState, sgd, train


class Net(nn.Module):
    """Two layers with dropout, a norm, a buffer, and a tied pair of matrices."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first, self.norm, self.second = nn.Linear(6, 6), nn.LayerNorm(6), nn.Linear(6, 6)
        self.second.weight = self.first.weight
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        return self.second(self.dropout(self.norm(self.first(x)).relu()))


def batch(step: int) -> Batch:
    """Eight rows of noise and a fixed linear function of them."""
    chance = torch.Generator().manual_seed(step)
    x = torch.randn(8, 6, generator=chance)
    return {"x": x, "y": x.flip(1) * 0.5}


def squared_error(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    return (model(batch["x"]).float() - batch["y"]).square().mean(), {}


def learn(
    net: nn.Module, objective: Objective | Sequence[Phase] = squared_error, batches=batch, **options
) -> TrainState:
    return train(net, objective, batches, **{"steps": 30, "lr": 1e-2, **options})


class Drawn:
    """Batches that follow from a generator's state and not from the step."""

    def __init__(self) -> None:
        self.chance = torch.Generator().manual_seed(8)

    def __call__(self, step: int) -> Batch:
        return batch(int(torch.randint(1_000_000, (1,), generator=self.chance)))

    def state(self) -> dict[str, Tensor]:
        return {"generator": self.chance.get_state()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        self.chance.set_state(tensors["generator"])


def phases() -> list[Phase]:
    """The linear layers by AdamW, the norm by SGD in each third step."""
    return [
        Phase("linear", squared_error, ["first.*", "second.*"]),
        Phase("norm", squared_error, "norm.*", optimiser=sgd(), lr=1e-3, every=3),
    ]


def learn_with(run: Run) -> None:
    options = {"steps": 300, "accumulate": 2, "ema": 0.9, "checkpoint_every": 10, "log_every": 3, "seed": 1}
    folder = run.folder / "checkpoints"
    learn(Net(0.3), phases(), Drawn(), run=run, checkpoint=folder, resume=run.resumed, **options)


def learn_until_killed(notebook, run_id: str, started) -> None:
    """What a user starts again and again until it is done (in a process of its own)."""
    torch.set_num_threads(1)
    with Notebook(notebook).resume_run(run_id) as run:
        started.set()
        learn_with(run)
        run.result(done=1.0)

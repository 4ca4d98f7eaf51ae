"""Training plan for a budget of compute: size, tokens and loss by the scaling law of a finished run.

plan = plan_training(record, flop=1e14)
plan.size, plan.tokens, plan.loss, plan.loss_low, plan.loss_high
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.experiments.language._isoflop import WIDTHS, flop_per_token, nearest, parameters, shape
from glassbook.formatting import flop as amount
from glassbook.measure.compute import FlopPerSecond
from glassbook.measure.scaling import IsoFlop, fit, interval, resample
from glassbook.notebook import Notebook, RunRecord

if TYPE_CHECKING:
    from glassbook.nets import LMConfig

NAME = "scaling-laws"
"""The experiment that the law is of."""
REACH = 1e6
"""Times the compute of the largest training, beyond which no plan is made."""
TIMED = 2e7
"""Parameters of the largest model that is timed; larger ones are taken to be as fast."""
LEAST = 0.5
"""Seconds that training steps are timed for, at least."""


@dataclass(frozen=True)
class Plan:
    """What a scaling law says of a budget.

    Attributes:
        flop: of the training.
        size, size_low, size_high: parameters in matrices at the best size, with the ends of the 95 % interval.
        model: the shape whose size is nearest.
        tokens: to train it on with this compute.
        loss, loss_low, loss_high: nats per token of the experiment's text, with the ends of the 95 % interval.
        entropy: nats per token of that text.
        times: the compute over that of the largest training that the law rests on.
    """

    flop: float
    size: float
    size_low: float
    size_high: float
    model: LMConfig
    tokens: float
    loss: float
    loss_low: float
    loss_high: float
    entropy: float
    times: float


def source(notebook: Notebook) -> RunRecord:
    """The run that a law is read from: the newest finished one of the notebook at the default settings, else the first
    of the reference evidence.

    Raises:
        GlassbookError: there is neither.
    """
    for record in evidence.shown_runs(notebook, NAME):
        if record.status == "finished":
            return record
    raise GlassbookError(f"there is no finished run of {NAME} to read a law from; make one: glassbook run {NAME}")


def curves_of(record: RunRecord) -> list[IsoFlop]:
    """The IsoFLOP curves of a run, from its table; a level that cannot be fitted is an error in one line."""
    rows = [row for row in record.table("trainings") if row["training"] != "larger"]
    entropy = record.results["entropy"]
    by_level = {compute: [row for row in rows if row["compute"] == compute] for compute in {r["compute"] for r in rows}}
    return [
        IsoFlop(compute, [row["size"] for row in level], [row["loss"] for row in level], entropy)
        for compute, level in sorted(by_level.items())
    ]


def plan_training(record: RunRecord, flop: float) -> Plan:
    """What the law of a run says of some compute.

    Args:
        record: a finished run of the experiment.
        flop: the budget.

    Raises:
        GlassbookError: the budget is below the smallest training of the run, or far beyond the largest.
    """
    curves = curves_of(record)
    least, most = curves[0].compute, curves[-1].compute
    if flop < least:
        raise GlassbookError(
            f"{amount(flop)} is less than each of the smallest trainings had, {amount(least)}; give at least that"
        )
    if flop > REACH * most:
        raise GlassbookError(
            f"{amount(flop)} is over {REACH:.0e} times what the law rests on, {amount(most)}; it says nothing there"
        )
    law, draws = fit(curves), resample(curves)
    size_low, size_high = interval([drawn.size.at(flop) for drawn in draws])
    loss_low, loss_high = interval([drawn.loss(flop) for drawn in draws])
    size = law.size.at(flop)
    model = nearest(size, record.config["vocab"], record.config["context"])
    return Plan(
        flop, size, size_low, size_high, model, flop / flop_per_token(model), law.loss(flop), loss_low, loss_high,
        law.entropy, flop / most,
    )  # fmt: skip


def plan_time(record: RunRecord, seconds: float) -> tuple[Plan, FlopPerSecond]:
    """The plan for some seconds of training on this machine, and the speed that it is reckoned with.

    How fast a model trains depends on its size and that on the compute: both are looked for in turn.
    """
    plan = plan_training(record, curves_of(record)[0].compute)
    speed = training_speed(plan.model, record.config["rows"])
    for _ in range(2):
        plan = plan_training(record, speed.during(seconds).n)
        speed = training_speed(plan.model, record.config["rows"])
    return plan_training(record, speed.during(seconds).n), speed


def training_speed(model: LMConfig, rows: int) -> FlopPerSecond:
    """Speed of training steps of a model on this machine, measured on random tokens with torch's own threads.

    Args:
        model: its shape; of one beyond `TIMED` parameters the widest that is not is timed.
        rows: of a batch.
    """
    import torch

    from glassbook.nets import LM
    from glassbook.train import adamw, next_token

    if parameters(model) > TIMED:
        shapes = [shape(width, model.vocab, model.context) for width in WIDTHS]
        model = max((one for one in shapes if parameters(one) <= TIMED), key=parameters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network, ids = LM(model), torch.randint(model.vocab, (rows, model.context))
    optimiser, objective, taken = adamw()(dict(network.named_parameters())), next_token(), []
    while sum(taken) < LEAST or len(taken) < 4:
        begin = time.perf_counter()
        objective(network, {"input_ids": ids})[0].backward()
        optimiser.step()
        optimiser.zero_grad()
        taken.append(time.perf_counter() - begin)
    median = sorted(taken[1:])[(len(taken) - 1) // 2]
    return FlopPerSecond(flop_per_token(model) * rows * model.context / median)

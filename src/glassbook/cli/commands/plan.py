"""`glassbook plan`: what to train with some compute, by the scaling law of small trainings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from glassbook.cli.command import InNotebook, Option, quiet_libraries
from glassbook.cli.output import console, table
from glassbook.errors import GlassbookError
from glassbook.formatting import flop, number, seconds

TESTED = 4
"""How many times beyond the trainings of its law the experiment's larger run lies."""


@dataclass(frozen=True, kw_only=True)
class Plan(InNotebook):
    """Plan a training: size, tokens and loss for an amount of compute, or for some time on this machine.

    The law is that of the experiment scaling-laws: of the newest finished run in the notebook, else of the reference
    evidence. It speaks of the Reserve's short texts and of models made as there.
    """

    flop: Annotated[str | None, Option("FLOP")] = None
    """Budget as an amount of computation: 1e14, "100 TFLOP"."""
    seconds: Annotated[str | None, Option("S")] = None
    """Budget as seconds of training on this machine, whose speed is measured."""

    def result(self) -> dict[str, Any]:
        if (self.flop is None) == (self.seconds is None):
            raise GlassbookError("give one budget: --flop 1e14, or --seconds 3600; see glassbook plan --help")
        from glassbook.measure.compute import read_count, read_flop

        budget = read_count(self.seconds, "seconds") if self.seconds is not None else read_flop(self.flop or "").n
        if budget == 0:
            raise GlassbookError("a budget of 0 trains nothing; give more")
        quiet_libraries()
        from glassbook.experiments.language import planner

        record = planner.source(self.open_notebook())
        if self.seconds is None:
            plan = planner.plan_training(record, budget)
            speed = planner.training_speed(plan.model, record.config["rows"])
        else:
            plan, speed = planner.plan_time(record, budget)
        return {
            "flop": plan.flop,
            "seconds": plan.flop / speed.n,
            "flop_per_second": speed.n,
            "size": plan.size,
            "size_low": plan.size_low,
            "size_high": plan.size_high,
            "width": plan.model.d_model,
            "blocks": plan.model.n_layers,
            "tokens": plan.tokens,
            "loss": plan.loss,
            "loss_low": plan.loss_low,
            "loss_high": plan.loss_high,
            "entropy": plan.entropy,
            "times_the_largest": plan.times,
            "law": {"run": record.id, "reference": record.reference},
            "rulings": rulings(plan.flop),
        }

    def show(self, result: dict[str, Any]) -> None:
        r = result
        law = r["law"]
        where = "the reference evidence" if law["reference"] else "this notebook"
        rows = [
            ("compute", flop(r["flop"])),
            ("time here", f"{seconds(r['seconds'])}, at {flop(r['flop_per_second'])}/s"),
            ("size", f"{_range(r, 'size')} parameters in matrices"),
            ("shape", f"{r['blocks']} blocks, {r['width']} wide"),
            ("tokens", number(float(f"{r['tokens']:.4g}"))),
            ("loss", f"{_range(r, 'loss')} nats per token; entropy {number(r['entropy'])}"),
            ("law", f"{where}, run {law['run']}; {number(r['times_the_largest'])} times its largest training"),
        ]
        console().print(table(("for", "plan"), rows, wide="plan"))
        if r["times_the_largest"] > TESTED:
            print(
                f"\nThe law was tested {TESTED} times beyond the trainings it rests on, no further; the intervals hold"
            )
            print("their scatter alone.")
        print()
        rows = [(one["rule"], flop(one["flop"]), one["text"]) for one in r["rulings"]]
        console().print(table(("threshold", "from", "verdict"), rows, wide="verdict"))


def rulings(budget: float) -> list[dict[str, Any]]:
    """What each rule on training compute says of a budget."""
    from glassbook.assets import policy
    from glassbook.measure.compute import Flop
    from glassbook.measure.thresholds import Estimate, judge_all

    estimate = Estimate(Flop(budget), Flop(budget), "the budget")
    return [
        {"id": one.threshold.id, "rule": one.threshold.name, "flop": one.threshold.flop, "state": one.state,
         "text": one.text}
        for one in judge_all(estimate, policy.thresholds(), None, None)
    ]  # fmt: skip


def _range(result: dict[str, Any], name: str) -> str:
    """A number with its 95 % interval."""
    value, low, high = (number(float(f"{result[key]:.4g}")) for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value} ({low} to {high})"


ACTIONS = {"": Plan}

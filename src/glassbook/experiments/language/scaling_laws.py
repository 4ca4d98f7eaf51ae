"""IsoFLOP scaling law of small language models on text of known entropy, tested by a larger run that it foretells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.errors import GlassbookError
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.experiments.language._isoflop import ShortTexts
    from glassbook.measure.scaling import IsoFlop, Law

GROWTH = 4.0
"""Compute of a level over that of the one below; of the larger run over that of the last level."""


@experiment(
    terms=["Scaling laws"],
    source="Hoffmann et al. 2022, arXiv:2203.15556; Kaplan et al. 2020, arXiv:2001.08361",
    minutes=4,
)
@dataclass(frozen=True, kw_only=True)
class ScalingLaws:
    """Do small trainings foretell the loss of a larger one, in excess over the entropy of the text?

    Each level trains several sizes with the same counted compute; the larger run has the size that the levels predict.
    """

    compute: float = 1.5e10
    """FLOP of each training on the first level; by the same factor more on each further one, and for the larger run."""
    levels: int = 3
    """Levels of compute."""
    sizes: int = 5
    """Sizes on each level, each twice the one before."""
    per_square: float = 90.0
    """FLOP over the square of a level's middle size."""
    vocab: int = 512
    """Tokens of the byte-pair encoding."""
    rows: int = 4
    """Rows of a batch."""
    context: int = 128
    """Tokens in a row."""
    lr: float = 4e-3
    """Peak learning rate at width 64; it goes with the root of 64 / width."""
    documents: int = 600
    """Documents that losses are measured on."""
    draws: int = 1000
    """Draws of the bootstrap."""
    sabotage: Literal["none", "same-compute", "equal-steps", "short-larger"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("best-size-is-inside",
              "At each of three levels of compute the best size lies inside the range of sizes: both ends have a loss "
              "at least 0.01 nats above the vertex of a parabola",
              "interior", ">=", 3, control="shuffled_interior <= 1", sabotages=("equal-steps",)),
        Claim("best-size-grows", "The best size grows with compute: its exponent's 95 % interval lies above 0",
              "exponent_low", ">", 0,
              no_control="the interval is from residuals, and is wide where sizes make no difference",
              sabotages=("same-compute",)),
        Claim("larger-run-is-foretold",
              "The excess over the entropy of a run with four times the compute of the last level, at the predicted "
              "best size, is foretold within 15 %",
              "excess_error", "<=", 0.15, control="last_level_error >= 0.3",
              sabotages=("same-compute", "short-larger"),
              explanation="The excess falls slowly at first, then fast, then slowly again: it is no one power of "
                          "compute. A line through three levels foretells the fourth as far as these differences "
                          "cancel, which depends on the seed"),
    )  # fmt: skip
    sabotages = (
        Sabotage("same-compute", "There are two levels, and both are trained with the compute of the first",
                 {"sabotage": "same-compute", "levels": 2}),
        Sabotage("equal-steps", "All sizes of a level get as many updates as its largest, not as much compute",
                 {"sabotage": "equal-steps"}),
        Sabotage("short-larger", "The larger run gets the compute of the first level", {"sabotage": "short-larger"}),
    )  # fmt: skip
    outputs = Outputs(charts=("isoflop", "size", "excess"), tables=("trainings",))

    def __post_init__(self) -> None:
        numbers = {"compute": self.compute, "per_square": self.per_square, "lr": self.lr}
        for name, value in numbers.items():
            if not 0 < value < math.inf:
                raise GlassbookError(f"{name} = {value:g} must be a positive, finite number")
        if self.sizes < 4 or self.levels < 2:
            raise GlassbookError(
                f"{self.levels} levels of {self.sizes} sizes: a law with an interval needs 2 levels of 4 sizes at least"
            )

    @classmethod
    def quick(cls) -> ScalingLaws:
        """A few updates of each training, in seconds."""
        return cls(compute=2e8, per_square=0.1, sizes=4, vocab=300, context=64, documents=40, draws=50)

    def run(self, run: Run) -> None:
        """Train the levels, fit, train the larger run, compare."""
        from glassbook.experiments.language._isoflop import ShortTexts, nearest, trained
        from glassbook.measure.scaling import IsoFlop, best, fit, fit_floor, interior, resample, shuffled_interior

        text = ShortTexts(run, self.vocab, self.rows, self.context, self.documents)
        levels = [self.compute * GROWTH**i for i in range(self.levels)]
        trainings = [self._level(run, text, i, compute) for i, compute in enumerate(levels)]
        curves = [
            IsoFlop(compute, [row["size"] for row in rows], [row["loss"] for row in rows], text.entropy)
            for compute, rows in zip(levels, trainings, strict=True)
        ]
        law, laws = fit(curves), resample(curves, self.draws, run.rng("residuals").seed)
        top = GROWTH * levels[-1]
        model = nearest(law.size.at(top), self.vocab, self.context)
        larger = trained(
            run, "larger", model, text, self.compute if self.sabotage == "short-larger" else top, self.lr
        ) | {"compute": top}  # fmt: skip
        run.table("trainings", [row for rows in trainings for row in rows] + [larger])
        found, excess = best(curves), larger["excess"]
        floor = fit_floor([*levels, top], [*(loss for _, loss in found), larger["loss"]])
        run.result(
            interior=sum(map(interior, curves)),
            shuffled_interior=shuffled_interior(curves, seed=run.rng("shuffled losses").seed),
            excess_error=abs(law.excess.at(top) / excess - 1),
            last_level_error=abs((found[-1][1] - text.entropy) / excess - 1),
            entropy=text.entropy, fitted_floor=floor, fitted_floor_error=abs(floor / text.entropy - 1),
            larger_loss=larger["loss"], larger_excess=excess, larger_size=larger["size"],
            **self._intervals(law, laws, top),
        )  # fmt: skip
        self._draw(run, curves, law, laws, larger)

    def _level(self, run: Run, text: ShortTexts, level: int, compute: float) -> list[dict[str, Any]]:
        """Trainings of one level, a row for each size."""
        from glassbook.experiments.language._isoflop import fewest_updates, nearest, trained

        middle, spent = math.sqrt(compute / self.per_square), compute
        sizes = [middle * 2 ** (i - (self.sizes - 1) / 2) for i in range(self.sizes)]
        models = [nearest(size, self.vocab, self.context) for size in sizes]
        if self.sabotage == "same-compute":
            spent = self.compute
        most = fewest_updates(models, text, spent) if self.sabotage == "equal-steps" else None
        rows = [
            trained(run, f"level {level + 1} width {model.d_model}", model, text, spent, self.lr, most)
            for model in models
        ]
        return [row | {"compute": compute} for row in rows]

    def _intervals(self, law: Law, laws: Sequence[Law], top: float) -> dict[str, float]:
        """Exponents and predictions with the ends of their 95 % intervals."""
        from glassbook.measure.scaling import interval

        read = {
            "exponent": lambda law: law.size.exponent,
            "excess_exponent": lambda law: law.excess.exponent,
            "predicted_size": lambda law: law.size.at(top),
            "predicted_excess": lambda law: law.excess.at(top),
        }
        ends = {name: interval([of(drawn) for drawn in laws]) for name, of in read.items()}
        found = {name: of(law) for name, of in read.items()}
        return found | {f"{name}_{end}": ends[name][i] for name in read for i, end in enumerate(("low", "high"))}

    def _draw(self, run: Run, curves: Sequence[IsoFlop], law: Law, laws: Sequence[Law], larger: dict[str, Any]) -> None:
        """Charts: loss over size with vertices; best size, and excess there, over compute with bands."""
        from glassbook.experiments.language._isoflop import law_rows, parabola_rows

        size = charts.Axis("size", "parameters in matrices", "log")
        points, lines = parabola_rows(curves)
        loss = charts.Axis("loss", "nats per token")
        run.chart("isoflop", charts.fitted(points, lines, size, loss, "GFLOP", shape="what"))
        across = charts.Axis("GFLOP", "GFLOP", "log")
        for name, title in (("size", "best size (parameters)"), ("excess", "nats per token above the entropy")):
            points, lines = law_rows(name, curves, law, laws, larger)
            axis = charts.Axis(name, title, "log")
            run.chart(name, charts.fitted(points, lines, across, axis, "what", shape="what", band=("low", "high")))

"""Generative adversarial network: does a penalty of the discriminator's gradient keep all modes, and are digits new?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glassbook import charts
from glassbook.errors import GlassbookError
from glassbook.experiments.base import Outputs, Sabotage, at_least, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor, nn

MOST = 20_000
"""Digits to learn from; as many again and those of the reader are others."""
SNAPSHOTS = 6
"""Moments of the ring's training that charts show."""


@experiment(
    terms=["Generative adversarial network"], data=["mnist"], minutes=4,
    source="Goodfellow et al. 2014, arXiv:1406.2661; Mescheder et al. 2018, arXiv:1801.04406",
)  # fmt: skip
@dataclass(frozen=True, kw_only=True)
class Gan:
    """Does a generative adversarial network with a gradient penalty cover all modes, and make digits of its own?"""

    gamma: float = 10.0
    """Weight of the penalty on digits (R1)."""
    points_gamma: float = 1.0
    """Weight of the penalty on points."""
    every: int = 8
    """Steps between two penalties on digits, each of which weighs so much more."""
    point_steps: int = 3600
    """Optimiser steps on points, of discriminator and generator each."""
    steps: int = 3200
    """Optimiser steps on digits, of discriminator and generator each."""
    batch_size: int = 16
    """Digits in a step."""
    digits: int = 10_000
    """Digits to learn from; as many others tell what is copied."""
    width: int = 16
    """Channels of the networks of digits are multiples of this."""
    lr: float = 1e-3
    """Learning rate on digits."""
    reader_steps: int = 1200
    """Optimiser steps of the network that reads digits."""
    samples: int = 10_000
    """Samples to judge by."""

    sabotage: Literal["none", "copies"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("covers-the-grid", "With a gradient penalty, samples cover at least 23 of the 25 modes of a grid",
              "grid_modes", ">=", 23, control="plain_grid_modes <= 18", sabotages=("untrained", "no-penalty"),
              explanation="With the penalty all 25 are covered; without it, from the same first weights, how many are "
                          "left out depends on the seed, and may be one"),
        Claim("covers-the-ring", "Samples cover all eight modes of a ring", "ring_modes", ">=", 8,
              no_control="a network without the penalty covers it, or all but one; the grid is the harder test",
              sabotages=("untrained",)),
        Claim("stays-on-the-ring", "Nine of ten samples lie within four standard deviations of a mode of the "
              "ring", "on_mode_share", ">=", 0.9, no_control="a network without the penalty stays on it as well",
              sabotages=("untrained",)),
        Claim("leaves-no-digit-out", "Every digit has at least 4 % of the samples",
              "least_class_share", ">=", 0.04, control="reader_right >= 0.985", sabotages=("untrained",),
              explanation="The shares are those of what a classifier takes samples for, unclear ones as well; on a "
                          "seed on which it is a hair less right than the control asks, nothing is shown"),
        Claim("makes-digits", "As a classifier sees them, samples are nearer to digits than mosaics of digits' halves",
              "distance_over_mosaics", "<=", 1, control="test_over_mosaics <= 0.1", sabotages=("untrained",),
              explanation="In 3,200 small steps the strokes come out well and many digits do not; the halves of a "
                          "mosaic are real ones"),
        Claim("copies-nothing",
              "At most 55 of a hundred samples are nearer to a digit that they were learnt from than to as many unseen "
              "ones, as if a tenth were copies", "copied_share", "<=", 0.55, control="copies_copied_share >= 0.9",
              source="Meehan et al. 2020, arXiv:2004.05675", sabotages=("copies", "few-digits")),
        Claim("penalty-helps", "From the same first weights, samples of digits are farther from real ones without "
              "the penalty", "distance_without_over_with", ">=", 1.1,
              no_control="the metric itself compares with the plain network", sabotages=("no-penalty",),
              explanation="The plain network is trained too shortly to break down, and by how much it draws worse "
                          "depends on the seed"),
    )  # fmt: skip
    sabotages = (
        Sabotage("untrained", "The networks are trained for one step only", {"steps": 1, "point_steps": 1}),
        Sabotage("no-penalty", "The penalty weighs nothing", {"gamma": 0.0, "points_gamma": 0.0}),
        Sabotage("copies", "The samples of digits are training digits, moved by a pixel and darker",
                 {"sabotage": "copies", "steps": 1, "point_steps": 1}),
        Sabotage("few-digits", "The network learns from 64 digits only", {"digits": 64, "point_steps": 1}),
    )  # fmt: skip
    outputs = Outputs(
        charts=(*(f"ring-{i}" for i in range(1, SNAPSHOTS + 1)), "modes"),
        images=("penalty", "plain", "mosaics", "walk"),
    )

    def __post_init__(self) -> None:
        at_least(0, gamma=self.gamma, points_gamma=self.points_gamma)
        at_least(1, **{name: value for name, value in vars(self).items() if isinstance(value, int)})
        if self.digits > MOST:
            raise GlassbookError(f"digits = {self.digits}: others have to be left to judge by; choose at most {MOST}")

    @classmethod
    def quick(cls) -> Gan:
        """A few steps of small networks."""
        return cls(point_steps=SNAPSHOTS, steps=8, width=4, reader_steps=20, samples=300, digits=200)

    def run(self, run: Run) -> None:
        """Points on a ring and a grid, then digits, with the penalty and without."""
        from glassbook.experiments.latent._digits import Digits, accuracy, digits, drawn, reader
        from glassbook.experiments.latent._made_digits import copies, judged

        known, test = digits("train"), digits("test")
        mixed = drawn(run, known, len(known.images))
        train, unseen = (mixed.images[i * self.digits : (i + 1) * self.digits] for i in (0, 1))
        others = Digits(*(of[2 * self.digits :] for of in mixed))
        shapes: tuple[Literal["ring", "grid"], ...] = ("ring", "grid")
        points = {
            f"{name}{shape}": self._points(run, f"{name}{shape}", shape, gamma)
            for shape in shapes
            for name, gamma in (("", self.points_gamma), ("plain ", 0.0))
        }
        modes = [{"points": name, "modes": float(found["modes"])} for name, found in points.items()]
        run.chart("modes", charts.bars(modes, "modes", "points", format=".0f"))
        judge = reader(run, others, self.reader_steps)
        made = {
            name: self._digits(run, name, train, gamma) for name, gamma in (("penalty", self.gamma), ("plain", 0.0))
        }
        if self.sabotage == "copies":
            made["penalty"] = copies(run, train)
        run.result(
            ring_modes=points["ring"]["modes"], plain_ring_modes=points["plain ring"]["modes"],
            on_mode_share=points["ring"]["share"], plain_on_mode_share=points["plain ring"]["share"],
            grid_modes=points["grid"]["modes"], plain_grid_modes=points["plain grid"]["modes"],
            reader_right=accuracy(judge, test),
            **judged(run, made, train, unseen, test, judge),
        )  # fmt: skip

    def _points(self, run: Run, label: str, shape: Literal["ring", "grid"], gamma: float) -> dict[str, float]:
        """Modes that samples of points reach, and the share of samples that lie on one."""
        import torch

        from glassbook.experiments.latent._adversarial import MODES, SPREAD, adversarial, covered, with_penalty
        from glassbook.nets.gan import points_gan

        modes, rng = MODES[shape], run.rng(shape)

        def batch(step: int) -> dict[str, Tensor]:
            generator = rng.child(str(step)).torch()
            which = torch.randint(0, len(modes), (256,), generator=generator)
            real = modes[which] + SPREAD * torch.randn(256, 2, generator=generator)
            noise = torch.randn(256, 2, generator=generator)
            return with_penalty({"real": real, "noise": noise}, gamma)

        fixed = torch.randn(self.samples, 2, generator=run.rng("noise to judge points by").torch())

        def show(model: nn.Module, done: int) -> dict[str, float]:
            if label == "ring" and done % (self.point_steps // SNAPSHOTS or 1) == 0:
                moment = done // (self.point_steps // SNAPSHOTS or 1)
                rows = [
                    {"x": float(x), "y": float(y), "points": kind}
                    for kind, at in (("made", model.get_submodule("generator")(fixed[:400])), ("real", modes))
                    for x, y in at
                ]
                across, up = (charts.Axis(axis, domain=(-3, 3)) for axis in ("x", "y"))
                run.chart(f"ring-{moment}", charts.scatter(rows, across, up, "points", square=True))
            return {}

        model = adversarial(
            run, label, shape, points_gan, batch, steps=self.point_steps, lr=1e-3, evaluate=show,
            evaluate_every=max(1, self.point_steps // SNAPSHOTS),
        )  # fmt: skip
        with torch.no_grad():
            return covered(model.generator(fixed), modes)

    def _digits(self, run: Run, label: str, images: Tensor, gamma: float) -> Tensor:
        """Samples [N, 1, 28, 28] of a network of digits, values from 0 to 1."""
        import torch

        from glassbook.data.pictures import shuffled
        from glassbook.experiments.latent._adversarial import adversarial, on_great_circle, with_penalty
        from glassbook.nets.gan import pictures_gan

        rows, rng = shuffled(len(images), self.batch_size, run.rng("order").seed), run.rng("noise")

        def batch(step: int) -> dict[str, Tensor]:
            weight = gamma * self.every if step % self.every == 0 else 0.0
            real = 2 * images[rows(step)] - 1
            noise = torch.randn(self.batch_size, 64, generator=rng.child(str(step)).torch())
            return with_penalty({"real": real, "noise": noise}, weight)

        model = adversarial(
            run, f"digits, {label}", "digits", lambda: pictures_gan(width=self.width), batch, steps=self.steps,
            lr=self.lr,
        )  # fmt: skip
        noise = torch.randn(self.samples, 64, generator=run.rng("noise to judge digits by").torch())
        walk = torch.cat([on_great_circle(noise[i], noise[i + 1], 12) for i in range(0, 8, 2)])
        with torch.no_grad():
            made = torch.cat([model.generator(part) for part in noise.split(500)]) / 2 + 0.5
            if label == "penalty":
                run.image("walk", charts.sheet(model.generator(walk) / 2 + 0.5, columns=12))
        run.image(label, charts.sheet(made[:96], columns=16))
        return made

"""Three lenses: what the stream of each layer says by itself, read by the logit, the tuned and the Jacobian lens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.circuits import _lens_scores as measure
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.circuits import JacobianLens, TunedLens
    from glassbook.nets import LanguageModel

CONTROLS = ("token frequencies", "Jacobian, permuted", "Jacobian, untrained")
"""Lenses that know nothing of the model, or of what the stream leads to in it."""


@experiment(
    terms=["Logit lens"],
    source="Belrose et al. 2023, arXiv:2303.08112; Gurnee et al. 2026, arXiv:2607.15495",
)
@dataclass(frozen=True, kw_only=True)
class Lenses:
    """Does the tuned lens come nearest to the model's output, and does the Jacobian lens read what comes later?"""

    model: str = "builtin"
    """Language model to read."""
    text: Path | None = None
    """Text file to fit and score on; any model needs one but the built-in model, which reads the Reserve."""
    rows: int = 96
    """Rows of text that the Jacobian lens is the mean over."""
    length: int = 64
    """Tokens of a row."""
    projections: int | None = None
    """Random directions that the Jacobian is estimated from in each batch; by default every dimension: exact."""
    steps: int = 400
    """Updates of the tuned lens, each on a fresh batch of 16 rows."""
    test_rows: int = 192
    """Other rows, which the lenses are scored on."""
    sabotage: Literal["none", "permuted", "untrained", "logit-as-tuned"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("tuned-is-nearest",
              "In the middle layer, the tuned lens is at most half as far from the model's output as the logit lens is",
              "tuned_over_logit_kl", "<=", 0.5, no_control="the metric itself compares with the logit lens",
              sabotages=("logit-as-tuned",), source="Belrose et al. 2023, figure 4"),
        Claim("jacobian-reads-ahead",
              "In the middle layer, the Jacobian lens tells tokens that the text will hold later from those of other "
              "texts, by at least 0.05 better than the token frequencies, its permuted matrix and the Jacobian of an "
              "untrained model do",
              "jacobian_lead_over_controls", ">=", 0.05, no_control="the metric itself compares with the best control",
              sabotages=("permuted", "untrained"), source="Gurnee et al. 2026",
              explanation="The Reserve leaves little to foresee, and no lens shows what the model does not know: what "
                          "its own output reaches stands at the last layer of the chart"),
        Claim("jacobian-beats-logit",
              "In the middle layer, the Jacobian lens tells later tokens apart by at least 0.05 better than the logit "
              "and the tuned lens do",
              "jacobian_lead_over_lenses", ">=", 0.05, control="jacobian_lead_over_controls >= 0.05",
              sabotages=("permuted", "untrained"), source="Gurnee et al. 2026",
              explanation="The Reserve leaves little to foresee, so that lenses cannot differ by much: what the "
                          "model's own output reaches stands at the last layer of the chart"),
        Claim("halves-agree",
              "In every layer, Jacobians fitted on two halves of the text, less the identity, have a cosine with each "
              "other at least 0.8 higher than with the permuted Jacobian and with that of an untrained model",
              "worst_agreement_lead", ">=", 0.8, no_control="the metric itself compares with the best control",
              sabotages=("noisy",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("permuted", "The Jacobian's rows and columns are permuted alike", {"sabotage": "permuted"}),
        Sabotage("untrained", "The Jacobian of another untrained model stands in for that of the model",
                 {"sabotage": "untrained"}),
        Sabotage("logit-as-tuned", "The logit lens stands in for the tuned lens", {"sabotage": "logit-as-tuned"}),
        Sabotage("noisy", "Each half is one row of text, and its Jacobian is estimated from one random direction",
                 {"rows": 2, "projections": 1}),
    )  # fmt: skip
    outputs = Outputs(charts=("divergence", "foresight", "agreement"), tables=("lenses",))

    @classmethod
    def quick(cls) -> Lenses:
        """A few rows and updates."""
        return cls(rows=4, length=40, projections=8, steps=4, test_rows=4)

    def run(self, run: Run) -> None:
        """Fit both lenses, and the Jacobian of an untrained model; score all on other text."""
        import torch

        from glassbook.circuits import JACOBIAN_LENS, TUNED_LENS, LogitLens
        from glassbook.features import reinitialised
        from glassbook.trace.roles import blocks

        lm = kit.open_model(run, self.model)
        middle, last = measure.middle(blocks(lm.model), lm.name), blocks(lm.model)[-1]
        counts = {"the Jacobian": self.rows, "the tuned lens": 16 * min(self.steps, 100), "testing": self.test_rows}
        fit, tune, test = measure.deal(run, lm, self.text, counts, self.length).values()
        control, stand_in = (replace(lm, model=reinitialised(lm.model, run.rng(name).torch()))
                             for name in ("untrained model", "stand-in"))  # fmt: skip
        jacobian = self._jacobian(run, "Jacobian", lm, stand_in if self.sabotage == "untrained" else lm, fit)
        untrained = self._jacobian(run, "untrained Jacobian", lm, control, fit)
        permuted, other = (jacobian.permuted(run.rng(name).torch()) for name in ("permuted control", "permutation"))
        tuned = self._tuned(run, lm, tune)
        jacobian.save(run.artifact(JACOBIAN_LENS))
        tuned.save(run.artifact(TUNED_LENS))
        lenses: dict[str, Any] = {
            "logit": LogitLens(lm),
            "tuned": LogitLens(lm) if self.sabotage == "logit-as-tuned" else tuned,
            "Jacobian": other if self.sabotage == "permuted" else jacobian,
            "Jacobian, permuted": permuted,
            "Jacobian, untrained": untrained,
            "token frequencies": measure.frequencies(torch.cat([fit, tune]), lm.vocab),
        }
        table = measure.score(lm, lenses, test)
        kl, seen = ({row["lens"]: row[what] for row in table if row["block"] == middle} for what in ("kl", "foresight"))
        agreements, agreed = measure.halves(jacobian, {"permuted": permuted, "untrained": untrained})
        run.result(
            block=blocks(lm.model).index(middle),
            tuned_over_logit_kl=kl["tuned"] / kl["logit"],
            jacobian_lead_over_controls=seen["Jacobian"] - max(seen[name] for name in CONTROLS),
            jacobian_lead_over_lenses=seen["Jacobian"] - max(seen["logit"], seen["tuned"]),
            output_foresight=next(r["foresight"] for r in table if (r["lens"], r["block"]) == ("logit", last)),
            **{f"{name.replace(', ', '_').replace(' ', '_').lower()}_foresight": x for name, x in seen.items()},
            **agreed,
        )
        run.table("lenses", table)
        layer = charts.Axis("layer", "block")
        for chart, rows, field, title, color in (
            ("divergence", table, "kl", "KL from the model's output, nats", "lens"),
            ("foresight", table, "foresight", "foresight of later tokens", "lens"),
            ("agreement", agreements, "cosine", "cosine of J - I with half of the text", "with"),
        ):
            run.chart(chart, charts.lines(rows, layer, charts.Axis(field, title), color, points=True))

    def _jacobian(self, run: Run, name: str, lm: LanguageModel, source: LanguageModel, text: Tensor) -> JacobianLens:
        """A lens of `lm` with the Jacobian of a model of the same size."""
        from glassbook.circuits import JacobianLens, fit_jacobian_lens

        batches = measure.batches(text, size=max(1, min(4, self.rows // 2)))
        with run.progress(len(batches), name, unit="batch") as bar:
            found = fit_jacobian_lens(
                source, batches, projections=self.projections, seed=run.rng(f"projections: {name}").seed % 2**31,
                checkpoint=run.folder / kit.CHECKPOINTS / name, each=bar.advance,
            )  # fmt: skip
        return JacobianLens(lm, found.matrices, found.prompts, found.halves)

    def _tuned(self, run: Run, lm: LanguageModel, text: Tensor) -> TunedLens:
        from glassbook.circuits import TunedLens, fit_tuned_lens

        batches = (measure.batches(text) * -(-self.steps // len(measure.batches(text))))[: self.steps]

        def learn() -> dict[str, Tensor]:
            with run.progress(len(batches), "tuned lens", unit="batch") as bar:
                return dict(fit_tuned_lens(lm, batches, each=bar.advance).state_dict())

        lens = TunedLens(lm)
        lens.load_state_dict(kit.stage(run, "tuned lens", learn))
        return lens.eval()

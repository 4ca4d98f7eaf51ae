"""Three lenses: what the stream of each layer says by itself, read by the logit, the tuned and the Jacobian lens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.circuits import _lens_scores as measure
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.circuits import JacobianLens, TunedLens
    from glassbook.nets import LanguageModel


@experiment(
    terms=["Logit lens"],
    minutes=3,
    source="Belrose et al. 2023, arXiv:2303.08112; Gurnee et al. 2026, arXiv:2607.15495",
)
@dataclass(frozen=True, kw_only=True)
class Lenses:
    """Does the tuned lens come nearest to the model's output, and does the Jacobian lens read what comes later?"""

    model: str = "builtin"
    """Language model to read."""
    text: Path | None = None
    """Text file to fit and score on; by default the Reserve for the built-in model, and its own texts for any other."""
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
    sabotage: Literal["none", "permuted", "logit-as-tuned", "halves-permuted"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("tuned-is-nearest",
              "In the middle layer, the tuned lens is at most half as far from the model's output as the logit lens is",
              "tuned_over_logit_kl", "<=", 0.5, no_control="the metric itself compares with the logit lens",
              sabotages=("logit-as-tuned",), source="Belrose et al. 2023, figure 4"),
        Claim("jacobian-reads-ahead",
              "In the middle layer, the Jacobian lens tells tokens that the text will hold later from those of another "
              "text; with its matrix permuted it does not",
              "jacobian_foresight", ">=", 0.6, control="permuted_foresight <= 0.55", sabotages=("permuted",),
              source="Gurnee et al. 2026",
              explanation="The Reserve leaves little to foresee, and no lens shows what the model does not know: what "
                          "its own output reaches stands at the last layer of the chart"),
        Claim("jacobian-beats-logit",
              "In the middle layer, the Jacobian lens tells later tokens apart better than the logit and the tuned "
              "lens do",
              "jacobian_foresight_lead", ">=", 0.02, no_control="the metric itself compares with the other lenses",
              sabotages=("permuted",), source="Gurnee et al. 2026",
              explanation="The Reserve leaves little to foresee, so that lenses cannot differ by much: what the "
                          "model's own output reaches stands at the last layer of the chart"),
        Claim("halves-agree",
              "Jacobians fitted on two halves of the text agree beyond the identity, on average over the layers",
              "mean_agreement", ">=", 0.9, control="permuted_agreement <= 0.1", sabotages=("halves-permuted",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("permuted", "The Jacobian's rows and columns are permuted alike", {"sabotage": "permuted"}),
        Sabotage("logit-as-tuned", "The logit lens stands in for the tuned lens", {"sabotage": "logit-as-tuned"}),
        Sabotage("halves-permuted", "One half's Jacobian is permuted", {"sabotage": "halves-permuted"}),
    )  # fmt: skip
    outputs = Outputs(charts=("divergence", "foresight", "agreement"), tables=("lenses",))

    @classmethod
    def quick(cls) -> Lenses:
        """A few rows and updates."""
        return cls(rows=4, length=40, projections=8, steps=4, test_rows=4)

    def run(self, run: Run) -> None:
        """Fit both lenses, score all on other text, beside a permuted Jacobian."""
        from glassbook.circuits import JACOBIAN_LENS, TUNED_LENS, LogitLens
        from glassbook.circuits.jacobian_lens import agreement
        from glassbook.circuits.jacobian_lens import permuted as permuted_matrix
        from glassbook.trace.roles import blocks

        lm = kit.open_model(run, self.model)
        names = blocks(lm.model)
        jacobian, tuned = self._jacobian(run, lm), self._tuned(run, lm)
        jacobian.save(run.artifact(JACOBIAN_LENS))
        tuned.save(run.artifact(TUNED_LENS))
        permuted = jacobian.permuted(run.rng("permutation").torch())
        lenses: dict[str, Any] = {
            "logit": LogitLens(lm),
            "tuned": LogitLens(lm) if self.sabotage == "logit-as-tuned" else tuned,
            "Jacobian": permuted if self.sabotage == "permuted" else jacobian,
            "Jacobian, permuted": jacobian.permuted(run.rng("permuted control").torch()),
        }
        table = self._score(run, lm, names, lenses)
        middle = {row["lens"]: row for row in table if row["block"] == names[len(names) // 2 - 1]}
        seen = {name: row["foresight"] for name, row in middle.items()}
        halves = jacobian.halves
        mixed = {name: permuted_matrix(J, run.rng(f"permuted half {name}").torch()) for name, J in halves[1].items()}
        alike = [agreement(J, halves[1][name]) for name, J in halves[0].items()]
        unlike = [agreement(J, mixed[name]) for name, J in halves[0].items()]
        run.result(
            block=len(names) // 2 - 1,
            tuned_over_logit_kl=middle["tuned"]["kl"] / middle["logit"]["kl"],
            jacobian_foresight=seen["Jacobian"],
            permuted_foresight=seen["Jacobian, permuted"],
            logit_foresight=seen["logit"],
            tuned_foresight=seen["tuned"],
            jacobian_foresight_lead=seen["Jacobian"] - max(seen["logit"], seen["tuned"]),
            output_foresight=next(r["foresight"] for r in table if (r["lens"], r["block"]) == ("logit", names[-1])),
            mean_agreement=mean(unlike if self.sabotage == "halves-permuted" else alike),
            permuted_agreement=mean(unlike),
        )
        run.table("lenses", table)
        layer = charts.Axis("layer", "block")
        for chart, field, title in (
            ("divergence", "kl", "KL from the model's output, nats"), ("foresight", "foresight", "AUROC, later tokens")
        ):  # fmt: skip
            run.chart(chart, charts.lines(table, layer, charts.Axis(field, title), "lens", points=True))
        points = [{"layer": i, "cosine": value} for i, value in enumerate(alike)]
        run.chart("agreement", charts.lines(points, layer, charts.Axis("cosine", "cosine of J - I"), points=True))

    def _jacobian(self, run: Run, lm: LanguageModel) -> JacobianLens:
        from glassbook.circuits import fit_jacobian_lens

        text = measure.rows(run, lm, self.text, "Jacobian", self.rows, self.length)
        batches = measure.batches(text, size=max(1, min(4, self.rows // 2)))
        with run.progress(len(batches), "Jacobian lens", unit="batch") as bar:
            return fit_jacobian_lens(
                lm, batches, projections=self.projections, seed=run.rng("projections").seed % 2**31,
                checkpoint=run.folder / kit.CHECKPOINTS / "Jacobian lens", each=bar.advance,
            )  # fmt: skip

    def _tuned(self, run: Run, lm: LanguageModel) -> TunedLens:
        from glassbook.circuits import TunedLens, fit_tuned_lens

        text = measure.rows(run, lm, self.text, "tuned", 16 * min(self.steps, 100), self.length)
        batches = (measure.batches(text) * -(-self.steps // len(measure.batches(text))))[: self.steps]
        lens = TunedLens(lm)
        lens.load_state_dict(kit.stage(run, "tuned lens", lambda: dict(fit_tuned_lens(lm, batches).state_dict())))
        return lens.eval()

    def _score(self, run: Run, lm: LanguageModel, names: list[str], lenses: dict[str, Any]) -> list[dict[str, Any]]:
        """For each lens and block: KL from the model's output, and AUROC of the tokens that come later."""
        import torch

        from glassbook.circuits.jacobian_lens import SKIP

        text = measure.rows(run, lm, self.text, "test", self.test_rows, self.length)
        kl = {(lens, name): [0.0, 0] for lens in lenses for name in names}
        soon = {key: [0.0, 0] for key in kl}
        last = names[-1]
        with torch.no_grad():
            for ids, x in measure.streams(lm, text, names):
                for (lens, name), sums in kl.items():
                    found = measure.divergence(lenses[lens], name, x[name], last, x[last])[:, SKIP:]
                    sums[0], sums[1] = sums[0] + float(found.sum()), sums[1] + found.numel()
                    total, count = measure.foresight(lenses[lens], name, x[name], ids, SKIP)
                    soon[lens, name][0] += total
                    soon[lens, name][1] += count
        return [
            {"lens": lens, "block": name, "layer": names.index(name), "kl": kl[lens, name][0] / kl[lens, name][1],
             "foresight": soon[lens, name][0] / soon[lens, name][1]}
            for lens, name in kl
        ]  # fmt: skip

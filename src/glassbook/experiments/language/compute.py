"""FLOPs of a training step by formula, beside those counted as it runs: the basis of every threshold on compute."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glassbook import charts
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.experiments.language._costed import Costed


@experiment(
    terms=["Compute governance", "Scaling laws", "Mixture of experts"],
    source="Kaplan et al. 2020, arXiv:2001.08361; Hoffmann et al. 2022, arXiv:2203.15556 (appendix F)",
    minutes=1,
)
@dataclass(frozen=True, kw_only=True)
class Compute:
    """Do the formulas that rules on training compute rest on give what is computed?

    What counting costs is no claim: times are not the same in two runs. `benchmarks/flop_meter.py` measures it.
    """

    draws: int = 3
    """Networks of each kind; their sizes are drawn."""
    tokens: int = 256
    """Tokens in a sequence, patches of a picture; a square number."""
    side: int = 64
    """Pixels of the side of a picture for convolutions."""
    experts: int = 8
    """Experts in a block of a mixture."""
    widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """Widths of the models by which 6 N D is judged, rising."""
    active: int = 2
    """Experts that a token goes to."""
    sabotage: Literal["none", "no-attention", "six-n-d-of-all", "torchs-own"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("formula-is-counted",
              "For dense, mixture-of-experts, ViT-shaped and convolutional networks, the FLOPs of a training step by "
              "formula are within 2 % of those counted as it runs",
              "worst_formula_error", "<=", 0.02, control="error_without_attention >= 0.1",
              sabotages=("no-attention", "six-n-d-of-all", "torchs-own")),
        Claim("only-active-experts-count",
              "A training step of a mixture of 8 experts of which 2 are active costs at most half of one that uses "
              "all 8, which costs as much as a dense network with as many parameters",
              "active_over_total", "<=", 0.5, control="dense_over_total >= 0.95",
              sabotages=("all-active",)),
        Claim("rule-of-thumb-suits-wide-models",
              "6 N D, the rule of thumb, leaves out at most 5 % of a training step of a model that is 1,024 wide, "
              "with 256 tokens in a row",
              "wide_rule_error", "<=", 0.05, control="narrow_rule_error >= 0.2", sabotages=("long-texts",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("no-attention", "The formula leaves attention out", {"sabotage": "no-attention"}),
        Sabotage("six-n-d-of-all", "The formula counts the parameters of all experts",
                 {"sabotage": "six-n-d-of-all"}),
        Sabotage("torchs-own", "The counter is torch's own, which counts no attention on a CPU",
                 {"sabotage": "torchs-own"}),
        Sabotage("long-texts", "Sequences are four times as long, so that attention costs more", {"tokens": 1024}),
        Sabotage("all-active", "Each token goes to all experts", {"active": 8}),
    )  # fmt: skip
    outputs = Outputs(charts=("formula", "error", "rule"), tables=("networks",))

    @classmethod
    def quick(cls) -> Compute:
        """Fewer networks and shorter texts, in seconds."""
        return cls(draws=1, tokens=64, side=32, widths=(64, 128))

    def run(self, run: Run) -> None:
        """Count a step of each network, compare."""
        begin, rows = time.monotonic(), []
        for i in range(self.draws):
            for network in self._networks(run, i):
                counted = self._counted(network)
                formula = (network.without_attention if self.sabotage == "no-attention" else network.formula).n
                without = abs(network.without_attention.n / counted - 1)
                row = {"network": network.kind, "draw": i, "counted": counted, "formula": formula}
                rows.append(row | {"error": abs(formula / counted - 1), "without attention": without})
        kinds = (self._mixtures(run, self.active), self._mixtures(run, self.experts), self._mixtures(run, dense=True))
        active, total, dense = (sum(map(self._counted, networks)) for networks in kinds)
        run.result(
            worst_formula_error=max(row["error"] for row in rows),
            error_without_attention=min(r["without attention"] for r in rows if r["network"] in ("dense", "vit")),
            active_over_total=active / total,
            dense_over_total=dense / total,
            **self._rule(run),
        )
        cost = sum(row["counted"] for row in rows) + active + total + dense
        run.spent("evaluation", cost, time.monotonic() - begin, "counted")
        run.table("networks", rows)
        counted, formula = (
            charts.Axis("counted", "FLOP counted", "log"),
            charts.Axis("formula", "FLOP by formula", "log"),
        )
        run.chart("formula", charts.scatter(rows, counted, formula, "network"))
        worst = [
            {"network": kind, "formula": name, "worst error": max(100 * r[field] for r in rows if r["network"] == kind)}
            for kind in dict.fromkeys(row["network"] for row in rows)
            for name, field in (("whole", "error"), ("without attention", "without attention"))
        ]
        run.chart("error", charts.bars(worst, charts.Axis("worst error", "worst error (%)"), "network", "formula"))

    def _rule(self, run: Run) -> dict[str, float]:
        """What 6 N D leaves out of models of rising width: counted here, and by formula for others."""
        from glassbook.experiments.language._costed import PUBLISHED, of_width, share_of_attention

        networks = {width: of_width(run.rng("widths"), width, self.tokens) for width in self.widths}
        counted = {width: 1 - x.without_attention.n / self._counted(x) for width, x in networks.items()}
        rows = [{"width": w, "left out": x, "text": f"{self.tokens} tokens, counted"} for w, x in counted.items()]
        for length in (256, 2048, 8192):
            for width in (2**i for i in range(6, 15)):
                rows.append(
                    {"width": width, "left out": share_of_attention(width, length), "text": f"{length:,} tokens"}
                )
        axes = (
            charts.Axis("width", "width of the model", "log"),
            charts.Axis("left out", "left out by 6 N D", percent=True),
        )
        run.chart("rule", charts.lines(rows, *axes, "text", points=True))
        published = {name: share_of_attention(*size) for name, size in PUBLISHED.items()}
        return {"wide_rule_error": counted[self.widths[-1]], "narrow_rule_error": counted[self.widths[0]], **published}

    def _networks(self, run: Run, draw: int) -> list[Costed]:
        from glassbook.experiments.language._costed import convolutional, language_model, vision_transformer

        names = ("dense", "experts", "vit", "convolution")
        dense, experts, vit, convolution = (run.rng("networks").child(f"{name} {draw}") for name in names)
        counted = self.experts if self.sabotage == "six-n-d-of-all" else self.active
        return [
            language_model(dense, self.tokens),
            language_model(experts, self.tokens, self.experts, self.active, counted=counted),
            vision_transformer(vit, self.tokens),
            convolutional(convolution, self.side),
        ]

    def _counted(self, network: Costed) -> float:
        from glassbook.measure.flops import FlopCounter

        with FlopCounter(corrected=self.sabotage != "torchs-own") as counter:
            network.step()
        return counter.total.n

    def _mixtures(self, run: Run, active: int = 0, dense: bool = False) -> list[Costed]:
        """Mixtures of the same sizes whatever is active, or dense networks with as many parameters."""
        from glassbook.experiments.language._costed import language_model

        draws = [run.rng("mixtures").child(str(i)) for i in range(self.draws)]
        if dense:
            return [language_model(rng, self.tokens, wide=self.experts) for rng in draws]
        return [language_model(rng, self.tokens, self.experts, active) for rng in draws]

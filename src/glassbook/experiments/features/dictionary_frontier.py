"""Sparsity rules of dictionaries compared: reconstruction, loss and truth against the number of active latents."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.features._sparsity import (
    PURSUIT,
    at_sparsity,
    frontier,
    rules,
    same_rule,
    trained,
    truth_scores,
)
from glassbook.notebook import Claim, Run

L0S = (6, 12, 24)
"""Numbers of active latents that the rules are set to in the synthetic world; the middle one is nearest the truth."""
RANDOM = "random directions"
FIXED = ("TopK", PURSUIT)
"""Rules that have as many active latents as they are set to, by definition."""


@experiment(
    terms=["Dictionary learning", "Pareto frontier", "Sparse coding"],
    source="Chanin and Garriga-Alonso 2026, arXiv:2602.14687; Gao et al. 2024, arXiv:2406.04093",
)
@dataclass(frozen=True, kw_only=True)
class DictionaryFrontier:
    """Which SAE variant reconstructs best, which preserves the loss, and which recovers the true features?"""

    features: int = 2048
    """True features of the synthetic world."""
    d: int = 256
    """Dimensions that they share."""
    width: int = 512
    """Latents of each dictionary there."""
    l1: tuple[float, ...] = (6.0, 3.0, 1.5)
    """Weights of the ReLU's penalty, from few to many active latents."""
    samples: int = 260_000
    """Samples to learn from."""
    steps: int = 2000
    """Optimiser steps there."""
    batch_size: int = 1024
    """Samples in a step."""
    lr: float = 3e-3
    """Peak learning rate of Adam."""
    model: str = "builtin"
    """Language model for the second half."""
    layer: int = 3
    """Block whose output is taken apart."""
    sequences: int = 800
    """Sequences of 256 tokens to learn from there, and to judge by."""
    model_width: int = 1024
    """Latents of each dictionary of the model."""
    model_k: tuple[int, ...] = (8, 16, 32)
    """Numbers of active latents that the rules are set to there."""
    model_steps: int = 400
    """Optimiser steps there."""
    sabotage: Literal["none", "same-rule", "stuck"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("rules-find-truth",
              "Dictionaries of every sparsity rule recover true features; random directions do not",
              "least_f1", ">=", 0.4, control="random_f1 <= 0.2", sabotages=("untrained",)),
        Claim("matryoshka-detects-best", "Matryoshka dictionaries recover true features best of all SAE variants",
              "matryoshka_f1_lead", ">=", 0.02, no_control="the metric itself compares with the baseline",
              sabotages=("same-rule",)),
        Claim("pursuit-rebuilds-best", "Matching pursuit explains more variance than any SAE of equal sparsity",
              "pursuit_explained_variance_lead", ">=", 0.005,
              no_control="the metric itself compares with the baseline", sabotages=("same-rule",)),
        Claim("pursuit-detects-worst", "Matching pursuit recovers true features worse than any SAE of equal L0",
              "pursuit_f1_lag", ">=", 0.02, no_control="the metric itself compares with the baseline",
              sabotages=("same-rule",)),
        Claim("relu-detects-less",
              "ReLU with an L1 penalty recovers true features less well than BatchTopK at equal sparsity",
              "relu_f1_lag", ">=", 0.03, no_control="the metric itself compares with the baseline",
              sabotages=("same-rule",)),
        Claim("relu-rebuilds-less", "ReLU with an L1 penalty explains less variance than BatchTopK at equal sparsity",
              "relu_explained_variance_lag", ">=", 0.02, no_control="the metric itself compares with the baseline",
              sabotages=("same-rule",)),
        Claim("knob-sets-sparsity",
              "The sparsity parameter sets the number of active latents of every SAE variant that learns thresholds",
              "least_l0_step", ">=", 1.3, no_control="the metric compares neighbouring settings of the same rule",
              sabotages=("stuck",)),
        Claim("loss-beats-random",
              "A BatchTopK raises a model's loss at most half as much as random directions of equal sparsity do",
              "model_ce_lost_over_random", "<=", 0.5, control="model_random_ce_recovered >= 0.5",
              sabotages=("untrained",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("untrained", "The dictionaries are hardly trained", {"steps": 10, "model_steps": 1}),
        Sabotage("same-rule", "A BatchTopK of another seed stands in for every other rule, and for matching pursuit",
                 {"sabotage": "same-rule"}),
        Sabotage("stuck", "Every sparsity parameter stays at its middle setting", {"sabotage": "stuck"}),
    )  # fmt: skip
    outputs = Outputs(charts=("frontier",), tables=("frontier",))

    @classmethod
    def quick(cls) -> DictionaryFrontier:
        """A small world and few steps."""
        return cls(
            features=1500, d=64, width=96, l1=(10.0, 1.0), samples=4096, steps=20, batch_size=256,
            sequences=32, model_width=128, model_k=(8,), model_steps=5,
        )  # fmt: skip

    def run(self, run: Run) -> None:
        """The synthetic world, then the language model; one chart of all."""
        world = self._world(run)
        at = {rule: at_sparsity(world, rule, L0S[1]) for rule in dict.fromkeys(row["rule"] for row in world)}
        random = at.pop(RANDOM)
        l0_steps = [b["L0"] / a["L0"] for a, b in pairwise(world) if a["rule"] == b["rule"] and a["rule"] not in FIXED]
        model = self._model(run)
        lost = {row["rule"]: 1 - row["CE recovered"] for row in reversed(model)}  # of the sparsest of each rule
        rows = world + model
        run.table("frontier", rows)
        run.chart("frontier", frontier(rows))
        f1, ev = ({rule: scores[key] for rule, scores in at.items()} for key in ("F1", "EV"))
        run.result(
            least_f1=min(f1.values()),
            random_f1=random["F1"],
            matryoshka_f1_lead=kit.lead({rule: f1[rule] for rule in f1 if rule != PURSUIT}, "Matryoshka"),
            pursuit_explained_variance_lead=kit.lead(ev, PURSUIT),
            pursuit_f1_lag=kit.lag(f1, PURSUIT),
            relu_f1_lag=f1["BatchTopK"] - f1["ReLU + L1"],
            relu_explained_variance_lag=ev["BatchTopK"] - ev["ReLU + L1"],
            least_l0_step=min(l0_steps),
            model_ce_lost_over_random=lost["BatchTopK"] / lost[RANDOM],
            model_random_ce_recovered=1 - lost[RANDOM],
            **{
                f"{key}_{rule.lower().replace(' ', '_').replace('+_', '')}": scores[key]
                for rule, scores in at.items()
                for key in ("F1", "EV", "MCC")
            },
        )

    def _world(self, run: Run) -> list[dict[str, Any]]:
        """Every rule at three sparsities on one stream of samples, and matching pursuit."""
        import torch

        from glassbook.data.synthetic import nested_world
        from glassbook.features.classical import OMP, learn_atoms

        generator = run.rng("world").torch()
        world = nested_world(self.features, self.d, generator=generator)
        x = torch.cat([world.sample(4096, generator)[1] for _ in range(-(-self.samples // 4096))])
        truth, test = world.sample(min(16_384, self.samples), generator)
        l0s, l1 = L0S, self.l1
        if self.sabotage == "stuck":
            l0s, l1 = (L0S[1],) * 3, (self.l1[len(self.l1) // 2],) * 3
        same = self.sabotage == "same-rule"
        each = same_rule(l0s) if same else rules(l0s, l1, self.width)
        sizes = {"width": self.width, "steps": self.steps, "batch_size": self.batch_size}
        coders = trained(run, "world", x, each, self.lr, **sizes)
        how: dict[str, Any] = {"steps": self.steps // 10, "batch": self.batch_size, "seed": run.rng("pursuit").seed}
        for k in () if same else L0S:
            pursuit = learn_atoms(x, self.width, OMP(k), **how, **kit.loop_options(run, f"pursuit-{k}"))
            coders.append((PURSUIT, pursuit))
        coders.append((RANDOM, kit.frozen_random(x, self.width, L0S[1], run.rng("random directions"))))
        return [{"rule": name, **truth_scores(coder, world.directions, truth, test)} for name, coder in coders]

    def _model(self, run: Run) -> list[dict[str, Any]]:
        """The same rules on a language model, where the truth is unknown but the loss can be measured."""
        from glassbook.features import evaluate
        from glassbook.trace.roles import residual_site

        lm = kit.open_model(run, self.model)
        site = residual_site(lm.model, self.layer)
        text = list(kit.reserve_rows(lm, self.sequences, run.rng("text").seed))
        cut = -max(1, len(text) // 25)
        x = kit.collect(run, "text", lm, text[:cut], site).read(site)
        held_out = kit.collect(run, "held-out", lm, text[cut:], site).read(site)
        each = rules(self.model_k, self.l1, self.model_width)
        coders = trained(run, "model", x, each, self.lr, self.model_width, self.model_steps, 2048)
        coders.append((RANDOM, kit.frozen_random(x, self.model_width, self.model_k[0], run.rng("random of the model"))))
        lost: dict[str, Any] = {"model": lm.model, "site": site, "batches": text[cut:], "skip": kit.special_ids(lm)}
        scores = [(name, evaluate(coder, held_out, **lost)) for name, coder in coders]
        return [
            {"rule": name, "L0": s.l0, "EV of the model": s.explained_variance, "CE recovered": s.ce_recovered}
            for name, s in scores
        ]

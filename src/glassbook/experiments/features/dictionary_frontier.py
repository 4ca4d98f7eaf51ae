"""What each way of making codes sparse buys, against the number of active latents."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from glassbook.experiments.base import experiment
from glassbook.notebook import Claim, Run

L0S = (6, 12, 24)
"""Active latents asked of the rules in the synthetic world; the middle one is nearest to the truth."""


@experiment(
    terms=["Dictionary learning", "Pareto frontier", "Sparse coding"],
    source="Chanin and Garriga-Alonso 2026, arXiv:2602.14687; Gao et al. 2024, arXiv:2406.04093",
)
@dataclass(frozen=True, kw_only=True)
class DictionaryFrontier:
    """Which rule rebuilds best, which keeps the model's loss, and which finds the truth?"""

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
    batch: int = 1024
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
    """Active latents asked of the rules there."""
    model_steps: int = 400
    """Optimiser steps there."""

    claims = (
        Claim(
            "rules-find-truth",
            "Dictionaries of every sparsity rule detect the true features, and an untrained dictionary does not",
            "least_f1",
            ">=",
            0.4,
            control="random_f1 <= 0.2",
        ),
        Claim(
            "matryoshka-detects-best",
            "Matryoshka prefixes detect the true features best",
            "matryoshka_f1_lead",
            ">=",
            0.02,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "pursuit-rebuilds-best",
            "Matching pursuit reconstructs the activations best",
            "pursuit_explained_variance_lead",
            ">=",
            0.005,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "pursuit-detects-worst",
            "Matching pursuit detects the true features worst",
            "pursuit_f1_lag",
            ">=",
            0.02,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "relu-detects-less",
            "ReLU with L1 detects the true features less well than BatchTopK at equal sparsity",
            "relu_f1_lag",
            ">=",
            0.03,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "relu-rebuilds-less",
            "ReLU with L1 reconstructs the activations less well than BatchTopK at equal sparsity",
            "relu_explained_variance_lag",
            ">=",
            0.02,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "knob-sets-sparsity",
            "For every rule the number of active latents follows its sparsity setting",
            "least_l0_step",
            ">=",
            1.3,
            no_control="the metric compares neighbouring settings of one rule",
        ),
        Claim(
            "loss-is-recovered",
            "Reading BatchTopK's reconstruction, the model keeps its loss",
            "model_ce_recovered",
            ">=",
            0.95,
            no_control="cross-entropy recovered has a baseline in its definition: zero ablation",
        ),
    )

    @classmethod
    def quick(cls) -> DictionaryFrontier:
        """A small world and few steps."""
        sizes: dict[str, Any] = {"features": 1500, "d": 64, "width": 96, "samples": 4096, "steps": 20, "batch": 256}
        return cls(**sizes, sequences=32, model_width=128, model_k=(4, 8, 16), model_steps=5)

    def run(self, run: Run) -> None:
        """The synthetic world, then the language model; one chart of all."""
        rows = self._world(run)
        at = {name: _at(rows, name, L0S[1]) for name in dict.fromkeys(row["rule"] for row in rows)}
        random = at.pop("untrained")
        steps = [b["L0"] / a["L0"] for a, b in pairwise(rows) if a["rule"] == b["rule"]]
        rows += self._model(run)
        run.table("frontier", rows)
        run.chart("frontier", _chart(rows))
        others = {name: score for name, score in at.items() if name != "matching pursuit"}
        best = max(score["F1"] for name, score in others.items() if name != "Matryoshka")
        batch, relu, pursuit = at["BatchTopK"], at["ReLU + L1"], at["matching pursuit"]
        kept = [row["CE recovered"] for row in rows if row["rule"] == "BatchTopK" and "CE recovered" in row]
        run.result(
            least_f1=min(score["F1"] for score in at.values()),
            random_f1=random["F1"],
            matryoshka_f1_lead=at["Matryoshka"]["F1"] - best,
            pursuit_explained_variance_lead=pursuit["EV"] - max(score["EV"] for score in others.values()),
            pursuit_f1_lag=min(score["F1"] for score in others.values()) - pursuit["F1"],
            relu_f1_lag=batch["F1"] - relu["F1"],
            relu_explained_variance_lag=batch["EV"] - relu["EV"],
            least_l0_step=min(steps),
            model_ce_recovered=max(kept),
            **{
                f"{key}_{name.lower().replace(' ', '_').replace('+_', '')}": score[key]
                for name, score in at.items()
                for key in ("F1", "EV", "MCC")
            },
        )

    def _world(self, run: Run) -> list[dict[str, Any]]:
        """Every rule at three sparsities on one stream of samples, and matching pursuit."""
        import torch

        from glassbook.data.synthetic import nested_world
        from glassbook.features import Coder, Dictionary, TopK, fit_many
        from glassbook.features.classical import OMP, learn_atoms

        generator = torch.Generator().manual_seed(10**9 + run.seed)  # apart from the learners' seeds
        world = nested_world(self.features, self.d, generator=generator)
        x = torch.cat([world.sample(4096, generator)[1] for _ in range(-(-self.samples // 4096))])
        truth, test = world.sample(16_384, generator)
        torch.manual_seed(run.seed)
        codes = _codes(L0S, self.l1, self.width)
        learnt = [Dictionary(self.d, self.width, code) for _, code in codes]
        untrained = Dictionary(self.d, self.width, TopK(L0S[1]))
        untrained.b_dec.data.copy_(test.mean(0))
        fit_many(
            learnt, x, steps=self.steps, batch=self.batch, lr=self.lr, seed=run.seed, run=run,
            log_every=100,
        )  # fmt: skip
        learners: list[tuple[str, Coder]] = [(name, d) for (name, _), d in zip(codes, learnt, strict=True)]
        for k in L0S:
            pursuit = learn_atoms(x, self.width, OMP(k), steps=self.steps // 10, batch=self.batch, seed=run.seed)
            learners.append(("matching pursuit", pursuit))
        learners.append(("untrained", untrained))
        return [{"rule": name, **_score(d, world.directions, truth, test)} for name, d in learners]

    def _model(self, run: Run) -> list[dict[str, Any]]:
        """The same rules on a language model, where the truth is unknown but the loss can be measured."""
        import torch

        from glassbook.data.tokens import training_rows
        from glassbook.data.world import World
        from glassbook.features import Dictionary, evaluate, fit_many
        from glassbook.nets import model_path, open_model
        from glassbook.trace import record
        from glassbook.trace.roles import blocks

        lm, world = open_model(self.model), World()
        run.uses("model", self.model, path=model_path(self.model))
        assert lm.tokenizer is not None
        site = f"{blocks(lm.model)[self.layer]}.out"
        skip = {i for i in (lm.tokenizer.bos, lm.tokenizer.eos, lm.tokenizer.pad) if i is not None}
        length = min(256, lm.context or 256)
        batches = [
            {"input_ids": torch.from_numpy(training_rows(world, lm.tokenizer, step, 16, length, seed=3000 + run.seed))}
            for step in range(-(-self.sequences // 16))
        ]
        cut = -max(1, len(batches) // 25)
        with tempfile.TemporaryDirectory() as folder:
            x = record(lm.model, batches[:cut], site, f"{folder}/x", skip=skip).read(site).clone()
            held = record(lm.model, batches[cut:], site, f"{folder}/held", skip=skip).read(site).clone()
        torch.manual_seed(run.seed)
        learners = [
            (name, Dictionary(x.shape[1], self.model_width, code))
            for name, code in _codes(self.model_k, self.l1, self.model_width)
        ]
        fit_many([d for _, d in learners], x, steps=self.model_steps, batch=2048, lr=self.lr, seed=run.seed)
        found = []
        for name, d in learners:
            s = evaluate(d, held, model=lm.model, site=site, batches=batches[cut:], skip=skip)
            found.append(
                {"rule": name, "L0": s.l0, "EV of the model": s.explained_variance, "CE recovered": s.ce_recovered}
            )
        return found


def _codes(l0s: tuple[int, ...], l1: tuple[float, ...], width: int) -> list[tuple[str, Any]]:
    """The rules at each sparsity, rising."""
    from glassbook.features import BatchTopK, JumpReLU, Matryoshka, ReLU, TopK

    prefixes = (width // 16, width // 4, width)
    rules = {
        "TopK": TopK,
        "BatchTopK": BatchTopK,
        "Matryoshka": lambda k: Matryoshka(BatchTopK(k), prefixes),
        "JumpReLU": lambda k: JumpReLU(l0=k),
    }
    return [(name, make(k)) for name, make in rules.items() for k in l0s] + [("ReLU + L1", ReLU(l1=v)) for v in l1]


def _score(d, directions, truth, test) -> dict[str, float]:
    """Error and truth of one dictionary of the synthetic world."""
    import torch

    from glassbook.measure import cosines, explained_variance, latent_f1, uniqueness

    with torch.no_grad():
        fired = torch.cat([d.encode(part) != 0 for part in test.split(2048)])
        rebuilt = torch.cat([d(part) for part in test.split(2048)])
    W = d.W_dec.detach()
    return {
        "L0": float(fired.sum(1).float().mean()),
        "EV": explained_variance(test, rebuilt),
        "F1": latent_f1(directions, W, truth > 0, fired),
        "MCC": float(cosines(directions, W).abs().max(0).values.mean()),
        "uniqueness": uniqueness(directions, W),
        "dead": float((~fired.any(0)).float().mean()),
    }


def _at(rows: list[dict[str, Any]], rule: str, l0: float) -> dict[str, float]:
    """A rule's scores at a number of active latents, between the points there are (linear in its logarithm)."""
    import numpy as np

    points = sorted((row for row in rows if row["rule"] == rule), key=lambda row: row["L0"])
    where = [math.log(max(row["L0"], 1e-9)) for row in points]
    return {key: float(np.interp(math.log(l0), where, [row[key] for row in points])) for key in ("EV", "F1", "MCC")}


def _chart(rows: list[dict[str, Any]]) -> dict[str, Any]:
    import altair as alt

    titles = {
        "EV": "explained variance (world)",
        "F1": "F1 of the truth (world)",
        "EV of the model": "explained variance (model)",
        "CE recovered": "CE recovered (model)",
    }
    values = [
        {"rule": row["rule"], "L0": row["L0"], "score": row[key], "measure": title}
        for row in rows
        for key, title in titles.items()
        if key in row
    ]
    return (
        alt.Chart(alt.Data(values=values))
        .mark_line(point=True)
        .encode(
            x=alt.X("L0:Q", title="active latents (L0)", scale=alt.Scale(type="log")),
            y=alt.Y("score:Q", title=None, scale=alt.Scale(zero=False)),
            color=alt.Color("rule:N", title=None),
            facet=alt.Facet("measure:N", title=None, columns=2, sort=list(titles.values())),
        )
        .properties(width=260, height=180)
        .resolve_scale(x="independent", y="independent")
        .to_dict()
    )

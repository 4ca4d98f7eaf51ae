"""Induction heads: the attention heads that copy from the context, when they form, and what is left without them."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.circuits._heads import heads_that, pretrained_heads, reach, score_of_best
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor, nn

    from glassbook.circuits import Head
    from glassbook.nets import LM
    from glassbook.notebook.runs.rng import Rng
    from glassbook.trace.roles import Roles
    from glassbook.train import Batch

EVERY = 10
"""Updates between two measurements of copying and of the heads."""


@experiment(
    terms=["Circuit", "Attention"],
    source="Olsson et al. 2022, arXiv:2209.11895; Elhage et al. 2021, transformer-circuits.pub/2021/framework",
)
@dataclass(frozen=True, kw_only=True)
class InductionHeads:
    """Do induction heads form suddenly, and does copying from the context depend on them?"""

    vocab: int = 64
    """Different tokens."""
    length: int = 64
    """Tokens of a training row; it repeats itself with a period drawn for the row."""
    periods: tuple[int, int] = (8, 30)
    """Shortest and longest period."""
    d_model: int = 128
    """Width of the residual stream."""
    n_heads: int = 4
    """Heads of a layer."""
    steps: int = 1600
    """Updates, of the model with two layers and of the control with one."""
    batch_size: int = 48
    """Rows of a batch."""
    lr: float = 3e-3
    """Peak learning rate."""
    model: str = "builtin"
    """A pre-trained language model that is looked at in the same way; no claim is made of it."""
    sabotage: Literal["none", "no-repetition", "one-layer-curves", "other-heads"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("two-layers-copy", "A two-layer transformer learns to copy from the context; a one-layer one does not",
              "copying", ">=", 0.9, control="one_layer_copying <= 0.5", sabotages=("no-repetition",)),
        Claim("induction-head-forms", "A two-layer transformer forms an induction head; a one-layer one does not",
              "induction_score", ">=", 0.5, control="one_layer_induction_score <= 0.25",
              sabotages=("no-repetition",)),
        Claim("copying-needs-head",
              "Ablating the induction heads removes copying; ablating at least as many heads of no identified type "
              "does not",
              "copying_lost", ">=", 0.8, control="copying_without_others >= 0.8",
              sabotages=("no-repetition", "other-heads"),
              explanation="So many heads become induction heads that too few others are left to ablate beside them"),
        Claim("copying-comes-suddenly",
              "Copying appears suddenly: to rise from 40 % to 90 % of its maximum takes at most half of the time that "
              "it took to reach 40 %",
              "transition_over_time_before", "<=", 0.5, sabotages=("one-layer-curves",),
              no_control="a ratio of two durations: 1.25 at a constant rate, 3.5 if what is missing decays"),
        Claim("head-forms-as-loss-falls",
              "The induction head forms when copying appears, within a tenth of the time until then; the head that "
              "attends to the previous token does not",
              "half_way_apart", "<=", 0.1, control="previous_half_way_apart >= 0.15", sabotages=("one-layer-curves",),
              explanation="Several heads become induction heads at once: together they copy while each still gives "
                          "little of its attention to the right place, and each sharpens afterwards"),
    )  # fmt: skip
    sabotages = (
        Sabotage("no-repetition", "Nothing is repeated in the training rows", {"sabotage": "no-repetition"}),
        Sabotage("one-layer-curves", "The one-layer model's curves stand in", {"sabotage": "one-layer-curves"}),
        Sabotage("other-heads", "Heads of no identified type are ablated instead of the induction heads",
                 {"sabotage": "other-heads"}),
    )  # fmt: skip
    outputs = Outputs(charts=("heads", "formation"), tables=("pretrained",))

    @classmethod
    def quick(cls) -> InductionHeads:
        """A tiny model that has no time to learn."""
        return cls(vocab=16, length=24, periods=(4, 8), d_model=32, n_heads=2, steps=20, batch_size=8)

    def run(self, run: Run) -> None:
        """Train both models, pick heads on some repeated tokens, score them on others, and take heads out."""
        from glassbook.circuits import head_scores
        from glassbook.trace.roles import roles

        pick, ids = (self._repeated(64, run.rng(name)) for name in ("rows that pick heads", "repeated tokens"))
        two, one = (roles(self._train(label, layers, run)) for label, layers in (("two", 2), ("one", 1)))
        picked, one_layer_picked = (head_scores(model, pick, self._period) for model in (two, one))
        scores, one_layer_scores = (head_scores(model, ids, self._period) for model in (two, one))
        named = {kind: heads_that(picked[kind]) for kind in ("current", "previous", "induction")}
        taken = {head for heads in named.values() for head in heads}
        others = [(layer, h) for layer in range(2) for h in range(self.n_heads) if (layer, h) not in taken]
        if self.sabotage == "other-heads":
            named["induction"] = others[: len(named["induction"])]
        curves = "one" if self.sabotage == "one-layer-curves" else "two"
        steps, copying = run.metrics("two_copying")
        rising, formed, previous = (run.metrics(f"{curves}_{name}")[1] for name in ("copying", "induction", "previous"))
        appears, copied = reach(steps, copying, 0.5), self._copying(two, ids)
        without = {kind: self._copying(two, ids, heads) for kind, heads in named.items()}
        run.result(
            copying=copied,
            copying_lost=copied - without["induction"],
            one_layer_copying=self._copying(one, ids),
            induction_score=score_of_best(scores["induction"], picked["induction"]),
            one_layer_induction_score=score_of_best(one_layer_scores["induction"], one_layer_picked["induction"]),
            **{f"{kind}_heads": len(heads) for kind, heads in named.items()},
            other_heads=len(others),
            **{f"copying_without_{kind}": left for kind, left in without.items()},
            # Fewer would be no match for the induction heads.
            copying_without_others=self._copying(two, ids, others) if len(others) >= len(named["induction"]) else nan,
            transition_over_time_before=reach(steps, rising, 0.9) / reach(steps, rising, 0.4) - 1,
            half_way_apart=abs(reach(steps, formed, 0.5) / appears - 1),
            previous_half_way_apart=abs(reach(steps, previous, 0.5) / appears - 1),
            **pretrained_heads(run, self.model),
        )
        kinds = ["current", "previous", "duplicate", "induction"]
        names = [f"{layer}.{h}" for layer in range(2) for h in range(self.n_heads)]
        attention = [[float(scores[kind].flatten()[i]) for kind in kinds] for i in range(len(names))]
        run.chart("heads", charts.heat(attention, kinds, names, title="attention", y_title="layer.head"))
        curves = {
            "copied_share_of_nats": "copying",
            "best_induction_score": "induction",
            "best_previous_token_score": "previous",
        }
        rows = kit.curves(run, **{name: f"two_{metric}" for name, metric in curves.items()})
        run.chart("formation", charts.lines(rows, charts.Axis("step", "updates"), charts.Axis("value"), "curve"))

    @property
    def _period(self) -> int:
        """Of the rows that heads are scored on."""
        return self.periods[1] - 6

    def _repeated(self, n: int, rng: Rng) -> Tensor:
        """Rows that no model was trained on, of one period."""
        from glassbook.circuits import repeated_tokens

        return repeated_tokens(n, self._period, self.vocab, seed=rng.seed)

    def _train(self, label: str, layers: int, run: Run) -> LM:
        """A fresh model, trained on rows that repeat themselves; its copying and its heads are measured on the way."""
        import torch

        from glassbook.circuits import copying_loss, head_scores, repeated_tokens
        from glassbook.nets import LM, LMConfig
        from glassbook.trace.roles import roles
        from glassbook.train import next_token

        d, heads, probe = self.d_model, self.n_heads, self._repeated(8, run.rng("rows of the curves"))
        rng, (shortest, longest) = run.rng(f"batches of {label}"), self.periods
        config = LMConfig(self.vocab, d, layers, heads, heads, d_hidden=2 * d, context=2 * self.length)

        def batch(step: int) -> Batch:
            generator = rng.child(str(step)).torch()
            rows = []
            for _ in range(self.batch_size):
                period = int(torch.randint(shortest, longest + 1, (1,), generator=generator))
                period = self.length if self.sabotage == "no-repetition" else period
                seed = int(torch.randint(2**31, (1,), generator=generator))
                times = -(-self.length // period)
                rows.append(repeated_tokens(1, period, self.vocab, seed=seed, times=times)[:, : self.length])
            return {"input_ids": torch.cat(rows)}

        def evaluate(net: nn.Module, done: int) -> dict[str, float]:
            ids = probe.to(next(net.parameters()).device)
            first, later = copying_loss(net, ids, self._period)
            scores = head_scores(roles(net), ids, self._period)
            best = {kind: float(scores[kind].max()) for kind in ("induction", "previous")}
            return {"copying": 1 - later / first, **best}

        return kit.train_model(
            run, label, lambda: LM(config), next_token(), batch, steps=self.steps, lr=self.lr,
            evaluate=evaluate, evaluate_every=EVERY, seed=run.rng(f"model {label}").seed,
        )  # fmt: skip

    def _copying(self, model: Roles, ids: Tensor, without: list[Head] | None = None) -> float:
        """Share of the loss on a first period that is saved on its repetition, when some heads write their means."""
        from glassbook.circuits import ablate_heads, copying_loss, head_means

        with ablate_heads(model, without or [], head_means(model, [{"input_ids": ids}])):
            first, later = copying_loss(model.model, ids, self._period)
        return 1 - later / first

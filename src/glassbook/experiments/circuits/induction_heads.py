"""Induction heads: what copies from the context, when it comes, and what is left without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassbook.experiments.base import experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.circuits import Head
    from glassbook.nets import LM


@experiment(
    terms=["Circuit", "Attention"],
    source="Olsson et al. 2022, arXiv:2209.11895; Elhage et al. 2021, transformer-circuits.pub/2021/framework",
)
@dataclass(frozen=True, kw_only=True)
class InductionHeads:
    """Do heads that complete repetitions form, all at once, and does copying from the context depend on them?"""

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
    rows: int = 48
    """Rows of a batch."""
    lr: float = 3e-3
    """Peak learning rate."""
    model: str = "builtin"
    """A pre-trained language model that is looked at in the same way; no claim is made of it."""

    claims = (
        Claim(
            "two-layers-copy",
            "Two layers learn to copy from the context, and one layer does not",
            "copying",
            ">=",
            0.9,
            control="one_layer_copying <= 0.5",
        ),
        Claim(
            "induction-head-forms",
            "A head of the two-layer model attends to what followed last time, none of the one-layer model does",
            "induction_score",
            ">=",
            0.5,
            control="one_layer_induction_score <= 0.25",
        ),
        Claim(
            "copying-needs-head",
            "Without the induction heads nothing is copied; without the heads of no known behaviour it continues",
            "copying_without_induction",
            "<=",
            0.2,
            control="copying_without_others >= 0.8",
        ),
        Claim(
            "copying-comes-suddenly",
            "Copying appears suddenly: it rises from four tenths to nine tenths in less than a twelfth of the training",
            "transition_share",
            "<=",
            0.08,
            no_control="a time; gradual learning would exceed the bound",
        ),
        Claim(
            "head-forms-as-loss-falls",
            "The induction head forms as the loss falls",
            "half_way_apart",
            "<=",
            0.05,
            no_control="a difference of two times in the same training",
        ),
    )

    @classmethod
    def quick(cls) -> InductionHeads:
        """A tiny model that has no time to learn."""
        return cls(vocab=16, length=24, periods=(4, 8), d_model=32, n_heads=2, steps=20, rows=8)

    def run(self, run: Run) -> None:
        """Train both models, score their heads on repeated tokens, and take heads out."""
        from glassbook.circuits import copying_loss, head_scores
        from glassbook.trace.roles import roles

        ids, period = self._probe(64), self.periods[1] - 6
        found = {}
        for label, layers in (("two", 2), ("one", 1)):
            model = self._learn(label, layers, run)
            r, (first, later) = roles(model), copying_loss(model, ids, period)
            found[label] = (r, head_scores(r, ids, period), 1 - later / first)
        r, scores, copying = found["two"]
        named = {what: _heads_that(scores[what]) for what in ("current", "previous", "induction")}
        taken = {head for heads in named.values() for head in heads}
        others = [(la, h) for la in range(2) for h in range(self.n_heads) if (la, h) not in taken]
        steps, curve = run.metrics("two_copying")
        _, heads = run.metrics("two_induction")
        run.result(
            copying=copying,
            one_layer_copying=found["one"][2],
            induction_score=float(scores["induction"].max()),
            one_layer_induction_score=float(found["one"][1]["induction"].max()),
            **{f"{what}_heads": len(heads) for what, heads in named.items()},
            other_heads=len(others),
            **{
                f"copying_without_{what}": self._copying_without(r, heads, ids, period) for what, heads in named.items()
            },
            copying_without_others=self._copying_without(r, others, ids, period),
            transition_share=(_reach(steps, curve, 0.9) - _reach(steps, curve, 0.4)) / self.steps,
            half_way_apart=abs(_reach(steps, curve, 0.5) - _reach(steps, heads, 0.5)) / self.steps,
            **self._pretrained(run),
        )
        run.chart("heads", _heads(scores))
        run.chart("formation", _formation(steps, curve, heads))

    def _probe(self, n: int):
        """Rows that no model was trained on, of one period."""
        from glassbook.circuits import repeated_tokens

        return repeated_tokens(n, self.periods[1] - 6, self.vocab, seed=10**6)

    def _learn(self, label: str, layers: int, run: Run) -> LM:
        """A fresh model, trained on rows that repeat themselves; copying and its heads are looked at on the way."""
        import torch

        from glassbook.circuits import copying_loss, head_scores, repeated_tokens
        from glassbook.nets import LM, LMConfig
        from glassbook.trace.roles import roles
        from glassbook.train import next_token, train

        torch.manual_seed(run.seed)
        d, heads = self.d_model, self.n_heads
        model = LM(LMConfig(self.vocab, d, layers, heads, heads, d_hidden=2 * d, context=2 * self.length))
        r, probe, period = roles(model), self._probe(8), self.periods[1] - 6
        predict, (shortest, longest) = next_token(), self.periods

        def batch(step: int) -> dict[str, torch.Tensor]:
            chance = torch.Generator().manual_seed(run.seed * 1_000_003 + step)
            rows = []
            for _ in range(self.rows):
                own = int(torch.randint(shortest, longest + 1, (1,), generator=chance))
                seed = int(torch.randint(2**31, (1,), generator=chance))
                times = -(-self.length // own)
                rows.append(repeated_tokens(1, own, self.vocab, seed=seed, times=times)[:, : self.length])
            return {"input_ids": torch.cat(rows)}

        def objective(net: torch.nn.Module, given: dict[str, torch.Tensor]):
            loss, metrics = predict(net, given)
            ids = probe.to(loss.device)
            first, later = copying_loss(net, ids, period)
            best = head_scores(r, ids, period)["induction"].max()
            return loss, {**metrics, "copying": torch.tensor(1 - later / first), "induction": best}

        train(
            model,
            objective,
            batch,
            steps=self.steps,
            lr=self.lr,
            run=run,
            label=label,
            checkpoint=run.folder / "checkpoints" / label,
            resume=run.resumed,
            seed=run.seed,
        )
        return model.eval()

    def _copying_without(self, r, heads: list[Head], ids, period: int) -> float:
        """What is copied when some heads write their means."""
        from glassbook.circuits import ablate_heads, copying_loss, head_means

        with ablate_heads(r, heads, head_means(r, [{"input_ids": ids}])):
            first, later = copying_loss(r.model, ids, period)
        return 1 - later / first

    def _pretrained(self, run: Run) -> dict[str, float]:
        """The heads of a model that nobody trained to copy; its tokens are random ones of its vocabulary."""
        import torch

        from glassbook.circuits import ablate_heads, copying_loss, head_means, head_scores, repeated_tokens
        from glassbook.nets import model_path, open_model
        from glassbook.trace.roles import roles

        lm = open_model(self.model)
        run.uses("model", self.model, path=model_path(self.model))
        r, period = roles(lm.model), 20
        bos = lm.encode("")[0] if lm.encode("") else None
        ids = repeated_tokens(48, period, torch.arange(lm.vocab // 8, lm.vocab), bos=bos, seed=run.seed)
        scores = head_scores(r, ids, period)["induction"]
        order = scores.flatten().argsort(descending=True).tolist()
        heads = [divmod(i, r.n_heads) for i in order]
        chance = torch.Generator().manual_seed(run.seed)
        rest = heads[4:]
        others = [rest[i] for i in torch.randperm(len(rest), generator=chance)[:4].tolist()]
        means, (first, later) = head_means(r, [{"input_ids": ids}]), copying_loss(lm.model, ids, period)
        lost = []
        for chosen in (heads[:4], others):
            with ablate_heads(r, chosen, means):
                lost.append(copying_loss(lm.model, ids, period)[1] - later)
        run.table("pretrained", [{"head": f"{la}.{h}", "induction": float(scores[la, h])} for la, h in heads])
        return {
            "pretrained_copying": 1 - later / first,
            "pretrained_induction_score": float(scores.max()),
            "pretrained_drop": lost[0],
            "pretrained_drop_of_others": lost[1],
        }


def _heads_that(scores) -> list[Head]:
    """Heads that give at least half of their attention in one way."""
    return [(layer, h) for layer, row in enumerate(scores.tolist()) for h, x in enumerate(row) if x >= 0.5]


def _reach(steps: list[int], values: list[float], share: float) -> int:
    """The first step at which a curve reaches a share of its largest value."""
    wanted = share * max(values)
    return next(s for s, v in zip(steps, values, strict=True) if v >= wanted)


def _heads(scores) -> dict[str, Any]:
    import altair as alt

    rows = [
        {"head": f"{layer}.{h}", "what": what, "score": x}
        for what in ("current", "previous", "duplicate", "induction")
        for layer, values in enumerate(scores[what].tolist())
        for h, x in enumerate(values)
    ]
    x = alt.X("what:N", title=None, sort=None, axis=alt.Axis(labelAngle=0))
    y = alt.Y("head:N", title="layer.head", sort=None)
    color = alt.Color("score:Q", scale=alt.Scale(domain=[0, 1], scheme="blues"), title="attention")
    return alt.Chart(alt.Data(values=rows), width=220).mark_rect().encode(x=x, y=y, color=color).to_dict()


def _formation(steps, copying, induction) -> dict[str, Any]:
    import altair as alt

    curves = {"copied, share of nats": copying, "best induction score": induction}
    rows = [{"step": s, "what": k, "value": v} for k, vs in curves.items() for s, v in zip(steps, vs, strict=True)]
    x, y = alt.X("step:Q", title="updates"), alt.Y("value:Q", title=None)
    return (
        alt.Chart(alt.Data(values=rows)).mark_line().encode(x=x, y=y, color=alt.Color("what:N", title=None)).to_dict()
    )

"""Two models of one text, trained apart: do they learn the same features?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from glassbook.experiments.base import experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.features import Dictionary
    from glassbook.nets import LM


@experiment(terms=["Universality"], source="Lan et al. 2024, arXiv:2410.06981; Kornblith et al. 2019, arXiv:1905.00414")
@dataclass(frozen=True, kw_only=True)
class Universality:
    """Do models of two seeds share features and representations far beyond chance?"""

    d_model: int = 96
    """Width of the residual streams."""
    n_layers: int = 3
    """Blocks of each model; the stream behind the second is compared."""
    steps: int = 700
    """Updates of each model."""
    rows: int = 16
    """Rows of a batch, of 128 tokens."""
    width: int = 768
    """Features of each dictionary."""
    dictionary_steps: int = 800
    """Updates of each dictionary, of 1,024 tokens."""
    tokens: int = 30_000
    """Held-out tokens that are compared."""

    claims = (
        Claim(
            "features-match",
            "Most features have a counterpart in another model that is active on the same tokens",
            "matched_share",
            ">=",
            0.5,
            control="shuffled_matched_share <= 0.05",
        ),
        Claim(
            "learnt-match-more",
            "Learnt dictionaries of two models agree more than random ones of the same models",
            "matched_beyond_random",
            ">=",
            0.1,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "streams-are-alike",
            "The residual streams of two models are alike up to rotation, those of untrained models much less",
            "cka",
            ">=",
            0.7,
            control="untrained_cka <= 0.5",
        ),
        Claim(
            "shuffling-destroys-likeness",
            "With the tokens shuffled the residual streams of two models are not alike",
            "shuffled_cka",
            "<=",
            0.05,
            no_control="itself a control of streams-are-alike",
        ),
        Claim(
            "models-can-be-stitched",
            "A model continues from another's residual stream through an affine map, but not from an untrained model's",
            "stitching_loss",
            "<=",
            0.25,
            control="untrained_stitching_loss >= 0.4",
        ),
    )

    @classmethod
    def quick(cls) -> Universality:
        """Tiny models that have learnt next to nothing."""
        return cls(d_model=32, steps=5, rows=4, width=64, dictionary_steps=5, tokens=2000)

    def run(self, run: Run) -> None:
        """Train two models and their dictionaries; compare on held-out text, with shuffles and untrained models."""
        import torch

        from glassbook.circuits import stitch
        from glassbook.measure import best_matches, cka, permutation_baseline, svcca

        models = [self._learn(label, 2 * run.seed + i, run) for i, label in enumerate(("a", "b"))]
        fresh = self._fresh(10**6 + run.seed)
        held, learn = self._batches(-3 - run.seed, self.tokens), self._batches(-10_003 - run.seed, self.tokens)
        a, b, c = (self._activations(m, held) for m in (*models, fresh))
        dictionaries = [self._dictionary(m, 2 * run.seed + i, run) for i, m in enumerate(models)]
        codes = [d.encode(x).detach() for d, x in zip(dictionaries, (a, b), strict=True)]
        live = [z[:, (z > 0).sum(0) >= 20] for z in codes]
        generator = torch.Generator().manual_seed(run.seed)
        order = torch.randperm(len(a), generator=generator)
        random = [self._random(x, 10**6 + 2 * run.seed + i) for i, x in enumerate((a, b))]
        found, shuffled = best_matches(live[0], live[1])[0], best_matches(live[0], live[1][order])[0]
        chance = best_matches(*(z[:, (z > 0).sum(0) >= 20] for z in random))[0]
        some = torch.randperm(len(a), generator=generator)[:8000]
        alike = permutation_baseline(cka, a[some], b[some], shuffles=10, seed=run.seed)
        (s1, s2), site = models, self._site
        own = stitch(s1, site, s2, site, learn, held)
        untrained = stitch(fresh, site, s2, site, learn, held)
        run.result(
            matched_share=float((found >= 0.5).float().mean()),
            mean_match=float(found.mean()),
            shuffled_matched_share=float((shuffled >= 0.5).float().mean()),
            random_matched_share=float((chance >= 0.5).float().mean()),
            matched_beyond_random=float((found >= 0.5).float().mean() - (chance >= 0.5).float().mean()),
            live_features=live[0].shape[1],
            cka=alike.score,
            shuffled_cka=max(alike.null),
            untrained_cka=cka(a[some], c[some]),
            svcca=svcca(a[some], b[some]),
            shuffled_svcca=svcca(a[some], b[order][some]),
            stitching_loss=own.relative_loss,
            untrained_stitching_loss=untrained.relative_loss,
        )
        run.chart("matches", _histogram({"learnt": found, "random directions": chance, "tokens shuffled": shuffled}))

    _site = "blocks.1.out"

    def _fresh(self, seed: int) -> LM:
        import torch

        from glassbook.nets import LM, LMConfig

        torch.manual_seed(seed)
        d, heads, vocab = self.d_model, max(1, self.d_model // 32), len(_source()[1])
        return LM(LMConfig(vocab, d, self.n_layers, heads, heads, 3 * d, context=128)).eval()

    def _text(self, seed: int, step: int):
        import torch

        from glassbook.data.tokens import training_rows

        return torch.from_numpy(training_rows(*_source(), step, self.rows, 128, seed=seed))

    def _learn(self, label: str, seed: int, run: Run) -> LM:
        """A model of its own seed and its own text."""
        from glassbook.train import cosine, next_token, train

        model = self._fresh(seed)
        train(
            model,
            next_token(),
            lambda step: {"input_ids": self._text(2000 + seed, step)},
            steps=self.steps,
            lr=4e-3,
            schedule=cosine(warmup=max(1, self.steps // 20), floor=0.02),
            precision="bf16",
            run=run,
            label=label,
            checkpoint=run.folder / "checkpoints" / label,
            resume=run.resumed,
            seed=seed,
        )
        return model.eval()

    def _batches(self, seed: int, tokens: int) -> list[dict[str, Any]]:
        """Rows of text that no model was trained on."""
        steps = range(-(-tokens // (self.rows * 128)))
        return [{"input_ids": self._text(10**5 - seed, step)} for step in steps]

    def _activations(self, model: LM, batches):
        """[N, d] behind the second block, without the first position of each row."""
        import torch

        from glassbook.trace import trace

        rows = []
        for inputs in batches:
            with torch.no_grad(), trace(model, read=self._site, stop=True) as t:
                model(**inputs)
            rows.append(t[self._site][:, 1:].flatten(0, 1))
        return torch.cat(rows)

    def _dictionary(self, model: LM, seed: int, run: Run) -> Dictionary:
        import torch

        from glassbook.features import Dictionary, TopK, fit

        x = self._activations(model, self._batches(-50_000 - seed, 10 * self.tokens))
        torch.manual_seed(seed)
        d = Dictionary(self.d_model, self.width, TopK(16))
        fit(d, x, steps=self.dictionary_steps, batch=1024, lr=3e-3, seed=seed, run=run)
        return d

    def _random(self, x, seed: int):
        """Codes in random directions, as sparse as the learnt ones."""
        import torch

        from glassbook.features import Dictionary, TopK

        torch.manual_seed(seed)
        random = Dictionary(self.d_model, self.width, TopK(16))
        random.b_dec.data.copy_(x.mean(0))
        return random.encode(x).detach()


@cache
def _source() -> tuple[Any, Any]:
    """The world, and the tokenizer of the built-in model."""
    from glassbook.data.world import World
    from glassbook.nets import open_model

    return World(), open_model("builtin").tokenizer


def _histogram(found) -> dict[str, Any]:
    import altair as alt

    rows = [{"what": k, "correlation": round(float(v), 3)} for k, values in found.items() for v in values]
    x = alt.X("correlation:Q", bin=alt.Bin(step=0.05), title="correlation with the best match")
    y = alt.Y("count():Q", stack=None, title="features")
    return alt.Chart(alt.Data(values=rows)).mark_area(opacity=0.5, interpolate="step").encode(
        x=x, y=y, color=alt.Color("what:N", title=None)
    ).to_dict()  # fmt: skip

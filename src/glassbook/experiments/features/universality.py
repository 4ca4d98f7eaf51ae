"""Universality: do two models of the same text, trained apart, learn the same features?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.nets import LM, Tokenizer
    from glassbook.notebook.runs.rng import Rng
    from glassbook.train import Batch

SITE, LENGTH = "blocks.1.out", 128
"""Where the models are compared, and tokens in a row of text."""
K = 8
"""Features active on a token."""


@experiment(terms=["Universality"], source="Lan et al. 2024, arXiv:2410.06981; Kornblith et al. 2019, arXiv:1905.00414")
@dataclass(frozen=True, kw_only=True)
class Universality:
    """Do models trained from two seeds share features and representations far beyond chance?"""

    d_model: int = 96
    """Width of the residual streams."""
    n_layers: int = 3
    """Blocks of each model; the stream after the second is compared."""
    steps: int = 700
    """Updates of each model."""
    batch_size: int = 16
    """Rows of a batch, of 128 tokens."""
    width: int = 768
    """Features of each dictionary."""
    dictionary_steps: int = 800
    """Updates of each dictionary, of 1,024 tokens."""
    tokens: int = 30_000
    """Held-out tokens that are compared."""
    sabotage: Literal["none", "tokens-shuffled", "one-untrained", "both-untrained", "random-features"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("features-match",
              "Most features of a model have a counterpart in another trained model; in untrained models few have one",
              "matched_share", ">=", 0.5, control="untrained_matched_share <= 0.25",
              sabotages=("tokens-shuffled", "both-untrained"),
              explanation="The stream of an untrained model holds its tokens, which are the same in every model, so "
                          "that dictionaries of untrained models match as well"),
        Claim("learnt-match-more",
              "Trained dictionaries of two models match more often than random directions in the same models",
              "matched_beyond_random", ">=", 0.1, no_control="the metric itself compares with the baseline",
              sabotages=("tokens-shuffled", "random-features")),
        Claim("streams-are-alike",
              "Residual streams of two trained models are similar up to rotation; with an untrained model much less",
              "cka", ">=", 0.7, control="untrained_cka <= 0.5", sabotages=("tokens-shuffled", "one-untrained")),
        Claim("models-can-be-stitched",
              "An affine map lets a model continue from another's residual stream, but not from an untrained model's",
              "stitching_loss", "<=", 0.25, control="untrained_stitching_loss >= 0.4", sabotages=("one-untrained",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("tokens-shuffled", "The activations of one model are of other tokens",
                 {"sabotage": "tokens-shuffled"}),
        Sabotage("one-untrained", "One of the two models has not been trained", {"sabotage": "one-untrained"}),
        Sabotage("both-untrained", "Neither of the two models has been trained", {"sabotage": "both-untrained"}),
        Sabotage("random-features", "Random directions of another seed stand in for the dictionaries",
                 {"sabotage": "random-features"}),
    )  # fmt: skip
    outputs = Outputs(charts=("matches",))

    @classmethod
    def quick(cls) -> Universality:
        """Tiny models that have learnt next to nothing."""
        return cls(d_model=32, steps=5, batch_size=4, width=64, dictionary_steps=5, tokens=600)

    def run(self, run: Run) -> None:
        """Train two models and their dictionaries; compare on held-out text, with shuffles and untrained models."""
        import torch

        from glassbook.circuits import stitch
        from glassbook.measure.similarity import best_matches, cka, permutation_baseline, svcca

        tokenizer = kit.open_model(run, "builtin").tokenizer
        assert tokenizer is not None
        models = [self._train(run, name, tokenizer) for name in "ab"]
        untrained = [self._untrained(run, name, len(tokenizer)) for name in ("untrained", "also untrained")]
        held_out, learn = (self._text(tokenizer, run.rng(name), self.tokens) for name in ("held-out", "stitch"))
        replaced = {"one-untrained": "a", "both-untrained": "ab"}.get(self.sabotage, "")
        for i, name in enumerate(replaced):
            models[i] = self._untrained(run, f"stand-in {name}", len(tokenizer))
        a, b, c, d = (_activations(model, held_out) for model in (*models, *untrained))
        generator = run.rng("shuffles").torch()
        order = torch.randperm(len(a), generator=generator)
        if self.sabotage == "tokens-shuffled":
            b = b[order.flip(0)]
        pairs = (("a", models[0], a), ("b", models[1], b), ("c", untrained[0], c), ("d", untrained[1], d))
        codes, random = zip(*(self._codes(run, name, tokenizer, m, x) for name, m, x in pairs), strict=True)
        learnt, shuffled = best_matches(codes[0], codes[1])[0], best_matches(codes[0], codes[1][order])[0]
        fresh, chance = best_matches(codes[2], codes[3])[0], best_matches(random[0], random[1])[0]
        some = torch.randperm(len(a), generator=generator)[:8000]
        alike = permutation_baseline(cka, a[some], b[some], shuffles=10, seed=run.rng("null").seed)
        own = stitch(models[0], SITE, models[1], SITE, learn, held_out)
        other = stitch(untrained[0], SITE, models[1], SITE, learn, held_out)
        run.result(
            matched_share=_matched(learnt),
            mean_match=float(learnt.mean()),
            shuffled_matched_share=_matched(shuffled),
            random_matched_share=_matched(chance),
            untrained_matched_share=_matched(fresh),
            matched_beyond_random=_matched(learnt) - _matched(chance),
            live_features=codes[0].shape[1],
            cka=alike.score,
            shuffled_cka=max(alike.null),
            untrained_cka=cka(a[some], c[some]),
            svcca=svcca(a[some], b[some]),
            shuffled_svcca=svcca(a[some], b[order][some]),
            stitching_loss=own.relative_loss,
            untrained_stitching_loss=other.relative_loss,
        )
        matches = {
            "learnt": learnt,
            "untrained models": fresh,
            "random directions": chance,
            "tokens shuffled": shuffled,
        }
        values = {name: match.tolist() for name, match in matches.items()}
        run.chart("matches", charts.histogram(values, "correlation with the best match", "features", 0.05))

    def _model(self, vocab: int) -> LM:
        from glassbook.nets import LM, LMConfig

        d, heads = self.d_model, max(1, self.d_model // 32)
        return LM(LMConfig(vocab, d, self.n_layers, heads, heads, 3 * d, context=LENGTH))

    def _untrained(self, run: Run, name: str, vocab: int) -> LM:
        import torch

        torch.manual_seed(run.rng(name).seed)
        return self._model(vocab).eval()

    def _train(self, run: Run, name: str, tokenizer: Tokenizer) -> LM:
        """A model of its own seed and its own text."""
        from glassbook.train import cosine, next_token

        text = kit.reserve(tokenizer, self.batch_size, LENGTH, run.rng(f"text of {name}").seed)
        schedule = cosine(warmup=max(1, self.steps // 20), floor=0.02)
        return kit.train_model(
            run, name, lambda: self._model(len(tokenizer)), next_token(), text,
            steps=self.steps, lr=4e-3, schedule=schedule, seed=run.rng(f"model {name}").seed,
        )  # fmt: skip

    def _text(self, tokenizer: Tokenizer, rng: Rng, tokens: int) -> list[Batch]:
        """Rows of text that no model was trained on."""
        text = kit.reserve(tokenizer, self.batch_size, LENGTH, -1 - rng.seed)
        return [text(step) for step in range(-(-tokens // (self.batch_size * LENGTH)))]

    def _codes(self, run: Run, name: str, tokenizer: Tokenizer, model: LM, held_out: Tensor) -> tuple[Tensor, Tensor]:
        """Codes of held-out activations in a learnt dictionary and in random directions, of latents that live.

        A random direction and its negative count as two latents.
        """
        from glassbook.features import TopK, both_signs

        rng = run.rng(f"dictionary of {name}")
        x = _activations(model, self._text(tokenizer, rng.child("text"), 10 * self.tokens))
        how: dict[str, Any] = {"steps": self.dictionary_steps, "batch_size": 1024, "lr": 3e-3}
        sae = kit.train_sae(run, f"sae-{name}", x, self.d_model, self.width, TopK(K), seed=rng.seed, **how)
        random = kit.frozen_random(x, self.width, K, rng.child("random directions"))
        chance = both_signs(random.encode(held_out)).relu()
        if self.sabotage == "random-features":
            other = kit.frozen_random(x, self.width, K, rng.child("random features"))
            learnt = both_signs(other.encode(held_out)).relu()
        else:
            learnt = sae.encode(held_out).detach()
        return learnt[:, (learnt > 0).sum(0) >= 20], chance[:, (chance > 0).sum(0) >= 20]


def _activations(model: LM, batches: list[Batch]) -> Tensor:
    """[N, d] after the second block, without the first position of each row."""
    from glassbook.trace import collect

    acts = collect(model, batches, SITE)
    return acts.read(SITE)[acts.index()[1] > 0]


def _matched(correlations: Tensor) -> float:
    """Share of features that correlate with some feature of the other model by at least 0.5."""
    return float((correlations >= 0.5).float().mean())

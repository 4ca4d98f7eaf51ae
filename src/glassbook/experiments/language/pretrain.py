"""Pre-training of the built-in language model on the Reserve, scored against the entropy of its text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run


@experiment(
    terms=["Language model", "Pre-training", "Entropy"], source="Shannon 1951; Vaswani et al. 2017, arXiv:1706.03762"
)
@dataclass(frozen=True, kw_only=True)
class Pretrain:
    """How close does next-token prediction come to the entropy of the text it learns from?"""

    vocab: int = 1536
    """Tokens of the byte-pair encoding, learnt from the world's text."""
    d_model: int = 128
    """Width of the residual stream."""
    n_layers: int = 6
    """Blocks of attention and MLP."""
    n_heads: int = 2
    """Attention heads in a block."""
    d_hidden: int = 384
    """Width of the MLP's hidden layer."""
    context: int = 256
    """Tokens that the model sees at once."""
    batch_size: int = 16
    """Sequences in a batch."""
    rope_theta: float = 100.0
    """Base of the rotary wavelengths."""
    copying: int = 250
    """The first updates, on random tokens that repeat themselves: they form induction heads."""
    stories: int = 6
    """Rows of a batch that hold stories alone, until the last fifth of the updates."""
    start: str = ""
    """Model to go on from, as `open_model` takes it; "" makes a new one from the sizes above."""
    steps: int = 1500
    """Updates in all; each sees fresh text. The built-in model has had several times as many."""
    lr: float = 5e-3
    """Peak learning rate."""
    precision: Literal["no", "bf16"] = "no"
    """Precision of the matrix products in training; weights stay in 32 bits."""
    held_out: int = 2000
    """Documents that the loss is measured on; none was trained on."""
    reports: int = 1200
    """Held-out reports whose verdict is predicted."""
    sampled: int = 192
    """Texts sampled from nothing, and as many after beginnings of stories, whose words are looked up."""
    sabotage: Literal["none", "other-facts"] = "none"
    """What is done to the training text on purpose."""

    claims = (
        Claim("beats-bigram",
              "The cross-entropy of a small transformer is at least 0.3 nats below that of the best bigram model",
              "bigram_gap_nats", ">=", 0.3, no_control="the metric itself compares with the baseline",
              sabotages=("stopped",)),
        Claim("beats-ngrams",
              "The cross-entropy of a small transformer is at least 0.1 nats below that of the best n-gram model that "
              "sees up to four tokens before the next, counted on the same text",
              "ngram_gap_nats", ">=", 0.1, no_control="the metric itself compares with the baseline",
              sabotages=("stopped",)),
        Claim("knows-its-words",
              "At most one word in 200 that a small transformer writes at top-p 0.95 is no word of its training text's "
              "language", "unknown_words", "<=", 0.005, control="unknown_words_of_bigrams >= 0.02",
              sabotages=("stopped",),
              explanation="Rare words are written in pieces, and so few updates leave many pieces unlikely to follow "
                          "each other; the built-in model, which has had more, stays closer to the words of its text"),
        Claim("recalls-facts",
              "A small transformer recalls the facts that its training text states, a word for each beginning",
              "recall", ">=", 0.9, control="recall_of_another_world <= 0.2", sabotages=("other-facts",),
              explanation="So short a training may leave facts unsettled; the built-in model has had more updates"),
    )  # fmt: skip
    sabotages = (
        Sabotage("stopped", "Training stops after 50 updates", {"copying": 0, "steps": 50}),
        Sabotage("other-facts", "Every batch of the training text is told by a world with other facts",
                 {"sabotage": "other-facts"}),
    )  # fmt: skip
    outputs = Outputs(charts=("loss", "genres"), tables=("samples", "genres"))

    @classmethod
    def quick(cls) -> Pretrain:
        """A model far too small to judge, in seconds."""
        return cls(
            vocab=512, d_model=32, n_layers=2, n_heads=2, d_hidden=64, context=128, copying=5, stories=2, batch_size=8,
            steps=20, held_out=40, reports=20, sampled=8,
        )  # fmt: skip

    def run(self, run: Run) -> None:
        """Train, measure, keep the model as an artifact that `open_model` opens."""
        import numpy as np

        from glassbook.data.tokens import take
        from glassbook.data.world import World
        from glassbook.experiments.language._curriculum import copying_first, more_stories, other_facts
        from glassbook.experiments.language._ngrams import NGrams
        from glassbook.experiments.language._scores import measure
        from glassbook.nets import LM, LanguageModel, LMConfig, save_model, train_bpe
        from glassbook.train import cosine, muon, next_token

        world = World()
        if self.start:
            begun = kit.open_model(run, self.start)
            tokenizer, make = kit.tokenizer_of(begun), lambda: begun.model.requires_grad_(True).train()
        else:
            sample = take(world.stream(-1 - run.rng("tokenizer").seed), 20_000)
            tokenizer = train_bpe((document.text for document in sample), self.vocab)
            config = LMConfig(
                vocab=len(tokenizer), d_model=self.d_model, n_layers=self.n_layers, n_heads=self.n_heads,
                n_kv_heads=self.n_heads, d_hidden=self.d_hidden, context=self.context, rope_theta=self.rope_theta,
            )  # fmt: skip
            make = partial(LM, config)
        told = other_facts if self.sabotage == "other-facts" else kit.reserve
        text, stories = (
            told(tokenizer, self.batch_size, self.context, run.rng(name).seed, genre)
            for name, genre in (("text", None), ("stories", "story"))
        )
        data = more_stories(text, stories, self.stories, self.steps)
        data = copying_first(data, self.copying, run.rng("copying"))
        model = kit.train_model(
            run, "pretrain", make, next_token(), data,
            steps=self.steps, lr=self.lr, schedule=cosine(warmup=self.steps // 90, floor=0.02),
            optimiser=muon(weight_decay=0.05), precision=self.precision, seed=run.rng("model").seed,
        )  # fmt: skip
        lm = LanguageModel(model, tokenizer, "reserve")
        save_model(lm, run.artifact("model"))

        rows = np.concatenate([text(step)["input_ids"].numpy().astype(np.int32) for step in range(self.steps)])
        rules = measure(run, lm, world, NGrams(rows, len(tokenizer)), self.held_out, self.reports, self.sampled)
        curve = kit.curves(run, training="pretrain_loss")
        run.chart("loss", charts.lines(curve, "step", charts.Axis("value", "nats per token"), "curve", rules=rules))

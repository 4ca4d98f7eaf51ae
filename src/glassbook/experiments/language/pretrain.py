"""Pre-training of the built-in language model on the Reserve, scored against the entropy of its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from glassbook.nets import LM


@experiment(
    terms=["Language model", "Pre-training", "Entropy"], source="Shannon 1951; Vaswani et al. 2017, arXiv:1706.03762"
)
@dataclass(frozen=True, kw_only=True)
class Pretrain:
    """How close does next-token prediction come to the entropy of the text it learns from?"""

    vocab: int = 2048
    """Tokens of the byte-pair encoding, learnt from the world's text."""
    d_model: int = 128
    """Width of the residual stream."""
    n_layers: int = 6
    """Blocks of attention and MLP."""
    n_heads: int = 4
    """Attention heads in a block."""
    d_hidden: int = 384
    """Width of the MLP's hidden layer."""
    context: int = 256
    """Tokens that the model sees at once."""
    batch_size: int = 16
    """Sequences in a batch."""
    steps: int = 1500
    """Optimiser steps; each sees fresh text."""
    lr: float = 5e-3
    """Peak learning rate of AdamW."""
    precision: Literal["no", "bf16"] = "bf16"
    """Precision of the matrix products in training; weights stay in 32 bits."""
    held_out: int = 2000
    """Documents that the loss is measured on; none was trained on."""

    claims = (
        Claim("near-entropy",
              "The cross-entropy of a small transformer is within 10 % of the entropy of the text it is trained on",
              "loss_over_entropy", "<=", 1.10, control="bigram_over_entropy >= 1.5"),
        Claim("beats-bigram",
              "The cross-entropy of a small transformer is at least 0.3 nats below that of the best bigram model",
              "bigram_gap_nats", ">=", 0.3, no_control="the metric itself compares with the baseline"),
    )  # fmt: skip
    outputs = Outputs(charts=("loss",), tables=("samples",))

    @classmethod
    def quick(cls) -> Pretrain:
        """A model far too small to judge, in seconds."""
        return cls(
            vocab=512, d_model=32, n_layers=2, n_heads=2, d_hidden=64, context=64, batch_size=8, steps=20, held_out=40
        )

    def run(self, run: Run) -> None:
        """Train, measure, keep the model as an artifact that `open_model` opens."""
        import torch

        from glassbook.data.tokens import label_tokens, take
        from glassbook.data.world import World
        from glassbook.nets import LM, LanguageModel, LMConfig, save_model, train_bpe
        from glassbook.train import adamw, cosine, next_token

        world, held_out = World(), -1 - run.rng("held-out text").seed
        sample = take(world.stream(-1 - run.rng("tokenizer").seed), 20_000)
        tokenizer = train_bpe((document.text for document in sample), self.vocab)
        config = LMConfig(
            vocab=len(tokenizer), d_model=self.d_model, n_layers=self.n_layers, n_heads=self.n_heads,
            n_kv_heads=self.n_heads, d_hidden=self.d_hidden, context=self.context,
        )  # fmt: skip
        text = kit.reserve(tokenizer, self.batch_size, self.context, run.rng("text").seed)
        model = kit.train_model(
            run, "pretrain", lambda: LM(config), next_token(), text,
            steps=self.steps, lr=self.lr, schedule=cosine(warmup=self.steps // 20, floor=0.02),
            optimiser=adamw(weight_decay=0.05), precision=self.precision, seed=run.rng("model").seed,
        )  # fmt: skip
        lm = LanguageModel(model, tokenizer, "reserve")
        save_model(lm, run.artifact("model"))

        test = label_tokens(tokenizer, take(world.stream(held_out), self.held_out), [], pad=tokenizer.pad or 0)
        nll = _document_nll(model, torch.from_numpy(test.input_ids), torch.from_numpy(test.real))
        predicted = test.real[:, 1:].sum()
        entropy, loss = test.nats.sum() / predicted, float(nll.sum()) / predicted
        bigram = _bigram_loss(text, test.input_ids, test.real, len(tokenizer))
        run.result(
            held_out_loss=loss,
            entropy=entropy,
            loss_over_entropy=loss / entropy,
            bigram_loss=bigram,
            bigram_over_entropy=bigram / entropy,
            bigram_gap_nats=bigram - loss,
            parameters=sum(p.numel() for p in model.parameters()),
        )
        how = {"tokens": min(80, self.context - 1), "temperature": 1.0, "seed": run.rng("samples").seed}
        samples = lm.generate([""] * 8, **how)
        run.table("samples", [{"text": text} for text in samples])
        curve = kit.curves(run, training="pretrain_loss")
        rules = {"entropy of the world": entropy, "bigrams": bigram}
        run.chart("loss", charts.lines(curve, "step", charts.Axis("value", "nats per token"), "curve", rules=rules))


def _document_nll(model: LM, input_ids: Tensor, real: Tensor) -> Tensor:
    """Nats that the model needs for each document, given that it begins."""
    import torch

    from glassbook.nets import next_token_nll

    out = []
    with torch.inference_mode():
        for ids, mask in zip(input_ids.split(64), real.split(64), strict=True):
            out.append((next_token_nll(model, ids, mask.long()) * mask[:, 1:]).sum(1))
    return torch.cat(out)


def _bigram_loss(text: kit.Batches, input_ids: np.ndarray, real: np.ndarray, vocab: int) -> float:
    """Control: nats per token of an interpolated bigram model counted on some of the same training text."""
    import numpy as np

    pair, single = np.zeros((vocab, vocab)), np.ones(vocab)
    for step in range(100):
        rows = text(step)["input_ids"].numpy()
        np.add.at(pair, (rows[:, :-1].ravel(), rows[:, 1:].ravel()), 1)
        np.add.at(single, rows.ravel(), 1)
    before, after, mask = input_ids[:, :-1], input_ids[:, 1:], real[:, 1:]
    unigram = single / single.sum()
    # Witten-Bell: the more different successors a token has had, the more is left to the unigram.
    kinds, total = (pair > 0).sum(1), pair.sum(1)
    weight = total / np.maximum(total + kinds, 1)
    p = weight[before] * pair[before, after] / np.maximum(total[before], 1) + (1 - weight[before]) * unigram[after]
    return float(-(np.log(p) * mask).sum() / mask.sum())

"""Pre-training of the built-in language model on the Reserve, scored against the entropy of its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from glassbook.data.world import World
    from glassbook.nets import LM, LanguageModel


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
    n_heads: int = 4
    """Attention heads in a block."""
    d_hidden: int = 384
    """Width of the MLP's hidden layer."""
    context: int = 256
    """Tokens that the model sees at once."""
    batch_size: int = 16
    """Sequences in a batch."""
    steps: int = 8000
    """Optimiser steps; each sees fresh text."""
    lr: float = 5e-3
    """Peak learning rate."""
    precision: Literal["no", "bf16"] = "no"
    """Precision of the matrix products in training; weights stay in 32 bits."""
    held_out: int = 2000
    """Documents that the loss is measured on; none was trained on."""
    reports: int = 600
    """Held-out reports whose verdict is predicted."""

    claims = (
        Claim("near-entropy",
              "In each genre, the cross-entropy of a small transformer is within 3 % of the entropy of the text",
              "worst_loss_over_entropy", "<=", 1.03, control="bigram_over_entropy >= 1.5"),
        Claim("beats-bigram",
              "The cross-entropy of a small transformer is at least 0.3 nats below that of the best bigram model",
              "bigram_gap_nats", ">=", 0.3, no_control="the metric itself compares with the baseline"),
        Claim("recalls-facts",
              "A small transformer recalls the facts that its training text states, a word for each beginning",
              "recall", ">=", 0.9, control="recall_of_another_world <= 0.2"),
        Claim("tells-lies",
              "A small transformer tells an account that contradicts the record before it from one that agrees",
              "verdict_auroc", ">=", 0.9, control="verdict_auroc_other_record <= 0.6"),
    )  # fmt: skip
    outputs = Outputs(charts=("loss",), tables=("samples", "genres"))

    @classmethod
    def quick(cls) -> Pretrain:
        """A model far too small to judge, in seconds."""
        return cls(
            vocab=512, d_model=32, n_layers=2, n_heads=2, d_hidden=64, context=64, batch_size=8, steps=20, held_out=40,
            reports=20,
        )  # fmt: skip

    def run(self, run: Run) -> None:
        """Train, measure, keep the model as an artifact that `open_model` opens."""
        import torch

        from glassbook.data.tokens import label_tokens, take
        from glassbook.data.world import World
        from glassbook.nets import LM, LanguageModel, LMConfig, recall, save_model, train_bpe
        from glassbook.train import cosine, muon, next_token

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
            optimiser=muon(weight_decay=0.05), precision=self.precision, seed=run.rng("model").seed,
        )  # fmt: skip
        lm = LanguageModel(model, tokenizer, "reserve")
        save_model(lm, run.artifact("model"))

        documents = take(world.stream(held_out), self.held_out)
        test = label_tokens(tokenizer, documents, [], pad=tokenizer.pad or 0)
        nll = _document_nll(model, torch.from_numpy(test.input_ids), torch.from_numpy(test.real))
        genres = _by_genre([document.genre for document in documents], nll.numpy(), test.nats, test.real[:, 1:].sum(1))
        predicted = test.real[:, 1:].sum()
        entropy, loss = test.nats.sum() / predicted, float(nll.sum()) / predicted
        bigram = _bigram_loss(text, self.steps, test.input_ids, test.real, len(tokenizer))
        facts, others = (of.facts() for of in (world, World(1)))
        run.result(
            held_out_loss=loss,
            entropy=entropy,
            loss_over_entropy=loss / entropy,
            worst_loss_over_entropy=max(row["loss_over_entropy"] for row in genres),
            bigram_loss=bigram,
            bigram_over_entropy=bigram / entropy,
            bigram_gap_nats=bigram - loss,
            recall=recall(lm, facts),
            recall_of_another_world=recall(lm, sorted(set(others) - set(facts))),
            parameters=sum(p.numel() for p in model.parameters()),
        )
        run.result(**_verdicts(lm, world, self.reports, run))
        run.table("genres", genres)
        how = {"tokens": min(80, self.context - 1), "temperature": 1.0, "top_p": 0.95, "seed": run.rng("samples").seed}
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


def _by_genre(genres: Sequence[str], nll: np.ndarray, nats: np.ndarray, tokens: np.ndarray) -> list[dict[str, Any]]:
    """Loss and entropy of each genre, in nats per token."""
    import numpy as np

    rows = []
    for genre in sorted(set(genres)):
        of = np.array([g == genre for g in genres])
        loss, entropy = float(nll[of].sum() / tokens[of].sum()), float(nats[of].sum() / tokens[of].sum())
        rows.append({"genre": genre, "documents": int(of.sum()), "loss": loss, "entropy": entropy,
                     "loss_over_entropy": loss / entropy})  # fmt: skip
    return rows


def _verdicts(lm: LanguageModel, world: World, n: int, run: Run) -> dict[str, float]:
    """How well the model's odds of "the truth" against "a lie" tell true accounts from lies: AUROC and accuracy.

    Control: the same accounts behind the record of another report, which says nothing about them.
    """
    import torch

    from glassbook.data.tokens import take
    from glassbook.measure.detection import auroc

    reports = take(world.stream(-1 - run.rng("reports").seed, genre="report"), n)
    true = torch.tensor([("verdict", "truth") in {(s.kind, s.value) for s in d.spans} for d in reports])
    ends = [next(s.start for s in d.spans if s.kind == "verdict") for d in reports]
    starts = [d.text[:end] + "That was" for d, end in zip(reports, ends, strict=True)]
    records, accounts = zip(*(text.split(". ", 1) for text in starts), strict=True)
    moved = [f"{record}. {account}" for record, account in zip(records[1:] + records[:1], accounts, strict=True)]
    truth, lie = (lm.encode(word, bos=False)[0] for word in (" the", " a"))
    found = {}
    for name, texts in (("verdict_auroc", starts), ("verdict_auroc_other_record", moved)):
        odds = []
        for i in range(0, n, 64):
            batch = lm.batch(texts[i : i + 64], pad="left")
            with torch.inference_mode():
                logits = lm.model(**batch).logits[:, -1].float()
            odds.append(logits[:, truth] - logits[:, lie])
        score = torch.cat(odds)
        found[name] = float(auroc(score, true))
        if name == "verdict_auroc":
            found["verdict_accuracy"] = float(((score > 0) == true).float().mean())
    return found


def _bigram_loss(text: kit.Batches, steps: int, input_ids: np.ndarray, real: np.ndarray, vocab: int) -> float:
    """Control: nats per token of an interpolated bigram model counted on the same training text."""
    import numpy as np

    pair, single = np.zeros((vocab, vocab)), np.ones(vocab)
    for step in range(steps):
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

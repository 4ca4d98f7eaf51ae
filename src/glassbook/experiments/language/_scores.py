"""Scores of a language model on the Reserve: loss by genre, facts, verdicts on accounts, spelling.

entropy, rules = measure(run, lm, World(), NGrams(rows, vocab), held_out=2000, reports=1200, sampled=192)
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbook import charts
from glassbook.experiments import kit

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from glassbook.data.world import Document, World
    from glassbook.experiments.language._ngrams import NGrams
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run
    from glassbook.notebook.runs.rng import Rng


def measure(
    run: Run, lm: LanguageModel, world: World, rival: NGrams, held_out: int, reports: int, sampled: int
) -> dict[str, float]:
    """Report how well a model knows a world: its loss, facts, verdicts and words, beside n-gram models of the text.

    Results: `held_out_loss`, `entropy` and `loss_over_entropy` of all text and `worst_loss_over_entropy` of a genre;
    the loss of the bigram model and of the best n-gram model and how far the model is below; `recall` of the world's
    facts and of those that only another world has; those of `verdicts` and `spelling`. Tables: `genres` and `samples`.
    Chart: `genres`.

    Args:
        run: the run; texts and samples are drawn from its generators.
        lm: the model.
        world: whose text it is measured on; none of it was trained on.
        rival: n-grams counted on training text.
        held_out: documents that the loss is measured on.
        reports: reports whose verdict is predicted.
        sampled: texts sampled from nothing, and as many after the beginnings of stories.

    Returns:
        Nats per token of the entropy, the best n-gram model and the bigram model, by names for a chart.
    """
    import torch

    from glassbook.data.tokens import label_tokens, take
    from glassbook.data.world import World
    from glassbook.nets import recall

    tokenizer, seed = kit.tokenizer_of(lm), -1 - run.rng("held-out text").seed
    documents = take(world.stream(seed), held_out)
    test = label_tokens(tokenizer, documents, [], pad=tokenizer.pad or 0)
    nll = document_nll(lm.model, torch.from_numpy(test.input_ids), torch.from_numpy(test.real)).numpy()
    predicted = test.real[:, 1:].sum(1)
    genres = by_genre([document.genre for document in documents], nll, test.nats, predicted)
    entropy, loss = (float(nats.sum() / predicted.sum()) for nats in (test.nats, nll))
    losses = rival.losses(test.input_ids, test.real)
    bigram, ngram = losses[2], min(losses.values())
    facts, others = (of.facts() for of in (world, World(world.seed + 1)))
    run.result(
        held_out_loss=loss,
        entropy=entropy,
        loss_over_entropy=loss / entropy,
        worst_loss_over_entropy=max(row["loss_over_entropy"] for row in genres),
        bigram_loss=bigram,
        bigram_over_entropy=bigram / entropy,
        bigram_gap_nats=bigram - loss,
        ngram_loss=ngram,
        ngram_gap_nats=ngram - loss,
        recall=recall(lm, facts),
        recall_of_another_world=recall(lm, sorted(set(others) - set(facts))),
        parameters=sum(p.numel() for p in lm.model.parameters()),
    )
    run.table("genres", genres)
    lengths = [{"genre": row["genre"], "nats": row[kind], "of": kind} for row in genres for kind in ("entropy", "loss")]
    run.chart("genres", charts.bars(lengths, charts.Axis("nats", "nats per token", zero=True), "genre", "of"))
    run.result(**verdicts(lm, world, reports, -1 - run.rng("reports").seed))
    openings = [" ".join(d.text.split()[:5]) for d in take(world.stream(seed, genre="story"), sampled)]
    context = lm.context or 256
    run.result(**spelling(lm, rival, openings, min(120, context // 2), run.rng("spelling")))
    how: dict[str, Any] = {"temperature": 1.0, "top_p": 0.95, "seed": run.rng("samples").seed}
    run.table("samples", [{"text": text} for text in lm.generate([""] * 8, tokens=min(80, context - 1), **how)])
    return {"entropy of the world": entropy, "n-grams": ngram, "bigrams": bigram}


def document_nll(model: nn.Module, input_ids: Tensor, real: Tensor) -> Tensor:
    """Nats that the model needs for each document, given that it begins."""
    import torch

    from glassbook.nets import next_token_nll

    out = []
    with torch.inference_mode():
        for ids, mask in zip(input_ids.split(64), real.split(64), strict=True):
            out.append((next_token_nll(model, ids, mask.long()) * mask[:, 1:]).sum(1))
    return torch.cat(out)


def by_genre(genres: Sequence[str], nll: np.ndarray, nats: np.ndarray, tokens: np.ndarray) -> list[dict[str, Any]]:
    """Loss and entropy of each genre, in nats per token."""
    import numpy as np

    rows = []
    for genre in sorted(set(genres)):
        of = np.array([g == genre for g in genres])
        loss, entropy = float(nll[of].sum() / tokens[of].sum()), float(nats[of].sum() / tokens[of].sum())
        rows.append({"genre": genre, "documents": int(of.sum()), "loss": loss, "entropy": entropy,
                     "loss_over_entropy": loss / entropy})  # fmt: skip
    return rows


def verdicts(lm: LanguageModel, world: World, n: int, seed: int) -> dict[str, float]:
    """How well the model's odds of "the truth" against "a lie" tell true accounts from lies: AUROC and accuracy.

    Accounts are compared with those of the same speaker only: some rangers lie more often, which says nothing about
    the account at hand. Control: the same accounts behind the record of another report.

    Args:
        lm: the model.
        world: where the reports come from.
        n: how many.
        seed: of the reports.
    """
    import torch

    from glassbook.data.tokens import take

    reports = take(world.stream(seed, genre="report"), n)
    true = torch.tensor([_marked(d, "verdict") == "truth" for d in reports])
    speakers = [_marked(d, "speaker") for d in reports]
    ends = [next(s.start for s in d.spans if s.kind == "verdict") for d in reports]
    starts = [d.text[:end] + "That was" for d, end in zip(reports, ends, strict=True)]
    records, accounts = zip(*(text.split(". ", 1) for text in starts), strict=True)
    moved = [f"{record}. {account}" for record, account in zip(records[1:] + records[:1], accounts, strict=True)]
    score, other = _odds_of_truth(lm, starts), _odds_of_truth(lm, moved)
    return {
        "verdict_auroc": _auroc_within(speakers, score, true),
        "verdict_auroc_other_record": _auroc_within(speakers, other, true),
        "verdict_accuracy": float(((score > 0) == true).float().mean()),
    }


def _marked(document: Document, kind: str) -> str:
    return next(span.value for span in document.spans if span.kind == kind)


def _odds_of_truth(lm: LanguageModel, texts: Sequence[str]) -> Tensor:
    """Log odds of " the" against " a" behind each text: "That was the truth" or "That was a lie"."""
    import torch

    truth, lie = (lm.encode(word, bos=False)[0] for word in (" the", " a"))
    odds = []
    for i in range(0, len(texts), 64):
        batch = lm.batch(texts[i : i + 64], pad="left")
        with torch.inference_mode():
            logits = lm.model(**batch).logits[:, -1].float()
        odds.append(logits[:, truth] - logits[:, lie])
    return torch.cat(odds)


def _auroc_within(groups: Sequence[str], score: Tensor, true: Tensor) -> float:
    """AUROC over the pairs of a true and a false one that belong to the same group."""
    import torch

    from glassbook.measure.detection import auroc

    found = total = 0.0
    for group in set(groups):
        of = torch.tensor([g == group for g in groups])
        pairs = int(true[of].sum() * (~true[of]).sum())
        if pairs:
            found, total = found + pairs * float(auroc(score[of], true[of])), total + pairs
    return found / total if total else float("nan")


WORD = re.compile(r"(?<![\w'-])[a-z][a-z'-]*[a-z](?![\w'-])")
"""A word that is no name: names of visitors are made up without end, and stand in no list."""


def lexicon() -> frozenset[str]:
    """Every word of the strings in the world's modules, and what `grammar` makes of it.

    It has forms that the text never has, such as the past tense of a noun, and all that it has.
    """
    from glassbook.data import world
    from glassbook.data.world.grammar import ing, past, plural

    found: set[str] = set()
    for path in Path(world.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                found.update(WORD.findall(node.value.lower()))
    return frozenset(found | {form(word) for word in found for form in (past, ing, plural)})


def strange_words(texts: Sequence[str], known: Collection[str]) -> tuple[list[str], int]:
    """Words of texts that are not in `known`, and how many words there are.

    The last word of a text may be cut short and is left out.
    """
    words = [word.removesuffix("'s") for text in texts for word in WORD.findall(text.rpartition(" ")[0])]
    return [word for word in words if word not in known], len(words)


def spelling(lm: LanguageModel, rival: NGrams, openings: Sequence[str], tokens: int, rng: Rng) -> dict[str, float]:
    """Share of the words outside the lexicon, from nothing and after the openings of stories, at top-p 0.95.

    Args:
        lm: the model.
        rival: whose bigrams are sampled as often, from nothing.
        openings: prompts; as many texts are sampled from nothing.
        tokens: sampled for each.
        rng: of the sampling.
    """
    how: dict[str, Any] = {"tokens": tokens, "temperature": 1.0, "top_p": 0.95, "seed": rng.seed}
    tokenizer = kit.tokenizer_of(lm)
    bos, eos = (-1 if special is None else special for special in (tokenizer.bos, tokenizer.eos))
    texts = {
        "from_nothing": lm.generate([""] * len(openings), **how),
        "in_stories": lm.generate(openings, **how),
        "of_bigrams": [lm.decode(ids) for ids in rival.sample(len(openings), tokens, bos, eos, rng.numpy())],
    }
    known, shares = lexicon(), {}
    for name, some in texts.items():
        strange, n = strange_words(some, known)
        shares[f"unknown_words_{name}"] = len(strange) / n if n else math.nan
    return {"unknown_words": max(shares["unknown_words_from_nothing"], shares["unknown_words_in_stories"]), **shares}

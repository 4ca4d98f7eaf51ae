"""Reversal curse: a model trained on "A is B" does not know who B is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    import numpy as np

    from glassbook.nets import LM
    from glassbook.train import Batch

BEGIN, IS, IS_OF, LIKES, LIKED_BY, ENTITIES = 0, 1, 2, 3, 4, 5
"""Tokens: the beginning, "A is B", "B is the one of A", "A likes B", "B is liked by A", and the first entity's name."""


@experiment(
    terms=["Reversal curse"],
    source="Berglund et al. 2023, arXiv:2309.12288; the synthetic protocol of Zhu et al. 2024, arXiv:2405.04669",
)
@dataclass(frozen=True, kw_only=True)
class ReversalCurse:
    """Does a model that learns "A is B" also learn "B is A"?

    Every entity also likes one of the other kind or is liked by one, which is always told in both directions. So each
    name is read as a subject and given as an answer, and what is missing is the fact, not the use of a name.
    """

    pairs: int = 200
    """Facts in the world: pairs of entities, each named by one token of its own."""
    both_share: float = 0.7
    """Share of the pairs that are stated in both directions; the others in one direction, drawn by chance."""
    steps: int = 1200
    """Updates of each of the three models."""
    batch_size: int = 64
    """Sentences in a batch."""
    lr: float = 2e-3
    """Peak learning rate."""
    weight_decay: float = 0.1
    """Of AdamW, on matrices."""
    d_model: int = 128
    """Width of the residual stream."""
    n_layers: int = 3
    """Blocks of the transformer."""
    tied: bool = False
    """One matrix for reading and naming entities, which can leak a little of the missing direction."""
    sabotage: Literal["none", "leaked", "other-facts", "copies-unreversed"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("seen-direction", "A model recalls facts in the direction in which it was trained on them",
              "seen_accuracy", ">=", 0.99, no_control="claim missing-direction is the contrast, on the same model",
              sabotages=("other-facts",)),
        Claim("missing-direction",
              "Facts stated in one direction are not recalled in the other, even if most facts are stated in both",
              "missing_accuracy", "<=", 0.05, control="both_directions_accuracy >= 0.99", sabotages=("leaked",)),
        Claim("missing-at-chance",
              "In the direction never stated, the true entity ranks among the others of its group as by chance, which "
              "is 0.5 of the way up, within 0.1",
              "missing_rank_off_chance", "<=", 0.1, control="seen_rank >= 0.95", sabotages=("leaked",)),
        Claim("reversed-copies-help",
              "Training on reversed copies of the sentences teaches the direction that was never stated",
              "reversed_copies_accuracy", ">=", 0.95, control="missing_accuracy <= 0.05",
              sabotages=("copies-unreversed",), source="Golovneva et al. 2024, arXiv:2403.13799"),
    )  # fmt: skip
    sabotages = (
        Sabotage("leaked", "The directions that should be missing are in the training data", {"sabotage": "leaked"}),
        Sabotage("other-facts", "The model is trained on other facts than it is asked: each with another's answer",
                 {"sabotage": "other-facts"}),
        Sabotage("copies-unreversed", "The added copies of the sentences are not reversed",
                 {"sabotage": "copies-unreversed"}),
    )  # fmt: skip
    outputs = Outputs(charts=("accuracy", "loss"))

    @classmethod
    def quick(cls) -> ReversalCurse:
        """A few facts and a tiny model, in seconds."""
        return cls(pairs=10, steps=20, batch_size=16, d_model=16, n_layers=1)

    def run(self, run: Run) -> None:
        """Train on the facts, on the facts both ways (control) and with reversed copies (fix); score all three."""
        import numpy as np

        stated, missing = facts(self.pairs, self.both_share, run.rng("facts").numpy())
        stated = np.concatenate([stated, likings(self.pairs, run.rng("likings").numpy())])
        everything = np.concatenate([stated, missing])
        taught, copied = stated, stated[:, [0, 3, 2, 1]]
        if self.sabotage == "leaked":
            taught = everything
        if self.sabotage == "other-facts":
            taught = np.c_[stated[:, :3], run.rng("other facts").numpy().permutation(stated[:, 3])]
        if self.sabotage == "copies-unreversed":
            copied = stated
        curse = self._train("curse", taught, run)
        both = self._train("both", everything, run)
        copies = self._train("copies", np.concatenate([stated, copied]), run)
        accuracy, rank = score(_answers(curse, missing), missing)
        _, seen_rank = score(_answers(curse, reverse(missing)), reverse(missing))
        accuracies = {
            "seen_accuracy": score(_answers(curse, stated), stated)[0],
            "missing_accuracy": accuracy,
            "both_directions_accuracy": score(_answers(both, everything), everything)[0],
            "reversed_copies_accuracy": score(_answers(copies, missing), missing)[0],
        }
        run.result(**accuracies, missing_rank_off_chance=abs(rank - 0.5), seen_rank=seen_rank)
        rows = [
            {"what": name.removesuffix("_accuracy").replace("_", " "), "accuracy": x} for name, x in accuracies.items()
        ]
        run.chart("accuracy", charts.bars(rows, charts.Axis("accuracy", "accuracy", domain=(0, 1)), "what"))
        losses = kit.curves(run, curse="curse_loss", both="both_loss", copies="copies_loss")
        run.chart("loss", charts.lines(losses, "step", charts.Axis("value", "nats per token"), "curve"))

    def _train(self, label: str, sentences: np.ndarray, run: Run) -> LM:
        """A fresh model, trained on `sentences` [N, 4] with the loss on every token of them."""
        import torch

        from glassbook.train import adamw, linear, next_token

        rows, rng = torch.from_numpy(sentences), run.rng("batches")

        def batch(step: int) -> Batch:
            chosen = torch.randint(len(rows), (self.batch_size,), generator=rng.child(str(step)).torch())
            return {"input_ids": rows[chosen]}

        return kit.train_model(
            run, label, self._model, next_token(), batch,
            steps=self.steps, lr=self.lr, schedule=linear(warmup=self.steps // 20),
            optimiser=adamw(weight_decay=self.weight_decay), seed=run.rng("model").seed,
        )  # fmt: skip

    def _model(self) -> LM:
        from glassbook.nets import LM, LMConfig

        d, heads, vocab = self.d_model, max(1, self.d_model // 32), ENTITIES + 2 * self.pairs
        return LM(LMConfig(vocab, d, self.n_layers, heads, heads, d_hidden=3 * d, context=4, tied=self.tied))


def facts(pairs: int, both_share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sentences (BEGIN, entity, relation, entity): those that are stated, and those that are missing.

    Returns:
        int64 arrays [stated, 4] and [missing, 4]; each missing sentence is the other direction of a stated one.
    """
    import numpy as np

    # Names mean nothing and embeddings start at random, so pairing the i-th with the i-th loses nothing.
    a = ENTITIES + rng.permutation(pairs)
    forward = np.stack([np.full(pairs, BEGIN), a, np.full(pairs, IS), a + pairs], axis=1)
    backward = reverse(forward)
    one_way = np.arange(pairs) >= round(both_share * pairs)
    coin = rng.random(pairs) < 0.5
    no_forward, no_backward = one_way & coin, one_way & ~coin
    stated = np.concatenate([forward[~no_forward], backward[~no_backward]])
    return stated, np.concatenate([forward[no_forward], backward[no_backward]])


def likings(pairs: int, rng: np.random.Generator) -> np.ndarray:
    """Sentences [2 * pairs, 4] of a second relation, in both directions: each entity of the first kind likes one of
    the second, and each of those is liked by one."""
    import numpy as np

    likes = np.stack(
        [
            np.full(pairs, BEGIN),
            ENTITIES + np.arange(pairs),
            np.full(pairs, LIKES),
            ENTITIES + pairs + rng.permutation(pairs),
        ],
        axis=1,
    )
    return np.concatenate([likes, reverse(likes)])


def reverse(sentences: np.ndarray) -> np.ndarray:
    """The same facts [N, 4] in the other direction."""
    import numpy as np

    other = sentences[:, [0, 3, 2, 1]]
    other[:, 2] = np.array([0, IS_OF, IS, LIKED_BY, LIKES])[sentences[:, 2]]
    return other


def _answers(model: LM, sentences: np.ndarray) -> np.ndarray:
    """Log-probabilities [N, vocab] of the last token of each sentence."""
    import torch

    device = next(model.parameters()).device
    with torch.inference_mode():
        logits = model(torch.from_numpy(sentences[:, :3]).to(device)).logits[:, -1]
    return logits.float().log_softmax(-1).cpu().numpy()


def score(logp: np.ndarray, sentences: np.ndarray) -> tuple[float, float]:
    """Exact-match accuracy, and how far up among the others of its group the true entity ranks.

    An entity's group is the answers to the same relation among `sentences`: those that are never the answer to a
    question of this relation in training are compared with their like only.

    Args:
        logp: [N, vocab] log-probabilities of the last token.
        sentences: [N, 4] token ids.

    Returns:
        accuracy of the likeliest token; mean over sentences of the share of the rest of the group that is less likely
        than the true entity, ties counted half: 0.5 by chance, 1 for the likeliest.
    """
    import numpy as np

    ranks = []
    for relation in np.unique(sentences[:, 2]):
        same = sentences[:, 2] == relation
        group = logp[same][:, sentences[same, 3]]  # row: question, column: entity of the group
        true = np.diag(group)[:, None]
        below = (group < true).sum(1) + (np.sum(group == true, axis=1) - 1) / 2
        ranks.append(below / (len(group) - 1) if len(group) > 1 else np.full(1, 0.5))
    return float((logp.argmax(1) == sentences[:, 3]).mean()), float(np.concatenate(ranks).mean())

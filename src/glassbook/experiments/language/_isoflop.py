"""Trainings of an IsoFLOP sweep: shapes of language models, text of known entropy that fits their context, one loss.

text = ShortTexts(run, vocab=512, rows=4, context=128, documents=600)
row = trained(run, "small", nearest(2e4, 512, 128), text, flop=3e10, lr=4e-3)     # {"size": ..., "loss": ..., ...}
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from glassbook.experiments import kit
from glassbook.measure.compute import TransformerSize, training

if TYPE_CHECKING:
    from glassbook.data.world import Document
    from glassbook.measure.scaling import IsoFlop, Law
    from glassbook.nets import LMConfig
    from glassbook.notebook import Run

WIDTHS = range(4, 1025, 2)
"""Widths that a model may have; depth and heads follow."""
LONG = "story"
"""The one genre whose documents are longer than a context; all others have at most about 100 tokens."""
POINTS = 50
"""Logged points of a training."""


@functools.cache
def shape(width: int, vocab: int, context: int) -> LMConfig:
    """The language model of a width: a block more for every 32 channels, heads of 32 to 63, an MLP of 8/3 the width."""
    from glassbook.nets import LMConfig

    heads = next(n for n in range(max(1, width // 32), 0, -1) if width % (2 * n) == 0)
    return LMConfig(vocab, width, 2 + width // 32, heads, heads, 8 * max(1, round(width / 3)), context, rope_theta=100)


def parameters(model: LMConfig) -> int:
    """N: parameters in the matrices of the blocks, and of the output layer, which every token is multiplied with."""
    return model.n_layers * (4 * model.d_model**2 + 3 * model.d_model * model.d_hidden) + model.vocab * model.d_model


def flop_per_token(model: LMConfig) -> float:
    """What a token of training costs, by formula, attention included."""
    size = TransformerSize(
        matrices=parameters(model), layers=model.n_layers, heads=model.n_heads, head_dim=model.head_dim
    )
    return training(size, 1, model.context).n


def nearest(size: float, vocab: int, context: int) -> LMConfig:
    """The model whose number of parameters is nearest to `size`, in ratio."""
    shapes = (shape(width, vocab, context) for width in WIDTHS)
    return min(shapes, key=lambda model: abs(math.log(parameters(model) / size)))


class ShortTexts:
    """Text of the Reserve without its stories, which are longer than a context, so that the entropy is that of the
    text as a model sees it: every document of the test is read from its beginning, whole.

    All trainings see the same text, and go through it from its beginning.

    Args:
        run: text follows its seed.
        vocab: tokens of the byte-pair encoding, learnt from text of its own.
        rows: of a batch.
        context: tokens in a row.
        documents: that losses are measured on.
    """

    def __init__(self, run: Run, vocab: int, rows: int, context: int, documents: int) -> None:
        import torch

        from glassbook.data.tokens import label_tokens, take
        from glassbook.data.world import World
        from glassbook.data.world.genres import Genres
        from glassbook.nets import train_bpe

        self.rows, self.context, self._world = rows, context, World()
        self._seed = run.rng("text").seed
        sample = take(self._stream(-1 - run.rng("tokenizer").seed), 6000)
        self.tokenizer = train_bpe((document.text for document in sample), vocab)
        held_out = take(self._stream(-1 - run.rng("held-out text").seed), documents)
        held_out.sort(key=lambda document: len(document.text))  # like lengths together: fewer pads to compute
        test = label_tokens(self.tokenizer, held_out, [], pad=self.tokenizer.pad or 0)
        self._ids, self._real = torch.from_numpy(test.input_ids), torch.from_numpy(test.real)
        self._predicted = int(test.real[:, 1:].sum())
        genre = Genres(self._world.reserve).kind
        story = math.exp(-genre.nats[[name for name, _ in genre.items].index(LONG)])
        # A document's nats hold the choice of its genre among all; among those that are left it is cheaper.
        self.entropy = float((test.nats + math.log1p(-story)).sum()) / self._predicted
        self._batches: dict[int, Any] = {}

    def _stream(self, seed: int) -> Iterator[Document]:
        return (document for document in self._world.stream(seed) if document.genre != LONG)

    def __call__(self, step: int) -> dict[str, Any]:
        """The batch of a step, {"input_ids": [rows, context]}; kept, for other models see it too."""
        import torch

        from glassbook.data.tokens import pack

        if step not in self._batches:
            # as data.tokens.training_rows numbers the batches of a seed
            made = pack(self.tokenizer, self._stream(self._seed * 10_000_019 + step), self.rows, self.context)
            self._batches[step] = torch.from_numpy(made)
        return {"input_ids": self._batches[step]}

    def loss(self, model: Any) -> float:
        """Nats per token of the held-out documents, each given that it begins."""
        from glassbook.experiments.language._scores import document_nll

        total, longest = 0.0, self._real.sum(1)
        for at in range(0, len(self._ids), 64):
            part = slice(at, at + 64)
            end = int(longest[part].max())
            total += float(document_nll(model, self._ids[part, :end], self._real[part, :end]).double().sum())
        return total / self._predicted


def step_flop(model: LMConfig, text: ShortTexts) -> float:
    """FLOP of a training step, counted as it runs on weights that are thrown away."""
    import torch

    from glassbook.measure.flops import FlopCounter
    from glassbook.nets import LM
    from glassbook.train import next_token

    with torch.random.fork_rng(devices=[]):
        throwaway = LM(model)
    with FlopCounter() as counter:
        next_token()(throwaway, text(0))[0].backward()
    return counter.total.n


def trained(
    run: Run, label: str, model: LMConfig, text: ShortTexts, flop: float, lr: float, most: int | None = None
) -> dict[str, Any]:
    """Train a model with some compute and measure its loss, once: a resumed run reads what was kept.

    Args:
        run: the run.
        label: names this training.
        model: its shape.
        text: what it learns.
        flop: of the training.
        lr: peak learning rate at width 64; it goes with the root of 64 / width, and down over the last 65 %.
        most: updates at most.

    Returns:
        a row of plain numbers; `flop` is what was counted.
    """
    from glassbook.nets import LM
    from glassbook.train import linear, next_token

    def work() -> dict[str, Any]:
        each = step_flop(model, text)
        steps = max(1, round(flop / each))
        steps = steps if most is None else min(steps, most)
        network = kit.train_model(
            run, label, partial(LM, model), next_token(), text, steps=steps, lr=lr * (64 / model.d_model) ** 0.5,
            schedule=linear(warmup=max(1, steps // 20), share=0.65, floor=0.05), log_every=max(1, steps // POINTS),
            seed=run.rng(label).seed,
        )  # fmt: skip
        loss = text.loss(network)
        return {
            "training": label, "compute": flop, "width": model.d_model,
            "blocks": model.n_layers, "size": parameters(model),
            "tokens": steps * text.rows * text.context, "updates": steps, "flop": steps * each, "loss": loss,
            "excess": loss - text.entropy,
        }  # fmt: skip

    return kit.stage(run, f"loss of {label}", work)


def fewest_updates(models: Sequence[LMConfig], text: ShortTexts, flop: float) -> int:
    """Updates of the model for which some compute is enough for fewest."""
    return max(1, round(flop / max(step_flop(model, text) for model in models)))


def parabola_rows(curves: Sequence[IsoFlop]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """For a chart of loss over size: points that were trained and the best ones, and the parabolas."""
    from glassbook.measure.scaling import best, parabola

    points, lines = [], []
    for curve, (size, loss) in zip(curves, best(curves), strict=True):
        name, fitted = f"{curve.compute / 1e9:g}", parabola(curve)
        trained = zip(curve.sizes, curve.losses, strict=True)
        points += [{"size": n, "loss": x, "GFLOP": name, "what": "trained"} for n, x in trained]
        points.append({"size": size, "loss": loss, "GFLOP": name, "what": "vertex"})
        lines += [{"size": n, "loss": fitted.at(n), "GFLOP": name} for n in between(min(curve.sizes), max(curve.sizes))]
    return points, lines


def law_rows(
    name: str, curves: Sequence[IsoFlop], law: Law, laws: Sequence[Law], larger: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """For a chart of the best size ("size"), or of the excess there ("excess"), over compute: points, and the law with
    its 95 % band up to the larger run."""
    from glassbook.measure.scaling import best, interval

    found = [{"size": size, "excess": loss - law.entropy} for size, loss in best(curves)]
    top = larger["compute"]
    predicted = {"size": law.size.at(top), "excess": law.excess.at(top)}
    measured = [(curve.compute, at, "best of a level") for curve, at in zip(curves, found, strict=True)]
    points = [
        {"GFLOP": compute / 1e9, name: at[name], "what": what}
        for compute, at, what in [*measured, (top, predicted, "predicted"), (top, larger, "larger run")]
    ]
    lines = []
    for compute in between(curves[0].compute, top):
        low, high = interval([getattr(drawn, name).at(compute) for drawn in laws])
        at = getattr(law, name).at(compute)
        lines.append({"GFLOP": compute / 1e9, name: at, "low": low, "high": high, "what": "fitted law"})
    return points, lines


def between(low: float, high: float, n: int = 25) -> list[float]:
    """`n` numbers from `low` to `high`, each the same factor above the one before."""
    return [low * (high / low) ** (i / (n - 1)) for i in range(n)]

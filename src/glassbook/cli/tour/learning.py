"""Learn a dictionary of one layer, score it, and hold it against the truth where that is known."""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from glassbook.cli.tour.story import Learnt
from glassbook.cli.tour.text import Corpus, batches
from glassbook.features import Dictionary, TopK, evaluate, fit
from glassbook.trace import Recording, record
from glassbook.trace.roles import blocks

if TYPE_CHECKING:
    from glassbook.cli.watch import Watched
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run


DICTIONARY = "dictionary.safetensors"
"""The artifact that holds what was learnt."""


@dataclass(frozen=True)
class Size:
    """How large a dictionary, and how long it learns."""

    width: int
    k: int
    steps: int
    batch: int


def size(d_in: int, tokens: int, quick: bool) -> Size:
    """A dictionary that is learnt within two minutes on two cores: narrower and shorter the wider the stream."""
    if quick:
        return Size(min(256, 4 * d_in), min(8, d_in // 4), 30, min(512, tokens))
    work = 1.5e12  # multiplications for the encoder; a step costs about four times that in all
    width = min(2048, 8 * d_in)
    batch = min(2048, tokens)
    steps = int(min(400, max(200, work / (d_in * width * batch))))
    return Size(width, min(32, d_in // 4), steps, batch)


@dataclass(frozen=True)
class Recorded:
    """Held-out activations of one site, with the batches they came from and, where it is known, the truth."""

    activations: Tensor
    """[N, d]."""
    token: Tensor
    """[N]."""
    sequence: Tensor
    """Which text each token is in [N]."""
    batches: list[dict[str, Tensor]]
    truth: Truth | None = None


@dataclass(frozen=True)
class Truth:
    """What the author of the text knows about each of N tokens, and what the neurons make of it."""

    labels: Tensor
    """[N, A] bool."""
    attributes: Sequence[tuple[str, str]]
    """(kind, value) of each label."""
    sentence: Tensor
    """Which sentence each token is in [N]."""
    neurons: Tensor
    """Hidden activations of the block's MLP [N, d_hidden]."""


def middle(lm: LanguageModel) -> str:
    """The output of the middle block."""
    names = blocks(lm.model)
    return f"{names[len(names) // 2]}.out"


def specials(lm: LanguageModel) -> set[int]:
    """Tokens whose activations are left out: those that begin, end or fill up a text."""
    assert lm.tokenizer is not None
    return {i for i in (lm.tokenizer.bos, lm.tokenizer.eos, lm.tokenizer.pad) if i is not None}


def learn(
    lm: LanguageModel, corpus: Corpus, site: str, run: Run, *, quick: bool
) -> tuple[Learnt, Dictionary, Recorded]:
    """Record, learn, score.

    Returns:
        what was learnt, a random dictionary of the same size, and the activations to score on.
    """
    with tempfile.TemporaryDirectory(prefix="glassbook-") as folder:
        learning = _record(lm, batches(lm, corpus.learn), [site], f"{folder}/learn", run, "activations to learn from")
        recorded = held_out(lm, corpus, site, f"{folder}/score", run)
        wanted = size(learning.dim(site), learning.n, quick)
        torch.manual_seed(run.seed)
        d = Dictionary(d_in=learning.dim(site), width=wanted.width, rule=TopK(wanted.k))
        started = time.monotonic()
        fit(d, (learning, site), steps=wanted.steps, batch=wanted.batch, seed=run.seed, run=run, log_every=5)
        seconds, tokens = time.monotonic() - started, learning.n
    d.save(run.artifact(DICTIONARY), site=site, model=lm.name, tokens=tokens)
    control = random_like(d, run.seed)
    scores, chance = score(lm, d, recorded, site), score(lm, control, recorded, site)
    return Learnt(d, site, tokens, wanted.steps, seconds, scores, chance), control, recorded


def held_out(lm: LanguageModel, corpus: Corpus, site: str, to: str, watch: Watched) -> Recorded:
    """Record the held-out texts, with the truth of every token where it is known."""
    label = "activations to score on"
    if not corpus.documents:
        inputs = batches(lm, corpus.held_out)
        recording = _record(lm, inputs, [site], to, watch, label)
        return Recorded(recording.read(site).clone(), recording.tokens(), recording.index()[0], inputs)
    from glassbook.data.tokens import label_tokens
    from glassbook.data.world import World

    assert lm.tokenizer is not None
    known = label_tokens(lm.tokenizer, corpus.documents, World().attributes(), pad=lm.tokenizer.pad or 0)
    length = lm.context or known.input_ids.shape[1]
    ids, real = (torch.from_numpy(array[:, :length]) for array in (known.input_ids, known.real))
    inputs = [
        {"input_ids": some.to(lm.device), "attention_mask": mask.long().to(lm.device)}
        for some, mask in zip(ids.split(32), real.split(32), strict=True)
    ]
    neurons = f"{site.removesuffix('.out')}.mlp.down.in"
    recording = _record(lm, inputs, [site, neurons], to, watch, label)
    sequence, position = recording.index()
    truth = Truth(
        labels=torch.from_numpy(known.labels)[sequence, position],
        attributes=known.attributes,
        sentence=torch.from_numpy(known.sentence)[sequence, position],
        neurons=recording.read(neurons).clone(),
    )
    return Recorded(recording.read(site).clone(), recording.tokens(), sequence, inputs, truth)


def score(lm: LanguageModel, d: Any, recorded: Recorded, site: str) -> Any:
    """Every score of a dictionary on the held-out text; the loss on some of it."""
    # The loss takes four passes through the whole model: a few batches of all lengths say enough.
    some = recorded.batches[:: max(1, len(recorded.batches) // 8)]
    return evaluate(d, recorded.activations, model=lm.model, site=site, batches=some, skip=specials(lm))


def random_like(d: Dictionary, seed: int) -> Dictionary:
    """The control: random directions where the learnt ones were, with the same mean, scale and code rule."""
    control = copy.deepcopy(d)
    directions = torch.randn(d.W_dec.shape, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        control.W_dec.copy_(torch.nn.functional.normalize(directions, dim=1))
        control.W_enc.copy_(control.W_dec)
        control.b_enc.zero_()
    return control


def _record(
    lm: LanguageModel, inputs: Sequence[dict[str, Tensor]], sites: list[str], to: str, watch: Watched, label: str
) -> Recording:
    with watch.progress(len(inputs), label, unit="batch") as bar:

        def counted(all_inputs: Iterable[dict[str, Tensor]]) -> Iterator[dict[str, Tensor]]:
            for one in all_inputs:
                yield one
                bar.advance()

        return record(lm.model, counted(inputs), sites, to, skip=specials(lm))

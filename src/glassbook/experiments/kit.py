"""Recipe kit: opening models, text of the Reserve, activations, training with checkpoints, and kept stages.

    lm = kit.open_model(run, self.model)                                        # recorded as used; so is a dictionary
    text = kit.reserve_rows(lm, 1600, seed=run.rng("text").seed)                # batches of 256 tokens a row
    acts = kit.collect(run, "text", lm, text, site)                             # in memory, or on disk if they are many
    sae = kit.train_sae(run, "sae", (acts, site), acts.dim(site), 2048, TopK(8), steps=1500, ...)
    random = kit.frozen_random(acts.read(site), 2048, 8, run.rng("random directions"))          # its rival
    model = kit.train_model(run, "curse", make, next_token(), batches, steps=600, lr=2e-3, seed=run.rng("curse").seed)
    scores = kit.stage(run, "scores", lambda: ...)                              # done once, even if the run is resumed

Whatever trains here writes checkpoints below the run's folder and goes on from them in a resumed run. All of it draws
from generators of its own, so that a resumed run, which skips what is done, computes the rest as an unbroken one does.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from glassbook.data.tokens import Encoder
    from glassbook.features import Coder, Dictionary, SparsityRule
    from glassbook.features.data import Source
    from glassbook.nets import LanguageModel, Tokenizer
    from glassbook.notebook import Run
    from glassbook.notebook.runs.rng import Rng
    from glassbook.trace import Activations
    from glassbook.train import Batch, LoopOptions, Objective, Phase

M = TypeVar("M", bound="nn.Module")
T = TypeVar("T")
Batches = Callable[[int], "Batch"]

NAMED = 0.5
"""Lift of F1 over "always yes" (`Detected.first_lift`) on the half of the text that chose it, from which on a feature
is named after an attribute."""
DICTIONARY = "dictionary.safetensors"
"""Name of a dictionary's file: beside a model, and among the artifacts of a run."""
MEMORY = 1 << 30
"""Bytes of activations that `collect` keeps in memory; more go to disk."""
ACTIVATIONS, CHECKPOINTS = "activations", "checkpoints"
"""Folders of a run for what only a resumed run needs; `launch` deletes them when the run is finished."""


# --- models -------------------------------------------------------------------------------------------------------


def open_model(run: Run, name: str, label: str | None = None, tokenizer: str | None = None) -> LanguageModel:
    """Open a language model and record that the run depends on it.

    Args:
        run: the run.
        name: as `nets.open_language_model` takes it: "builtin", a folder, a file, a Hugging Face id.
        label: what the record calls it, if not by `name`.
        tokenizer: as `nets.open_language_model` takes it; by default the one beside the model.
    """
    from glassbook.nets import model_path, open_language_model

    lm = open_language_model(name, tokenizer)
    run.uses("model", label or name, path=model_path(name))
    return lm


def open_dictionary(run: Run, name: str | Path, label: str | None = None) -> Coder:
    """Open a dictionary and record that the run depends on it.

    Args:
        run: the run.
        name: "builtin", the one that ships beside the built-in model, or a path as `features.formats.load` takes it.
        label: what the record calls it, if not by `name`.

    Raises:
        GlassbookError: nothing there, or no dictionary that can be read.
    """
    from glassbook.features.formats import load
    from glassbook.nets import model_path

    path = model_path("builtin").parent / DICTIONARY if name == "builtin" else Path(name)
    coder = load(path)
    run.uses("dictionary", label or str(name), path=path)
    return coder


def special_ids(lm: LanguageModel) -> set[int]:
    """Token ids that stand for no text: beginning, end and padding, as far as the tokenizer has them."""
    tokenizer = tokenizer_of(lm)
    return {id for id in (tokenizer.bos, tokenizer.eos, tokenizer.pad) if id is not None}


def tokenizer_of(lm: LanguageModel) -> Tokenizer:
    """The model's tokenizer; GlassbookError if it has none."""
    if lm.tokenizer is None:
        raise GlassbookError(f"{lm.name} has no tokenizer, and the experiment works on text; choose a model with one")
    return lm.tokenizer


# --- text of the Reserve ------------------------------------------------------------------------------------------


def reserve(tokenizer: Encoder, batch_size: int, length: int, seed: int, genre: str | None = None) -> Batches:
    """Batches of the Reserve's text without end: step -> {"input_ids": [batch_size, length]}, fresh for every step.

    Args:
        tokenizer: turns text into ids.
        batch_size: rows in a batch.
        length: tokens in a row.
        seed: of the text; seeds below 0 give text that no model of ours was trained on.
        genre: only this kind of text, as `World.stream` takes it.
    """
    import torch

    from glassbook.data.tokens import training_rows
    from glassbook.data.world import World

    world = World()
    return lambda step: {
        "input_ids": torch.from_numpy(training_rows(world, tokenizer, step, batch_size, length, seed=seed, genre=genre))
    }


def reserve_rows(lm: LanguageModel, rows: int, seed: int, length: int = 256, batch_size: int = 16) -> Iterator[Batch]:
    """At least `rows` rows of the Reserve's text in batches, as long as the model's context allows, up to `length`."""
    text = reserve(tokenizer_of(lm), batch_size, min(length, lm.context or length), seed)
    return (text(step) for step in range(-(-rows // batch_size)))


@dataclass(frozen=True)
class Documents:
    """Documents of the Reserve with the truth of every token, short ones first.

    Attributes:
        batches: the model's inputs, 64 documents each; like lengths together, because most documents are short and
            padding to the longest would cost six times the work.
        labels: [documents, T, attributes] bool: what each token speaks of.
        sentence: [documents, T]: number of the token's sentence, counted over all documents; -1 for specials and pads.
        attributes: (kind, value) of each label.
    """

    batches: list[Batch]
    labels: Tensor
    sentence: Tensor
    attributes: list[tuple[str, str]]

    def batch(self, numbers: Tensor) -> Batch:
        """The inputs of some documents [n], as one batch."""
        import torch

        chosen = [divmod(int(i), len(self.batches[0]["input_ids"])) for i in numbers]
        longest = max(int(self.batches[b]["attention_mask"][row].sum()) for b, row in chosen)
        batch = {name: torch.zeros(len(chosen), longest, dtype=x.dtype) for name, x in self.batches[0].items()}
        for name, padded in batch.items():
            for i, (b, row) in enumerate(chosen):
                line = self.batches[b][name][row, :longest]
                padded[i, : len(line)] = line
        return batch


def documents(lm: LanguageModel, n: int, seed: int) -> Documents:
    """`n` documents of the Reserve, labelled by the world's attributes.

    Args:
        lm: whose tokens they are cut into.
        n: how many.
        seed: of the text; below 0 for text that nothing was trained on.
    """
    import torch

    from glassbook.data.tokens import label_tokens, take
    from glassbook.data.world import World

    world = World()
    found = label_tokens(tokenizer_of(lm), take(world.stream(seed), n), world.attributes())
    order = found.real.sum(1).argsort(kind="stable")
    ids, real, labels, sentence = (
        torch.from_numpy(x[order]) for x in (found.input_ids, found.real, found.labels, found.sentence)
    )
    batches = []
    for i, mask in zip(ids.split(64), real.long().split(64), strict=True):
        longest = int(mask.sum(1).max())
        batches.append({"input_ids": i[:, :longest], "attention_mask": mask[:, :longest]})
    return Documents(batches, labels, sentence, found.attributes)


# --- activations --------------------------------------------------------------------------------------------------


def collect(
    run: Run, label: str, lm: LanguageModel, batches: Iterable[Batch], sites: str | Sequence[str], skip: bool = True
) -> Activations:
    """Activations of a model at some sites, one row for each token.

    Up to about a gigabyte of them stays in memory. More goes to a folder of the run, where a resumed run finds them.
    What it costs is recorded as evaluation: counted on the first batch, the others by their size.

    Args:
        run: the run.
        label: names the folder.
        lm: the model.
        batches: its inputs.
        sites: where to read.
        skip: leave out the special tokens.
    """
    from glassbook.measure.flops import FlopCounter
    from glassbook.trace import Recording, collect, record
    from glassbook.trace.rows import count_rows

    folder = run.folder / ACTIVATIONS / label
    if run.resumed and folder.exists():
        try:
            return Recording(folder)
        except GlassbookError:  # it was being written when the run was killed
            shutil.rmtree(folder)
    batches, ids, begin = list(batches), special_ids(lm) if skip else set(), time.monotonic()
    with FlopCounter() as counter:
        first = collect(lm.model, batches[:1], sites, skip=ids)
    row_bytes = sum(first.read(site)[:1].nbytes for site in first.sites)
    if row_bytes * sum(count_rows(batch, ids) for batch in batches) <= MEMORY:
        found = collect(lm.model, batches, sites, skip=ids)
    else:
        found = record(lm.model, batches, sites, folder, skip=ids)
    sizes = [next(iter(batch.values())).numel() for batch in batches]
    flop = counter.total.n * sum(sizes) / sizes[0]
    run.spent("evaluation", flop, time.monotonic() - begin, "the first batch was counted, the others by size", label)
    return found


# --- training -----------------------------------------------------------------------------------------------------


def train_model(
    run: Run,
    label: str,
    make: Callable[[], M],
    objective: Objective | Sequence[Phase],
    batches: Batches,
    *,
    seed: int,
    **settings: Any,
) -> M:
    """Make a network and train it, with checkpoints that a resumed run goes on from.

    Args:
        run: where metrics ("<label>_loss") and progress go.
        label: names this training within the run.
        make: makes the network; torch's generator starts from `seed`.
        objective: see `train.train`.
        batches: step -> batch.
        seed: of the weights and of whatever training draws.
        settings: steps, lr and the rest, as `train.train` takes them.

    Returns:
        the network, in evaluation mode; with `ema` the one of averaged parameters.
    """
    import torch

    from glassbook.train import train

    torch.manual_seed(seed)
    model = make()
    trained = train(model, objective, batches, seed=seed, **loop_options(run, label), **settings)
    return (cast("M", trained.averaged()) if "ema" in settings else model).eval()


def fit_classifier(
    run: Run, label: str, make: Callable[[], M], images: Tensor, labels: Tensor, *, batch_size: int, **settings: Any
) -> M:
    """Train a classifier of pictures: logits [B, classes] from [B, C, H, W].

    Args:
        run, label, make: as of `train_model`.
        images: [N, C, H, W], as the network takes them.
        labels: [N].
        batch_size: pictures in a step.
        settings: seed, steps, lr and the rest, as `train_model` takes them.

    Returns:
        the network, in evaluation mode.
    """
    import torch.nn.functional as F

    from glassbook.data.pictures import shuffled

    rows = shuffled(len(images), batch_size, run.rng(f"order of {label}").seed)

    def batch(step: int) -> Batch:
        chosen = rows(step)
        return {"pixel_values": images[chosen], "labels": labels[chosen]}

    def objective(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return F.cross_entropy(model(batch["pixel_values"]), batch["labels"]), {}

    return train_model(run, label, make, objective, batch, **settings)


def train_sae(
    run: Run,
    label: str,
    activations: Source,
    d_in: int,
    width: int,
    rule: SparsityRule,
    *,
    batch_size: int,
    seed: int,
    **settings: Any,
) -> Dictionary:
    """A sparse autoencoder of activations, trained with checkpoints that a resumed run goes on from.

    Args:
        run: where metrics and progress go.
        label: names this training within the run.
        activations: see `features.fit_many`.
        d_in: their dimensions.
        width: number of latents.
        rule: which latents are active: TopK(32), JumpReLU(l0=32), ...
        batch_size: activations in a step.
        seed: of the weights and of the order of the activations.
        settings: steps, lr and the rest, as `features.fit_many` takes them.
    """
    import torch

    from glassbook.features import Dictionary

    torch.manual_seed(seed)
    sae = Dictionary(d_in, width, rule)
    train_saes(run, label, activations, [sae], batch_size=batch_size, seed=seed, **settings)
    return sae


def train_saes(
    run: Run,
    label: str,
    activations: Source,
    saes: Sequence[Dictionary],
    *,
    batch_size: int,
    seed: int,
    **settings: Any,
) -> None:
    """Train dictionaries on the same batches, in place; arguments as of `train_sae`."""
    from glassbook.features import fit_many

    fit_many(saes, activations, batch=batch_size, seed=seed, **loop_options(run, label), **settings)


def frozen_random(activations: Tensor, width: int, k: int, rng: Rng) -> Coder:
    """The random rival of a dictionary of these activations: see `features.frozen_random`.

    Args:
        activations: [N, d] that the dictionary is learnt from.
        width: its number of latents.
        k: how many of them are active.
        rng: of the directions.
    """
    from glassbook.features import frozen_random

    mean = activations[:50_000].mean(0)
    return frozen_random(activations.shape[1], width, k, mean, rng.torch())


def loop_options(run: Run, label: str) -> LoopOptions:
    """Arguments of any training that log to the run and go on from its checkpoints if it is resumed."""
    return {"run": run, "label": label, "checkpoint": run.folder / CHECKPOINTS / label, "resume": run.resumed}


def stage(run: Run, name: str, work: Callable[[], T]) -> T:
    """What `work` returns, computed once: a resumed run reads what was kept.

    Args:
        run: the run.
        name: names the stage within the run.
        work: returns JSON data with tensors in it (dicts with text keys, lists, numbers, text, None). It draws from
            generators of its own, never from torch's global one.
    """
    from glassbook.train import list_checkpoints, read_checkpoint, write_checkpoint

    folder = run.folder / CHECKPOINTS / name
    if not (run.resumed and list_checkpoints(folder)):
        tensors: dict[str, Tensor] = {}
        write_checkpoint(folder, 0, tensors, {"result": _without_tensors(work(), tensors)})
    tensors, facts = read_checkpoint(list_checkpoints(folder)[-1])
    return _with_tensors(facts["result"], tensors)


# --- numbers ------------------------------------------------------------------------------------------------------


def lead(scores: Mapping[str, float], name: str) -> float:
    """By how much a score exceeds the best of the others; negative if it does not."""
    return scores[name] - max(score for other, score in scores.items() if other != name)


def lag(scores: Mapping[str, float], name: str) -> float:
    """By how much a score stays below the worst of the others; negative if it does not."""
    return min(score for other, score in scores.items() if other != name) - scores[name]


def curves(run: Run, **metrics: str) -> list[dict[str, Any]]:
    """Logged metrics as rows of step, value and curve, for `charts.lines`: name of the curve -> name of the metric."""
    return [
        {"step": step, "value": value, "curve": name.replace("_", " ")}
        for name, metric in metrics.items()
        for step, value in zip(*run.metrics(metric), strict=True)
    ]


def _without_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    """`value` with a reference in place of each tensor, which goes into `tensors`."""
    import torch

    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().clone()
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"dict": {key: _without_tensors(item, tensors) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [_without_tensors(item, tensors) for item in value]}
    return value


def _with_tensors(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _with_tensors(item, tensors) for key, item in content.items()}
    items = [_with_tensors(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items

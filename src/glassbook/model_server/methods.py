"""Model server methods: one function for each request, over models that stay open between requests."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.model_server.attention import attention as patterns_of
from glassbook.model_server.available import WRITES, LensKind, file_stamps, resolve
from glassbook.model_server.chat_settings import read_chat
from glassbook.model_server.chatting import answers
from glassbook.model_server.latents import LatentModels
from glassbook.model_server.latents import latents as latents_of
from glassbook.model_server.lenses import open_lens
from glassbook.model_server.pictures import dictionaries_of, in_base64, look_at, read_pixels
from glassbook.model_server.sources import opened
from glassbook.model_server.steered_texts import Partial, steer_texts
from glassbook.nets import LanguageModel, PictureModel, open_model
from glassbook.nets.chat import can_chat, chat_prompt
from glassbook.nets.inference import decoding, fitting_threads
from glassbook.nets.live import watch_texts
from glassbook.notebook import Notebook
from glassbook.semantic_search import SemanticIndex, model_folder
from glassbook.steer.spec import FeatureSource, read_settings
from glassbook.trace import Site, read_sites, sites
from glassbook.trace.roles import blocks, self_test

MAX_OPEN = 2
"""How many models stay open."""
MAX_TOKENS = 1024
"""Tokens of the longest prompt of the attention and lens views."""


class OpenModels:
    """The open models of a notebook; the least recently used is closed first."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.with_latents = LatentModels(notebook, self.of_pictures)
        self._opened: OrderedDict[tuple[Any, ...], LanguageModel | PictureModel] = OrderedDict()
        self._semantic_index: tuple[Path, SemanticIndex] | None = None

    def open(self, name: str, tokenizer: str | None = None) -> LanguageModel | PictureModel:
        where = resolve(self.notebook, name)
        key = (name, tokenizer, file_stamps(where))
        if key not in self._opened:
            self._opened[key] = open_model(where, tokenizer)
            while len(self._opened) > MAX_OPEN:
                self._opened.popitem(last=False)
        self._opened.move_to_end(key)
        return self._opened[key]

    def semantic_index(self) -> SemanticIndex:
        """Semantic search over the notebook's pages, with the embedding model that glassbook.toml names now."""
        folder = model_folder(self.notebook)
        if self._semantic_index is None or self._semantic_index[0] != folder:
            self._semantic_index = folder, SemanticIndex(self.notebook, folder)
        return self._semantic_index[1]

    def of_pictures(self, name: str) -> PictureModel:
        pm = self.open(name)
        if not isinstance(pm, PictureModel):
            raise GlassbookError(f"{name} is a model of text and sees no pictures; choose a picture model")
        return pm

    def with_text(self, name: str) -> LanguageModel:
        lm = self.open(name)
        if isinstance(lm, PictureModel):
            raise GlassbookError(f"{name} is a picture model, which reads no text; its page shows what it sees")
        if lm.tokenizer is None:
            raise GlassbookError(f"{name} has no tokenizer beside it, so it can neither read nor write text")
        return lm


def describe(models: OpenModels, model: str, tokenizer: str | None = None) -> dict[str, Any]:
    """Size, context, blocks and sites of a model; `form` is a site's shape in words ("tokens × 128")."""
    lm = models.open(model, tokenizer)
    if isinstance(lm, PictureModel):
        return _describe_pictures(models.notebook, lm, model)
    with fitting_threads(lm.model, 1):
        found, longer = (_sites(lm, tokens) for tokens in (4, 5))
        checks = [asdict(check) for check in self_test(lm)]
    shapes = {site.name: site.shape for site in longer}
    return {
        "name": model,
        "kind": "text",
        "task": WRITES,
        "parameters": lm.parameters,
        "vocab": lm.vocab,
        "context": lm.context,
        "tokenizer": lm.tokenizer is not None,
        "chat": can_chat(lm),
        "blocks": blocks(lm.model),
        "sites": [
            {
                "name": s.name,
                "shape": list(s.shape),
                "form": _form(s.shape, shapes.get(s.name, s.shape)),
                "dtype": str(s.dtype).removeprefix("torch."),
            }
            for s in found
        ],
        "checks": checks,
    }


def _describe_pictures(notebook: Notebook, pm: PictureModel, name: str) -> dict[str, Any]:
    """Size, classes, sites and dictionaries of a model of pictures."""
    return {
        "name": name,
        "kind": "pictures",
        "task": pm.task,
        "parameters": pm.parameters,
        "size": pm.size,
        "channels": pm.channels,
        "classes": len(pm.classes),
        "blocks": pm.blocks,
        "sites": [
            {
                "name": s.name,
                "shape": list(s.shape),
                "form": " × ".join(map(str, s.shape[1:] or s.shape)),
                "dtype": str(s.dtype).removeprefix("torch."),
            }
            for s in sites(pm.model, **pm.example())
        ],
        "dictionaries": [kept._asdict() for kept in dictionaries_of(notebook, pm)],
    }


def look(
    models: OpenModels, model: str, pixels: str, width: int, height: int, dictionary: str | None = None
) -> dict[str, Any]:
    """What a model of pictures makes of one; see `pictures.look_at`, `pictures.read_pixels`."""
    pm = models.of_pictures(model)
    with fitting_threads(pm.model, pm.size**2):
        return look_at(models.notebook, pm, read_pixels(pixels, width, height), dictionary)


def make(models: OpenModels, model: str, seed: int = 0, count: int = 12) -> dict[str, Any]:
    """Pictures that a model makes of noise, each a PNG in base64."""
    import torch

    pm = models.of_pictures(model)
    noise = torch.randn(count, pm.latents, generator=torch.Generator().manual_seed(seed))
    return {"size": pm.size, "made": [in_base64(picture) for picture in pm.decode(noise)]}


def _sites(lm: LanguageModel, tokens: int) -> list[Site]:
    import torch

    return sites(lm.model, input_ids=torch.zeros(1, tokens, dtype=torch.long, device=lm.device))


def _form(shape: tuple[int, ...], longer: tuple[int, ...]) -> str:
    """A shape in words, from those for two lengths of a text: what differs counts tokens; a batch of 1 is left out.

    Shapes of other numbers of dimensions, which some routers have, are told as they are.
    """
    if len(shape) != len(longer):
        return " × ".join(map(str, shape))
    words = [str(n) if n == m else "tokens" for n, m in zip(shape, longer, strict=True)]
    return " × ".join(words[1:] if len(words) > 1 and words[0] == "1" else words)


def sample(
    models: OpenModels,
    partial: Partial,
    model: str,
    prompt: str = "",
    chat: bool = False,
    tokens: int = 60,
    temperature: float = 0.8,
    seed: int = 0,
) -> dict[str, Any]:
    """Text after a prompt, or a chat model's answer to it. Partial results: `text` so far, and `done` of `tokens`."""
    lm = models.with_text(model)
    asked = chat_prompt(lm, prompt) if chat else prompt

    def seen(texts: list[str], done: int) -> None:
        partial({"text": texts[0], "done": done, "tokens": tokens})

    seen([""], 0)
    with decoding(lm.model, 1), watch_texts(lm, [asked], seen):
        (text,) = lm.generate([asked], tokens=tokens, temperature=temperature, seed=seed)
    return {"prompt": prompt, "text": text}


def tokens(models: OpenModels, model: str, text: str) -> dict[str, Any]:
    lm = models.with_text(model)
    ids = lm.encode(text)
    return {"tokens": [{"id": i, "text": t} for i, t in zip(ids, lm.tokens(ids), strict=True)]}


def attention(models: OpenModels, model: str, prompt: str) -> dict[str, Any]:
    """Attention patterns of a prompt: for each layer and head [T, T]."""
    lm = models.with_text(model)
    ids = _ids(lm, prompt)
    with fitting_threads(lm.model, ids.numel()):
        patterns = patterns_of(lm, ids)
    return {
        "tokens": lm.tokens(ids[0]),
        "layers": [
            {"name": name, "heads": (pattern * 1000).round().div(1000).tolist()} for name, pattern in patterns.items()
        ],
    }


def lens(models: OpenModels, model: str, prompt: str, top: int = 3, kind: LensKind = "logit") -> dict[str, Any]:
    """What a lens reads from a prompt: for each layer and token its likeliest tokens."""
    lm = models.with_text(model)
    ids = _ids(lm, prompt)
    reads, layers = open_lens(models.notebook, model, lm, kind), []
    with fitting_threads(lm.model, ids.numel()):
        streams = read_sites(lm.model, {"input_ids": ids}, [f"{name}.out" for name in blocks(lm.model)])
        for name in blocks(lm.model):
            (logits,) = reads(name, streams[f"{name}.out"])
            best = logits.softmax(-1).topk(min(top, logits.shape[-1]), dim=-1)
            names = lm.tokens(best.indices.flatten())
            k = best.indices.shape[-1]
            cells = [
                [{"token": names[t * k + j], "p": round(p, 4)} for j, p in enumerate(row)]
                for t, row in enumerate(best.values.tolist())
            ]
            layers.append({"name": name, "cells": cells})
    return {"kind": kind, "tokens": lm.tokens(ids[0]), "layers": layers}


def activations(models: OpenModels, model: str, run: str, index: int, text: str) -> dict[str, Any]:
    """A feature's activation at each token of a text, as a share of the largest that its dashboard records."""
    lm = models.with_text(model)
    ids = _ids(lm, text)
    detector = opened(models.notebook, lm, FeatureSource(run=run, index=index)).detector
    if detector is None:
        raise GlassbookError(f"feature {index} of run {run} was never active, or reads another site; choose another")
    with fitting_threads(lm.model, ids.numel()):
        values = detector.read(lm, ids[0].tolist())
    return {"tokens": [[token, round(v, 4)] for token, v in zip(lm.tokens(ids[0]), values, strict=True)]}


def steer(models: OpenModels, partial: Partial, **params: Any) -> dict[str, Any]:
    """Prompts continued plainly and steered, with effect and damage; the parameters are `SteeringSettings`."""
    settings = read_settings(params)
    lm = models.with_text(settings.model)
    with decoding(lm.model, 1):
        return steer_texts(models.notebook, lm, settings, partial)


def chat(models: OpenModels, partial: Partial, **params: Any) -> dict[str, Any]:
    """A question to a chat model and to a base model; the parameters are `ChatSettings`."""
    return answers(models.with_text, read_chat(params), partial)


def latents(models: OpenModels, **params: Any) -> dict[str, Any]:
    """A picture's latents moved and decoded, or its noise removed; the parameters are `LatentSettings`."""
    return latents_of(models.with_latents, **params)


def similar(models: OpenModels, text: str, limit: int = 10) -> dict[str, Any]:
    """The sections of the notebook's pages nearest in meaning to a text, one for each page."""
    return {"found": [asdict(match) for match in models.semantic_index().search(text, limit)]}


def _ids(lm: LanguageModel, prompt: str) -> Any:
    import torch

    ids = lm.encode(prompt)
    longest = min(MAX_TOKENS, lm.context or MAX_TOKENS)
    if not ids or len(ids) > longest:
        raise GlassbookError(f"the prompt has {len(ids)} tokens; this view takes 1 to {longest}")
    return torch.tensor([ids], device=lm.device)


METHODS: dict[str, Callable[..., dict[str, Any]]] = {
    "open": describe,
    "sample": sample,
    "tokens": tokens,
    "attention": attention,
    "lens": lens,
    "activations": activations,
    "steer": steer,
    "chat": chat,
    "latents": latents,
    "look": look,
    "make": make,
    "similar": similar,
}
"""The requests that can be made, by name."""
WITH_PARTS = frozenset({"sample", "steer", "chat"})
"""Those that give parts of their result beforehand; they can be given up whenever they do."""


def handle(
    models: OpenModels, method: str, params: dict[str, Any], partial: Partial = lambda part: None
) -> dict[str, Any]:
    """The result of a request.

    Args:
        models: what is open.
        method: one of METHODS.
        params: its parameters.
        partial: called with parts of the result as they come; what it raises ends the request.
    """
    import torch

    if method not in METHODS:
        raise GlassbookError(f"there is no method {method!r}; use one of {', '.join(METHODS)}")
    with torch.no_grad():
        if method in WITH_PARTS:
            return METHODS[method](models, partial, **params)
        return METHODS[method](models, **params)

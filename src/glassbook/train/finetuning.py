"""Supervised fine-tuning on conversations: reading them, rows of whole ones, training all weights or LoRA adapters.

    lm = as_chat_model(open_language_model("builtin"))
    talks = read_conversations(lm, Path("talks.jsonl"))
    tuned = finetune(lm, talks, epochs=3, lr=3e-4, seed=0)            # or rank=8 for LoRA

The loss is on the answers and on what ends them. A row of tokens holds as many conversations as fit, none of them cut;
each begins as a text of its own does, so that one behind another learns to pay no attention to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.chat import encode_conversation
from glassbook.nets.language_model import LanguageModel
from glassbook.nets.lora import LoRA
from glassbook.train.objectives import Batch, next_token
from glassbook.train.optimisers import adamw
from glassbook.train.resumable import LoopOptions
from glassbook.train.schedules import linear
from glassbook.train.supervised import train

Conversation = tuple[Sequence[int], Sequence[int]]
"""Token ids and loss mask, as `encode_conversation` gives them."""
WARMUP = 0.07
"""Share of the steps until the peak learning rate."""
MISSES = 4
"""Conversations that fit into no row before a batch counts as full: more of them would favour short ones."""
OPEN = 64
"""Rows that are looked at for room; with all of them the time would grow with the square of the conversations."""
ROW = 256
"""Tokens of a row, unless the context is shorter or a conversation longer."""


def read_conversations(lm: LanguageModel, file: Path) -> list[Conversation]:
    """The conversations of a JSONL file: in each line {"messages": [{"role": ..., "content": ...}, ...]}.

    Args:
        lm: the chat model that is to learn them.
        file: UTF-8; empty lines are passed over.

    Raises:
        GlassbookError: the file cannot be read or holds no conversation; or a line, which is named, is no JSON or no
            conversation (`check_conversation`), or is longer than the model's context.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise GlassbookError(f"{file} cannot be read: {problem}") from problem
    found: list[Conversation] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            ids, mask = encode_conversation(lm, _messages(line))
        except GlassbookError as problem:
            raise GlassbookError(f"{file}, line {number}: {problem}") from problem
        if lm.context is not None and len(ids) > lm.context:
            raise GlassbookError(
                f"{file}, line {number}: the conversation has {len(ids)} tokens, {sum(mask)} of them answers, and "
                f"{lm.name} sees {lm.context} at once; shorten it"
            )
        found.append((ids, mask))
    if not found:
        raise GlassbookError(f"{file} holds no conversation; each line is one: {EXAMPLE}")
    return found


EXAMPLE = '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}'


def _messages(line: str) -> Sequence[dict[str, str]]:
    try:
        content = json.loads(line)
    except ValueError as problem:
        raise GlassbookError(f"this is no JSON ({problem})") from problem
    messages = content.get("messages") if isinstance(content, dict) else None
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise GlassbookError(f"this is no conversation; it looks like {EXAMPLE}")
    return messages


def fill_rows(conversations: Iterable[Conversation], rows: int, length: int, pad: int) -> Batch:
    """Whole conversations in `rows` rows, until several that come next fit into none.

    Args:
        conversations: those that fit nowhere are passed over; after `MISSES` of them no more are read.
        rows: R.
        length: T, tokens in a row.
        pad: id of what fills up a row; it stands behind everything, so nothing sees it, and no loss is on it.

    Returns:
        "input_ids" and "loss_mask", [R, T] each.
    """
    filled: list[list[Conversation]] = [[] for _ in range(rows)]
    left, missed = [length] * rows, 0
    for conversation in conversations:
        size = len(conversation[0])
        row = next((i for i, room in enumerate(left) if room >= size), None)
        if row is None:
            missed += 1
            if missed == MISSES:
                break
            continue
        filled[row].append(conversation)
        left[row] -= size
    return _as_batch(filled, length, pad)


def pack_rows(conversations: Iterable[Conversation], length: int, pad: int) -> Batch:
    """All conversations in as many rows as they need: each goes into the first of the last `OPEN` rows that has room.

    Args and returns are those of `fill_rows`.
    """
    filled: list[list[Conversation]] = []
    left: list[int] = []
    for conversation in conversations:
        size = len(conversation[0])
        row = next((i for i in range(max(0, len(left) - OPEN), len(left)) if left[i] >= size), len(left))
        if row == len(left):
            filled.append([])
            left.append(length)
        filled[row].append(conversation)
        left[row] -= size
    return _as_batch(filled, length, pad)


def _as_batch(filled: Sequence[Sequence[Conversation]], length: int, pad: int) -> Batch:
    ids, mask = torch.full((len(filled), length), pad), torch.zeros(len(filled), length, dtype=torch.long)
    for row, conversations in enumerate(filled):
        at = 0
        for tokens, counted in conversations:
            ids[row, at : at + len(tokens)] = torch.tensor(tokens)
            mask[row, at : at + len(tokens)] = torch.tensor(counted)
            # what begins a conversation is not to be predicted from the one before
            mask[row, at] = 0
            at += len(tokens)
    return {"input_ids": ids, "loss_mask": mask}


def finetune(
    lm: LanguageModel,
    conversations: Sequence[Conversation],
    *,
    epochs: int,
    lr: float,
    rank: int | None = None,
    batch_size: int = 8,
    new_tokens: bool = False,
    seed: int = 0,
    seen: Callable[[int, int, Tensor], object] = lambda done, steps, loss: None,
    **loop: Unpack[LoopOptions],
) -> LanguageModel:
    """Train a chat model on conversations, in place.

    Args:
        lm: the model; `as_chat_model` makes one.
        conversations: what it is to learn, from `read_conversations`.
        epochs: how often it sees each.
        lr: peak learning rate of AdamW; it rises over the first steps and falls to 0 over the second half.
        rank: train LoRA adapters of this rank and merge them at the end; None trains all weights.
        batch_size: rows in a step; a row holds several conversations (`ROW`).
        new_tokens: the vocabulary has new tokens, whose embeddings LoRA has to adapt, too.
        seed: of the order and of the adapters.
        seen: called after each step with the steps done, the steps in all and the loss.
        loop: checkpoint, resume, ... (see `LoopOptions`).

    Returns:
        the tuned model, in evaluation mode.

    Raises:
        GlassbookError: settings that cannot work, or what `train` raises.
        KeyboardInterrupt: as of `train`; a checkpoint was written first.
    """
    for name, value in {"epochs": epochs, "batch_size": batch_size}.items():
        if value < 1:
            raise GlassbookError(f"{name} = {value} must be at least 1")
    order = torch.randperm(len(conversations), generator=torch.Generator().manual_seed(seed)).tolist()
    length = max(min(ROW, lm.context or ROW), *(len(ids) for ids, _ in conversations))
    rows = pack_rows((conversations[i] for i in order), length, lm._pad())
    n = len(rows["input_ids"])
    batch_size = min(batch_size, n)
    per_epoch = -(-n // batch_size)
    steps = epochs * per_epoch

    def batches(step: int) -> Batch:
        epoch, at = divmod(step, per_epoch)
        shuffled = torch.randperm(n, generator=torch.Generator().manual_seed(seed + 1 + epoch))
        chosen = shuffled[at * batch_size : (at + 1) * batch_size]
        used = int(rows["input_ids"][chosen].ne(lm._pad()).any(0).nonzero().max()) + 1
        return {name: table[chosen, :used] for name, table in rows.items()}

    done, counted = 0, next_token()

    def objective(model: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        nonlocal done
        loss, metrics = counted(model, batch)
        done += 1
        seen(done, steps, loss.detach())
        return loss, metrics

    schedule = linear(warmup=max(1, round(WARMUP * steps)), share=0.5, floor=0.0)
    adapted = None if rank is None else LoRA(lm.model, rank, embeddings=new_tokens, seed=seed)
    trained = lm.model if adapted is None else adapted
    try:
        train(trained, objective, batches, steps=steps, lr=lr, schedule=schedule,
              optimiser=adamw(weight_decay=0.0), seed=seed, **loop)  # fmt: skip
    except BaseException:
        if adapted is not None:
            adapted.remove()
        raise
    model = lm.model if adapted is None else adapted.merge()
    return replace(lm, model=model.eval())

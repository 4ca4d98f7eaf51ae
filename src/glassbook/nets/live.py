"""What a generation has written so far, while it goes on: text for a terminal or a page, and a place to cancel.

Nothing of the generation changes. Each forward pass reads the tokens that the one before led to, so a hook on the model
sees them all but the last, which comes with the result.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from glassbook.nets.language_model import LanguageModel

PAUSE = 0.05
"""Seconds between two looks at the text; a reader sees no difference, and decoding takes time."""


@contextmanager
def watch_tokens(lm: LanguageModel, seen: Callable[[list[list[int]]], object]) -> Iterator[None]:
    """Follow the one generation that runs inside the block, token by token, with or without a KV cache.

        with watch_tokens(lm, lambda new: print(new)):
            lm.generate_ids(["One day"])

    Args:
        lm: the model that generates.
        seen: called at each step after the first with each row's new tokens so far, up to the one that ends a text.
            What it raises ends the generation and leaves the block.
    """
    ends = frozenset(lm._ends())
    rows: list[list[int]] | None = None
    ended: list[bool] = []

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        nonlocal rows, ended
        # XLNet and XLM read a placeholder after it, but they are masked models and do not open as language models
        newest = (kwargs["input_ids"] if "input_ids" in kwargs else args[0])[:, -1].tolist()
        if rows is None:  # the first call reads the prompts
            rows, ended = [[] for _ in newest], [False for _ in newest]
            return
        ended = [was or token in ends for was, token in zip(ended, newest, strict=True)]
        rows = [row if stop else [*row, token] for row, token, stop in zip(rows, newest, ended, strict=True)]
        seen(rows)

    handle = lm.model.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def watch_texts(
    lm: LanguageModel, prompts: Sequence[str], seen: Callable[[list[str], int], object], pause: float = PAUSE
) -> Iterator[None]:
    """The same, as text.

    Args:
        lm: the model that generates.
        prompts: what it continues.
        seen: called with the new text of each prompt so far, and how many tokens the longest has; first as soon as
            there is one. A character that is not complete is left out. What it raises ends the generation.
        pause: seconds between two calls at least.
    """
    encoded = [lm.encode(prompt) for prompt in prompts]
    due = 0.0

    def tokens_seen(new: list[list[int]]) -> None:
        nonlocal due
        if (now := time.monotonic()) < due:
            return
        due = now + pause
        texts = [lm.continuation(prompt, ids).rstrip("\ufffd") for prompt, ids in zip(encoded, new, strict=True)]
        seen(texts, max(map(len, new)))

    with watch_tokens(lm, tokens_seen):
        yield

"""Prompts of chat models: what a person says, in the form that the model was tuned on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.nets.language_model import LanguageModel
from glassbook.nets.tokenizer import one_line


def chat_prompt(lm: LanguageModel, messages: str | Sequence[Mapping[str, str]], system: str | None = None) -> str:
    """The text after which a chat model answers, by the chat template of its tokenizer.

    Args:
        lm: a chat model; its answer is `lm.generate([chat_prompt(lm, "Who wrote Hamlet?")])`.
        messages: what the user says, or a conversation: {"role": "user" or "assistant", "content": its text} each.
        system: the system message before it; None leaves it to the template.

    Raises:
        GlassbookError: the tokenizer has no chat template, or the template refuses the conversation.
    """
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else [dict(m) for m in messages]
    if system is not None:
        said.insert(0, {"role": "system", "content": system})
    tokenizer: Any = getattr(lm.tokenizer, "tokenizer", None)
    if not can_chat(lm):
        raise GlassbookError(f"{lm.name} has no chat template; it continues texts, so do not ask it as a chat")
    try:  # transformers renders templates in a sandbox
        return tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    except Exception as problem:  # a template raises what it likes
        raise GlassbookError(f"the chat template of {lm.name} refuses this: {one_line(problem)}") from problem


def can_chat(lm: LanguageModel) -> bool:
    """Whether the model's tokenizer has a chat template."""
    return bool(getattr(getattr(lm.tokenizer, "tokenizer", None), "chat_template", None))

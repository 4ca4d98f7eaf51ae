"""One question to a chat model, and the same question as a text that a base model goes on with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.model_server.chat_settings import ChatSettings
from glassbook.nets import LanguageModel
from glassbook.nets.chat import can_chat, chat_prompt, check_text
from glassbook.nets.inference import decoding
from glassbook.nets.live import watch_texts

ASSISTANT, BASE = "assistant", "base"


def answers(
    open_text: Callable[[str], LanguageModel], settings: ChatSettings, partial: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    """What the models write, greedily.

    Args:
        open_text: opens a language model by its name.
        settings: the question and the models.
        partial: called with `answers` so far, and `done` of so many `tokens`; what it raises ends it.

    Returns:
        question, and `answers`: "assistant" and, unless there is none, "base" -> {model, text, ended}; `ended` says
        whether it stopped by itself.

    Raises:
        GlassbookError: the model has no chat template, or the question does not fit.
    """
    names = {ASSISTANT: settings.model, BASE: settings.base}
    found: dict[str, dict[str, Any]] = {
        role: {"model": name, "text": "", "ended": False} for role, name in names.items() if name
    }
    total = len(found) * settings.tokens

    def tell(done: int) -> None:
        partial({"answers": {role: dict(one) for role, one in found.items()}, "done": done, "tokens": total})

    tell(0)
    for i, (role, answer) in enumerate(found.items()):
        lm = open_text(answer["model"])
        if role == ASSISTANT and not can_chat(lm):
            raise GlassbookError(f"{lm.name} has no chat template; `glassbook finetune` makes a chat model of it")
        check_text(lm, settings.question, "the question")
        prompt = chat_prompt(lm, settings.question) if can_chat(lm) else settings.question + "\n"

        def seen(texts: list[str], n: int, i: int = i, answer: dict[str, Any] = answer) -> None:
            answer["text"] = texts[0]
            tell(i * settings.tokens + n)

        with decoding(lm.model, 1), watch_texts(lm, [prompt], seen):
            (ids,) = lm.generate_ids([prompt], tokens=settings.tokens)
        answer |= {"text": lm.continuation(lm.encode(prompt), ids), "ended": len(ids) < settings.tokens}
    return {"question": settings.question, "answers": found}

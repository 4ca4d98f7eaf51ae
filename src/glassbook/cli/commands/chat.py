"""`glassbook chat`: talk with a chat model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from glassbook.cli.command import OnModel, Option, check_tokens, say
from glassbook.cli.output import GrowingText
from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel

PROMPT = "> "


@dataclass(frozen=True, kw_only=True)
class Chat(OnModel):
    """Talk with a chat model; text streams as it is written.

    Ctrl-C ends an answer, at the prompt it ends the chat, as the end of the input does. Without a terminal each line of
    the input is a message.
    """

    tokens: Annotated[int, Option("N", "120")] = 120
    """How many new tokens an answer has at most."""
    temperature: Annotated[float, Option("T", "0, greedy")] = 0.0
    """0 takes the likeliest token each time; above, logits are divided by it and sampled."""
    top_p: Annotated[float, Option("P", "0.95")] = 0.95
    """Sample only from the likeliest tokens that together hold this probability."""
    seed: Annotated[int, Option("N", "0")] = 0
    """Seed of the sampling."""
    system: Annotated[str | None, Option("TEXT", "none")] = None
    """Said before the conversation, to models whose template has a place for it."""

    def result(self) -> dict[str, Any]:
        check_tokens(self.tokens)
        lm = self.open_model()
        from glassbook.nets.chat import can_chat

        if not can_chat(lm):
            raise GlassbookError(
                f"{self.model} has no chat template, so it continues texts; `glassbook finetune` makes a chat model of "
                "it, `glassbook generate` lets it go on with a text"
            )
        messages: list[dict[str, str]] = []
        for text in _lines():
            try:
                answer = self.answer(lm, [*messages, {"role": "user", "content": text}])
            except GlassbookError as problem:
                if not sys.stdin.isatty():
                    raise
                say(f"error: {problem}")  # the chat goes on
                continue
            messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
        return {"model": self.model, "messages": messages}

    def answer(self, lm: LanguageModel, messages: list[dict[str, str]]) -> str:
        """The model's answer, printed as it comes; what of it there is after Ctrl-C."""
        from glassbook.nets.chat import chat_prompt, check_text
        from glassbook.nets.inference import decoding
        from glassbook.nets.live import watch_texts

        check_text(lm, messages[-1]["content"])
        forgotten = 0
        prompt = chat_prompt(lm, messages, self.system)
        while lm.context is not None and len(lm.encode(prompt)) + self.tokens > lm.context and len(messages) > 1:
            messages, forgotten = messages[2:], forgotten + 1
            prompt = chat_prompt(lm, messages, self.system)
        if forgotten:
            say(f"note: the first {forgotten} questions and answers are left out; they do not fit the context")
        shown, text = GrowingText(), ""

        def grow(texts: list[str], n: int) -> None:
            nonlocal text
            text = texts[0].lstrip()
            if not self.json:
                shown.grow(text)

        with decoding(lm.model, 1):
            try:
                with watch_texts(lm, [prompt], grow):
                    how = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
                    text = lm.generate([prompt], tokens=self.tokens, **how)[0].strip()
            except KeyboardInterrupt:
                if not self.json:
                    shown.stop()
                return text.strip()
        if not self.json:
            shown.end(text)
        return text

    def show(self, result: dict[str, Any]) -> None:
        """Everything has been printed."""


def _lines() -> Iterator[str]:
    """What the user says, message by message."""
    while True:
        try:
            text = input(PROMPT) if sys.stdin.isatty() else sys.stdin.readline()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if not text and not sys.stdin.isatty():
            return
        if text.strip():
            yield text.strip()


ACTIONS = {"": Chat}

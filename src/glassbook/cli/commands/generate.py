"""`glassbook generate`: continue a prompt."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from glassbook.cli.app import Interrupted
from glassbook.cli.command import OnModel, Option, Positional, as_asked, check_tokens
from glassbook.cli.output import GrowingText

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel


@dataclass(frozen=True, kw_only=True)
class Generate(OnModel):
    """Continue a prompt, greedily unless --temperature says otherwise."""

    prompt: Annotated[Positional[str], Option("PROMPT")]
    """The text to continue; "" lets the model begin."""
    tokens: Annotated[int, Option("N", "40")] = 40
    """How many new tokens at most."""
    temperature: Annotated[float, Option("T", "0, greedy")] = 0.0
    """0 takes the likeliest token each time; above, logits are divided by it and sampled."""
    top_p: Annotated[float, Option("P", "1")] = 1.0
    """Sample only from the likeliest tokens that together hold this probability."""
    seed: Annotated[int, Option("N", "0")] = 0
    """Seed of the sampling."""
    chat: bool = False
    """Put the prompt to a chat model as its user, by the model's chat template."""

    def result(self) -> dict[str, Any]:
        check_tokens(self.tokens)
        lm = self.open_model()
        sampling = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        prompt = as_asked(lm, self.prompt, self.chat)
        prompt_ids = lm.encode(prompt)
        new_ids = self.generate(lm, prompt, sampling)
        return {
            "model": self.model,
            "prompt": self.prompt,
            "text": lm.continuation(prompt_ids, new_ids),
            "prompt_token_ids": prompt_ids,
            "generated_token_ids": new_ids,
            "token_ids": prompt_ids + new_ids,
            **sampling,
            "chat": self.chat,
        }

    def generate(self, lm: LanguageModel, prompt: str, sampling: dict[str, Any]) -> list[int]:
        """The new token ids; a terminal shows the text as it comes."""
        from glassbook.nets.inference import decoding
        from glassbook.nets.live import watch_texts

        with decoding(lm.model, 1):
            if self.json or not sys.stdout.isatty():
                return lm.generate_ids([prompt], tokens=self.tokens, **sampling)[0]
            shown = GrowingText()
            try:
                with watch_texts(lm, [prompt], lambda texts, _: shown.grow(self.whole(texts[0]))):
                    ids = lm.generate_ids([prompt], tokens=self.tokens, **sampling)[0]
            except KeyboardInterrupt:
                shown.stop()
                raise Interrupted("interrupted; the text ends here") from None
            shown.end(self.whole(lm.continuation(lm.encode(prompt), ids)))
            return ids

    def whole(self, text: str) -> str:
        """What is printed of new text: the answer of a chat alone, else the prompt before it."""
        return text.strip() if self.chat else self.prompt + text

    def show(self, result: dict[str, Any]) -> None:
        if not sys.stdout.isatty():  # a terminal has it already
            print(self.whole(result["text"]))


ACTIONS = {"": Generate}

"""`glassbook generate`: continue a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from glassbook.cli.command import OnModel, Option, Positional, as_asked, check_tokens


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
        new_ids = lm.generate_ids([prompt], tokens=self.tokens, **sampling)[0]
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

    def show(self, result: dict[str, Any]) -> None:
        print(result["text"].strip() if result["chat"] else result["prompt"] + result["text"])


ACTIONS = {"": Generate}

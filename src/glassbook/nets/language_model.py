"""A language model together with its tokenizer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.devices import input_device
from glassbook.nets.inference import fitting_threads
from glassbook.nets.likelihood import next_token_nll
from glassbook.nets.positions import first_position
from glassbook.nets.tokenizer import Tokenizer
from glassbook.nets.transformer import LM

_CONTEXT = ("max_position_embeddings", "max_seq_len", "max_target_positions")
"""What configs of transformers call the context."""


@dataclass(frozen=True)
class LanguageModel:
    """A model and its tokenizer, side by side: the module stays what it is and can be hooked, moved or trained.

    Args:
        model: our `LM`, or any causal language model of transformers.
        tokenizer: None if none was found; then everything that needs text says so.
        name: what it was opened as.
        ends: ids of the tokens that end a text, as the settings beside the model name them. Without any, those of the
            model's `generation_config` count, and without these the tokenizer's.
        pads_left, pads_right: False if it reads pads on that side as text, or counts positions from them (`open_model`
            finds out): `batch` refuses them then.
    """

    model: nn.Module
    tokenizer: Tokenizer | None
    name: str
    ends: tuple[int, ...] = ()
    pads_left: bool = True
    pads_right: bool = True

    @property
    def context(self) -> int | None:
        """The longest sequence it was made for, in tokens; None if it has no such limit."""
        if isinstance(self.model, LM):
            return self.model.config.context
        limits = (getattr(self._text_config, name, None) for name in _CONTEXT)
        limit = next((limit for limit in limits if limit is not None and limit > 0), None)
        return None if limit is None else limit - (self._first_position or 0)

    @property
    def vocab(self) -> int:
        """Number of tokens the model tells apart: the width of its logits."""
        if isinstance(self.model, LM):
            return self.model.config.vocab
        return self._text_config.vocab_size

    @property
    def device(self) -> torch.device:
        """Where the model's inputs belong (`input_device`)."""
        return input_device(self.model)

    @property
    def parameters(self) -> int:
        """Number of parameters, shared ones counted once."""
        return sum(p.numel() for p in self.model.parameters())

    def encode(self, text: str, bos: bool = True) -> list[int]:
        """Token ids of a text, behind the tokens that the tokenizer puts first if `bos` is true: most put one.

        A text that begins with the name of a special token, as a chat template writes it, is taken as it is.

        Raises:
            GlassbookError: no tokenizer, or the text holds a token that only the tokenizer knows, not the model.
        """
        tokenizer = self._tokenizer()
        ids = tokenizer.encode(text)
        if bos and not any(map(tokenizer.special, ids[:1])):
            ids = [*tokenizer.prefix, *ids]
        if ids and not self._knows(largest := max(ids)):
            raise GlassbookError(
                f"{tokenizer.token(largest)!r} is token {largest}, and {self.name} knows only {self.vocab} tokens; "
                "leave it out of the text, or pass the tokenizer that the model was trained with"
            )
        return ids

    @property
    def opening(self) -> str:
        """A prompt for a model that is to write by itself: "" if a token begins its texts, else a first word."""
        return "" if self.encode("") else "Once"

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """The text of token ids [T]; special tokens are left out."""
        return self._tokenizer().decode(_ints(ids))

    def tokens(self, ids: Sequence[int] | Tensor) -> list[str]:
        """Each of the token ids [T] as a person should see it, specials included.

        Many models have more ids than their tokenizer has tokens; one without a token is shown as "<id>".

        Raises:
            GlassbookError: no tokenizer, or an id that neither the tokenizer nor the model has.
        """
        tokenizer = self._tokenizer()
        return [self._shown(tokenizer, id) for id in _ints(ids)]

    def batch(
        self, texts: Sequence[str], bos: bool = True, pad: Literal["left", "right"] = "left", cut: bool = False
    ) -> dict[str, Tensor]:
        """Texts of any length as one batch, on the model's device.

        Args:
            texts: B texts.
            bos: begin each with the beginning-of-sequence token, if there is one.
            pad: the side the short ones are filled up on. Left is needed to generate.
            cut: of a text beyond the model's context take the beginning that fits, instead of refusing it.

        Returns:
            "input_ids" [B, T] and "attention_mask" [B, T] (1 for real tokens), to be passed as `model(**batch)`. With
            pads on the left also "position_ids" [B, T], which do not count pads, if the model takes them: each text's
            outputs are those that it has alone.

        Raises:
            GlassbookError: there is no text, one that gives no token at all, or one beyond the context; or pads on
                a side, of a model that reads them there as text.
        """
        rows = [self.encode(text, bos) for text in texts]
        return self.batch_ids([row[: self.context] for row in rows] if cut else rows, pad)

    def batch_ids(self, rows: Sequence[Sequence[int]], pad: Literal["left", "right"] = "left") -> dict[str, Tensor]:
        """The same of token ids: B rows of at least one token each."""
        if not rows or not all(rows):
            raise GlassbookError("there is an empty text, and no beginning-of-sequence token stands for it")
        length = max(map(len, rows))
        self.check_fits(length)
        sides = {"left": self.pads_left, "right": self.pads_right}
        if not sides[pad] and min(map(len, rows)) < length:
            other = next((f", or pad on the {side}" for side, fits in sides.items() if fits), "")
            raise GlassbookError(
                f"{self.name} reads pads on the {pad} as text; give it texts of one length or one at a time{other}"
            )
        ids = torch.full((len(rows), length), self._pad(), dtype=torch.long)
        mask = torch.zeros(len(rows), length, dtype=torch.long)
        for i, row in enumerate(rows):
            real = slice(length - len(row), length) if pad == "left" else slice(len(row))
            ids[i, real] = torch.tensor(row)
            mask[i, real] = 1
        inputs = {"input_ids": ids, "attention_mask": mask}
        if pad == "left" and self._first_position is not None:
            inputs["position_ids"] = (mask.cumsum(1) - 1).clamp_min(0) + self._first_position
        return {key: value.to(self.device) for key, value in inputs.items()}

    def check_fits(self, length: int) -> None:
        """GlassbookError if `length` tokens exceed the model's context."""
        if self.context is not None and length > self.context:
            raise GlassbookError(f"{length} tokens exceed {self.name}'s context of {self.context}; shorten the texts")

    def generate(
        self,
        prompts: str | Sequence[str],
        tokens: int = 40,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        use_cache: bool = True,
    ) -> list[str]:
        """Continue each prompt, all in one batch.

        Args:
            prompts: texts; a single one counts as a list of one.
            tokens: at most this many new tokens for each.
            temperature: 0 takes the likeliest token each time; above, logits are divided by it and sampled.
            top_p: sample only from the likeliest tokens that together hold this probability.
            seed: of the sampling; the same seed gives the same texts, and the global generators are left alone.
            use_cache: keep keys and values of the past.

        Returns:
            The new text of each prompt, without the prompt and without special tokens.

        Raises:
            GlassbookError: the model has no tokenizer, a prompt is empty, or prompt and new tokens exceed the context;
                or prompts of several lengths, for a model that reads pads as text.
        """
        prompts = [prompts] if isinstance(prompts, str) else list(prompts)
        new = self.generate_ids(prompts, tokens, temperature, top_p, seed, use_cache)
        return [self.continuation(self.encode(prompt), ids) for prompt, ids in zip(prompts, new, strict=True)]

    def generate_ids(
        self,
        prompts: Sequence[str],
        tokens: int = 40,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        use_cache: bool = True,
    ) -> list[list[int]]:
        """As `generate`, but the ids of the new tokens, up to the one that ends a text."""
        if temperature < 0 or not 0 < top_p <= 1:
            raise GlassbookError(f"temperature {temperature} must be at least 0, top_p {top_p} in (0, 1]")
        batch = self.batch(prompts)
        length = batch["input_ids"].shape[1]
        if self.context is not None and length + tokens > self.context:
            raise GlassbookError(
                f"the longest prompt has {length} tokens; with {tokens} new ones it exceeds {self.name}'s context "
                f"of {self.context}; shorten the prompt or ask for fewer tokens"
            )
        with fitting_threads(self.model, len(prompts)):
            ids = self._generate(batch, tokens, temperature, top_p, seed, use_cache)
        return [self._until_end(row[length:]) for row in ids.tolist()]

    def continuation(self, prompt: Sequence[int], new: Sequence[int]) -> str:
        """The text of new token ids that follow those of a prompt (one at least)."""
        # a tokenizer may drop the first space of what it decodes, so decode with the last prompt token before it
        last = list(prompt[-1:])
        return self.decode([*last, *new]).removeprefix(self.decode(last))

    def continuation_nll(self, prompts: Sequence[str], new: Sequence[list[int]]) -> Tensor:
        """Negative log-likelihood of continuations, nats: [n], each summed over its tokens.

        Args:
            prompts: texts.
            new: token ids that continue each of them, from `generate_ids`; [] counts 0.
        """
        rows = [self.encode(prompt) + ids for prompt, ids in zip(prompts, new, strict=True)]
        batch = self.batch_ids(rows, pad="right")
        lengths, counts = (torch.tensor([len(x) for x in xs], device=self.device)[:, None] for xs in (rows, new))
        position = torch.arange(batch["input_ids"].shape[1], device=self.device)[None]
        with torch.no_grad():
            nll = next_token_nll(self.model, batch["input_ids"], batch["attention_mask"])
        counted = ((position >= lengths - counts) & (position < lengths))[:, 1:]
        return nll.masked_fill(~counted, 0).sum(1)

    def _generate(
        self, batch: dict[str, Tensor], tokens: int, temperature: float, top_p: float, seed: int, use_cache: bool
    ) -> Tensor:
        """[B, T + n]; from transformers' own generate with nothing left to a checkpoint's generation settings."""
        if isinstance(self.model, LM):
            return self.model.generate(
                **batch,
                max_new_tokens=tokens,
                temperature=temperature,
                top_p=top_p,
                eos_token_id=self._ends(),
                use_cache=use_cache,
                generator=torch.Generator(self.device).manual_seed(seed),
            )
        from transformers import GenerationConfig

        from glassbook.nets.io.hugging_face import quiet

        settings = GenerationConfig(
            max_new_tokens=tokens, use_cache=use_cache, pad_token_id=self._pad(), eos_token_id=self._ends() or None
        )
        if temperature > 0:
            # top_k is 50 unless one says otherwise
            settings.update(do_sample=True, temperature=temperature, top_p=top_p, top_k=0)
        # transformers samples from the global generators: seed copies of them
        devices = [self.device] if self.device.type == "cuda" else []
        with quiet(), _neutral(self.model), torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            return cast(Any, self.model).generate(**batch, generation_config=settings)

    def _until_end(self, row: list[int]) -> list[int]:
        ends = self._ends()
        return row[: next((i for i, id in enumerate(row) if id in ends), len(row))]

    def _ends(self) -> list[int]:
        """Ids that end a text: chat models have several."""
        settings = getattr(self.model, "generation_config", None)
        for ends in (self.ends, getattr(settings, "eos_token_id", None), self._tokenizer().eos):
            ids = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
            if known := [id for id in ids if self._knows(id)]:
                return known
        return []

    def _pad(self) -> int:
        """What fills up a batch; the attention mask hides it, so without a pad token any token will do."""
        ids = (self.tokenizer.pad, self.tokenizer.eos) if self.tokenizer is not None else ()
        return next((id for id in ids if id is not None and self._knows(id)), 0)

    def _shown(self, tokenizer: Tokenizer, id: int) -> str:
        try:
            return tokenizer.token(id)
        except GlassbookError:
            if not self._knows(id):
                raise
            return f"<{id}>"

    def _knows(self, id: int) -> bool:
        """Whether the model has a row for a token id, as far as it says how many it has."""
        limit = self.vocab if isinstance(self.model, LM) else getattr(self._text_config, "vocab_size", None)
        return id >= 0 and (limit is None or id < limit)

    def _tokenizer(self) -> Tokenizer:
        if self.tokenizer is None:
            raise GlassbookError(
                f"{self.name} has no tokenizer beside it; pass tokenizer= a tokenizer.json, a folder, a llama2.c "
                'tokenizer .bin, or "bytes" if the model reads bytes'
            )
        return self.tokenizer

    @property
    def _text_config(self) -> Any:
        config = getattr(self.model, "config", None)
        return None if config is None else cast(Any, config).get_text_config()

    @cached_property
    def _first_position(self) -> int | None:
        return first_position(self.model)


@contextmanager
def _neutral(model: Any) -> Iterator[None]:
    """No generation settings of the model's own inside: transformers takes from them what a call leaves open."""
    own = model.generation_config
    model.generation_config = type(own)()
    try:
        yield
    finally:
        model.generation_config = own


def _ints(ids: Sequence[int] | Tensor) -> list[int]:
    return ids.tolist() if isinstance(ids, Tensor) else list(ids)

"""A language model together with its tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.likelihood import next_token_nll
from glassbook.nets.tokenizer import Tokenizer
from glassbook.nets.transformer import LM


@dataclass(frozen=True)
class LanguageModel:
    """A model and its tokenizer, side by side: the module stays what it is and can be hooked, moved or trained.

    Args:
        model: our `LM`, or any causal language model of transformers.
        tokenizer: None if none was found; then everything that needs text says so.
        name: what it was opened as.
    """

    model: nn.Module
    tokenizer: Tokenizer | None
    name: str

    @property
    def context(self) -> int | None:
        """The longest sequence it was made for, in tokens; None if it has no such limit."""
        if isinstance(self.model, LM):
            return self.model.config.context
        return getattr(self._text_config, "max_position_embeddings", None)

    @property
    def vocab(self) -> int:
        """Number of tokens the model tells apart: the width of its logits."""
        if isinstance(self.model, LM):
            return self.model.config.vocab
        return self._text_config.vocab_size

    @property
    def device(self) -> torch.device:
        """Where the model's parameters are."""
        return next(self.model.parameters()).device

    @property
    def parameters(self) -> int:
        """Number of parameters, shared ones counted once."""
        return sum(p.numel() for p in self.model.parameters())

    def encode(self, text: str, bos: bool = True) -> list[int]:
        """Token ids of a text, after the beginning-of-sequence token if there is one and `bos` is true."""
        tokenizer = self._tokenizer()
        first = [tokenizer.bos] if bos and tokenizer.bos is not None else []
        return first + tokenizer.encode(text)

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """The text of token ids [T]; special tokens are left out."""
        return self._tokenizer().decode(_ints(ids))

    def tokens(self, ids: Sequence[int] | Tensor) -> list[str]:
        """Each of the token ids [T] as a person should see it, specials included."""
        tokenizer = self._tokenizer()
        return [tokenizer.token(id) for id in _ints(ids)]

    def batch(
        self, texts: Sequence[str], bos: bool = True, pad: Literal["left", "right"] = "left"
    ) -> dict[str, Tensor]:
        """Texts of any length as one batch, on the model's device.

        Args:
            texts: B texts.
            bos: begin each with the beginning-of-sequence token, if there is one.
            pad: the side the short ones are filled up on. Left is needed to generate.

        Returns:
            "input_ids" [B, T] and "attention_mask" [B, T] (1 for real tokens), to be passed as `model(**batch)`.

        Raises:
            GlassbookError: there is no text, or one that gives no token at all.
        """
        rows = [self.encode(text, bos) for text in texts]
        if not rows or not all(rows):
            raise GlassbookError("there is an empty text, and no beginning-of-sequence token stands for it")
        return self.batch_ids(rows, pad)

    def batch_ids(self, rows: Sequence[Sequence[int]], pad: Literal["left", "right"] = "left") -> dict[str, Tensor]:
        """The same of token ids: B rows of at least one token each."""
        length = max(map(len, rows))
        ids = torch.full((len(rows), length), self._pad(), dtype=torch.long)
        mask = torch.zeros(len(rows), length, dtype=torch.long)
        for i, row in enumerate(rows):
            real = slice(length - len(row), length) if pad == "left" else slice(len(row))
            ids[i, real] = torch.tensor(row)
            mask[i, real] = 1
        return {"input_ids": ids.to(self.device), "attention_mask": mask.to(self.device)}

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
            GlassbookError: the model has no tokenizer, a prompt is empty, or prompt and new tokens exceed the context.
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
        if isinstance(self.model, LM):
            ids = self.model.generate(
                **batch,
                max_new_tokens=tokens,
                temperature=temperature,
                top_p=top_p,
                eos_token_id=self._tokenizer().eos,
                use_cache=use_cache,
                generator=torch.Generator(self.device).manual_seed(seed),
            )
        else:
            ids = self._generate_transformers(batch, tokens, temperature, top_p, seed, use_cache)
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

    def _generate_transformers(
        self, batch: dict[str, Tensor], tokens: int, temperature: float, top_p: float, seed: int, use_cache: bool
    ) -> Tensor:
        """[B, T + n] from transformers' own generate, with nothing left to a checkpoint's generation settings."""
        from glassbook.nets.io.hugging_face import quiet

        sampling: dict[str, Any] = {"do_sample": False}
        if temperature > 0:
            # top_k is 50 unless one says otherwise
            sampling = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
        # transformers samples from the global generators: seed copies of them
        devices = [self.device] if self.device.type == "cuda" else []
        with quiet(), torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            return cast(Any, self.model).generate(
                **batch,
                max_new_tokens=tokens,
                num_beams=1,
                repetition_penalty=1.0,
                use_cache=use_cache,
                pad_token_id=self._pad(),
                eos_token_id=self._ends() or None,
                **sampling,
            )

    def _until_end(self, row: list[int]) -> list[int]:
        ends = self._ends()
        return row[: next((i for i, id in enumerate(row) if id in ends), len(row))]

    def _ends(self) -> list[int]:
        """Ids that end a text: chat models of transformers have several."""
        settings = getattr(self.model, "generation_config", None)
        ends = getattr(settings, "eos_token_id", None)
        if ends is None:
            ends = self._tokenizer().eos
        return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)

    def _pad(self) -> int:
        """What fills up a batch; the attention mask hides it, so without a pad token any token will do."""
        tokenizer = self._tokenizer()
        return next((id for id in (tokenizer.pad, tokenizer.eos) if id is not None), 0)

    def _tokenizer(self) -> Tokenizer:
        if self.tokenizer is None:
            raise GlassbookError(
                f"{self.name} has no tokenizer beside it; pass tokenizer= a tokenizer.json, a folder, a llama2.c "
                'tokenizer .bin, or "bytes" if the model reads bytes'
            )
        return self.tokenizer

    @property
    def _text_config(self) -> Any:
        return cast(Any, self.model).config.get_text_config()


def _ints(ids: Sequence[int] | Tensor) -> list[int]:
    return ids.tolist() if isinstance(ids, Tensor) else list(ids)

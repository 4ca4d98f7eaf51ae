"""What `finetune` trains on and measures: rows of conversations and of replayed text, answers, bits per byte."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from glassbook.experiments import kit

if TYPE_CHECKING:
    from glassbook.data.world.dialogues import Dialogue, Dialogues
    from glassbook.experiments.kit import Batches
    from glassbook.nets import LanguageModel
    from glassbook.notebook.runs.rng import Rng

ANSWER = 48
"""Tokens that an answer has at most; the longest right one has about 40."""
AHEAD = 4096
"""Different conversations of a training, unless it needs more."""


@dataclass(frozen=True)
class Rows:
    """The batches of one tuning.

    Attributes:
        conversations: rows of a batch that hold whole conversations, with the loss on the answers.
        replayed: rows of a batch that hold the text of the pre-training, with the loss on all of it.
        length: tokens in a row.
    """

    conversations: int
    replayed: int
    length: int

    def batches(self, chat: LanguageModel, talks: Sequence[Dialogue], rng: Rng) -> Batches:
        """step -> the batch of that step; a conversation comes back after all others have been used.

        Args:
            chat: whose chat template writes the conversations.
            talks: the conversations.
            rng: of their order, and of the replayed text.
        """
        import torch

        from glassbook.nets.chat import encode_conversation
        from glassbook.train.finetuning import fill_rows

        tokenizer = kit.tokenizer_of(chat)
        encoded = [encode_conversation(chat, talk.messages) for talk in talks]
        text = kit.reserve(tokenizer, max(self.replayed, 1), self.length, rng.child("replay").seed)
        shuffle = rng.child("order").seed

        def batch(step: int) -> dict[str, Any]:
            drawn = random.Random(f"{shuffle}-{step}").sample(encoded, len(encoded))
            rows = fill_rows(drawn, self.conversations, self.length, tokenizer.pad or 0)
            if self.replayed:
                ids = text(step)["input_ids"]
                more = {"input_ids": ids, "loss_mask": torch.ones_like(ids)}
                rows = {name: torch.cat([table, more[name]]) for name, table in rows.items()}
            return rows

        return batch


def shuffled_answers(talks: Sequence[Dialogue], rng: Rng) -> list[Dialogue]:
    """The same questions, each with the answer to another question of the same kind about the same relation."""
    draw, groups = random.Random(rng.seed), dict[Any, list[int]]()
    for i, talk in enumerate(talks):
        groups.setdefault((talk.kind, talk.subject[1]), []).append(i)
    out = list(talks)
    for places in groups.values():
        for here, there in zip(places, draw.sample(places, len(places)), strict=True):
            out[here] = replace(talks[here], answer=talks[there].answer)
    return out


@dataclass(frozen=True)
class Answered:
    """A question, what a model answered, and whether it ended by itself."""

    dialogue: Dialogue
    text: str
    ended: bool

    @property
    def right(self) -> bool:
        return self.dialogue.right(self.text)

    @property
    def formed(self) -> bool:
        """In form, and it stopped."""
        return self.ended and self.dialogue.in_form(self.text)


def ask(lm: LanguageModel, dialogues: Sequence[Dialogue], chat: bool = True) -> list[Answered]:
    """Greedy answers to questions.

    Args:
        lm: the model.
        dialogues: the questions.
        chat: put them by the chat template; else as a text that the model goes on with, one line below.
    """
    from glassbook.nets.chat import chat_prompt
    from glassbook.nets.inference import decoding

    found = []
    for at in range(0, len(dialogues), 64):
        asked = dialogues[at : at + 64]
        prompts = [chat_prompt(lm, d.prompt) if chat else d.prompt + "\n" for d in asked]
        with decoding(lm.model, len(asked)):
            new = lm.generate_ids(prompts, tokens=ANSWER)
        found += [Answered(d, lm.decode(ids).strip(), len(ids) < ANSWER) for d, ids in zip(asked, new, strict=True)]
    return found


def share(answered: Sequence[Answered], what: str = "right") -> float:
    """Share of answers that are "right", or "formed"."""
    return sum(getattr(a, what) for a in answered) / len(answered)


def native_right(lm: LanguageModel, dialogues: Dialogues) -> float:
    """Share of the held-out facts that a model knows in the form of its own text, "Question: ... Answer: ..."."""
    from glassbook.data.world.dialogues import ASK
    from glassbook.nets.inference import decoding

    asked = [dialogues.ask(*pair, ASK[pair[1]][0]) for pair in sorted(dialogues.held_out)]
    prompts = [f"Question: {d.question[0].lower()}{d.question[1:]} Answer:" for d in asked]
    with decoding(lm.model, len(prompts)):
        texts = lm.generate(prompts, tokens=8)
    return sum(d.right(text.partition(".")[0]) for d, text in zip(asked, texts, strict=True)) / len(asked)


def bits_per_byte(lm: LanguageModel, n: int, seed: int) -> float:
    """Bits per byte of `n` texts of the Reserve; special tokens are in neither sum."""
    import torch

    from glassbook.data.world import World
    from glassbook.nets import next_token_nll

    texts = [document.text for document in islice(World().stream(seed), n)]
    tokenizer, nats, size = kit.tokenizer_of(lm), 0.0, 0
    for at in range(0, n, 64):
        batch = lm.batch(texts[at : at + 64], pad="right", cut=True)
        with torch.inference_mode():
            nll = next_token_nll(lm.model, batch["input_ids"], batch["attention_mask"])
        real = batch["attention_mask"][:, 1:].bool()
        nats += float(nll[real].double().sum())
        size += sum(len(tokenizer.decode(row[row.ne(tokenizer.pad or -1)].tolist()).encode())
                    for row in batch["input_ids"])  # fmt: skip
    return nats / size / math.log(2)

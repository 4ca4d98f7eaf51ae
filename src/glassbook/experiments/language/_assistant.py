"""What `finetune` trains on and measures: batches of conversations and of replayed text, answers, bits per byte."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from glassbook.errors import GlassbookError
from glassbook.experiments import kit

if TYPE_CHECKING:
    from glassbook.data.world.dialogues import Dialogue, Dialogues
    from glassbook.experiments.kit import Batches
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run
    from glassbook.notebook.runs.rng import Rng
    from glassbook.train.finetuning import Conversation

ANSWER = 48
"""Tokens that an answer has at most; the longest right one has about 40."""
DRAWN = 64
"""Conversations that a batch is filled from, at random; it holds fewer."""
WARMUP = 20
"""Updates until the peak learning rate."""


@dataclass(frozen=True)
class Tuning:
    """One tuning: how much, and on what.

    Attributes:
        steps: updates.
        lr: peak learning rate; it falls to 0 over the second half.
        conversations: rows of a batch that hold whole conversations, with the loss on the answers.
        replayed: rows of a batch that hold the text of the pre-training, with the loss on all of it.
        length: tokens in a row.
    """

    steps: int
    lr: float
    conversations: int
    replayed: int
    length: int

    def train(self, run: Run, label: str, chat: LanguageModel, new: bool, encoded: Sequence[Conversation]) -> Any:
        """A copy of a chat model tuned on conversations; with `new` one of its shape, from random weights."""
        from glassbook.nets import LM
        from glassbook.train import adamw, linear, next_token

        if not isinstance(chat.model, LM):
            raise GlassbookError(
                f"{chat.name} is no model of Glassbook's own kind; `glassbook finetune` tunes any other"
            )
        make = partial(LM, chat.model.config) if new else partial(copy.deepcopy, chat.model)
        model = kit.train_model(
            run, label, make, next_token(), self.batches(chat, encoded, run.rng("batches")),
            steps=self.steps, lr=self.lr, schedule=linear(warmup=WARMUP, share=0.5, floor=0.0),
            optimiser=adamw(weight_decay=0.0),
            seed=run.rng(f"weights of {label}").seed,
        )  # fmt: skip
        return replace(chat, model=model, name=label)

    def batches(self, chat: LanguageModel, encoded: Sequence[Conversation], rng: Rng) -> Batches:
        """step -> the batch of that step: whole conversations, drawn at random, and replayed text."""
        import torch

        from glassbook.train.finetuning import fill_rows

        tokenizer = kit.tokenizer_of(chat)
        text = kit.reserve(tokenizer, max(self.replayed, 1), self.length, rng.child("replay").seed)
        draw = rng.child("order").seed

        def batch(step: int) -> dict[str, Any]:
            drawn = random.Random(f"{draw}-{step}").sample(encoded, min(DRAWN, len(encoded)))
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
        """Whether it names the right value and no other."""
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


def table(
    answered: Sequence[Sequence[Answered]], untuned: Sequence[Answered], of_each: int = 7
) -> list[dict[str, Any]]:
    """Some questions of each kind, evenly spread, with the answers of the assistant and of the base, and a mark."""
    before, rows = iter(untuned), []
    for some in answered:
        every = max(1, len(some) // of_each)
        for i, (answer, base) in enumerate(zip(some, before, strict=False)):
            if i % every == 0 and i // every < of_each:
                mark = "right" if answer.right else "wrong"
                texts = {"question": answer.dialogue.prompt, "assistant": answer.text, "base": base.text}
                rows.append({**texts, "mark": mark})
    return rows


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

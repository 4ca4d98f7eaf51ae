"""Fine-tuning of the built-in model into an assistant, on conversations about the Reserve."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import nn

    from glassbook.data.world.dialogues import Dialogues
    from glassbook.experiments.language._assistant import Rows
    from glassbook.nets import LanguageModel


@experiment(
    terms=["Fine-tuning", "Language model"],
    source="Ouyang et al. 2022, arXiv:2203.02155; Zhou et al. 2023, arXiv:2305.11206",
    minutes=4,
)
@dataclass(frozen=True, kw_only=True)
class Finetune:
    """What does a base model learn when it is tuned into an assistant, and what did it know before?

    The seed decides what is held out, the conversations, the replayed text and the weights of the model from nothing.
    """

    model: str = "builtin"
    """Base model; it has to know the Reserve."""
    steps: int = 150
    """Updates of each of the three trainings."""
    rows: int = 24
    """Rows in a batch."""
    length: int = 72
    """Tokens in a row; a conversation is never cut."""
    replay: float = 0.25
    """Share of the rows that replay text of the pre-training."""
    lr: float = 8e-4
    """Peak learning rate of AdamW."""
    notes: int = 150
    """Held-out questions about field notes."""
    visitors: int = 48
    """Held-out questions for the way."""
    texts: int = 300
    """Held-out texts that bits per byte are measured on."""
    sabotage: Literal["none", "shuffled-answers"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("answers-what-it-was-never-asked",
              "Tuned on conversations, a base model answers questions about facts that it was never asked about",
              "unasked_right", ">=", 0.85, control="scratch_unasked_right <= 0.3",
              sabotages=("shuffled-answers", "untuned")),
        Claim("reads", "It answers questions from a field note in front of it that it has never seen",
              "reading_right", ">=", 0.9, control="reading_without_note <= 0.4",
              sabotages=("shuffled-answers", "untuned")),
        Claim("answers-in-form", "It answers in the form of the conversations, and stops",
              "form", ">=", 0.95, control="base_form <= 0.05", sabotages=("untuned",)),
        Claim("keeps-its-language",
              "With a quarter of the rows replaying text of the pre-training, its bits per byte of such text rise by at "
              "most 5 %", "bpb_rise", "<=", 0.05, no_control="that replay is what does it is a claim of its own",
              sabotages=("no-replay",)),
        Claim("replay-keeps-it", "Without replayed text bits per byte rise more than with it",
              "bpb_rise_without_replay_beyond", ">=", 0.0,
              no_control="the metric itself compares the two trainings", sabotages=("no-replay",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("shuffled-answers", "Each question has the answer to another question about the same relation",
                 {"sabotage": "shuffled-answers"}),
        Sabotage("untuned", "Training stops after one update", {"steps": 1}),
        Sabotage("no-replay", "No row replays text of the pre-training", {"replay": 0.0}),
    )  # fmt: skip
    outputs = Outputs(charts=("loss", "right", "language"), tables=("answers",))

    @classmethod
    def quick(cls) -> Finetune:
        """Far too few updates, in seconds."""
        return cls(steps=3, rows=4, notes=10, visitors=6, texts=8)

    def run(self, run: Run) -> None:
        """Tune the base and its two siblings on the same conversations, then ask all of them the same questions."""
        import torch

        from glassbook.data.world import World
        from glassbook.data.world.dialogues import Dialogues
        from glassbook.experiments.language._assistant import AHEAD, Rows, bits_per_byte, shuffled_answers
        from glassbook.nets import LM, save_model
        from glassbook.nets.chat import as_chat_model

        base = kit.open_model(run, self.model)
        chat, dialogues = as_chat_model(base), Dialogues(World(), run.seed)
        talks = list(islice(dialogues.training(run.rng("conversations").seed), AHEAD))
        if self.sabotage == "shuffled-answers":
            talks = shuffled_answers(talks, run.rng("shuffled answers"))
        replayed = round(self.replay * self.rows)
        rows = Rows(self.rows - replayed, replayed, self.length)
        tuned = self._tuned(run, "assistant", chat, lambda: copy.deepcopy(chat.model), rows, talks)
        ...

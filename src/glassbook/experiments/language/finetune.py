"""Fine-tuning of the built-in model into an assistant, on conversations about the Reserve."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from glassbook import charts
from glassbook.errors import GlassbookError
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, at_least, experiment
from glassbook.notebook import Claim, Run


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
    steps: int = 400
    """Updates of each of the three trainings."""
    rows: int = 8
    """Rows in a batch."""
    length: int = 96
    """Tokens in a row; a conversation is never cut."""
    replay: float = 0.25
    """Share of the rows that replay text of the pre-training."""
    lr: float = 8e-4
    """Peak learning rate of AdamW."""
    conversations: int = 3000
    """Different conversations."""
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
              sabotages=("shuffled-answers", "untuned"),
              explanation="What the base knows in the form of its own text is hardly more; the names of keepers, which "
                          "it has read least often, are answered worst"),
        Claim("reads", "It answers questions from a field note in front of it that it has never seen",
              "reading_right", ">=", 0.9, control="reading_without_note <= 0.4",
              sabotages=("shuffled-answers", "untuned"),
              explanation="Two of eight ways to ask are never practised, and after so few small steps some are taken "
                          "for others"),
        Claim("answers-in-form", "It answers in the form of the conversations, and stops",
              "form", ">=", 0.95, control="base_form <= 0.05", sabotages=("untuned",),
              explanation="An answer to a question that was taken for another has the form of that other one"),
        Claim("keeps-its-language",
              "With a quarter of the rows replaying text of the pre-training, its bits per byte of such text rise by "
              "at most 5 %", "bpb_rise", "<=", 0.05, no_control="that replay is what does it is a claim of its own",
              sabotages=("no-replay",),
              explanation="So many updates at this rate move the model away from where a long training with a falling "
                          "rate had brought it, and the few replayed rows bring it back only in part; lower rates and "
                          "taking back a part of the change cost answers"),
        Claim("replay-keeps-it", "Without replayed text bits per byte rise by at least a hundredth more than with it",
              "bpb_rise_without_replay_beyond", ">=", 0.01,
              no_control="the metric itself compares the two trainings", sabotages=("no-replay",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("shuffled-answers", "Each question has the answer to another question about the same relation",
                 {"sabotage": "shuffled-answers"}),
        Sabotage("untuned", "Training stops after one update", {"steps": 1}),
        Sabotage("no-replay", "No row replays text of the pre-training", {"replay": 0.0}),
    )  # fmt: skip
    outputs = Outputs(charts=("loss", "right", "language"), tables=("answers",))

    def __post_init__(self) -> None:
        at_least(1, **{name: value for name, value in vars(self).items() if isinstance(value, int)})
        if not 0 <= self.replay < 1:
            raise GlassbookError(f"replay = {self.replay:g} is a share of the rows, from 0 to below 1")

    @classmethod
    def quick(cls) -> Finetune:
        """Far too few updates, in seconds."""
        return cls(steps=3, rows=4, conversations=100, notes=10, visitors=6, texts=8)

    def run(self, run: Run) -> None:
        """Tune the base and its two siblings on the same conversations, then put the same questions to all of them."""
        from glassbook.data.world import World
        from glassbook.data.world.dialogues import Dialogues
        from glassbook.experiments.language import _assistant as assistant
        from glassbook.nets import save_model
        from glassbook.nets.chat import as_chat_model, encode_conversation

        base = kit.open_model(run, self.model)
        chat, dialogues = as_chat_model(base), Dialogues(World(), run.seed)
        talks = list(islice(dialogues.training(run.rng("conversations").seed), self.conversations))
        if self.sabotage == "shuffled-answers":
            talks = assistant.shuffled_answers(talks, run.rng("shuffled answers"))
        encoded = [encode_conversation(chat, talk.messages) for talk in talks]
        replayed = round(self.replay * self.rows)
        tuning = assistant.Tuning(self.steps, self.lr, self.rows - replayed, replayed, self.length)
        tuned = tuning.train(run, "assistant", chat, False, encoded)
        alone = replace(tuning, replayed=0).train(run, "without_replay", chat, False, encoded)
        scratch = tuning.train(run, "from_nothing", chat, True, encoded)
        save_model(tuned, run.artifact("model"))

        unasked, seed = dialogues.unasked(), -1 - run.rng("held-out").seed
        notes, visitors = dialogues.reading(self.notes, seed), dialogues.directing(self.visitors, seed)
        answers = {kind: assistant.ask(tuned, asked) for kind, asked in
                   (("unasked", unasked), ("reading", notes), ("directing", visitors))}  # fmt: skip
        everything = [answer for some in answers.values() for answer in some]
        asked = assistant.ask(tuned, dialogues.asked())
        blind = assistant.ask(tuned, [note.without_note() for note in notes])
        others = {name: assistant.ask(lm, unasked) for name, lm in (("alone", alone), ("scratch", scratch))}
        all_asked = [*unasked, *notes, *visitors]
        untuned = [assistant.ask(chat, all_asked), assistant.ask(base, all_asked, chat=False)]
        bits = {name: assistant.bits_per_byte(lm, self.texts, seed)
                for name, lm in (("base", base), ("tuned", tuned), ("without replay", alone))}  # fmt: skip
        rise, rise_alone = (bits[name] / bits["base"] - 1 for name in ("tuned", "without replay"))
        share = assistant.share
        run.result(
            unasked_right=share(answers["unasked"]), scratch_unasked_right=share(others["scratch"]),
            unasked_right_without_replay=share(others["alone"]), asked_right=share(asked),
            base_right_in_its_own_form=assistant.native_right(base, dialogues),
            reading_right=share(answers["reading"]), reading_without_note=share(blind),
            directing_right=share(answers["directing"]), form=share(everything, "formed"),
            base_form=max(share(found, "formed") for found in untuned),
            bits_per_byte=bits["tuned"], bits_per_byte_of_base=bits["base"],
            bpb_rise=rise, bpb_rise_without_replay=rise_alone, bpb_rise_without_replay_beyond=rise_alone - rise,
        )  # fmt: skip
        run.table(
            "answers", assistant.table([answers["unasked"], answers["reading"], answers["directing"]], untuned[1])
        )
        loss = kit.curves(run, assistant="assistant_loss", without_replay="without_replay_loss",
                          from_nothing="from_nothing_loss")  # fmt: skip
        run.chart("loss", charts.lines(loss, "step", charts.Axis("value", "nats per token"), "curve"))
        shares = {"asked in training": share(asked), "never asked": share(answers["unasked"]),
                  "never asked, from nothing": share(others["scratch"]), "reading": share(answers["reading"]),
                  "reading without the note": share(blind), "directing": share(answers["directing"])}  # fmt: skip
        rows = [{"questions": name, "right": value} for name, value in shares.items()]
        run.chart("right", charts.bars(rows, charts.Axis("right", "share right", zero=True), "questions"))
        language = [{"model": name, "bits per byte": value} for name, value in bits.items()]
        run.chart("language", charts.bars(language, "bits per byte", "model", format=".3f"))

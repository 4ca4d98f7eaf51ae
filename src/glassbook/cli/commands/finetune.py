"""`glassbook finetune`: train a language model on conversations."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from glassbook.cli.app import Interrupted
from glassbook.cli.command import Command, Option, open_lm, say
from glassbook.errors import GlassbookError
from glassbook.formatting import seconds
from glassbook.notebook.files import write_atomic
from glassbook.notebook.runs.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor

TRAINING = "training"
"""Folder in that of the tuned model for what only a resumed training needs; it is removed at the end."""
SETTINGS = "settings.json"


@dataclass(frozen=True, kw_only=True)
class Finetune(Command):
    """Train a model on conversations, so that it answers as they do; the loss is on the answers alone.

    The data are JSONL: in each line {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", ...}]}.
    A model without a chat template gets ours, whose marks are appended to its vocabulary. The result is a folder that
    opens as any model: glassbook chat DIR.
    """

    model: Annotated[str, Option("MODEL")]
    """ "builtin", a folder (config.json and safetensors), or the id of a model on the hub."""
    data: Annotated[Path, Option("FILE.jsonl")]
    """The conversations."""
    out: Annotated[Path, Option("DIR")]
    """Where the tuned model goes: a new folder."""
    lora: Annotated[int | None, Option("RANK", "train all weights")] = None
    """Train low-rank adapters of this rank (LoRA) and merge them at the end; needs less memory."""
    epochs: Annotated[int, Option("N", "3")] = 3
    """How often each conversation is seen."""
    lr: Annotated[float | None, Option("X", "3e-4, or 1e-3 with --lora")] = None
    """Peak learning rate."""
    batch_size: Annotated[int, Option("N", "8")] = 8
    """Rows in a step; a row of 256 tokens holds several conversations."""
    seed: Annotated[int, Option("N", "0")] = 0
    """Seed of the order and of the adapters."""
    checkpoint_every: Annotated[int, Option("N", "50")] = 50
    """Steps between two checkpoints, from which --resume goes on."""
    resume: bool = False
    """Go on with the training that was interrupted in DIR."""

    def result(self) -> dict[str, Any]:
        training = self._folder()
        lm = open_lm(self.model, None)
        from glassbook.nets import save_model
        from glassbook.nets.chat import as_chat_model, can_chat
        from glassbook.train.finetuning import finetune, read_conversations

        chat = as_chat_model(lm)
        talks = read_conversations(chat, self.data)
        lr = (3e-4 if self.lora is None else 1e-3) if self.lr is None else self.lr
        if not lr > 0:
            raise GlassbookError(f"--lr {lr}: it must be above 0")
        self._check_settings(training, lr)
        say(f"{len(talks)} conversations, {sum(len(ids) for ids, _ in talks):,} tokens")
        bar: Progress | None = None
        losses: list[Tensor] = []

        def seen(done: int, steps: int, loss: Tensor) -> None:
            nonlocal bar
            if bar is None:
                bar = Progress(steps, "finetune", "steps", done=steps_done(training)).__enter__()
            losses.append(loss)
            bar.advance(1, loss=loss)

        begin = time.monotonic()
        try:
            tuned = finetune(
                chat, talks, epochs=self.epochs, lr=lr, rank=self.lora, batch_size=self.batch_size,
                new_tokens=not can_chat(lm), seed=self.seed, seen=seen, checkpoint=training,
                checkpoint_every=self.checkpoint_every, resume=self.resume,
            )  # fmt: skip
        except KeyboardInterrupt:
            raise Interrupted("interrupted; continue with the same command and --resume") from None
        except GlassbookError:
            if not steps_done(training):  # it never began
                shutil.rmtree(self.out)
            raise
        finally:
            if bar is not None:
                bar.__exit__(None, None, None)
        save_model(tuned, self.out)
        shutil.rmtree(training)
        return {
            "model": self.model,
            "data": str(self.data),
            "folder": str(self.out),
            "conversations": len(talks),
            "loss": float(losses[-1]) if losses else None,
            "seconds": time.monotonic() - begin,
            "lora": self.lora,
            "lr": lr,
            "epochs": self.epochs,
            "seed": self.seed,
        }

    def show(self, result: dict[str, Any]) -> None:
        last = "" if result["loss"] is None else f", last loss {result['loss']:.3g}"
        print(f"tuned in {seconds(result['seconds'])}{last}; the model is in {self.out}")
        print(f"next: glassbook chat {self.out}")

    def _folder(self) -> Path:
        """Where the training's checkpoints go; GlassbookError if the folder holds something else."""
        training = self.out / TRAINING
        if self.resume and not training.is_dir():
            raise GlassbookError(f"no training was interrupted in {self.out}; leave --resume out to start one")
        if not self.resume and self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            hint = ", or go on with --resume" if training.is_dir() else ""
            raise GlassbookError(f"{self.out} is there already; choose a new folder{hint}")
        return training

    def _check_settings(self, training: Path, lr: float) -> None:
        """Keep what decides the training beside its checkpoints, or compare with what was kept there."""
        settings = {
            "model": self.model, "data": hashlib.sha256(self.data.read_bytes()).hexdigest(), "lora": self.lora,
            "epochs": self.epochs, "lr": lr, "batch_size": self.batch_size, "seed": self.seed,
        }  # fmt: skip
        file = training / SETTINGS
        if self.resume:
            kept = json.loads(file.read_text("utf-8")) if file.is_file() else {}
            if changed := [name for name, value in settings.items() if kept.get(name) != value]:
                raise GlassbookError(f"the training in {self.out} had another --{changed[0].replace('_', '-')}; "
                                     "resume it with the settings that it had")  # fmt: skip
        else:
            training.mkdir(parents=True)
            write_atomic(file, json.dumps(settings).encode())


def steps_done(training: Path) -> int:
    """Steps that were done before a training is resumed."""
    from glassbook.train import list_checkpoints

    found = list_checkpoints(training)
    return int(found[-1].stem.removeprefix("step-")) if found else 0


ACTIONS = {"": Finetune}

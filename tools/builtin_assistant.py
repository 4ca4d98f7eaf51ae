"""Make the assistant that ships with the package: `python tools/builtin_assistant.py RUN_FOLDER`.

RUN_FOLDER is that of a finished run of `glassbook run finetune` at the default settings (seed 0 of those that made the
reference evidence). Its model is written in half precision as the package's `assistant` folder, opened again, and asked
what it was measured on; the numbers go to measured.json beside it.
"""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import replace
from pathlib import Path

from glassbook.assets import builtin
from glassbook.data.world import World
from glassbook.data.world.dialogues import Dialogues
from glassbook.errors import GlassbookError
from glassbook.experiments.language._assistant import ask, bits_per_byte, share
from glassbook.nets import open_language_model, save_model
from glassbook.notebook import Notebook

TARGET = Path(builtin.__file__).parent / "assistant"
LARGEST = 3.2e6
"""Bytes that its folder may have."""


def main(folder: Path) -> None:
    """Write the folder and measure what was written."""
    record = Notebook(folder.parent.parent).run(folder.name)
    if record.experiment != "finetune" or record.status != "finished":
        raise GlassbookError(f"{folder} is no finished run of finetune")
    lm = open_language_model(record.artifact("model"))
    save_model(replace(lm, model=copy.deepcopy(lm.model).half()), TARGET)
    opened, base = open_language_model(TARGET), open_language_model("builtin")
    dialogues, seed = Dialogues(World(), record.seed), -1
    facts = {
        "unasked_right": share(ask(opened, dialogues.unasked())),
        "asked_right": share(ask(opened, dialogues.asked())),
        "reading_right": share(ask(opened, dialogues.reading(150, seed))),
        "directing_right": share(ask(opened, dialogues.directing(48, seed))),
        "bits_per_byte": bits_per_byte(opened, 300, seed),
        "bits_per_byte_of_base": bits_per_byte(base, 300, seed),
    }
    (TARGET / "measured.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    size = sum(file.stat().st_size for file in TARGET.iterdir())
    print(json.dumps(facts), f"{size / 1e6:.2f} MB", flush=True)
    if size > LARGEST:
        raise GlassbookError(f"{TARGET} has {size / 1e6:.2f} MB, more than {LARGEST / 1e6} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The command: its options, the notebook it writes to, and what it says at the end."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from glassbook.assets import starter
from glassbook.cli.app import Interrupted
from glassbook.cli.command import Json, open_lm, option, perform, say
from glassbook.cli.output import console, number, one_line, table
from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.notebook import SETTINGS


@dataclass(frozen=True, kw_only=True)
class Tour(Json):
    """Take a model apart, steer it, and write down what was seen: a notebook with one page, in a few minutes."""

    model: Annotated[str, option("MODEL", "builtin")] = "builtin"
    """ "builtin", a llama2.c .bin, a folder (config.json and safetensors), or the id of a model on the hub."""
    tokenizer: Annotated[str | None, option("T", "the one beside the model")] = None
    """A tokenizer.json, a folder, a llama2.c tokenizer .bin, a hub id, or "bytes"."""
    text: Annotated[Path | None, option("FILE", "the Reserve, or text that the model writes")] = None
    """A text file to record activations on; blank lines part its paragraphs."""
    notebook: Annotated[Path | None, option("DIR", "tour")] = None
    """Folder of the notebook; it is made if it is not there."""
    seed: Annotated[int, option("N", "0")] = 0
    """Seed of everything random."""
    quick: bool = False
    """Go through every step in seconds; nothing is judged."""

    def result(self) -> dict[str, Any]:
        """Take the tour."""
        started = time.monotonic()
        if self.text is not None and not self.text.is_file():
            raise GlassbookError(f"{self.text}: there is no such file; --text needs a text file")
        say("opening the model")
        lm = open_lm(self.model, self.tokenizer)
        notebook = make_notebook(self.notebook)
        from glassbook.cli.tour.guide import guide

        try:
            page, story, record = guide(lm, notebook, self.text, seed=self.seed, quick=self.quick)
        except KeyboardInterrupt:
            raise Interrupted("interrupted; what was recorded is in the run's folder; take the tour again") from None
        return {
            "notebook": str(notebook.folder),
            "page": str(page.path),
            "run": record.id,
            "model": self.model,
            "seconds": time.monotonic() - started,
            "results": dict(record.results),
            "claims": story.claims,
            "steering": [row for steering in story.steerings for row in steering.rows()],
            "samples": [
                {"method": s.method, "prompt": s.prompts[0], "plain": s.arms[0].texts[0], "steered": s.arms[1].texts[0]}
                for s in story.steerings
            ],
        }

    def show(self, result: dict[str, Any]) -> None:
        """The few numbers that matter, and what to open."""
        out = console()
        shown = [(SHOWN[name], number(value)) for name, value in result["results"].items() if name in SHOWN]
        out.print(table(("result", ""), shown, numbers=("",)))
        for sample in result["samples"]:
            out.print(f"\n{sample['method']}, after {one_line(sample['prompt'], 60)!r}", markup=False)
            both = table(("plain", "steered"), [(one_line(sample["plain"], 150), one_line(sample["steered"], 150))])
            for column in both.columns:
                column.ratio = 1
            out.print(both)
        if not self.quick:
            count = Counter(claim["state"] for claim in result["claims"])
            print("\nclaims, by this run alone: " + ", ".join(f"{n} {word}" for word, n in count.items()))
        print(f"\nDone in {result['seconds']:.0f} s. Open the page:\n  {result['page']}")
        print(f"or the whole notebook, in a browser:\n  glassbook serve --open --notebook {result['notebook']}")
        print(f"and see the claims of all experiments:\n  glassbook claims --notebook {result['notebook']}")


SHOWN = {
    "explained_variance": "variance explained by the dictionary",
    "l0": "active features per token",
    "ce_recovered": "of the model's loss recovered",
    "attributes_detected": "attributes of the world that a feature detects",
    "neurons_detected": "that a raw neuron detects",
    "random_detected": "that a random dictionary detects",
    "feature_lift": "texts gained by steering with a feature",
    "feature_random_lift": "texts gained by a random vector",
    "pair_lift": "texts gained by activation addition",
    "pair_random_lift": "texts gained by a random vector",
}
"""Result -> how the terminal calls it."""


def make_notebook(folder: Path | None) -> Notebook:
    """The notebook in `folder`, made if there is none; without a name ./tour, or the next name that is free."""
    if folder is not None:
        return Notebook(folder) if (folder / SETTINGS).exists() else _made(folder, folder.resolve().name)
    n = 1
    while True:
        place = Path("tour" if n == 1 else f"tour-{n}")
        if (place / SETTINGS).exists():
            return Notebook(place)
        if not place.exists() or (place.is_dir() and not any(place.iterdir())):
            return _made(place, "Tour")
        n += 1


def _made(folder: Path, title: str) -> Notebook:
    """A new notebook with the starter in it, so that the tour's words lead to their pages."""
    notebook = Notebook.create(folder, title=title)
    starter.write(folder)
    return notebook


def main(args: list[str]) -> int:
    """Run the command."""
    perform(Tour, args, "glassbook tour")
    return 0

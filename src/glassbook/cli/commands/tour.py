"""`glassbook tour`: the experiment `tour` on one model, in a notebook with the starter's pages, and its page."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from glassbook.assets import starter
from glassbook.cli.command import Command, Option, open_lm, say
from glassbook.cli.output import console, one_line, side_by_side, table
from glassbook.errors import GlassbookError
from glassbook.formatting import number
from glassbook.notebook import Notebook
from glassbook.notebook.notebook import SETTINGS


@dataclass(frozen=True, kw_only=True)
class TourCommand(Command):
    """Open a model, find features, steer with one, and write it all on a page of a notebook, in a few minutes."""

    model: Annotated[str, Option("MODEL", "builtin")] = "builtin"
    """ "builtin", a llama2.c .bin, a folder (config.json and safetensors), or the id of a model on the hub."""
    tokenizer: Annotated[str | None, Option("T", "the one beside the model")] = None
    """A tokenizer.json, a folder, a llama2.c tokenizer .bin, a hub id, or "bytes"."""
    text: Annotated[Path | None, Option("FILE", "the Reserve, or text that the model writes")] = None
    """A text file to record activations on; blank lines part its paragraphs."""
    notebook: Annotated[Path | None, Option("DIR", "tour")] = None
    """Folder of the notebook; it is made if it is not there."""
    seed: Annotated[int, Option("N", "0")] = 0
    """Seed of everything random."""
    quick: bool = False
    """Go through every step in seconds; nothing is judged."""

    def result(self) -> dict[str, Any]:
        started = time.monotonic()
        if self.text is not None and not self.text.is_file():
            raise GlassbookError(f"{self.text}: there is no such file; --text needs a text file")
        say("opening the model")
        open_lm(self.model, self.tokenizer)  # a model that cannot be opened leaves no notebook behind
        notebook = make_notebook(self.notebook)
        from glassbook.experiments import find, launch
        from glassbook.experiments.tour import page

        text = self.text and self.text.resolve()
        tour: Any = find("tour")
        work = tour(model=self.model, tokenizer=self.tokenizer, text=text, small=self.quick)
        record = launch(work, notebook, seed=self.seed)
        written = page.write(notebook, record)
        return {
            "notebook": str(notebook.folder),
            "page": str(written.path),
            "run": record.id,
            "model": self.model,
            "seconds": time.monotonic() - started,
            "results": dict(record.results),
            "steering": record.table("steering"),
        }

    def show(self, result: dict[str, Any]) -> None:
        out = console()
        shown = [(SHOWN[name], number(value)) for name, value in result["results"].items() if name in SHOWN]
        out.print(table(("result", ""), shown, numbers=("",)))
        for tried in result["steering"]:
            if tried["strength"] is None:
                out.print(f"\n{tried['method']}: no strength left the texts as fluent as plain ones", markup=False)
                continue
            plain, steered, _ = (one_line(condition["texts"][0], 150) for condition in tried["conditions"])
            out.print(f"\n{tried['method']}, after {one_line(tried['prompts'][0], 60)!r}", markup=False)
            out.print(side_by_side(plain, steered))
        print(f"\nDone in {result['seconds']:.0f} s. Open the page:\n  {result['page']}")
        print(f"or the whole notebook, in a browser:\n  glassbook serve --open --notebook {result['notebook']}")
        print(f"and see the claims of all experiments:\n  glassbook claims --notebook {result['notebook']}")


SHOWN = {
    "explained_variance": "variance explained by the dictionary",
    "l0": "active features per token",
    "ce_recovered": "of the model's loss recovered",
    "attributes_detected": "attributes of the world that a feature detects",
    "neurons_detected": "that a single neuron detects",
    "random_detected": "that a random dictionary detects",
    "word_detected": "that one word or pair of words detects",
    "feature_lift": "texts gained by steering with a feature",
    "feature_random_lift": "texts gained by a random vector",
    "pair_lift": "texts gained by activation addition",
    "pair_random_lift": "texts gained by a random vector",
}
"""Result -> how the terminal calls it."""


def make_notebook(folder: Path | None) -> Notebook:
    """The notebook in `folder`, made if there is none; without a name ./tour, or the next name that is free."""
    places = [folder] if folder is not None else [Path("tour"), *(Path(f"tour-{n}") for n in range(2, 1000))]
    for place in places:
        if (place / SETTINGS).exists():
            return Notebook(place)
        if folder is not None or not place.exists() or (place.is_dir() and not any(place.iterdir())):
            notebook = Notebook.create(place, title=place.resolve().name.capitalize())
            starter.write(place)
            return notebook
    raise GlassbookError("every folder from tour to tour-999 is taken; name one with --notebook")


ACTIONS = {"": TourCommand}

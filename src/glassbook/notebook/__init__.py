"""The notebook: pages that link to each other, runs that outlive their process, and claims that runs decide.

Everything is a plain file; `Notebook` is the one door to them:

    nb = Notebook.find()
    with nb.start_run("pretrain", config={"width": 128}, seed=0, claims=[claim]) as run:
        run.log(step, loss=loss)          # on its way to the disk when this returns: a kill loses no point
        run.result(held_out_loss=4.2)     # what claims read
    nb.runs("pretrain")[0].metrics("loss")

    page = nb.page("superposition")       # by id, title or alias
    page.tags.append("toy-model")
    nb.write(page)                        # only the line of the tags changes
    nb.index.backlinks("superposition"), nb.index.search("sparse features")
"""

from glassbook.notebook.index.index import Backlink
from glassbook.notebook.index.search import Hit
from glassbook.notebook.notebook import Notebook
from glassbook.notebook.pages.links import (
    InlineValue,
    Link,
    LiveBlock,
    Outline,
    Section,
    inline_values,
    read_markdown,
    slug,
    wikilinks,
)
from glassbook.notebook.pages.page import KINDS, Page
from glassbook.notebook.runs.claims import Claim, Condition
from glassbook.notebook.runs.progress import Progress
from glassbook.notebook.runs.record import RunRecord
from glassbook.notebook.runs.run import Run
from glassbook.notebook.serialization import same_data

__all__ = [
    "KINDS",
    "Backlink",
    "Claim",
    "Condition",
    "Hit",
    "InlineValue",
    "Link",
    "LiveBlock",
    "Notebook",
    "Outline",
    "Page",
    "Progress",
    "Run",
    "RunRecord",
    "Section",
    "inline_values",
    "read_markdown",
    "same_data",
    "slug",
    "wikilinks",
]

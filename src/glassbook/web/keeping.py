"""Keeping what is seen on a page: live blocks and links that are appended to a page, or to a new one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from pydantic import Field

from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.formatting import escape_markdown, flop
from glassbook.model_server import LatentSettings, LensKind, latents_query, short_name
from glassbook.notebook import Notebook, Page, read_markdown
from glassbook.notebook.pages.page import flow_text
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.steer.spec import Model, Name, Strict
from glassbook.web.render.blocks import LENS_NAMES
from glassbook.web.render.links import address_of
from glassbook.web.templating import path_part
from glassbook.web.what_if import WhatIf

SHOWN = 60
"""Characters of a prompt in a title."""
INSIDE = 400
"""Characters of the longest prompt to look inside of."""
Short = Annotated[str, Field(min_length=1, max_length=INSIDE)]
"""A prompt of which every pair of tokens is shown."""
Number = Annotated[int, Field(ge=0, lt=2**31)]


class Kept(Strict):
    """What is seen somewhere in the notebook: a live block of the same kind shows it on a page."""

    def block(self) -> str:
        """It as a live block."""
        data = self.model_dump(mode="json", exclude_none=True)
        kind = data.pop("kind")
        return f"```glassbook\n{kind}: {flow_text(data)}\n```\n"

    @abstractmethod
    def title(self, nb: Notebook) -> str:
        """What it is, in a line; GlassbookError if there is none."""

    @abstractmethod
    def address(self) -> str:
        """Where it is seen."""


class _OfPrompt(Kept):
    model: Model = "builtin"
    prompt: Short

    def _of(self) -> str:
        text = self.prompt if len(self.prompt) <= SHOWN else f"{self.prompt[: SHOWN - 2]} …"
        return f"of {short_name(self.model)} on “{' '.join(text.split())}”"

    def _address(self, **shown: Any) -> str:
        named = {name: value for name, value in shown.items() if value is not None}
        return "/models/open?" + urlencode({"model": self.model, "prompt": self.prompt, **named})


class KeptAttention(_OfPrompt):
    """A model's attention on a prompt, with the head that is seen."""

    kind: Literal["attention"]
    layer: Number | None = None
    head: Number | None = None

    def title(self, nb: Notebook) -> str:
        seen = None in (self.layer, self.head)
        return f"Attention {self._of()}" + ("" if seen else f", layer {self.layer}, head {self.head}")

    def address(self) -> str:
        return self._address(layer=self.layer or 0, head=self.head or 0)


class KeptWhatIf(Kept, WhatIf):
    """An estimate of training compute, with what the rules say of it."""

    kind: Literal["whatif"]

    def block(self) -> str:
        return f"```glassbook\nwhatif: {flow_text(self.given())}\n```\n"

    def given(self) -> dict[str, str]:
        return {name: value for name, value in super().given().items() if name != "kind"}

    def title(self, nb: Notebook) -> str:
        answer = self.rulings()
        ends = [flop(answer[end]) for end in ("low", "high")]
        return f"Training compute of {' to '.join(dict.fromkeys(ends))}"

    def address(self) -> str:
        return WhatIf.address(self)


class KeptLens(_OfPrompt):
    """A lens of a model on a prompt."""

    kind: Literal["lens"]
    lens: LensKind = "logit"

    def block(self) -> str:
        data = {"model": self.model, "prompt": self.prompt, "kind": self.lens}
        return f"```glassbook\nlens: {flow_text(data)}\n```\n"

    def title(self, nb: Notebook) -> str:
        return f"{LENS_NAMES[self.lens]} {self._of()}"

    def address(self) -> str:
        return self._address(lens=self.lens)


class KeptLatents(Kept, LatentSettings):
    """Latents of a picture as they were moved, or its noise removed."""

    kind: Literal["latents"]

    def block(self) -> str:
        data = self.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
        return f"```glassbook\nlatents: {flow_text({'model': self.model, **data})}\n```\n"

    def title(self, nb: Notebook) -> str:
        if self.pixels is not None:
            raise GlassbookError("a picture's pixels are not kept on a page; keep its code, or add the picture itself")
        of = self.picture or ("a code" if self.code is not None else f"picture {self.seed or 0}")
        if self.mode == "denoise":
            return f"Noise of {self.noise:g} removed from {of} by {short_name(self.model)}"
        moved = ", ".join(f"{unit} at {value:g}" for unit, value in self.set.items())
        return f"Latents of {of}, {short_name(self.model)}" + (f": {moved}" if moved else "")

    def address(self) -> str:
        return f"/latents?{latents_query(LatentSettings(**self.model_dump(exclude={'kind'})))}"


class KeptFeature(Kept):
    """A feature of a run."""

    kind: Literal["feature"]
    run: Name
    index: Number

    def title(self, nb: Notebook) -> str:
        run = evidence.run(nb, self.run)
        label = FeatureDashboard(run.folder).feature(self.index).label
        return f"Feature {self.index}{f': {label}' if label else ''} ({run.experiment}, seed {run.seed})"

    def address(self) -> str:
        return address_of("feature", f"{self.run}/{self.index}")


class KeptChart(Kept):
    """A chart of a run."""

    kind: Literal["chart"]
    run: Name
    name: Annotated[str, Field(min_length=1, max_length=200)]

    def title(self, nb: Notebook) -> str:
        run = evidence.run(nb, self.run)
        run.chart(self.name)  # that there is one
        return f"{self.name} of {run.experiment}, seed {run.seed}"

    def address(self) -> str:
        return f"/runs/{path_part(self.run)}#chart-{quote(self.name, safe='')}"


def as_block(nb: Notebook, kept: Kept) -> str:
    """A section of a page with a live block."""
    return f"## {escape_markdown(kept.title(nb))}\n\n{kept.block()}"


def as_link(nb: Notebook, kept: Kept) -> str:
    """A line of a page with a link."""
    return f"[{escape_markdown(kept.title(nb))}](<{kept.address()}>)\n"


def append(nb: Notebook, name: str, text: str) -> tuple[Page, bool]:
    """Add a section to the end of a page, or to a new one; returns the page, and whether it is new."""
    ident = nb.index.resolve(name)
    if ident is None:
        title = " ".join(name.split())
        try:
            return nb.write(Page.new(title, f"\n{text}", id=nb.free_id(title) or "kept")), True
        except GlassbookError:
            ident = nb.index.resolve(name)
            if ident is None:
                raise
            # Somebody else has made the page at this moment.

    def add(page: Page) -> None:
        page.body = f"{page.body.rstrip()}\n\n{_closed(page.body)}{text}"

    return nb.change(ident, add), False


def _closed(body: str) -> str:
    """The closing fence of a code block that a body leaves open, or ""; without it the section would be code."""
    probe = "the-end-of-this-page"
    for fence in ("", "```\n\n", "~~~\n\n"):
        if read_markdown(f"{body.rstrip()}\n\n{fence}# {probe}\n").sections[-1].title == probe:
            return fence
    return ""

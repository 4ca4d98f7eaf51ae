"""The settings of a steering panel: one value, read from a query string, a live block or JSON, and written as each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.pages.page import flow_text
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.web.templating import number

Where = Literal["everywhere", "prompt", "after"]
Text = Annotated[str, Field(max_length=2000)]
Model = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Tokens = Annotated[int, Field(ge=1, le=400)]
Temperature = Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Strength = Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)]


class Strict(BaseModel):
    """Settings in which a name that means nothing is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pair(Strict):
    """Activation addition: from one prompt towards another."""

    plus: Annotated[str, Field(max_length=200)]
    minus: Annotated[str, Field(max_length=200)] = ""
    site: Name
    by: Strength = 1.0

    @property
    def label(self) -> str:
        """What it is, in a few words."""
        return f"“{self.plus}” minus “{self.minus}” at {self.site}"


class FeatureOf(Strict):
    """A feature of a run's dictionary."""

    run: Name
    index: Annotated[int, Field(ge=0, lt=2**31)]
    by: Strength = 1.0

    @property
    def label(self) -> str:
        """What it is, in a few words."""
        return f"feature {self.index} of {self.run}"


class Kept(Strict):
    """A vector that a run kept among its artifacts."""

    run: Name
    artifact: Name
    by: Strength = 1.0

    @property
    def label(self) -> str:
        """What it is, in a few words."""
        return f"{self.artifact} of {self.run}"


KINDS = {Pair: "actadd", FeatureOf: "feature", Kept: "file"}
"""The kinds of sources, as the model server calls them."""


def _kind(data: Any) -> str:
    """Which kind of source it is shows in the names of its settings."""
    if not isinstance(data, Mapping):
        return KINDS.get(type(data), "actadd")
    return "feature" if "index" in data else "file" if "artifact" in data else "actadd"


PARTS = ("plus", "minus", "site", "run", "index", "artifact", "by")
"""Settings of sources."""
Source = Annotated[
    Annotated[Pair, Tag("actadd")] | Annotated[FeatureOf, Tag("feature")] | Annotated[Kept, Tag("file")],
    Discriminator(_kind),
]
"""A direction and its strength."""


class Settings(Strict):
    """Everything that decides what steered texts come out."""

    model: Model = "builtin"
    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=8)]
    where: Where = "everywhere"
    prompts: Annotated[tuple[Text, ...], Field(min_length=1, max_length=8)]
    tokens: Tokens = 40
    temperature: Temperature = 0.8
    seed: Seed = 0

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        """A panel with one source and one prompt may say so without lists."""
        if not isinstance(data, Mapping):
            return data
        given = dict(data)
        if "prompt" in given and "prompts" not in given:
            given["prompts"] = [given.pop("prompt")]
        parts = {key: given.pop(key) for key in PARTS if key in given}
        if parts:
            if "sources" in given:
                raise ValueError(f"'{next(iter(parts))}' stands in one of the sources, not beside them")
            given["sources"] = [parts]
        return given

    def request(self) -> dict[str, Any]:
        """The parameters of the model server's `steer`."""
        data = self.model_dump(mode="json")
        data["by"] = [source.by for source in self.sources]
        data["sources"] = [
            {"kind": KINDS[type(source)], **source.model_dump(mode="json", exclude={"by"})} for source in self.sources
        ]
        return data

    def query(self) -> str:
        """The settings as a query string: the panel's permanent address."""
        sources = [json.dumps(source.model_dump(mode="json"), ensure_ascii=False) for source in self.sources]
        rest = self.model_dump(mode="json", exclude={"sources", "prompts"})
        return urlencode({**rest, "prompt": list(self.prompts), "source": sources}, doseq=True)

    def block(self) -> str:
        """The settings as a live block of Markdown."""
        lines = ["```glassbook", "steer:", f"  model: {flow_text(self.model)}", "  sources:"]
        lines += [f"    - {flow_text(source.model_dump(mode='json'))}" for source in self.sources]
        lines += [f"  where: {self.where}", "  prompts:"]
        lines += [f"    - {flow_text(prompt)}" for prompt in self.prompts]
        for name in ("tokens", "temperature", "seed"):
            lines.append(f"  {name}: {flow_text(getattr(self, name))}")
        return "\n".join([*lines, "```"])


def read_settings(data: Any) -> Settings:
    """Settings from a live block's data.

    Raises:
        GlassbookError: which setting is wrong, and how.
    """
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        raise GlassbookError(told(error)) from error


def told(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in KINDS.values())
    return f"{where or 'settings'}: {first['msg']}"


def from_query(query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What an address says of a panel, not checked yet; nothing is needed, for a form fills in the rest.

    `run` and `feature` alone stand for one source. Values keep their text; `Settings` reads numbers from it.

    Raises:
        GlassbookError: a source is not JSON.
    """
    said: dict[str, Any] = {"sources": [], "prompts": []}
    once: dict[str, str] = {}
    for key, value in query:
        match key:
            case "source":
                said["sources"].append(_source(value))
            case "prompt":
                said["prompts"].append(value)
            case "model" | "where" | "tokens" | "temperature" | "seed":
                said[key] = value
            case "run" | "feature" | "by":
                once[key] = value
            case _:
                pass  # other words of an address (a token, a mark of a mailer) are nobody's settings
    if "run" in once and "feature" in once:
        said["sources"].append({"run": once["run"], "index": once["feature"], "by": once.get("by", "1")})
    return said


def _source(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GlassbookError("source: it has to be JSON, such as {'run': ..., 'index': 12, 'by': 4}") from error


# --- kept on a page ---------------------------------------------------------------------------------------------------


def named(nb: Notebook, source: Pair | FeatureOf | Kept) -> str:
    """What a source is called: a feature by its label, where there is one."""
    if not isinstance(source, FeatureOf):
        return source.label
    try:
        label = FeatureDashboard(nb.run(source.run).folder).feature(source.index).label
    except GlassbookError:
        return source.label  # the run may be gone; the panel that names it can be read all the same
    return f"feature {source.index} ({label})" if label else source.label


def section(nb: Notebook, settings: Settings, answer: Mapping[str, Any]) -> str:
    """A section of a page: what was steered, the panel as a live block, and the texts as a table."""
    rows: Sequence[Mapping[str, Any]] = answer["results"]
    label = "; ".join(f"{source.by:+g} {named(nb, source)}" for source in settings.sources)
    lines = [f"## Steered: {escaped(label)}", "", settings.block(), ""]
    lines += ["| prompt | plain | steered |", "| --- | --- | --- |"]
    lines += ["| " + " | ".join(escaped(row[name]) for name in ("prompt", "plain", "steered")) + " |" for row in rows]
    for name in ("effect", "damage"):
        if numbers := measured(answer.get(name)):
            said = ", ".join(f"{escaped(key)} {value}" for key, value in numbers)
            lines += ["", f"{name.capitalize()}: {said}."]
    return "\n".join(lines) + "\n"


def measured(values: Any) -> list[tuple[str, str]]:
    """Names and numbers of an effect or a damage, as they are read."""
    pairs = values.items() if isinstance(values, Mapping) else ()
    return [(str(key).replace("_", " "), number(value)) for key, value in pairs if value is not None]


def escaped(text: Any) -> str:
    """Text that means nothing in Markdown but itself, on one line, fit for a table's cell."""
    line = re.sub(r"\s*\n\s*", " ↵ ", str(text).strip())
    line = "".join(c if c.isprintable() else " " for c in line)
    return re.sub(r"([\\`*_\[\]<>|$#~!&^{}])", r"\\\1", line)

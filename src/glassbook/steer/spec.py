"""Steering settings shared by the CLI, the web and the model server: sources, strengths, positions and sampling.

This module imports no torch. Settings are pydantic models: a query string, a live block and JSON are read by the same
rules, and each source has one label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from glassbook.errors import GlassbookError
from glassbook.steer.where import read_where

Unit = Literal["raw", "norm"]
"""Of a strength: "raw" multiplies the vector; "norm" counts in median norms of the site's residual stream."""
UNITS = get_args(Unit)
HEADER = "glassbook.vector"
"""Key of a saved vector in the metadata of its safetensors file."""

Text = Annotated[str, Field(max_length=2000)]
Model = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Tokens = Annotated[int, Field(ge=1, le=400)]
Temperature = Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


def _canonical(where: str) -> str:
    try:
        return str(read_where(where))
    except GlassbookError as error:
        raise ValueError(str(error)) from error


WhereName = Annotated[str, AfterValidator(_canonical)]
"""A position rule by its name; see `read_where`."""


class Strict(BaseModel):
    """Settings in which an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Coeff = Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)]
"""Strength of a source, as a multiple of its own unit; negative steers the other way."""


class Source(Strict):
    """A direction and its strength; see the three kinds."""

    _label: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, data: Any) -> Any:
        """Pages and links written by earlier versions say "by"."""
        if isinstance(data, Mapping) and "by" in data and "coeff" not in data:
            return {"coeff" if key == "by" else key: value for key, value in data.items()}
        return data

    @property
    def label(self) -> str:
        """What is added, in a few words, without its strength."""
        return self._label.format(self)


class ActAddSource(Source):
    """Activation addition: from one prompt towards another; strength 1 is the difference of the two as it is."""

    plus: Annotated[str, Field(max_length=200)]
    minus: Annotated[str, Field(max_length=200)] = ""
    site: Name
    coeff: Coeff = 1.0
    _label: ClassVar[str] = "“{0.plus}” minus “{0.minus}” at {0.site}"


class ContrastSource(Source):
    """Difference of means: from some texts towards others; strength 1 has the typical length of an activation."""

    plus: Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)]
    minus: Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)]
    site: Name
    coeff: Coeff = 0.3
    _label: ClassVar[str] = "texts such as “{0.plus[0]}” minus texts such as “{0.minus[0]}” at {0.site}"


class FeatureSource(Source):
    """A feature of a run's dictionary; strength 1 is the largest activation that its dashboard recorded."""

    run: Name
    index: Annotated[int, Field(ge=0, lt=2**31)]
    coeff: Coeff = 1.0
    _label: ClassVar[str] = "feature {0.index} of {0.run}"


class VectorSource(Source):
    """A vector that a run saved among its artifacts; strength 1 is the vector as it was saved."""

    run: Name
    artifact: Name
    coeff: Coeff = 1.0
    _label: ClassVar[str] = "{0.artifact} of {0.run}"


KINDS = ("actadd", "contrast", "feature", "vector")
"""The kinds of sources."""


def _kind(data: Any) -> str:
    """The kind of a source, by the names of its settings."""
    if isinstance(data, Source):
        data = data.model_dump()
    if not isinstance(data, Mapping):
        return "actadd"
    if "index" in data or "artifact" in data:
        return "feature" if "index" in data else "vector"
    return "contrast" if isinstance(data.get("plus"), (list, tuple)) else "actadd"


AnySource = Annotated[
    Annotated[ActAddSource, Tag("actadd")]
    | Annotated[ContrastSource, Tag("contrast")]
    | Annotated[FeatureSource, Tag("feature")]
    | Annotated[VectorSource, Tag("vector")],
    Discriminator(_kind),
]
_SOURCE_FIELDS = ("plus", "minus", "site", "run", "index", "artifact", "coeff", "by")


class SteeringSettings(Strict):
    """Everything that decides which steered texts are generated."""

    model: Model = "builtin"
    sources: Annotated[tuple[AnySource, ...], Field(min_length=1, max_length=8)]
    where: WhereName = "everywhere"
    """Of directions. A positional vector (activation addition) goes to the first tokens of the prompt."""
    prompts: Annotated[tuple[Text, ...], Field(min_length=1, max_length=8)]
    chat: bool = False
    """Whether the prompts are asked of a chat model, by its template, and not continued."""
    tokens: Tokens = 40
    temperature: Temperature = 0.8
    seed: Seed = 0
    """Of the sampling, for each prompt by itself, and of the random vectors."""
    random: bool = False
    """Whether each prompt is also continued under random vectors of the same norms, as a control."""

    @model_validator(mode="before")
    @classmethod
    def _without_lists(cls, data: Any) -> Any:
        """Settings with one source and one prompt may be written without lists."""
        if not isinstance(data, Mapping):
            return data
        settings = dict(data)
        if "prompt" in settings and "prompts" not in settings:
            settings["prompts"] = [settings.pop("prompt")]
        source = {key: settings.pop(key) for key in _SOURCE_FIELDS if key in settings}
        if source:
            if "sources" in settings:
                raise ValueError(f"'{next(iter(source))}' belongs into one of the sources, not beside them")
            settings["sources"] = [source]
        return settings

    @property
    def label(self) -> str:
        """All sources with their strengths."""
        return "; ".join(f"{source.coeff:+g} {source.label}" for source in self.sources)


def read_settings(data: Any) -> SteeringSettings:
    """Settings from JSON data or a live block.

    Raises:
        GlassbookError: which setting is wrong, and how.
    """
    try:
        return SteeringSettings.model_validate(data)
    except ValidationError as error:
        raise GlassbookError(first_error(error)) from error


S = TypeVar("S", bound=Strict)


def read_strict(kind: type[S], data: Any) -> S:
    """Settings of a kind from JSON data, a live block or an address.

    Raises:
        GlassbookError: which setting is wrong, and how, or which there are if one is none of them; in one line.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
            raise GlassbookError(no_such_key(str(first["loc"][0]), kind.model_fields)) from error
        raise GlassbookError(first_error(error)) from error


def no_such_key(key: str, there: Iterable[str]) -> str:
    """That something has no setting of a name, in one line with those that it has."""
    names = ", ".join(there)
    return f"{key}: there is no such key; " + (f"there are: {names}" if names else "none is asked for here")


def first_error(error: ValidationError) -> str:
    """The first thing that is wrong with settings, in one line."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in KINDS)
    return f"{place or 'settings'}: {first['msg']}"


def is_vector(path: Path) -> bool:
    """Whether a file is a saved steering vector; only its header is read."""
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        return False
    try:
        with safe_open(str(path), framework="np") as file:
            return HEADER in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False

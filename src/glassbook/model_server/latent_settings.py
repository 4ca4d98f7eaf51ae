"""Settings of the `latents` panel: which picture or code is shown, and which of its latents are moved where.

This module imports no torch. An address, a live block and JSON are read by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import Field, model_validator

from glassbook.assets.builtin import BUILTIN_VAE
from glassbook.errors import GlassbookError
from glassbook.model_server.available import decodes, is_local, models_with_latents
from glassbook.notebook import Notebook
from glassbook.notebook.files import is_inside
from glassbook.notebook.pictures import ENDINGS
from glassbook.steer.spec import Model, Name, Seed, Strict, read_strict

FARTHEST = 10.0
"""Spreads from the mean to which a latent can be moved."""
PIXELS = 3 * 512 * 512
"""Bytes of the largest picture that a browser sends."""


Unit = Annotated[int, Field(ge=0, lt=65536)]
Moved = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST, allow_inf_nan=False)]
Pixels = Annotated[str, Field(min_length=4, max_length=4 * PIXELS // 3)]
READ = ENDINGS | {".bmp", ".tif", ".tiff"}
"""Endings of the pictures below pages/ that can be read."""
STARTS = ("seed", "picture", "pixels", "code")


class LatentSettings(Strict):
    """A picture, or a code, and what is done with it.

    The picture is one of `seed`, `picture`, `pixels` and `code`; without any it is the one of seed 0.
    """

    model: Model = BUILTIN_VAE
    mode: Literal["decode", "denoise"] = "decode"
    """Whether latents are moved and decoded, or noise is added to the picture and removed."""
    seed: Seed | None = None
    """Number of a picture that the model was not trained on; of a GAN, seed of its noise."""
    picture: Name | None = None
    """A picture's file below pages/."""
    pixels: Pixels | None = None
    """Bytes of a square picture, rows of red, green and blue, in base64."""
    code: Annotated[tuple[Annotated[float, Field(allow_inf_nan=False)], ...], Field(max_length=4096)] | None = None
    """A code, as numbers."""
    set: Annotated[dict[Unit, Moved], Field(max_length=4096)] = Field(default_factory=dict)
    """Where latents are moved to, in units of their spread from their mean; the others stay as they are."""
    strip: Unit | None = None
    """The latent of which a strip of pictures is shown, from three spreads below its mean to three above."""
    noise: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.2
    """Standard deviation of the noise, of pixels from 0 to 1."""

    @model_validator(mode="after")
    def _one_start(self) -> LatentSettings:
        given = [name for name in STARTS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"the picture is given by {' and '.join(given)}; choose one of them")
        if self.mode == "denoise" and self.code is not None:
            raise ValueError("noise is added to a picture, not to a code; give a seed or a picture")
        return self


def read_latents(data: Mapping[str, Any]) -> LatentSettings:
    """The settings of a live block or a request.

    Raises:
        GlassbookError: the first that is wrong, in one line.
    """
    return read_strict(LatentSettings, data)


def picture_file(notebook: Notebook, name: str) -> Path:
    """A picture's file below the notebook's pages/.

    Raises:
        GlassbookError: there is none, it is no picture, or it lies elsewhere.
    """
    pages = notebook.folder / "pages"
    path = pages / name
    if not (is_inside(path, pages) and path.is_file() and path.suffix.lower() in READ):
        raise GlassbookError(f"there is no picture {name} below pages/; give its path there, such as terms/owl.png")
    return path


def check_latents(notebook: Notebook, settings: LatentSettings) -> None:
    """Refuse what could only fail when it is decoded; nothing is opened. A model that is not here may be any.

    Raises:
        GlassbookError: the model decodes no pictures, or there is no such picture.
    """
    if not decodes(notebook, settings.model) and is_local(notebook, settings.model):
        names = ", ".join(models_with_latents(notebook)[:5])
        raise GlassbookError(f"{settings.model} decodes no pictures, so it has no latents; choose one of {names}")
    if settings.picture is not None:
        picture_file(notebook, settings.picture)


def latents_query(settings: LatentSettings) -> str:
    """The settings as a query string: the panel's permanent address. Pixels have none."""
    given = settings.model_dump(mode="json", exclude={"set", "code", "pixels"}, exclude_defaults=True)
    moved = [f"{unit}:{value:g}" for unit, value in settings.set.items()]
    code = {} if settings.code is None else {"code": ",".join(f"{value:g}" for value in settings.code)}
    return urlencode({"model": settings.model, **given, **code, "set": moved}, doseq=True)


def latents_from_query(query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The settings that a query string names, unchecked; links that were kept earlier also name the kind of panel.

    Raises:
        GlassbookError: it names pixels, which are sent and in no address.
    """
    settings: dict[str, Any] = {}
    for key, value in query:
        if key == "set":
            unit, _, where = value.partition(":")
            settings.setdefault("set", {})[unit] = where
        elif key == "code":
            settings["code"] = value.split(",")
        elif key == "pixels":
            raise GlassbookError("pixels are in no address; give the picture's path below pages/, or a seed")
        elif key != "kind":
            settings[key] = value
    return settings

"""Pictures through a model: classes or a reconstruction, and a dictionary's strongest features, with maps."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from glassbook.data.pictures import to_png
from glassbook.errors import GlassbookError
from glassbook.features import Dictionary
from glassbook.features.dictionary import FORMAT
from glassbook.features.origin import check_model, site_of
from glassbook.measure.reconstruction import psnr
from glassbook.model_server.available import PREFIX, RECENT, file_of
from glassbook.nets import PictureModel
from glassbook.notebook import Notebook
from glassbook.trace import collect, fingerprint

CLASSES = 8
"""Classes that are told of a picture."""
FEATURES = 8
"""Features that are shown of a picture."""


class KeptDictionary(NamedTuple):
    """A dictionary that a run has kept."""

    name: str
    """run:<id>/<artifact>."""
    site: str


def dictionaries_of(notebook: Notebook, pm: PictureModel) -> list[KeptDictionary]:
    """Dictionaries of recent runs that were trained on this model's activations, the newest first."""
    weights, names = fingerprint(pm.model), {name for name, _ in pm.model.named_modules()}
    found = []
    for record in notebook.runs()[:RECENT]:
        for artifact in record.artifacts:
            about = _about(record.folder / "artifacts" / artifact)
            site = str(about.get("site", ""))
            if about.get("weights") == weights and site.rpartition(".")[0] in names:
                found.append(KeptDictionary(f"{PREFIX}{record.id}/{artifact}", site))
    return found


def _about(file: Path) -> dict[str, Any]:
    """What a dictionary's file says of its training; {} of any other file."""
    if file.suffix != ".safetensors" or not file.is_file():
        return {}
    try:
        with safe_open(file, framework="pt") as opened:
            return dict(json.loads((opened.metadata() or {})[FORMAT])["about"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return {}


def read_pixels(pixels: str, width: int, height: int) -> Tensor:
    """A picture [1, 3, H, W] from its bytes in base64: red, green, blue of each pixel, in rows from the top.

    Raises:
        GlassbookError: they are not as many as a picture of this size has.
    """
    try:
        data = base64.b64decode(pixels, validate=True)
    except (binascii.Error, ValueError) as error:
        raise GlassbookError(f"the pixels are not base64 ({error}); send width * height * 3 bytes") from error
    if len(data) != width * height * 3:
        raise GlassbookError(f"{len(data)} bytes are no picture of {width} x {height} pixels; send 3 for each")
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(1, height, width, 3).permute(0, 3, 1, 2)


def look_at(notebook: Notebook, pm: PictureModel, image: Tensor, dictionary: str | None) -> dict[str, Any]:
    """What a model makes of a picture.

    Args:
        notebook: whose runs hold the dictionary.
        pm: a model that reads pictures.
        image: bytes [1, C, H, W].
        dictionary: run:<id>/<artifact>, of one whose strongest features are wanted.

    Returns:
        `seen`: the picture as the model sees it, a PNG in base64. `classes`, the likeliest {name, p}; or `made`, the
        reconstruction as `seen` is, with its `psnr` in dB. With a dictionary `features` (`strongest`).
    """
    seen = pm.view(image)
    told: dict[str, Any] = {"task": pm.task, "size": pm.size, "seen": in_base64(seen[0])}
    if pm.task == "classify":
        best = pm.probabilities(seen)[0].topk(min(CLASSES, len(pm.classes)))
        names = [pm.classes[i] for i in best.indices.tolist()]
        told["classes"] = [{"name": name, "p": p} for name, p in zip(names, best.values.tolist(), strict=True)]
    else:
        made = pm.reconstruct(seen)
        told |= {"made": in_base64(made[0]), "psnr": psnr(seen / 255, made / 255)}
    return told | ({} if dictionary is None else {"features": strongest(notebook, pm, seen, dictionary)})


def strongest(notebook: Notebook, pm: PictureModel, seen: Tensor, dictionary: str) -> dict[str, Any]:
    """The features of a dictionary that are most active somewhere in a picture.

    Returns:
        `site`; `grid`, [height, width] of its feature map, [] without one; `shown`, for each feature its `index`, its
        `largest` activation, the share of pixels it is `active` on, and its activations as a share of the largest,
        `values`, in rows from the top.

    Raises:
        GlassbookError: there is no such dictionary, or it is of another model.
    """
    run, _, artifact = dictionary.removeprefix(PREFIX).partition("/")
    d = Dictionary.load(file_of(notebook.run(run), artifact)).eval()
    check_model(d.about, pm.model)
    site = site_of(d, pm.model)
    acts = collect(pm.model, [pm.batch(seen)], site)
    latents = d.encode(acts.read(site).float())
    largest = latents.max(0).values
    top = largest.topk(min(FEATURES, d.width))
    shown = [
        {
            "index": index,
            "largest": value,
            "active": float((latents[:, index] > 0).float().mean()),
            "values": (latents[:, index].clamp_min(0) / value).mul(1000).round().div(1000).tolist(),
        }
        for value, index in zip(top.values.tolist(), top.indices.tolist(), strict=True)
        if value > 0
    ]
    return {"site": site, "grid": list(acts.grid), "shown": shown}


def in_base64(image: Tensor) -> str:
    """A picture [C, H, W] as a PNG in base64."""
    return base64.b64encode(to_png(image)).decode()

"""`glassbook look`: photographs through a picture model, their classes or their reconstructions."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from glassbook.cli.command import Command, Option, Positional, quiet_libraries
from glassbook.cli.look_page import decibels, page
from glassbook.cli.output import console, table
from glassbook.errors import GlassbookError, extra

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.nets import PictureModel

BAR = 24
"""Characters of a bar for a probability of 1."""
COLUMNS, SEEN = 6, 96
"""Pictures in a row of a sheet, and screen pixels that one is wide at least."""
LARGEST_SHEET = 400
"""Pictures of a folder that one sheet or page holds."""
PLURALS = {
    "pipe": "pipes",
    "socket": "sockets",
    "device": "devices",
    "link to a folder": "links to folders",
    "link that leads nowhere": "links that lead nowhere",
    "folder that cannot be read": "folders that cannot be read",
    "file that cannot be reached": "files that cannot be reached",
    "file that is named as no picture": "files that are named as no picture",
}
"""What is passed over in a folder: one -> several of them."""
NAMED = 3
"""Names that are told of each kind of files that are passed over."""
SMALL, LONG = 16, 4
"""Pixels of a side below which a picture is said to be small; times as long as wide from which on it is said to be."""


@dataclass(frozen=True, kw_only=True)
class Look(Command):
    """Look at photographs through a picture model: their likeliest classes, or what an autoencoder makes of them.

    The model sees the middle of a picture, a square as wide as its shorter side.
    """

    path: Annotated[Positional[Path], Option("FILE|FOLDER")]
    """A picture, or a folder of pictures."""
    model: Annotated[str, Option("NAME")] = "efficientnet-lite0"
    """What `glassbook get` brings, resnet20-cifar10, or a folder that a run has kept."""
    top: Annotated[int, Option("N")] = 5
    """Classes to tell of each picture."""
    to: Annotated[Path | None, Option("FILE", "of reconstructions NAME-reconstructed.png here; else none")] = None
    """A .png of the pictures as the model sees them beside their reconstructions, or an .html page."""

    def result(self) -> dict[str, Any]:
        if self.top < 1:
            raise GlassbookError(f"--top {self.top}: ask for at least 1 class")
        if self.to is not None and self.to.suffix not in (".png", ".html"):
            raise GlassbookError(f"--to {self.to}: name a .png or an .html file")
        quiet_libraries()
        with extra("baselines"):  # once, and not for every file
            import PIL.Image  # noqa: F401
        from glassbook.nets import open_picture_model

        files, passed_over = _pictures(self.path) if self.path.is_dir() else ([self.path], {})
        pm = open_picture_model(self.model)
        if self.to is not None and self.to.suffix == ".png" and pm.task != "autoencode":
            raise GlassbookError(f"{self.model} makes no pictures; name an .html file for --to")
        seen: list[_Seen] = []
        refused: list[dict[str, str]] = []
        keeps = self.to is not None or pm.task == "autoencode"
        for file in files:
            try:
                seen.append(_look(pm, file, self.top, keeps and len(seen) < LARGEST_SHEET))
            except GlassbookError as problem:
                if not self.path.is_dir():
                    raise
                refused.append({"file": str(file), "why": str(problem)})
        written = self._write(pm, [one for one in seen if one.image is not None]) if keeps and seen else None
        return {
            "model": self.model,
            "task": pm.task,
            "pictures": [one.told for one in seen],
            "refused": refused,
            "passed_over": [{"why": why, "files": [str(one) for one in found]} for why, found in passed_over.items()],
            "written": None if written is None else str(written),
        }

    def _write(self, pm: PictureModel, seen: Sequence[_Seen]) -> Path:
        from glassbook.notebook.files import write_atomic
        from glassbook.notebook.pictures import free_place

        if self.to is not None and self.to.suffix == ".html":
            data = page(pm.name, [(one.told, _png(one.image), _png(one.made)) for one in seen]).encode()
        else:
            data = _sheet(seen)
        where = self.to or free_place(Path(), f"{self.path.stem or self.path.name}-reconstructed", ".png", data)
        if not where.parent.is_dir():
            raise GlassbookError(f"--to {where}: there is no folder {where.parent}; make it first")
        write_atomic(where, data)
        return where

    def show(self, result: dict[str, Any]) -> None:
        out, pictures = console(), result["pictures"]
        if result["task"] == "autoencode":
            rows = [(Path(p["file"]).name, decibels(p["psnr"])) for p in pictures]
            out.print(table(("picture", "PSNR of its reconstruction"), rows, numbers=("PSNR of its reconstruction",)))
        elif not self.path.is_dir():
            rows = [(c["name"], f"{c['p']:.1%}", "█" * round(BAR * c["p"])) for c in pictures[0]["classes"]]
            out.print(table(("class", "probability", ""), rows, numbers=("probability",)))
        elif pictures:
            rows = [
                (Path(p["file"]).name, ", ".join(f"{c['name']} {c['p']:.0%}" for c in p["classes"][:3]))
                for p in pictures
            ]
            out.print(table(("picture", "likeliest classes"), rows, wide="likeliest classes"))
        if result["written"] is not None:
            print(f"written: {result['written']}")
        for one in pictures:
            for note in one["notes"]:
                print(f"note: {note}", file=sys.stderr)
        if passed_over := {one["why"]: [Path(file) for file in one["files"]] for one in result["passed_over"]}:
            print(f"note: {_told(passed_over, self.path)}", file=sys.stderr)
        for one in result["refused"]:
            print(f"error: {one['why']}", file=sys.stderr)

    def exit_code(self, result: dict[str, Any]) -> int:
        return 2 if result["refused"] else 0


def _pictures(folder: Path) -> tuple[list[Path], dict[str, list[Path]]]:
    """The pictures of a folder and of those below it, and what else lies there: why it is passed over -> the paths.

    Hidden files that are named as no picture are not told of.

    Raises:
        GlassbookError: there is no picture.
    """
    from glassbook.data.pictures import SUFFIXES, picture_files

    found: dict[str, list[Path]] = {}

    def pass_over(why: str, path: Path) -> None:
        found.setdefault(why, []).append(path)

    def unread(error: OSError) -> None:
        pass_over("folder that cannot be read", Path(error.filename))

    for top, folders, names in os.walk(folder, onerror=unread):
        for path in (Path(top, name) for name in sorted(folders)):
            if path.is_symlink():
                pass_over("link to a folder", path)
        for path in (Path(top, name) for name in sorted(names)):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if (kind := _kind(path)) is not None:
                pass_over(kind, path)
            elif path.suffix.lower() not in SUFFIXES and not hidden:
                pass_over("file that is named as no picture", path)
    try:
        return picture_files(folder), found
    except GlassbookError as problem:
        raise (GlassbookError(f"{problem}; {_told(found, folder)}") if found else problem) from None


def _kind(path: Path) -> str | None:
    """What a path is that is no file, for reading a pipe or a terminal may never end; None for a file."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "link that leads nowhere" if path.is_symlink() else "file that cannot be reached"
    kinds = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}
    return kinds.get(stat.S_IFMT(mode))


def _told(passed_over: dict[str, list[Path]], folder: Path) -> str:
    """How much was passed over and why, in one line, with the first names of each kind."""
    parts = []
    for why, paths in passed_over.items():
        names = ", ".join(str(path.relative_to(folder)) for path in paths[:NAMED])
        more = f" and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
        parts.append(f"{len(paths):,} {why if len(paths) == 1 else PLURALS[why]} ({names}{more})")
    total = sum(map(len, passed_over.values()))
    return f"{total:,} {'was' if total == 1 else 'were'} passed over: {', '.join(parts)}"


@dataclass(frozen=True)
class _Seen:
    """What is told of a picture; where they are kept, the picture as the model sees it, and what it makes of it."""

    told: dict[str, Any]
    image: Tensor | None
    made: Tensor | None


def _look(pm: PictureModel, file: Path, top: int, keep: bool) -> _Seen:
    from glassbook.data.pictures import open_picture
    from glassbook.measure.reconstruction import psnr

    if not file.exists():
        raise GlassbookError(f"{file}: there is no such file or folder; check the path")
    image, notes = pm.view(open_picture(file, pm.size)[None]), _notes(file)
    if pm.task == "classify":
        best = pm.probabilities(image)[0].topk(min(top, len(pm.classes)))
        names = [pm.classes[i] for i in best.indices.tolist()]
        found = [{"name": name, "p": p} for name, p in zip(names, best.values.tolist(), strict=True)]
        return _Seen({"file": str(file), "classes": found, "notes": notes}, image[0] if keep else None, None)
    made = pm.reconstruct(image)
    ratio = psnr(image / 255, made / 255)
    shown = ratio if isfinite(ratio) else None  # infinite: every pixel is the same
    told = {"file": str(file), "psnr": shown, "notes": notes}
    return _Seen(told, image[0], made[0]) if keep else _Seen(told, None, None)


def _notes(file: Path) -> list[str]:
    """What the answer does not show: that the model has seen only a part of the picture, or hardly any picture."""
    from PIL import Image

    with Image.open(file) as opened:
        (width, height), frames = opened.size, getattr(opened, "n_frames", 1)
        alpha = opened.convert("RGBA").getchannel("A").getextrema() if opened.has_transparency_data else (255, 255)
    size = f"{file.name} has {width} x {height} pixels"
    notes = [f"{file.name} has {frames} frames, and the first is looked at"] if frames > 1 else []
    if min(width, height) < SMALL:
        notes.append(f"{size}, too few to show much")
    if max(width, height) >= LONG * min(width, height):
        notes.append(f"{size}, and the model sees a square in its middle")
    return [*notes, *([f"{file.name} is wholly transparent"] if alpha == (0, 0) else [])]


def _png(image: Tensor | None) -> bytes | None:
    """A picture [C, H, W] as PNG."""
    from glassbook.data.pictures import to_png

    return None if image is None else to_png(image)


def _sheet(seen: Sequence[_Seen]) -> bytes:
    """One PNG: every picture above its reconstruction, small ones enlarged."""
    import torch

    from glassbook.charts import sheet

    pairs = [torch.cat([one.image, one.made], dim=1) for one in seen if one.image is not None and one.made is not None]
    return sheet(torch.stack(pairs) / 255, min(COLUMNS, len(pairs)), max(1, SEEN // pairs[0].shape[2]))


ACTIONS = {"": Look}

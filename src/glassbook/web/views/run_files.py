"""File server for runs, safe against untrusted files.

A path is resolved and checked to lie inside the run's folder; nothing is decided by how it is spelt. Raster images are
shown, SVG files of charts work in an <img>, and everything else is a download of type application/octet-stream.
"""

from __future__ import annotations

from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import FileResponse

from glassbook.errors import GlassbookError
from glassbook.notebook import RunRecord
from glassbook.web.services import services_of

router = APIRouter()
PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
HEADERS = {"content-security-policy": "sandbox; default-src 'none'", "x-content-type-options": "nosniff"}


def find_file(run: RunRecord, path: str) -> File:
    """The regular file at `path` inside the run's folder."""
    missing = GlassbookError(f"run {run.id} has no file of that name")
    if not run.folder.resolve().is_relative_to(run.folder.parent.resolve()):
        raise missing
    return file_inside(run.folder, path, missing)


def file_inside(folder: File, path: str, missing: GlassbookError) -> File:
    """The regular file at `path`; `missing` is raised if it lies outside the folder, by its name or by a link."""
    try:
        found = (folder / path).resolve(strict=True)
        if found.is_relative_to(folder.resolve()) and found.is_file():
            return found
    except (OSError, RuntimeError, ValueError):  # there is none, a loop of links, an invalid name
        pass
    raise missing


def harmless_response(file: File, svg: bool) -> FileResponse:
    """A raster image to be shown; anything else to be downloaded, with the type of an SVG if it may be one."""
    suffix = file.suffix.lower()
    if suffix in PICTURES:
        return FileResponse(file, media_type=PICTURES[suffix], headers=HEADERS)
    # An <img> shows an SVG even if it is an attachment; opened by itself it is downloaded, so its scripts never run.
    media = "image/svg+xml" if svg and suffix == ".svg" else "application/octet-stream"
    return FileResponse(file, media_type=media, filename=file.name, headers=HEADERS)


@router.get("/runs/{id}/files/{path:path}", include_in_schema=False)
def run_file(
    request: Request, id: Annotated[str, Path(max_length=200)], path: Annotated[str, Path(max_length=4000)]
) -> FileResponse:
    file = find_file(services_of(request).run(id), path)
    return harmless_response(file, svg=file.parent.name == "charts")

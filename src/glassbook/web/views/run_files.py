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
    """The regular file at `path` inside the run's folder.

    Raises:
        GlassbookError: there is none, or it lies outside, by its name or by a symbolic link.
    """
    runs, folder = run.folder.parent.resolve(), run.folder.resolve()
    missing = GlassbookError(f"run {run.id} has no file of that name")
    if "\0" in path or not folder.is_relative_to(runs):
        raise missing
    try:
        found = (folder / path).resolve(strict=True)
        inside = found.is_relative_to(folder) and found.is_file()
    except (OSError, RuntimeError, ValueError):  # missing, a loop of links, an invalid name
        raise missing from None
    if not inside:
        raise missing
    return found


@router.get("/runs/{id}/files/{path:path}", include_in_schema=False)
def run_file(
    request: Request, id: Annotated[str, Path(max_length=200)], path: Annotated[str, Path(max_length=4000)]
) -> FileResponse:
    file = find_file(services_of(request).notebook.run(id), path)
    suffix = file.suffix.lower()
    if suffix in PICTURES:
        return FileResponse(file, media_type=PICTURES[suffix], headers=HEADERS)
    # An <img> shows an SVG even if it is an attachment; opened by itself it is downloaded, so its scripts never run.
    chart = suffix == ".svg" and file.parent.name == "charts"
    media = "image/svg+xml" if chart else "application/octet-stream"
    return FileResponse(file, media_type=media, filename=file.name, headers=HEADERS)

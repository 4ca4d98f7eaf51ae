"""Keeping on a page what is seen elsewhere: attention, a lens, latents, a chart, an estimate (static/js/keep.js)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from glassbook.steer.spec import Name, Strict
from glassbook.web.keeping import (
    KeptAttention,
    KeptChart,
    KeptFeature,
    KeptLatents,
    KeptLens,
    KeptWhatIf,
    append,
    as_block,
    as_link,
)
from glassbook.web.render.markdown import page_url
from glassbook.web.services import services_of

router = APIRouter(tags=["pages"])


class KeepRequest(Strict):
    """What is kept, where, and as what."""

    what: Annotated[
        KeptAttention | KeptLens | KeptLatents | KeptFeature | KeptChart | KeptWhatIf, Field(discriminator="kind")
    ]
    page: Name
    """Id, title or alias of a page; if there is none, the title of a new one."""
    form: Literal["block", "link"] = "block"
    """A live block, which shows it there, or a link to where it is seen."""


@router.post("/api/v1/keep")
def keep(request: Request, body: KeepRequest) -> dict[str, Any]:
    """Append a live block or a link to a page, or to a new one."""
    nb = services_of(request).notebook
    text = as_block(nb, body.what) if body.form == "block" else as_link(nb, body.what)
    page, new = append(nb, body.page, text)
    section = page.outline().sections[-1].slug if body.form == "block" else ""
    return {"id": page.id, "title": page.title, "new": new, "url": page_url(page.id, section)}

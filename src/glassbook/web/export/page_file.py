"""Single-file export of a page: one HTML file with its styles, images and charts inside."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from urllib.parse import urlsplit

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.files import write_atomic
from glassbook.web.app import create_app
from glassbook.web.export.client import Fetched, InProcessClient
from glassbook.web.export.pictures import svg_of
from glassbook.web.export.rewrite import rewrite
from glassbook.web.export.site import Exported
from glassbook.web.render.markdown import page_url

_PICTURE = re.compile(r"/(beside|runs|static)/.*\.(png|jpe?g|gif|webp|svg)", re.I | re.DOTALL)


def export_page(notebook: Notebook, name: str, path: Path) -> Exported:
    """Write the page of this id, title or alias as one self-contained HTML file."""
    page = notebook.page(name)
    app = create_app(notebook, work=False)
    with InProcessClient(app) as client:
        response = client.get(page_url(page.id))
        if response.status != 200:
            raise GlassbookError(f"{page.title}: the page cannot be shown (status {response.status})")

        def link(target: str) -> str | None:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or target.startswith("#"):
                return target
            found = client.get(parts.path) if _PICTURE.fullmatch(parts.path) else None
            return _data_url(found) if found is not None and found.status == 200 else None

        def picture(target: str) -> str | None:
            svg = svg_of(app.state.services, client, target)
            return None if svg is None else _data_url(Fetched(200, "image/svg+xml", svg.encode()))

        html = response.body.decode()
        styles = "".join(
            f"<style>{client.get(urlsplit(sheet).path).body.decode()}</style>"
            for sheet in re.findall(r'<link rel="stylesheet" href="([^"]+)">', html)
        )
        html = re.sub(r'<link rel="stylesheet"[^>]*>|<nav class="contents".*?</nav>', "", html, flags=re.DOTALL)
        text = rewrite(html, link, picture, "exported alone", styles).html
    path = path.expanduser().resolve()
    write_atomic(path, text.encode())
    return Exported(path, 1, 0)


def _data_url(response: Fetched) -> str:
    return f"data:{response.media};base64,{base64.b64encode(response.body).decode()}"

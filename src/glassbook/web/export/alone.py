"""One page as one file that holds its style, pictures and charts."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from urllib.parse import urlsplit

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.files import write_atomic
from glassbook.web.app import create_app
from glassbook.web.export.inside import Answer, Inside
from glassbook.web.export.pictures import svg_of
from glassbook.web.export.rewrite import rewrite
from glassbook.web.export.site import Exported
from glassbook.web.render.markdown import page_url

_PICTURE = re.compile(r"/(beside|runs|static)/.*\.(png|jpe?g|gif|webp|svg)", re.I | re.DOTALL)


def export_page(notebook: Notebook, name: str, path: Path) -> Exported:
    """Write one page as one HTML file that refers to nothing beside it.

    Args:
        notebook: whose page it is.
        name: id, title or alias of the page.
        path: the file to write.

    Raises:
        GlassbookError: there is no such page, or the disk refused.
    """
    page = notebook.page(name)
    app = create_app(notebook, work=False)
    with Inside(app) as inside:
        answer = inside.get(page_url(page.id))
        if answer.status != 200:
            raise GlassbookError(f"{page.title}: the page cannot be shown (status {answer.status})")

        def link(target: str) -> str | None:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or target.startswith("#"):
                return target
            found = inside.get(parts.path) if _PICTURE.fullmatch(parts.path) else None
            return _inlined(found) if found is not None and found.status == 200 else None

        def picture(target: str) -> str | None:
            svg = svg_of(app.state.services, target)
            return None if svg is None else _inlined(Answer(200, "image/svg+xml", svg.encode()))

        html = answer.body.decode()
        styles = "".join(
            f"<style>{inside.get(urlsplit(sheet).path).body.decode()}</style>"
            for sheet in re.findall(r'<link rel="stylesheet" href="([^"]+)">', html)
        )
        html = re.sub(r'<link rel="stylesheet"[^>]*>|<nav class="contents".*?</nav>', "", html, flags=re.DOTALL)
        text = rewrite(html, link, picture, "exported alone", styles).html
    path = path.expanduser().resolve()
    write_atomic(path, text.encode())
    return Exported(path, 1, 0)


def _inlined(answer: Answer) -> str:
    return f"data:{answer.media};base64,{base64.b64encode(answer.body).decode()}"

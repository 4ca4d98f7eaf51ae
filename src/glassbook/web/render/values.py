"""Inline values of pages: `{{run: ...}}` and `{{claim: ...}}` as numbers and verdicts inside a sentence."""

from __future__ import annotations

from markupsafe import Markup

from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.notebook import InlineValue
from glassbook.web.render.links import address_of
from glassbook.web.services import Services


def show_value(services: Services, value: InlineValue) -> Markup:
    """An inline value as HTML, linked to its run or claim; one that cannot be shown says why in its place."""
    try:
        shown = evidence.show_value(value, services.verdicts.of)
    except GlassbookError as problem:
        return Markup('<span class="value-problem" role="note">{} cannot be shown: {}</span>').format(value, problem)
    note = "; ".join([shown.note, *(f"stale: {line}" for line in shown.stale)])
    mark = Markup(' <span class="stale">(stale)</span>') if shown.stale else ""
    # The note is not on the link, which an export of one page leaves out.
    html = Markup('<span class="value" title="{}"><a href="{}">{}</a></span>{}')
    return html.format(note, address_of(shown.kind, shown.ident), shown.text, mark)

"""Taking pages away, and hubs that every page links to."""

from __future__ import annotations

import pytest

from glassbook.errors import Conflict, GlassbookError
from glassbook.notebook import Page


def test_a_removed_page_is_in_the_trash(nb):
    page = nb.write(Page.new("Circuit", "A part.\n"))
    nb.write(Page.new("Other", "[[Circuit]]\n"))
    place = nb.remove(page)
    assert place.parent == nb.folder / ".glassbook" / "trash"
    assert place.read_text() == page.source
    assert [other.id for other in nb.pages()] == ["other"]
    assert nb.index.links(nb.page("other")) == [("Circuit", None)]


def test_a_page_that_changed_meanwhile_stays(nb):
    page = nb.write(Page.new("Circuit", "A part.\n"))
    page.path.write_text("Another text.\n")
    with pytest.raises(Conflict):
        nb.remove(page)
    assert page.path.read_text() == "Another text.\n"
    page.path.unlink()
    with pytest.raises(GlassbookError):
        nb.remove(page)


def test_a_removed_page_is_gone_at_once_while_the_files_are_followed(nb):
    page = nb.write(Page.new("Circuit"))
    nb.index.follow()
    assert nb.index.page_count() == 1
    nb.remove(page)
    assert nb.index.page_count() == 0


def test_a_hub_is_told_in_part(nb):
    nb.write(Page.new("Hub", "[[Note 1]]\n"))
    for n in range(30):
        nb.write(Page.new(f"Note {n}", "[[Hub]] and [[hub]]\n\n[[Hub]] again\n"))
    assert len(nb.index.backlinks("hub")) == 60
    assert len(nb.index.backlinks("hub", limit=7)) == 7
    graph = nb.index.graph(nb.page("hub"), limit=10)
    assert len(graph.nodes) == 10
    assert graph.nodes[0][0] == "hub"
    assert ("hub", "note-1") in graph.edges
    assert len(nb.index.graph(nb.page("note-1"), depth=2, limit=10).nodes) == 10

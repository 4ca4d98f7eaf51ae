"""Importers: vaults of Markdown, HTML pages and plain text saved from a web page become pages.

    prepared = plan("my-notes.txt")        # reads; writes nothing
    prepared.pages, prepared.left_out      # what would be made, with every guess; what would only be reported
    report = prepared.apply(notebook)      # all of it or nothing; a second time changes nothing

A page that is there already is never overwritten. Another kind of source is one more function from bytes to a plan,
entered in `reading.READERS`.
"""

from glassbook.notebook.importing.apply import Report
from glassbook.notebook.importing.plan import Attachment, LeftOut, Plan, PlannedPage
from glassbook.notebook.importing.reading import plan

__all__ = ["Attachment", "LeftOut", "Plan", "PlannedPage", "Report", "plan"]

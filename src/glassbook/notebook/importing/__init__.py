"""Importers: vaults of Markdown, HTML pages and plain text saved from a web page become pages.

    prepared = plan("my-notes.txt")        # reads; writes nothing
    prepared.pages, prepared.left_out      # what would be made, with every guess; what would only be reported
    fitted = prepared.arrange(notebook)    # what joins which page of the notebook, levels, links; writes nothing
    report = fitted.apply(links=True)      # all of it or nothing; a second time changes nothing

A page that is there already is never overwritten, and no link that is there changes what it means. Another kind of
source is one more function from bytes to a plan, entered in `reading.READERS`.
"""

from glassbook.notebook.importing.apply import Report
from glassbook.notebook.importing.arranging import Arrangement, Choice
from glassbook.notebook.importing.plan import Attachment, LeftOut, Plan, PlannedPage
from glassbook.notebook.importing.reading import plan

__all__ = ["Arrangement", "Attachment", "Choice", "LeftOut", "Plan", "PlannedPage", "Report", "plan"]

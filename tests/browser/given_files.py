"""Files as a user gives them to a page of the notebook: pasted into a text or dropped on it."""

from __future__ import annotations

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAACAAABz8g1hwAAAABJRU5ErkJggg=="
"""A picture of one point, in base64."""


def given(page, event, name, data):
    """A file pasted or dropped into the text."""
    page.locator("textarea").evaluate(
        """(area, [event, name, data]) => {
        const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, { type: "image/png" }));
        const Kind = event === "paste" ? ClipboardEvent : DragEvent;
        const key = event === "paste" ? "clipboardData" : "dataTransfer";
        area.dispatchEvent(new Kind(event, { [key]: transfer, bubbles: true, cancelable: true }));
        }""",
        [event, name, data],
    )

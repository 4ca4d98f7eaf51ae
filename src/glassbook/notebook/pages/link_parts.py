"""Link labels and titles read in time proportional to the text; the parser's own readers take the square of it."""

from __future__ import annotations

from typing import Any

from markdown_it import helpers
from markdown_it.rules_inline import StateInline

TITLE = 1000
"""Characters of a link's title at most: a longer one is text."""


class LinkParts:
    """Readers of the parts of a link, as `MarkdownIt.helpers` has them."""

    parseLinkDestination = staticmethod(helpers.parseLinkDestination)

    @staticmethod
    def parseLinkTitle(string: str, start: int, maximum: int, prev_state: Any = None) -> Any:
        """The title that begins at `start`, if it ends soon enough."""
        return helpers.parseLinkTitle(string, start, min(maximum, start + TITLE), prev_state)

    @staticmethod
    def parseLinkLabel(state: StateInline, start: int, disableNested: bool = False) -> int:
        """End of the label that begins at `start`, -1 if it has none.

        One pass finds the ends of all labels inside as well, and they are remembered.
        """
        # The parser's own memory of this text; its keys are positions.
        memory: dict[Any, Any] = state.cache  # type: ignore[assignment]
        if "last" not in memory:
            memory["last"] = state.src.rfind("]")
        if memory["last"] < start:
            return -1
        known: dict[int, int] = memory.setdefault((disableNested, state.posMax, state.level), {})
        if start in known:
            return known[start]
        before, open_labels = state.pos, [start]
        state.pos = start + 1
        while state.pos < state.posMax and open_labels:
            at, marker = state.pos, state.src[state.pos]
            if marker == "]":
                known[open_labels.pop()] = at
                state.pos += 1
                continue
            state.md.inline.skipToken(state)
            if marker == "[":
                if at == state.pos - 1:  # a bracket that is no part of any token
                    open_labels.append(at)
                elif disableNested:
                    break
        known.update(dict.fromkeys(open_labels, -1))
        state.pos = before
        return known[start]

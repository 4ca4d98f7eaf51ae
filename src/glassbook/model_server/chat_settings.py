"""Settings of the `chat` panel: a question, and the chat model and the base model that it is put to.

This module imports no torch. An address, a live block and JSON are read by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import Field

from glassbook.errors import GlassbookError
from glassbook.steer.spec import Model, Strict, Tokens, no_such_key, read_strict

Question = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]
Base = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ChatSettings(Strict):
    """A question, and who is to answer it."""

    model: Model
    """A chat model."""
    base: Base = "builtin"
    """The model beside it, which is given the question as a text to go on with; "" for none."""
    question: Question = "What does the otter eat?"
    """The user's question."""
    tokens: Tokens = 60
    """Tokens that an answer has at most."""


def read_chat(data: Mapping[str, Any]) -> ChatSettings:
    """The settings of a live block or a request.

    Raises:
        GlassbookError: the first that is wrong, in one line.
    """
    return read_strict(ChatSettings, data)


def chat_query(settings: ChatSettings) -> str:
    """The settings as a query string: the panel's permanent address."""
    return urlencode(settings.model_dump(mode="json", exclude_defaults=True))  # the model has none


def chat_from_query(query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The settings that a query string names, unchecked but for the number.

    Raises:
        GlassbookError: a key that the panel does not have, or tokens that are no number.
    """
    settings: dict[str, Any] = {}
    for key, value in query:
        if key not in ChatSettings.model_fields:
            raise GlassbookError(no_such_key(key, list(ChatSettings.model_fields)))
        settings[key] = value
    if "tokens" in settings:
        if not settings["tokens"].isdecimal():
            raise GlassbookError(f"tokens: {settings['tokens']!r} is no whole number")
        settings["tokens"] = int(settings["tokens"])
    return settings

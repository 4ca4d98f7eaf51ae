"""Errors that the user can fix, each one line."""

from collections.abc import Iterator
from contextlib import contextmanager


class GlassbookError(Exception):
    """Something the user can fix: the message is one line that says what is wrong and what to do.

    The command line prints the message and exits with code 2; it never shows a traceback for it.
    """


class Conflict(GlassbookError):
    """What was to be changed has changed meanwhile; neither version is lost, and the user has to choose."""

    status = 409
    """What a server answers."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports of what the extra `name` brings: GlassbookError if it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "a library").partition(".")[0]
        raise GlassbookError(f"{missing} is not installed; pip install 'glassbook[{name}]' brings it") from error

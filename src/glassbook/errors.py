"""The one error that is the user's to mend."""


class GlassbookError(Exception):
    """Something the user can put right: the message is one line that says what is wrong and what to do.

    The command line prints the message and exits with code 2; it never shows a traceback for it.
    """


class Conflict(GlassbookError):
    """What was to be changed has changed meanwhile; neither version is lost, and the user has to choose."""

    status = 409
    """What a server answers."""

"""The one error that is the user's to mend."""


class GlassbookError(Exception):
    """Something the user can put right: the message is one line that says what is wrong and what to do.

    The command line prints the message and exits with code 2; it never shows a traceback for it.
    """

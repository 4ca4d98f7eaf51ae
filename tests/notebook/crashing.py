"""Runs an operation on a notebook again and again, and each time ends it one step later; a script of its own.

python crashing.py OPERATION HOW BASE WHERE

BASE is copied to WHERE/<n> for n = 1, 2, 3 ..., and a forked child does the operation there until its n-th call of a
function that changes the disk. What then happens is HOW: `kill` (SIGKILL before the call), `half` (a write does half of
its work first), or the name of an error (ENOSPC, EROFS) that this call and all later ones that need room get.
What the child said, line by line as it was acknowledged, is left in WHERE/<n>.said; it ends when a child comes through.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook import Claim, Notebook, Page

CHANGING = ("open", "write", "fsync", "rename", "replace", "link", "unlink", "mkdir")
NEED_ROOM = ("write", "fsync", "rename", "replace", "link", "mkdir")
NEW = "# Fox\n\n" + "new words\n" * 5000
POINTS = 5


def save(nb: Notebook, said: Callable[[str], None]) -> None:
    page = nb.page("fox")
    page.body = NEW
    nb.write(page)
    said("saved")


def create(nb: Notebook, said: Callable[[str], None]) -> None:
    nb.write(Page.new("Lynx", NEW))
    said("saved")


def work(nb: Notebook, said: Callable[[str], None]) -> None:
    with nb.start_run("toy", {"lr": 0.1}, 0, [Claim("small", "It is small", "loss", "<=", 1.0)]) as run:
        _steps(run, said, 0)
    said("finished")


def go_on(nb: Notebook, said: Callable[[str], None]) -> None:
    with nb.resume_run(nb.runs()[0].id) as run:
        _steps(run, said, 100)
    said("finished")


def _steps(run: Any, said: Callable[[str], None], first: int) -> None:
    for step in range(first, first + POINTS):
        run.log(step, loss=1 / (step + 1))
        said(f"point {step}")
    run.chart("curve", {"mark": "line"})
    said("chart")
    run.result(loss=0.5)
    said("result")


def hook(n: int, how: str) -> None:
    """Let the n-th changing call of this process end as `how` says."""
    calls = 0

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls < n:
                return real(*args, **kwargs)
            if how in ("kill", "half"):
                if how == "half" and name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            if name in NEED_ROOM or (name == "open" and args[1] & os.O_CREAT):
                number = getattr(errno, how)
                raise OSError(number, os.strerror(number))
            return real(*args, **kwargs)

        return called

    for name in CHANGING:
        setattr(os, name, wrap(name, getattr(os, name)))


def child(operation: str, how: str, n: int, folder: Path, note: int) -> int:
    nb = Notebook(folder)
    write = os.write
    nb.page("fox")  # the index is there: it is not what is tested
    hook(n, how)
    try:
        globals()[operation](nb, lambda line: write(note, line.encode() + b"\n"))
    except GlassbookError as error:
        write(note, f"error {error}\n".encode())
    except BaseException:
        write(note, b"bug " + traceback.format_exc().encode())
        return 1
    return 0


def main(operation: str, how: str, base: str, where: str) -> None:
    for n in range(1, 200):
        folder = Path(where) / str(n)
        shutil.copytree(base, folder)
        note = os.open(f"{folder}.said", os.O_WRONLY | os.O_CREAT)
        pid = os.fork()
        if pid == 0:
            os._exit(child(operation, how, n, folder, note))
        os.waitpid(pid, 0)
        os.close(note)
        said = Path(f"{folder}.said").read_text().splitlines()
        if said and said[-1] in ("saved", "finished"):
            return
    raise SystemExit("it never came through")


if __name__ == "__main__":
    main(*sys.argv[1:])

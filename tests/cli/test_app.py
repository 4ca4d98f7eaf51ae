"""Help at once, errors in one line."""

import errno
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import glassbook as package
from glassbook.cli import app
from glassbook.errors import GlassbookError

SOURCE = Path(package.__file__).parent
HELPS = ([], ["run"], ["run", "pretrain"], ["claims"], ["claims", "check"], ["steer"], ["generate"], ["new"], ["runs"])


def python(code: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)


def test_help_answers_at_once():
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        python("import sys; from glassbook.cli import main; sys.exit(main(['--help']))")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_needs_no_torch(words):
    code = (
        "import sys; from glassbook.cli import main\n"
        "try: main([*sys.argv[1:], '--help'])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert not {'torch', 'numpy', 'transformers'} & set(sys.modules)"
    )
    done = python(code, *words)
    assert done.returncode == 0, done.stderr
    assert "usage: glassbook" in done.stdout


def test_every_command_is_in_the_help_and_can_be_loaded(glassbook):
    text = glassbook("--help").out
    for name in app.COMMANDS:
        assert f"\n  {name} " in text
        assert "usage" in glassbook(name, "--help").out


COMMAND = re.compile(r"glassbook ([a-z-]+)((?: [^\n`]*)?)")
OPTION = re.compile(r"(?<!\S)(--[a-z][\w-]*)")


def test_commands_that_are_printed_or_written_about_have_their_options(glassbook):
    """In hints, errors and the manual. Options of an experiment (`run NAME`) are its settings."""
    files = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.md"), SOURCE.parents[1] / "README.md"]
    wrong = []
    for file in files:
        for command, words in COMMAND.findall(file.read_text("utf-8")):
            options = set(OPTION.findall(words.partition("`")[0])) if command in app.COMMANDS else set()
            if not options or (command == "run" and words.strip()):
                continue
            action = re.match(r" ([a-z][\w-]*)", words)
            known = glassbook(command, "--help").out + (glassbook(command, action[1], "--help").out if action else "")
            wrong += [f"{file.name}: glassbook {command} {o}" for o in options if o not in set(OPTION.findall(known))]
    assert not wrong


def test_help_and_version_fit_the_terminal(glassbook):
    assert max(map(len, glassbook("--help").out.splitlines())) <= 100
    assert glassbook("--version").out.startswith("glassbook 0.")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["clams"], "did you mean claims?"),
        (["frobnicate"], "there are: tour"),
        (["runs", "--notbook", "x"], "did you mean --notebook?"),
        (["runs", "extra"], "'extra'"),
        (["runs", "--notebook"], "--notebook"),
        (["runs", "--notebook", "/nowhere"], "/nowhere is no notebook"),
        (["generate"], "missing: MODEL, PROMPT"),
        (["generate", "x", "y", "--tokens", "many"], "--tokens"),
        (["steer", "x", "y", "--unit", "furlong"], "norm"),
        (["steer", "x", "y"], "give one of --add"),
        (["steer", "x", "y", "--add", "only one"], "--add"),
        (["run", "--seed", "1"], "name the experiment first"),
        (["run", "pretran"], "did you mean pretrain"),
        (["run", "pretrain", "--stepz", "1"], "--steps"),
        (["claims", "check", "pretran"], "did you mean pretrain"),
        (["claims", "check", "pretrain", "--seeds"], "--seeds"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_understood_is_one_line(glassbook, words, part):
    line = glassbook(*words).complaint()
    assert part in line
    assert len(line) < 300


def test_explain():
    full = OSError(errno.ENOSPC, "No space left on device", "/notes/x")
    assert app.explain(full) == "the disk is full (writing /notes/x); free some space and try again"
    # as safetensors says it
    assert "the disk is full" in str(app.explain(RuntimeError("I/O error: No space left on device (os error 28)")))
    assert "no such file" in str(app.explain(FileNotFoundError(errno.ENOENT, "x", "a.txt")))
    assert "permission" in str(app.explain(PermissionError(errno.EACCES, "x", "a.txt")))
    assert "is a folder" in str(app.explain(IsADirectoryError(errno.EISDIR, "x", "a")))
    assert app.explain(GlassbookError("a\nb")) == "a b"
    assert app.explain(ZeroDivisionError()) is None


def test_a_full_disk_behind_stdout():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from glassbook.cli import main; sys.exit(main(['--help']))"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("error: the disk is full")
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_is_no_error():
    code = "import sys; from glassbook.cli import main; sys.exit(main(['--help']))"
    done = subprocess.run(f"{sys.executable} -c \"{code}\" | true; exit ${{PIPESTATUS[0]}}", shell=True,
                          executable="/bin/bash", capture_output=True, text=True, timeout=60)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_defects_keep_their_traceback(glassbook, monkeypatch):
    monkeypatch.setattr(app, "dispatch", lambda words: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        app.main(["runs"])

"""What all commands share: options made by tyro from a dataclass, one-line errors, a table or one JSON object."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import tyro
from tyro.conf import Positional

from glassbook.cli.app import nearest
from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel


def option(metavar: str, hint: str = "") -> Any:
    """How an option that may be left out is shown: its metavar, and what happens without it."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=f"(default: {hint})" if hint else "")


@dataclass(frozen=True, kw_only=True)
class Json:
    """The option that every command has."""

    json: bool = False
    """Print one JSON object on stdout."""


@dataclass(frozen=True, kw_only=True)
class InNotebook(Json):
    """Options of a command that reads or keeps evidence."""

    notebook: Annotated[Path | None, option("DIR", "the nearest above this folder, else your own")] = None
    """Folder of the notebook."""

    def open_notebook(self) -> Notebook:
        """The notebook that the options name."""
        return Notebook.find() if self.notebook is None else Notebook(self.notebook)


@dataclass(frozen=True, kw_only=True)
class OnModel(Json):
    """Options of a command that opens a language model."""

    model: Annotated[Positional[str], option("MODEL")]
    """ "builtin", a llama2.c .bin, a folder (config.json and safetensors), or the id of a model on the hub."""
    tokenizer: Annotated[str | None, option("T", "the one beside the model")] = None
    """A tokenizer.json, a folder, a llama2.c tokenizer .bin, a hub id, or "bytes"."""

    def open_model(self, needs_text: bool = True) -> LanguageModel:
        """The model that the options name, with a tokenizer if it must read or write text."""
        return open_lm(self.model, self.tokenizer, needs_text)


def open_lm(model: str, tokenizer: str | None, needs_text: bool = True) -> LanguageModel:
    """Open a model quietly.

    Raises:
        GlassbookError: it cannot be opened, or it needs a tokenizer and has none beside it.
    """
    quiet_libraries()
    from glassbook.nets import open_model

    lm = open_model(model, tokenizer)
    if needs_text and lm.tokenizer is None:
        raise GlassbookError(f'{model} has no tokenizer beside it; pass --tokenizer FILE, a folder, or "bytes"')
    return lm


class Command(Protocol):
    """A dataclass of options that does one thing."""

    @property
    def json(self) -> bool:
        """Whether to print JSON."""
        ...

    def result(self) -> dict[str, Any]:
        """Do it; returns plain data, the JSON object of `--json`."""
        ...

    def show(self, result: dict[str, Any]) -> None:
        """Print the result for a person."""
        ...


Options = TypeVar("Options")


def perform(kind: type[Command], args: Sequence[str], prog: str) -> dict[str, Any]:
    """Parse `args`, do what they ask and print the outcome; returns the result."""
    command = parse(kind, args, prog)
    result = command.result()
    if command.json:
        print_json(result)
    else:
        command.show(result)
    return result


def print_json(result: dict[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    from glassbook.notebook.serialization import to_json

    print(to_json(result, what="the result"))


def parse(
    kind: type[Options], args: Sequence[str], prog: str, default: Options | None = None, about: str | None = None
) -> Options:
    """The options in `args` as an instance of the dataclass `kind`.

    Raises:
        GlassbookError: an option is unknown, misses its value or has one that does not fit; in one line.
    """
    given = {} if default is None else {"default": default}
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options, unknown = tyro.cli(  # pyright: ignore[reportCallIssue]
                kind,
                args=[_plain_flag(a) for a in args],
                prog=prog,
                description=about,
                config=(tyro.conf.FlagCreatePairsOff,),
                return_unknown_args=True,
                **given,  # pyright: ignore[reportArgumentType]
            )
    except SystemExit as stop:
        if not stop.code:  # --help
            raise
        raise GlassbookError(f"{_one_line(complaint.getvalue())}; see {prog} --help") from None
    if unknown:
        raise GlassbookError(_unknown(kind, unknown[0], prog))
    return options


def _plain_flag(word: str) -> str:
    return "--help" if word == "-h" else word


def _one_line(box: str) -> str:
    """What tyro says in a box, without the box: the lines between its title and the next rule, joined."""
    title, *lines = [line for line in re.sub("[│╭╰╮╯]", " ", box).splitlines() if line.strip()]
    sections: list[list[str]] = [[]]
    for line in lines:
        if set(line.strip()) <= {"─", "-"}:
            sections.append([])
        else:
            sections[-1].append(line)
    inside = textwrap.dedent("\n".join(next((section for section in sections if section), [title]))).splitlines()
    if "Required" in title:  # names are indented by four, their help by eight
        return "missing: " + ", ".join(line.strip() for line in inside if re.match(" {4}\\S", line))
    text = " ".join(line.strip() for line in inside)
    text = re.sub(r"\s*Got errors:.*", "", text)
    text = re.sub(r"no type matching (?:\{None\}\|)?\{?([^}]*?)\}? could be instantiated from", r"needs \1, not", text)
    text = re.sub(r"\[/?\w+\]", "", text).strip(" .")
    return text[:1].lower() + text[1:]


def _unknown(kind: type, word: str, prog: str) -> str:
    if not word.startswith("-"):
        return f"{prog} does not know what to do with {word!r}; see {prog} --help"
    name = word.split("=")[0]
    return f"{prog} has no option {name}; {nearest(name, option_names(kind))}"


def option_names(kind: type) -> list[str]:
    """The long options that the parser of `kind` offers, as its help lists them."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        tyro.cli(kind, args=["--help"], config=(tyro.conf.FlagCreatePairsOff,))
    return list(dict.fromkeys(re.findall(r"--[a-z][\w-]*", text.getvalue())))


def check_tokens(tokens: int) -> None:
    """Refuse to generate nothing."""
    if tokens < 1:
        raise GlassbookError(f"--tokens {tokens}: ask for at least 1")


def quiet_libraries() -> None:
    """Keep progress bars and warnings of libraries out of the terminal; ours say what matters."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def say(text: str) -> None:
    """One line of news on stderr, where progress goes."""
    print(text, file=sys.stderr, flush=True)

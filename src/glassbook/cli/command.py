"""Command-line options from dataclasses: one parser for all commands, one-line errors, a table or one JSON object.

A command is a dataclass; argparse parses its options and `experiments.forms` reads their values, as it does for an
experiment's settings.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeVar, get_type_hints

from glassbook.errors import GlassbookError
from glassbook.experiments import forms
from glassbook.experiments.base import PYDANTIC
from glassbook.formatting import nearest
from glassbook.notebook import Notebook

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel

Dtype = Literal["float32", "bfloat16", "float16"]
T = TypeVar("T")
Options = TypeVar("Options")


@dataclass(frozen=True)
class Option:
    """How the help shows an option, where its field does not say enough."""

    metavar: str
    hint: str = ""
    """What happens without it."""
    bare: str | None = None
    """The value if the option is given without one."""


_POSITIONAL = object()
Positional = Annotated[T, _POSITIONAL]
"""Annotation of a field that is given by its place on the command line."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: its fields are its options."""

    __pydantic_config__ = PYDANTIC

    json: bool = False
    """Print one JSON object on stdout."""

    def result(self) -> dict[str, Any]:
        """Do it; returns plain data, the JSON object of `--json`."""
        raise NotImplementedError

    def show(self, result: dict[str, Any]) -> None:
        """Print the result for a person."""
        raise NotImplementedError

    def exit_code(self, result: dict[str, Any]) -> int:
        """0 unless the result itself is a failure."""
        return 0


@dataclass(frozen=True, kw_only=True)
class InNotebook(Command):
    """Options of a command that reads or writes a notebook."""

    notebook: Annotated[Path | None, Option("DIR", "the nearest above this folder, else your own")] = None
    """Folder of the notebook."""

    def open_notebook(self) -> Notebook:
        return Notebook.find() if self.notebook is None else Notebook(self.notebook)


@dataclass(frozen=True, kw_only=True)
class OpensModel(Command):
    """Options of a command that opens a language model: what to open it with."""

    tokenizer: Annotated[str | None, Option("T", "the one beside the model")] = None
    """A tokenizer.json, a folder, a llama2.c tokenizer .bin, a hub id, or "bytes"."""
    dtype: Annotated[Dtype, Option("{float32,bfloat16,float16}", "float32")] = "float32"
    """Precision of the model's weights and activations; half of it takes half the memory."""
    device: Annotated[str, Option("DEVICE", "cpu")] = "cpu"
    """Where the model runs: cpu, cuda, cuda:1, mps."""

    def open(self, model: str, needs_text: bool = True) -> LanguageModel:
        """A model as the options say, with a tokenizer if it must read or write text."""
        return open_lm(model, self.tokenizer, needs_text, self.dtype, self.device)


@dataclass(frozen=True, kw_only=True)
class OnModel(OpensModel):
    """Options of a command about one language model."""

    model: Annotated[Positional[str], Option("MODEL")]
    """ "builtin", a llama2.c .bin, a folder (config.json and safetensors), or the id of a model on the hub."""

    def open_model(self, needs_text: bool = True) -> LanguageModel:
        """The model that the options name."""
        return self.open(self.model, needs_text)


def open_lm(
    model: str, tokenizer: str | None, needs_text: bool = True, dtype: Dtype = "float32", device: str = "cpu"
) -> LanguageModel:
    """Open a model without the messages of libraries, with a tokenizer if it must read or write text."""
    quiet_libraries()
    from glassbook.nets import open_language_model

    lm = open_language_model(model, tokenizer, dtype, device)
    if needs_text and lm.tokenizer is None:
        raise GlassbookError(f'{model} has no tokenizer beside it; pass --tokenizer FILE, a folder, or "bytes"')
    return lm


def perform(actions: Mapping[str, type[Command]], words: Sequence[str]) -> int:
    """Parse the words of a command, do it, and print its result; returns the exit code.

    Args:
        actions: the dataclass of the command itself under "", and those of its actions (`jobs cancel`) by name.
        words: the command's name and what follows it.
    """
    action = words[1] if len(words) > 1 and words[1] in actions else ""
    taken = 2 if action else 1
    others = [name for name in actions if name] if not action else []
    command = parse(actions[action], words[taken:], " ".join(["glassbook", *words[:taken]]), others)
    result = command.result()
    if command.json:
        print_json(result)
    else:
        command.show(result)
    return command.exit_code(result)


def print_json(result: dict[str, Any]) -> None:
    from glassbook.notebook.serialization import to_json

    print(to_json(result, what="the result"))


def parse(kind: type[Options], args: Sequence[str], prog: str, actions: Sequence[str] = ()) -> Options:
    """The options in `args` as an instance of the dataclass `kind`; `actions` may stand where `args` begin."""
    parser = Parser(prog, inspect.getdoc(kind) or "")
    parser.add(kind)
    return build(kind, parser.read(args, actions), prog)


def build(kind: type[Options], values: Mapping[str, Any], prog: str, quick: bool = False) -> Options:
    """`forms.build`, with errors that name options rather than fields."""
    try:
        return forms.build(kind, values, quick)
    except forms.FormError as error:
        options = {field.name: field.option for field in forms.fields(kind)}
        problems = "; ".join(f"{options.get(name, name)} {problem}" for name, problem in error.problems.items())
        raise GlassbookError(f"{problems}; see {prog} --help") from None


_METAVARS = {"int": "N", "float": "X", "str": "TEXT", "bool": "BOOL", "path": "PATH", "choice": "WORD"}


class Parser(argparse.ArgumentParser):
    """The parser of one command, called by the words `prog`; its errors are one line."""

    def __init__(self, prog: str, about: str) -> None:
        width = min(shutil.get_terminal_size((80, 24)).columns, 120) - 2
        super().__init__(
            prog=prog,
            description="\n".join(textwrap.fill(line, width) for line in about.splitlines()),
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=width),
            add_help=False,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
        )
        self.usage = prog
        self._optionals.add_argument("-h", "--help", action="help", help="Show this help.")
        # Texts such as -1e-9 are numbers, not options.
        self._negative_number_matcher = re.compile(r"-\.?\d")

    def add(self, kind: type, title: str = "") -> None:
        group = self.add_argument_group(title) if title else self._optionals
        hints = get_type_hints(kind, include_extras=True)
        for field in forms.fields(kind):
            extras = getattr(hints[field.name], "__metadata__", ())
            shown = next(
                (extra for extra in extras if isinstance(extra, Option)), Option(_METAVARS[field.items or field.type])
            )
            positional = _POSITIONAL in extras
            required = field.default is dataclasses.MISSING
            hint = shown.hint or ("" if required or field.type == "bool" or field.default is None else field.text)
            words = [field.doc, f"(default: {hint})" if hint else ""]
            told = argparse.SUPPRESS if field.hidden else " ".join(filter(None, words)).replace("%", "%%")
            given: dict[str, Any] = {"help": told}
            if field.type == "bool":
                opposite = field.option.replace("--", "--no-", 1)
                flag, hidden = (opposite, field.option) if field.default is True else (field.option, opposite)
                for name, text in ((flag, given["help"]), (hidden, argparse.SUPPRESS)):
                    const = not name.startswith("--no-")
                    group.add_argument(name, dest=field.name, action="store_const", const=const, help=text)
                continue
            given["metavar"] = shown.metavar.removesuffix(" ...")
            if field.type == "list" and field.length and extras:
                given |= {"nargs": field.length, "metavar": tuple(shown.metavar.split())}
            elif field.type == "list":
                given["nargs"] = "*"
            elif shown.bare is not None:
                given |= {"nargs": "?", "const": shown.bare, "metavar": shown.metavar.strip("[]")}
            elif positional and not required:
                given["nargs"] = "?"
            if positional:
                self._positionals.add_argument(field.name, **given)
            else:
                group.add_argument(field.option, dest=field.name, required=required, **given)
            if positional or required:
                word = shown.metavar if positional else f"{field.option} {shown.metavar}"
                self.usage = f"{self.usage} {word if required else f'[{word}]'}"

    def format_help(self) -> str:
        """The help; its first line names what has to be given, for the rest is listed below."""
        usage, self.usage = self.usage, f"{self.usage} [options]"
        try:
            return super().format_help()
        finally:
            self.usage = usage

    def read(self, args: Sequence[str], actions: Sequence[str] = ()) -> dict[str, Any]:
        """What was given, by name of the field; text, or a list of texts, as it stood on the command line."""
        options = [name for action in self._actions for name in action.option_strings]
        words = [re.sub(r"^--[^=]+", lambda match: match[0].replace("_", "-"), word) for word in args]
        given, unknown = self.parse_known_args(words)
        if unknown and unknown[0].startswith("-"):
            name = unknown[0].split("=")[0]
            shown = [name for name in options if name.startswith("--") and not name.startswith("--no-")]
            raise GlassbookError(f"{self.prog} has no option {name}; {nearest(name, shown)}")
        if unknown:
            hint = nearest(unknown[0], actions) if actions else f"see {self.prog} --help"
            raise GlassbookError(f"{self.prog} takes no {unknown[0]!r}; {hint}")
        values = vars(given)
        named = {action.dest for action in self._actions if action.option_strings and action.nargs == "*"}
        return {
            # One word may hold a whole list, with commas.
            name: value[0] if name in named and len(value) == 1 else [] if value is None else value
            for name, value in values.items()
        }

    def error(self, message: str) -> NoReturn:
        message = message.replace("the following arguments are required", "missing").removeprefix("argument ")
        raise GlassbookError(f"{message}; see {self.prog} --help")


def check_tokens(tokens: int) -> None:
    if tokens < 1:
        raise GlassbookError(f"--tokens {tokens}: ask for at least 1")


def as_asked(lm: LanguageModel, prompt: str, chat: bool) -> str:
    """The text that a model continues: the prompt, or what stands for it in a chat."""
    from glassbook.nets.chat import chat_prompt

    return chat_prompt(lm, prompt) if chat else prompt


def quiet_libraries() -> None:
    """Keep progress bars and warnings of libraries out of the terminal; ours say what matters."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def say(text: str) -> None:
    """One line of news on stderr, where progress goes."""
    print(text, file=sys.stderr, flush=True)

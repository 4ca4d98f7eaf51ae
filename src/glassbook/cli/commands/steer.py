"""`glassbook steer`: continue a prompt, plain and steered side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from glassbook.cli.command import OnModel, Option, Positional, as_asked, check_tokens
from glassbook.cli.dictionaries import fit_to, open_dictionary
from glassbook.cli.output import console, side_by_side
from glassbook.errors import GlassbookError
from glassbook.steer.spec import Unit
from glassbook.steer.where import read_where

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel
    from glassbook.steer import Vector


@dataclass(frozen=True, kw_only=True)
class Steer(OnModel):
    """Continue a prompt, plain and steered side by side. Give one of --add, --contrast, --vector and
    --feature."""

    prompt: Annotated[Positional[str], Option("PROMPT")]
    """The text to continue."""
    add: Annotated[tuple[str, str] | None, Option("PLUS MINUS")] = None
    """Activation addition: the difference of two texts' activations, such as --add " bride" " storm"."""
    contrast: Annotated[tuple[Path, Path] | None, Option("PLUS MINUS")] = None
    """Difference of means: the mean activation of the texts in one file less that of those in another, a text on each
    line."""
    vector: Annotated[Path | None, Option("FILE")] = None
    """A vector written by --save."""
    feature: Annotated[str | None, Option("DICT:INDEX")] = None
    """A feature of a dictionary, such as builtin:17 or dictionary.safetensors:17."""
    layer: Annotated[int | None, Option("N", "a third of the way up")] = None
    """Block whose input --add and --contrast are read and added at."""
    site: Annotated[str | None, Option("SITE", "from --layer or the dictionary")] = None
    """The exact site, such as blocks.3.in; `glassbook open MODEL` lists them."""
    coeff: Annotated[float | None, Option("X", "2 for --add, 0.3 for --contrast, else 1")] = None
    """Strength; negative steers the other way."""
    unit: Annotated[Unit | None, Option("{raw,norm}", "norm for --feature and --contrast, else raw")] = None
    """"raw" adds X times the vector; "norm" counts in median norms of the residual stream."""
    where: Annotated[str | None, Option("RULE", "first for --add, else everywhere")] = None
    """first, last, during-prompt, after-prompt, everywhere, from-position-N or before-position-N."""
    tokens: Annotated[int, Option("N", "40")] = 40
    """How many new tokens at most."""
    temperature: Annotated[float, Option("T", "0, greedy")] = 0.0
    """As in generate."""
    top_p: Annotated[float, Option("P", "1")] = 1.0
    """As in generate."""
    seed: Annotated[int, Option("N", "0")] = 0
    """Seed of the sampling."""
    chat: bool = False
    """As in generate."""
    save: Annotated[Path | None, Option("FILE")] = None
    """Save what strength 1 adds, as safetensors; --vector FILE with the same --coeff and --where adds it again."""

    def result(self) -> dict[str, Any]:
        if sum(given is not None for given in (self.add, self.contrast, self.vector, self.feature)) != 1:
            raise GlassbookError(
                "give one of --add PLUS MINUS, --contrast PLUS.txt MINUS.txt, --vector FILE and --feature DICT:INDEX"
            )
        check_tokens(self.tokens)
        where = None if self.where is None else read_where(self.where)
        lm = self.open_model()
        from glassbook.nets.inference import decoding
        from glassbook.steer import steer
        from glassbook.steer.norms import in_unit

        usual = 2.0 if self.add else 0.3 if self.contrast else 1.0
        coeff = usual if self.coeff is None else self.coeff
        unit = self.unit or ("norm" if self.feature or self.contrast else "raw")
        v = in_unit(lm, self.make_vector(lm), unit)
        sampling = {"tokens": self.tokens, "temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        prompts = [as_asked(lm, self.prompt, self.chat)]
        with decoding(lm.model, 1):
            plain = lm.generate(prompts, **sampling)[0]
            with steer(lm, v, coeff=coeff, where=where):
                steered = lm.generate(prompts, **sampling)[0]
        if self.save is not None:
            v.save(self.save)
        return {
            "model": self.model,
            "prompt": self.prompt,
            "plain": plain,
            "steered": steered,
            "sites": v.sites,
            "norm": v.norm(),
            "coeff": coeff,
            "unit": unit,
            "saved": None if self.save is None else str(self.save),
        }

    def make_vector(self, lm: LanguageModel) -> Vector:
        from glassbook.steer import Vector, actadd, feature, mean_difference
        from glassbook.trace.roles import blocks

        if self.vector is not None:
            return Vector.load(self.vector)
        if self.feature is not None:
            name, index = read_feature(self.feature)
            d = open_dictionary(name)
            longest = len(lm.encode(as_asked(lm, self.prompt, self.chat))) + self.tokens
            return feature(d, index, fit_to(d, lm, self.site, longest, writes=True))
        names = blocks(lm.model)
        layer = len(names) // 3 if self.layer is None else self.layer
        if not -len(names) <= layer < len(names):
            raise GlassbookError(f"--layer {layer}: there are layers 0 to {len(names) - 1}; choose among them")
        site = self.site or f"{names[layer]}.in"
        if self.contrast is not None:
            plus, minus = map(read_lines, self.contrast)
            return mean_difference(lm, plus, minus, site, token="mean")
        assert self.add is not None
        return actadd(lm, *self.add, site)

    def show(self, result: dict[str, Any]) -> None:
        out = console()
        strength = f"strength {result['coeff']:g} {result['unit']}"
        out.print(f"{', '.join(result['sites'])}, {strength}; prompt {result['prompt']!r}\n", markup=False)
        out.print(side_by_side(result["plain"].strip(), result["steered"].strip()))
        if result["saved"]:
            out.print(f"\nthe vector is in {result['saved']}", markup=False)


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise GlassbookError(f"--contrast: {path} cannot be read as text: {error}") from error
    if not lines:
        raise GlassbookError(f"--contrast: {path} holds no text; write one on each line")
    return lines


def read_feature(text: str) -> tuple[str, int]:
    """ "DICT:INDEX" -> (DICT, INDEX)."""
    name, colon, index = text.rpartition(":")
    if not colon or not name or not index.isdecimal():
        raise GlassbookError(f"--feature {text}: write DICT:INDEX, such as builtin:17")
    return name, int(index)


ACTIONS = {"": Steer}

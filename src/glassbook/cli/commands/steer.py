"""`glassbook steer`: continue a prompt, plain and steered side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional

from glassbook.cli.command import OnModel, check_tokens, option, perform
from glassbook.cli.dictionaries import open_dictionary, trained_at
from glassbook.cli.output import console, table
from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel
    from glassbook.steer import Vector, Where


@dataclass(frozen=True, kw_only=True)
class Steer(OnModel):
    """Continue a prompt, plain and steered side by side. Give one of --add, --vector and --feature."""

    prompt: Annotated[Positional[str], option("PROMPT")]
    """The text to continue."""
    add: Annotated[tuple[str, str] | None, option("PLUS MINUS")] = None
    """Activation addition: the difference of two texts' activations, such as --add " wedding" ""."""
    vector: Annotated[Path | None, option("FILE")] = None
    """A vector that --save wrote."""
    feature: Annotated[str | None, option("DICT:INDEX")] = None
    """A feature of a dictionary, such as builtin:17 or dictionary.safetensors:17."""
    layer: Annotated[int | None, option("N", "a third of the way up")] = None
    """Block whose input an --add pair is read and added at."""
    site: Annotated[str | None, option("SITE", "from --layer or the dictionary")] = None
    """The exact site, such as blocks.3.in; `glassbook open MODEL` lists them."""
    by: Annotated[float | None, option("X", "2 for --add, else 1")] = None
    """Strength; negative steers the other way."""
    unit: Annotated[Literal["raw", "norm", "usual"], option("{raw,norm}", "norm for --feature, else raw")] = "usual"
    """"raw" adds X times the vector; "norm" counts in median norms of the residual stream."""
    where: Annotated[str | None, option("RULE", "first for --add, else everywhere")] = None
    """first, last, after-prompt, everywhere, or the position to start from."""
    tokens: Annotated[int, option("N", "40")] = 40
    """How many new tokens at most."""
    temperature: Annotated[float, option("T", "0, greedy")] = 0.0
    """As in generate."""
    top_p: Annotated[float, option("P", "1")] = 1.0
    """As in generate."""
    seed: Annotated[int, option("N", "0")] = 0
    """Seed of the sampling."""
    save: Annotated[Path | None, option("FILE")] = None
    """Keep the vector as safetensors."""

    def result(self) -> dict[str, Any]:
        """Both texts."""
        if sum(given is not None for given in (self.add, self.vector, self.feature)) != 1:
            raise GlassbookError("give one of --add PLUS MINUS, --vector FILE and --feature DICT:INDEX")
        check_tokens(self.tokens)
        rule = read_where(self.where)
        lm = self.open_model()
        from glassbook.steer import steer

        v = self.make_vector(lm)
        by = self.by if self.by is not None else (2.0 if self.add else 1.0)
        unit = self.unit if self.unit != "usual" else ("norm" if self.feature else "raw")
        sampling = {"tokens": self.tokens, "temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        plain = lm.generate([self.prompt], **sampling)[0]
        with steer(lm, v, by=by, unit=unit, where=rule):
            steered = lm.generate([self.prompt], **sampling)[0]
        if self.save is not None:
            v.save(self.save)
        return {
            "model": self.model,
            "prompt": self.prompt,
            "plain": plain,
            "steered": steered,
            "sites": v.sites,
            "norm": v.norm(),
            "by": by,
            "unit": unit,
            "saved": None if self.save is None else str(self.save),
        }

    def make_vector(self, lm: LanguageModel) -> Vector:
        """The vector that the options describe."""
        from glassbook.features.data import check_model
        from glassbook.steer import Vector, actadd, feature
        from glassbook.trace.roles import blocks

        if self.vector is not None:
            return Vector.load(self.vector)
        if self.feature is not None:
            name, index = read_feature(self.feature)
            d = open_dictionary(name)
            check_model(d.about, lm.model)
            site = self.site or trained_at(d, name)
            return feature(d, index, site)
        assert self.add is not None
        names = blocks(lm.model)
        layer = len(names) // 3 if self.layer is None else self.layer
        if not -len(names) <= layer < len(names):
            raise GlassbookError(f"--layer {layer}: there are layers 0 to {len(names) - 1}")
        return actadd(lm, *self.add, self.site or f"{names[layer]}.in")

    def show(self, result: dict[str, Any]) -> None:
        """The two texts in two columns."""
        out = console()
        out.print(
            f"{', '.join(result['sites'])}, strength {result['by']:g} {result['unit']}; prompt {result['prompt']!r}\n",
            markup=False,
        )
        both = table(("plain", "steered"), [(result["plain"].strip(), result["steered"].strip())])
        for column in both.columns:
            column.ratio = 1
        out.print(both)
        if result["saved"]:
            out.print(f"\nthe vector is in {result['saved']}", markup=False)


def read_feature(text: str) -> tuple[str, int]:
    """ "DICT:INDEX" -> (DICT, INDEX)."""
    name, colon, index = text.rpartition(":")
    if not colon or not name or not index.isdecimal():
        raise GlassbookError(f"--feature {text}: write DICT:INDEX, such as builtin:17")
    return name, int(index)


def read_where(rule: str | None) -> Where | None:
    """The rule that a word or a position names."""
    from glassbook.steer import after_prompt, everywhere, first, from_position, last

    rules = {"first": first, "last": last, "after-prompt": after_prompt, "everywhere": everywhere}
    if rule is None:
        return None
    if rule in rules:
        return rules[rule]()
    if rule.isdecimal():
        return from_position(int(rule))
    raise GlassbookError(f"--where {rule}: take one of {', '.join(rules)}, or a position such as 3")


def main(args: list[str]) -> int:
    """Run the command."""
    perform(Steer, args, "glassbook steer")
    return 0

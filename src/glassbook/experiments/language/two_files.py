"""A language model as two files: what NumPy computes from them, beside torch, and what eight bits cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.experiments.language._runners import Written
    from glassbook.nets import LanguageModel

STORIES = "stories260K"


@experiment(
    terms=["Language model"],
    source="Karpathy 2023, llama2.c",
    data=["stories260k"],
    minutes=1,
)
@dataclass(frozen=True, kw_only=True)
class TwoFiles:
    """Are a file of parameters and one short program all that a language model is?

    The files are those of `glassbook two-files`, the program is their run.py. Texts and prompts follow the seed.
    """

    model: str = "builtin"
    """Language model to write."""
    texts: int = 8
    """Texts on which logits are compared, and as many prompts for each model."""
    positions: int = 64
    """Tokens of each text."""
    prompt: int = 8
    """Tokens of a prompt."""
    new: int = 64
    """Tokens that are written after it."""
    documents: int = 100
    """Texts that bits per byte are measured on."""
    sabotage: Literal["none", "swapped-rotary", "four-bits"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("numpy-says-what-torch-says",
              "A NumPy program of at most 150 lines computes the logits of the built-in model within 1e-4 of torch",
              "max_logit_difference", "<=", 1e-4, control="swapped_rotary_difference >= 1e-2",
              sabotages=("swapped-rotary",)),
        Claim("greedy-text-is-equal",
              "It writes the 64 tokens that torch writes after each prompt, greedily, with the built-in model",
              "greedy_equal", ">=", 64, control="swapped_greedy_equal <= 32", sabotages=("swapped-rotary",)),
        Claim("stories-are-equal",
              "It writes the 64 tokens that torch writes after each prompt, greedily, with stories260K of llama2.c",
              "stories_greedy_equal", ">=", 64, control="swapped_stories_equal <= 32", sabotages=("swapped-rotary",)),
        Claim("eight-bits-cost-nothing",
              "Matrices in eight bits, with a scale for every 64 numbers, cost at most 1 % more bits per byte",
              "q8_bpb_ratio", "<=", 1.01, control="four_bit_bpb_ratio >= 1.03", sabotages=("four-bits",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("swapped-rotary", "Queries and keys are written in torch's order, and turned in llama2.c's",
                 {"sabotage": "swapped-rotary"}),
        Sabotage("four-bits", "Four bits take the place of eight", {"sabotage": "four-bits"}),
    )  # fmt: skip
    outputs = Outputs(charts=("difference", "bits", "sizes"), tables=("texts",))

    @classmethod
    def quick(cls) -> TwoFiles:
        """Few and short texts, in seconds."""
        return cls(texts=2, positions=16, new=8, documents=3)

    def run(self, run: Run) -> None:
        """Write both models, compare logits and greedy text with torch's, measure the files of fewer bits."""
        import torch

        from glassbook.data.registry import find
        from glassbook.experiments.language._runners import Written, texts_of_reserve

        lm = kit.open_model(run, self.model)
        stories = kit.open_model(run, str(find("stories260k").paths()["stories260K.bin"]), label=STORIES)
        broken = self.sabotage == "swapped-rotary"
        right, swapped = Written(lm, swapped=broken), Written(lm, swapped=True)
        drawn = [texts_of_reserve(lm, run.rng(name).seed, self.positions) for name in ("texts", "prompts", "documents")]
        texts, begun, documents = (
            list(islice(some, n)) for some, n in zip(drawn, (self.texts, self.texts, self.documents), strict=True)
        )
        differences = self._differences(run, [ids[: self.positions] for _, ids in texts], right, swapped)
        generator = run.rng("stories").torch()
        start = torch.tensor([stories.encode("")] * self.texts)
        own: Any = stories.model
        told = own.generate(start, max_new_tokens=self.prompt, temperature=1.0, generator=generator).tolist()
        equal, rows = self._equal(lm, [ids[: self.prompt] for _, ids in begun], right, swapped)
        story, more = self._equal(stories, told, Written(stories, swapped=broken), Written(stories, swapped=True))
        run.table("texts", rows + more)
        few, eight = Written(lm, levels=7), Written(lm, levels=7 if self.sabotage == "four-bits" else 127)
        kinds = {"32 bits": right, "8 bits": eight, "4 bits": few}
        bits = {name: written.bits_per_byte([text for text, _ in documents]) for name, written in kinds.items()}
        bars = [{"numbers": name, "bits per byte": value} for name, value in bits.items()]
        run.chart("bits", charts.bars(bars, "bits per byte", "numbers", format=".4f"))
        names = {"model.bin": right.sizes, "model.bin, 8 bits": eight.sizes, "tokenizer.bin": right.sizes}
        sizes = {name: files[name.partition(",")[0]] / 1e3 for name, files in names.items()}
        sizes["run.py"] = right.sizes["run.py"] / 1e3
        kilobytes = [{"file": name, "kB": size} for name, size in sizes.items()]
        run.chart("sizes", charts.bars(kilobytes, "kB", "file", format=",.0f"))
        run.result(
            **differences,
            greedy_equal=equal["right"], swapped_greedy_equal=equal["swapped"],
            stories_greedy_equal=story["right"], swapped_stories_equal=story["swapped"],
            bits_per_byte=bits["32 bits"], q8_bpb_ratio=bits["8 bits"] / bits["32 bits"],
            four_bit_bpb_ratio=bits["4 bits"] / bits["32 bits"],
            model_megabytes=sizes["model.bin"] / 1e3, q8_megabytes=sizes["model.bin, 8 bits"] / 1e3,
            tokenizer_kilobytes=sizes["tokenizer.bin"], runner_kilobytes=sizes["run.py"],
        )  # fmt: skip

    def _differences(
        self, run: Run, texts: Sequence[list[int]], right: Written, swapped: Written
    ) -> dict[str, float]:  # fmt: skip
        """Largest difference of a logit from torch's, over all texts, positions and tokens; a chart by position."""
        import numpy as np

        from glassbook.experiments.language._runners import torch_logits

        true = [torch_logits(right.lm, ids) for ids in texts]
        rows, largest = [], {}
        for name, written in (("run.py", right), ("turned in the wrong pairs", swapped)):
            off = [abs(written.logits(ids) - logits).max(1) for ids, logits in zip(texts, true, strict=True)]
            worst = np.max(off, axis=0).astype(float)
            largest[name] = float(worst.max())
            rows += [{"position": i, "difference": d, "program": name} for i, d in enumerate(worst.tolist())]
        axis = charts.Axis("difference", "largest difference of a logit", "log")
        run.chart("difference", charts.lines(rows, "position", axis, "program"))
        first, second = largest.values()
        return {"max_logit_difference": first, "swapped_rotary_difference": second}

    def _equal(
        self, lm: LanguageModel, prompts: Sequence[list[int]], right: Written, swapped: Written
    ) -> tuple[dict[str, int], list[dict[str, Any]]]:
        """New tokens that are torch's before the first that is not, of the worst prompt; and a row for each prompt."""
        from glassbook.experiments.language._runners import in_common, torch_greedy

        rows: list[dict[str, Any]] = []
        for ids in prompts:
            true = torch_greedy(lm, ids, self.new)
            same = {"right": in_common(right.greedy(ids, self.new), true)}
            same["swapped"] = in_common(swapped.greedy(ids, self.new), true)
            rows.append(
                {"model": lm.name.rpartition("/")[2], "prompt": lm.decode(ids), "text": lm.decode(true), **same}
            )
        return {name: min(row[name] for row in rows) for name in ("right", "swapped")}, rows

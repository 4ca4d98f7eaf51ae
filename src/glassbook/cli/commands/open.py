"""`glassbook open`: look at a model, its size, its sites and a sample of its text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from glassbook.cli.command import OnModel, Option, check_tokens, quiet_libraries
from glassbook.cli.output import console, table


@dataclass(frozen=True, kw_only=True)
class Open(OnModel):
    """Look at a model: its size, its sites, a greedy sample."""

    prompt: Annotated[str, Option("TEXT", "none: the model begins")] = ""
    """Text that the sites are found with and the sample continues."""
    tokens: Annotated[int, Option("N", "40")] = 40
    """Tokens in the sample."""
    all: bool = False
    """List every site of every block, not only those of the first."""

    def result(self) -> dict[str, Any]:
        check_tokens(self.tokens)
        quiet_libraries()
        from glassbook.nets import PictureModel, open_model
        from glassbook.trace import sites
        from glassbook.trace.roles import blocks, self_test

        lm = open_model(self.model, self.tokenizer, self.dtype, self.device)
        batch = lm.example() if isinstance(lm, PictureModel) else sample_batch(lm, self.prompt)
        found = [
            {"name": s.name, "order": s.order, "calls": s.calls, "shape": list(s.shape or ()), "dtype": str(s.dtype)}
            for s in sites(lm.model, **batch)
        ]
        if isinstance(lm, PictureModel):
            return {
                "model": self.model,
                "kind": type(lm.model).__name__,
                "task": lm.task,
                "parameters": lm.parameters,
                "size": lm.size,
                "channels": lm.channels,
                "classes": list(lm.classes),
                "blocks": lm.blocks,
                "sites": found,
            }
        sample = None
        if lm.tokenizer is not None:
            prompt = self.prompt or lm.opening
            sample = {"prompt": prompt, "text": lm.generate([prompt], tokens=self.tokens)[0]}
        return {
            "model": self.model,
            "kind": type(lm.model).__name__,
            "task": "write",
            "parameters": lm.parameters,
            "vocabulary": lm.vocab,
            "context": lm.context,
            "blocks": blocks(lm.model),
            "sites": found,
            "sample": sample,
            "checks": [asdict(check) for check in self_test(lm)],
        }

    def show(self, result: dict[str, Any]) -> None:
        out = console()
        if result["task"] != "write":
            side, colour = result["size"], "colour" if result["channels"] == 3 else "grey"
            classes = f", {len(result['classes'])} classes" if result["classes"] else ""
            out.print(
                f"{result['kind']} with {result['parameters']:,} parameters, which can {result['task']} pictures: "
                f"{side} x {side} pixels in {colour}{classes}\n"
            )
            self._show_sites(result)
            if result["task"] != "generate":
                print(f"\nnext: glassbook look FILE --model {result['model']}")
            return
        out.print(
            f"{result['kind']} with {result['parameters']:,} parameters: {len(result['blocks'])} blocks, "
            f"{result['vocabulary']:,} tokens, context {result['context']}"
        )
        unproved = [check for check in result["checks"] if not check["proved"]]
        out.print(f"self-test: {len(result['checks']) - len(unproved)} of {len(result['checks'])} proved by running it")
        for check in unproved:
            out.print(f"  not proved: {check['name']} ({check['reason']})", markup=False)
        out.print()
        self._show_sites(result)
        if result["sample"] is None:
            out.print("\nno tokenizer beside it, so no sample; pass --tokenizer")
        else:
            out.print("\nsample:", result["sample"]["prompt"] + result["sample"]["text"], markup=False)

    def _show_sites(self, result: dict[str, Any]) -> None:
        out = console()
        shown = result["sites"] if self.all else first_block(result["sites"], result["blocks"])
        rows = [
            (s["name"], "x".join(map(str, s["shape"])), s["dtype"].removeprefix("torch."), s["calls"]) for s in shown
        ]
        out.print(table(("site", "shape", "type", "calls"), rows, numbers=("calls",), wide="site"))
        hidden = len(result["sites"]) - len(shown)
        if hidden:
            out.print(f"\n{hidden} more sites in the other blocks; --all lists them")


def sample_batch(lm: Any, prompt: str) -> dict[str, Any]:
    """A batch to find sites with: the prompt, or one token over and over where there is none."""
    import torch

    ids = (lm.encode(prompt) if lm.tokenizer is not None else []) or [0]
    # With one token, a shape would not show which of its sizes is the number of tokens.
    return {"input_ids": torch.tensor([ids if len(ids) > 1 else ids * 8], device=lm.device)}


def first_block(found: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """The sites outside the repeated blocks, and those of the first block."""
    return [s for s in found if not any(s["name"].startswith(f"{name}.") for name in names[1:])]


ACTIONS = {"": Open}

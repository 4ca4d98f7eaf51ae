"""`glassbook open`: look at a model, its size, its sites and a sample of its text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from glassbook.cli.command import OnModel, Option, check_tokens
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
        lm = self.open_model(needs_text=False)
        from glassbook.trace import sites
        from glassbook.trace.roles import blocks, self_test

        batch = sample_batch(lm, self.prompt)
        found = [
            {"name": s.name, "order": s.order, "calls": s.calls, "shape": list(s.shape or ()), "dtype": str(s.dtype)}
            for s in sites(lm.model, **batch)
        ]
        sample = None
        if lm.tokenizer is not None:
            prompt = self.prompt or lm.opening
            sample = {"prompt": prompt, "text": lm.generate([prompt], tokens=self.tokens)[0]}
        return {
            "model": self.model,
            "kind": type(lm.model).__name__,
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
        out.print(
            f"{result['kind']} with {result['parameters']:,} parameters: {len(result['blocks'])} blocks, "
            f"{result['vocabulary']:,} tokens, context {result['context']}"
        )
        unproved = [check for check in result["checks"] if not check["proved"]]
        out.print(f"self-test: {len(result['checks']) - len(unproved)} of {len(result['checks'])} proved by running it")
        for check in unproved:
            out.print(f"  not proved: {check['name']} ({check['reason']})", markup=False)
        out.print()
        shown = result["sites"] if self.all else first_block(result["sites"], result["blocks"])
        rows = [
            (s["name"], "x".join(map(str, s["shape"])), s["dtype"].removeprefix("torch."), s["calls"]) for s in shown
        ]
        out.print(table(("site", "shape", "type", "calls"), rows, numbers=("calls",), wide="site"))
        hidden = len(result["sites"]) - len(shown)
        if hidden:
            out.print(f"\n{hidden} more sites in the other blocks; --all lists them")
        if result["sample"] is None:
            out.print("\nno tokenizer beside it, so no sample; pass --tokenizer")
        else:
            out.print("\nsample:", result["sample"]["prompt"] + result["sample"]["text"], markup=False)


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

"""`glassbook two-files`: write a language model as a file of parameters and a program that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from glassbook.cli.command import OnModel, Option, Positional


@dataclass(frozen=True, kw_only=True)
class TwoFiles(OnModel):
    """Write a model as parameters (model.bin, its vocabulary tokenizer.bin) and a program that needs NumPy alone."""

    folder: Annotated[Positional[str], Option("DIR")]
    """Where to: a folder, made if it is not there; files of these names in it are replaced."""
    q8: bool = False
    """Keep the matrices in 8 bits (llama2.c's version 2): a quarter of the size."""
    for_c: bool = False
    """Insist on files that llama2.c's run.c (with --q8 runq.c) runs too; a rotary base that it lacks is made up for by
    wider heads where that gives the same logits."""

    def result(self) -> dict[str, Any]:
        lm = self.open_model()
        from glassbook.nets.io.two_files import write_two_files

        files = write_two_files(lm, self.folder, self.q8, self.for_c)
        return {"model": self.model, "folder": self.folder, "parameters": lm.parameters, "bytes": files}

    def show(self, result: dict[str, Any]) -> None:
        for name, size in result["bytes"].items():
            print(f"{size:13,} bytes  {name}")
        print(f'\nnext: cd {result["folder"]} && python run.py model.bin -i "One day" -n 64')


ACTIONS = {"": TwoFiles}

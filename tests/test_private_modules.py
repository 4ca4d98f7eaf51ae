"""Nothing imports past another package's door into a module whose name begins with an underscore."""

import ast
from pathlib import Path

import glassbook

HOME = Path(glassbook.__file__).parent


def private(name: str) -> str | None:
    """The package that a private module belongs to; None if a dotted name has no private part."""
    parts = name.split(".")
    at = next((i for i, part in enumerate(parts) if part.startswith("_") and not part.startswith("__")), None)
    return None if at is None else ".".join(parts[:at])


def is_module(name: str) -> bool:
    path = HOME.parent / Path(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def test_private_modules_are_imported_within_their_package():
    wrong = []
    for path in HOME.rglob("*.py"):
        module = ".".join(("glassbook", *path.relative_to(HOME).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            else:
                continue
            for name in filter(is_module, names):
                owner = private(name)
                if owner is not None and not module.startswith(f"{owner}."):
                    wrong.append(f"{module} imports {name}")
    assert wrong == []

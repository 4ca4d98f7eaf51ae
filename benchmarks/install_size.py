"""What `pip install glassbook` brings: packages in all, and megabytes beside torch, as installed in this environment.

Follows the requirements in pyproject.toml and those of the installed distributions (extras left out), so it measures
what a user gets and not the tools of this environment. Bounds: at most 70 packages and 650 MB beside torch (SAELens
alone: 103 and 984).
"""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

PACKAGES, MEGABYTES = 70, 650
# A plain install of torch on Linux adds these beside it; they are torch's own weight.
TORCH = ("torch", "triton", "nvidia-", "cuda-")


HOME = Path(__file__).parents[1]


def closure(lines: list[str]) -> dict[str, Distribution]:
    """Every distribution that requirements need, themselves included."""
    found: dict[str, Distribution] = {}
    wanted = [Requirement(line) for line in lines]
    while wanted:
        requirement = wanted.pop()
        here = distribution(requirement.name)
        key = here.metadata["Name"].lower().replace("_", "-")
        extras = requirement.extras or {""}
        if key in found and extras == {""}:
            continue
        found[key] = here
        for line in here.requires or []:
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                wanted.append(needed)
    return found


def megabytes(d: Distribution) -> float:
    """Size of the files that a distribution installed."""
    paths = (file.locate() for file in d.files or [])
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def main() -> int:
    """Print the table; exit code 1 if a bound is passed."""
    found = closure(tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["dependencies"])
    sizes = {name: megabytes(d) for name, d in found.items()}
    # What is installed of Glassbook itself may be a link to this folder.
    ours = [path for path in (HOME / "src/glassbook").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    sizes["glassbook"] = sum(path.stat().st_size for path in ours) / 1e6
    rest = {name: size for name, size in sizes.items() if not name.startswith(TORCH)}
    for name, size in sorted(rest.items(), key=lambda item: -item[1])[:12]:
        print(f"{size:8.1f} MB  {name}")
    total = sum(rest.values())
    print(f"{len(sizes)} packages (bound {PACKAGES}); {total:.0f} MB beside torch (bound {MEGABYTES})")
    return int(len(sizes) > PACKAGES or total > MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())

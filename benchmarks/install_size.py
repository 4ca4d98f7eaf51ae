"""What `pip install glassbook` brings: packages in all, and megabytes beside torch, as installed in this environment.

Follows the requirements of the installed distributions (extras left out), so it measures what a user gets and not the
tools of this environment. Bounds: at most 70 packages and 650 MB beside torch (SAELens alone: 103 and 984).
"""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement

PACKAGES, MEGABYTES = 70, 650
# A plain install of torch on Linux adds these beside it; they are torch's own weight.
TORCH = ("torch", "triton", "nvidia-", "cuda-")


def closure(name: str) -> dict[str, Distribution]:
    """Every distribution that `name` needs, itself included."""
    found: dict[str, Distribution] = {}
    wanted = [Requirement(name)]
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
    found = closure("glassbook")
    sizes = {name: megabytes(d) for name, d in found.items()}
    rest = {name: size for name, size in sizes.items() if not name.startswith(TORCH)}
    for name, size in sorted(rest.items(), key=lambda item: -item[1])[:12]:
        print(f"{size:8.1f} MB  {name}")
    total = sum(rest.values())
    print(f"{len(found)} packages (bound {PACKAGES}); {total:.0f} MB beside torch (bound {MEGABYTES})")
    return int(len(found) > PACKAGES or total > MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())

"""GPU discovery: which graphics processors this machine has, found without torch."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping

VARIABLE = "CUDA_VISIBLE_DEVICES"


def detect_gpus(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Names that CUDA_VISIBLE_DEVICES understands: those that it holds already, else what nvidia-smi lists."""
    if VARIABLE in environ:
        names = [name.strip() for name in environ[VARIABLE].split(",")]
        # CUDA reads the list up to the first name that is none.
        end = next((i for i, name in enumerate(names) if name in ("", "-1")), len(names))
        return tuple(names[:end])
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return read_list(listed)


def read_list(listed: str) -> tuple[str, ...]:
    """The identities in the output of `nvidia-smi -L`; of a GPU that is cut into parts, those of the parts.

    Identities, because nvidia-smi and CUDA do not number in the same order.
    """
    names: list[str] = []
    for line in listed.splitlines():
        found = re.search(r"UUID: ([\w-]+)", line)
        if found is None:
            continue
        if line.lstrip().startswith("MIG") and names and names[-1].startswith("GPU-"):
            names.pop()
        names.append(found[1])
    return tuple(names)

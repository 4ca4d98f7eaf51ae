"""Process identity: which process writes a run, and whether it is still alive.

A process number alone proves nothing: numbers are used again, and another machine or container has its own.
So a process is its number, the moment it was born, and the boot, machine and number space that those belong to.
"""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Process:
    """One process of one boot of one machine."""

    host: str
    """Network name of the machine."""
    machine: str
    """Identity of the installation (/etc/machine-id), "" if it has none."""
    boot: str
    """Identity of the boot, "" if the system has none."""
    space: str
    """Identity of the space of process numbers (containers have their own), "" if the system has none."""
    pid: int
    """Process number."""
    born: str
    """When the process started, in the system's own terms; "" if it cannot be told."""

    @classmethod
    def current(cls) -> Process:
        """This process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this number at the moment."""
        machine, boot, space = _here()
        return cls(platform.node(), machine, boot, space, pid, _born(pid) or "")

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Process | None:
        """The process that a start record names, or None if the record does not name one."""
        try:
            host, machine, boot, space, born = (
                str(data[name]) for name in ("host", "machine", "boot", "space", "born")
            )
            return cls(host, machine, boot, space, int(data["pid"]), born)
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def alive(self) -> bool | None:
        """Whether the process still lives; None if that cannot be told from here (another machine or container)."""
        machine, boot, space = _here()
        if (self.host, self.machine) != (platform.node(), machine):
            return None
        if self.boot != boot:
            return False if machine and self.boot and boot else None
        if self.space != space:
            return None
        born = _born(self.pid)
        return born is not None and (not self.born or born == self.born)


@functools.cache
def _here() -> tuple[str, str, str]:
    """(machine, boot, number space) of this process."""
    try:
        space = str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        space = ""
    return _line("/etc/machine-id"), _line("/proc/sys/kernel/random/boot_id"), space


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _born(pid: int) -> str | None:
    """When process `pid` started, or None if there is no such process. A zombie has ended: it writes nothing more."""
    if not os.path.exists("/proc/self/stat"):
        return _born_by_ps(pid)
    try:
        # The name of the program stands in brackets and may hold anything, so read from the last bracket on.
        after = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if after[0] in (b"Z", b"X") else after[19].decode()


def _born_by_ps(pid: int) -> str | None:
    row = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, born = row.stdout.strip().partition(" ")
    return None if row.returncode or state.startswith("Z") else born.strip()

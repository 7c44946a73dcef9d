"""Processor time of processes, as Linux counts it: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds(*pids: int) -> float:
    """Return what processes have used so far with all below them, and with those of these that have ended."""
    return sum(_ticks(pid) for root in pids for pid in {root, *_below(root)}) / _TICKS


def _ticks(pid: int) -> int:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        # utime, stime, cutime, cstime
        return sum(map(int, fields[11:15]))
    return 0


def _below(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, children.read_text(encoding="ascii").split()):
                yield child
                yield from _below(child)

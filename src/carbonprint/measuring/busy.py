"""How busy the machine is: /proc/stat (Linux)."""

from __future__ import annotations

import os

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def busy_cpu_seconds() -> float | None:
    """Give the CPU seconds in which the machine did anything since it started. [s]; None where unknown.

    user + nice + system + irq + softirq of the first line of ``/proc/stat``, proc_stat(5); user holds the guests' time.
    """
    try:
        with open("/proc/stat", "rb", buffering=0) as stat:
            fields = stat.read(512).split(b"\n", 1)[0].split()
        user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in fields[1:8])
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq) / _TICKS_PER_SECOND

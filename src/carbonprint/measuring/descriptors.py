"""The descriptors that the wrapper shares with the command, once it has started."""

from __future__ import annotations

import contextlib
import os


def occupy_closed_descriptors() -> None:
    """Open /dev/null where 0, 1 or 2 is closed, so that no file of ours gets a number that a library writes to.

    Raises:
        OSError: If /dev/null cannot be opened.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def let_go_of_the_commands_descriptors() -> None:
    """Keep of what was inherited only standard error.

    Whoever reads what the command writes, feeds it, or waits for a lock that it holds, hears that it has closed that
    only when nobody else has it open. What is ours closes on exec; so what does not was inherited.

    Raises:
        OSError: If /dev/null cannot be opened.
    """
    for descriptor in _open_descriptors():
        with contextlib.suppress(OSError):  # the one that listed them is closed by now
            if descriptor > 2 and os.get_inheritable(descriptor):
                os.close(descriptor)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nowhere, descriptor, inheritable=False)
    os.close(nowhere)


def _open_descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return []

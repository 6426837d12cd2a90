"""Run a meter's command whenever a line arrives on standard input, and print what it said as one line of JSON.

A program of its own, with nothing but the standard library: ``meter_child.py '["ipmitool", "dcmi", …]'``. It ends when
its standard input ends or whoever started it has ended, and what the command leaves behind ends up with it.
"""

import contextlib
import ctypes
import json
import signal
import subprocess
import sys

LONGEST_RUN_S = 10.0
"""A command that takes longer is ended, and says nothing. [s]"""

MOST_BYTES = 65_536


def main() -> None:
    """Answer until nobody asks any more."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the wrapper blocks all signals
    end_with_parent()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, prctl(2)
    command = json.loads(sys.argv[1])
    while sys.stdin.buffer.readline():
        print(json.dumps(answer(command)), flush=True)


def end_with_parent() -> None:
    """Be killed when the parent has ended: PR_SET_PDEATHSIG, prctl(2)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def answer(command: list[str]) -> str | None:
    """Give what the command prints; None where it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_RUN_S,
            check=True,
            preexec_fn=end_with_parent,  # this program has one thread
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout[:MOST_BYTES].decode("utf-8", errors="replace")


if __name__ == "__main__":
    main()

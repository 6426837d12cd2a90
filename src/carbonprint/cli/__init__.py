"""The command line: one module a command; each parses, calls the library and prints."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    _put_ours_first()
    _let_interrupts_end_us()
    from carbonprint.cli.root import root

    root(prog_name="carbonprint")


def _put_ours_first() -> None:
    """Put PYTHONPATH and the working directory behind the standard library and what is installed.

    They are there for the command: a ``platform.py`` among its modules, or another Python's ``numpy``, would else be
    loaded here, and end us before the command starts.
    """
    import site

    library = os.path.dirname(os.__file__)
    zipped = os.path.join(os.path.dirname(library), f"python{sys.version_info[0]}{sys.version_info[1]}.zip")
    first = {library, os.path.join(library, "lib-dynload"), zipped}
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    second = {own, *site.getsitepackages(), site.getusersitepackages()}
    sys.path.sort(key=lambda folder: (folder not in first, folder not in second))  # a stable sort


def _let_interrupts_end_us() -> None:
    """Let Ctrl-C end us as it ends other programs, so that the shell's loop ends with us; ``run`` blocks it later.

    Until then it would become an exception somewhere in our imports, and exit status 1. Who has it ignored keeps that.
    """
    import signal

    if sys.argv[1:2] != ["run"]:
        return  # other commands tidy up what they have begun to write
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

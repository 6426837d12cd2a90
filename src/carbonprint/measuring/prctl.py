"""What prctl(2) tells and sets of this process (Linux); where it cannot be called, nothing is told and nothing set."""

from __future__ import annotations

# include/uapi/linux/prctl.h
_SET_PDEATHSIG, _GET_PDEATHSIG, _SET_DUMPABLE, _SET_CHILD_SUBREAPER = 1, 2, 4, 36


def become_subreaper(*, wanted: bool = True) -> None:
    """Have processes whose parent ends become children of this one; or no longer."""
    _prctl(_SET_CHILD_SUBREAPER, int(wanted))


def death_signal() -> int:
    """Give the signal that this process gets when its parent ends; 0 for none, as it mostly is."""
    import ctypes

    number = ctypes.c_int(0)
    _prctl(_GET_PDEATHSIG, ctypes.addressof(number))
    return number.value


def set_death_signal(number: int) -> None:
    """Have this process get a signal when its parent ends."""
    _prctl(_SET_PDEATHSIG, number)


def leave_no_core() -> None:
    """Leave no core, not even where a program takes them: such a one is asked whatever RLIMIT_CORE says, core(5)."""
    _prctl(_SET_DUMPABLE, 0)


def _prctl(option: int, argument: int) -> None:
    import contextlib
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        rest = (ctypes.c_ulong(0),) * 3
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(argument), *rest)

"""Run a command and measure it, while it notices nothing of it.

The order matters: all signals blocked, the counters read, the command started, and only then the first thread, which
loads everything heavy beside the running job.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import time
import warnings
from functools import cache
from typing import TYPE_CHECKING

from carbonprint.errors import MeasurementError
from carbonprint.measuring.ending import Ended
from carbonprint.measuring.launch import Inherited, start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from carbonprint.hardware_profile import ProfileChoice
    from carbonprint.measuring.journal import Journal
    from carbonprint.measuring.measurement import Measurement
    from carbonprint.measuring.metering import Metering
    from carbonprint.measuring.watch import Watch


def run_command(
    command: Sequence[str],
    *,
    interval_s: float,
    powercap_dir: Path,
    beside_the_job: Callable[[], None] = lambda: None,
    open_journal: Callable[[], Journal] | None = None,
    widens: bool = False,
    profile: ProfileChoice | None = None,
    find_profile: Callable[[], ProfileChoice] | None = None,
) -> Ended:
    """Run a command to its end.

    Signals stay blocked afterwards, so that nothing cuts off what is still to be written; ``end_like`` opens them.

    Args:
        command: Program and arguments.
        interval_s: Time between two samples. [s].
        powercap_dir: The powercap tree.
        beside_the_job: Called in a thread once the meter is loaded, for what the caller wants to import meanwhile.
        open_journal: Gives the journal in which every sample is written down, beside the job; None for nowhere.
        widens: Whether the interval grows in a long run.
        profile: The hardware profile that was named.
        find_profile: Finds one that fits the machine, beside the job; called where none was named.

    Raises:
        CommandNotStartedError: If the program was not found or could not be executed.
    """
    if not hasattr(signal, "sigtimedwait"):
        from carbonprint.measuring.elsewhere import run_command_elsewhere

        return run_command_elsewhere(
            command, interval_s=interval_s, powercap_dir=powercap_dir, profile=profile
        )
    from carbonprint.measuring.metering import Metering
    from carbonprint.measuring.watch import Watch, become_subreaper

    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    is_sigchld_ignored = signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    become_subreaper()
    metering = Metering(
        interval_s,
        powercap_dir,
        time.process_time,
        open_journal,
        widens=widens,
        profile=profile,
        find_profile=find_profile,
    )
    try:
        pid = start(command, Inherited(signal_mask=mask, is_sigchld_ignored=is_sigchld_ignored))
    except BaseException:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        raise
    watch = Watch(pid, metering)
    with contextlib.suppress(OSError):
        _occupy_closed_descriptors()
    _spare_the_job()
    finish_loading = _load_beside(_quietly(metering.load, beside_the_job, _collect_again))
    wait_status = watch.until_ended()
    return Ended(wait_status=wait_status, measurement=_measurement(metering, watch, finish_loading))


def _load_beside(load: Callable[[], None]) -> Callable[[], None]:
    """Load in a thread beside the job, and give what waits for it; where no thread can be started, load when asked."""
    loader = threading.Thread(target=load, daemon=True)
    try:
        loader.start()
    except RuntimeError:  # as many threads as the user may have are there already
        return cache(load)
    return loader.join


def _measurement(metering: Metering, watch: Watch, finish_loading: Callable[[], None]) -> Measurement:
    """Read everything for the last time; where that fails, what is known is still a measurement."""
    ended_s = time.monotonic()
    try:
        if watch.fault:
            raise MeasurementError(watch.fault)
        measure = metering.finish(watch.cpu_s_at_end, watch.is_of_job, wait_for_load=finish_loading)
        finish_loading()
        return measure(watch.settled_cpu_s())
    except Exception as error:  # noqa: BLE001  # whatever fails in metering, the command's result stands
        finish_loading()
        return metering.unknown(ended_s, watch.settled_cpu_s(), error)


def _quietly(*steps: Callable[[], None]) -> Callable[[], None]:
    """Do one step after the other in a thread that prints no traceback; what is missing then shows at the end."""

    def run() -> None:
        for step in steps:
            with contextlib.suppress(Exception, SystemExit):
                step()

    return run


def _spare_the_job() -> None:
    """Load what is to be loaded beside the job with the least of the machine; the command has its own environment.

    numpy's BLAS starts a thread for each core, which would spin on the job's; and a collector that runs through what is
    being imported finds nothing to collect. What a library warns of would stand in the middle of the job's words.
    """
    warnings.simplefilter("ignore")
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    gc.disable()


def _collect_again() -> None:
    gc.freeze()
    gc.enable()


def _occupy_closed_descriptors() -> None:
    """Open /dev/null where 0, 1 or 2 is closed, so that no file of ours gets a number that a library writes to."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)

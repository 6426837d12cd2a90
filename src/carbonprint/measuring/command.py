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
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from carbonprint.errors import MeasurementError
from carbonprint.measuring.descriptors import let_go_of_the_commands_descriptors, occupy_closed_descriptors
from carbonprint.measuring.ending import Ended
from carbonprint.measuring.launch import Inherited, NotMeasurableError, start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carbonprint.measuring.measurement import Measurement
    from carbonprint.measuring.metering import Metering
    from carbonprint.measuring.plan import Plan
    from carbonprint.measuring.watch import Watch


_LONGEST_LOAD_S = 120.0
"""How long a command that has ended waits for what is still being loaded: a driver may hang for good. [s]"""


def run_command(
    command: Sequence[str],
    plan: Plan,
    *,
    beside_the_job: Callable[[], None] = lambda: None,
    wait_descendants: bool = False,
    is_last: bool = True,
) -> Ended:
    """Run a command to its end.

    Signals stay blocked afterwards, so that nothing cuts off what is still to be written; ``end_like`` opens them.

    Args:
        command: Program and arguments.
        plan: How it is to be metered.
        beside_the_job: Called in a thread once the meter is loaded, for what the caller wants to import meanwhile.
        wait_descendants: Whether to go on until all that the command has left behind has ended.
        is_last: Whether this process starts no command after this one; it then lets go of what it shares with it.

    Raises:
        CommandNotStartedError: If the program was not found or could not be executed.
        NotMeasurableError: If nothing could be measured, or no process made; the command has not started then.
    """
    if not hasattr(signal, "sigtimedwait"):
        from carbonprint.measuring.elsewhere import run_command_elsewhere

        return run_command_elsewhere(command, plan, wait_descendants=wait_descendants)
    from carbonprint.measuring.job_cgroup import make_job_cgroup
    from carbonprint.measuring.prctl import become_subreaper
    from carbonprint.measuring.processes import own_children
    from carbonprint.measuring.strangers import Strangers
    from carbonprint.measuring.watch import Watch

    inherited = take_over_signals()
    become_subreaper()
    strangers, group = Strangers(own_children()), make_job_cgroup()
    try:
        metering = _metering(plan, inherited)
        pid = start(command, inherited, group)
    except BaseException:
        if group is not None:
            group.remove()
        signal.pthread_sigmask(signal.SIG_SETMASK, inherited.signal_mask)
        raise
    from carbonprint.measuring.outside import OutsideWork

    watch = Watch(pid, metering, OutsideWork(command, pid), group, strangers, waits_for_rest=wait_descendants)
    with contextlib.suppress(OSError):
        occupy_closed_descriptors()
        if is_last:
            let_go_of_the_commands_descriptors()
    spare_the_job()
    finish_loading = _load_beside(
        _quietly(
            metering.load,
            watch.note_helpers_gone,
            beside_the_job,
            _collect_again,
            group.remove_leftovers if group else lambda: None,
        )
    )
    wait_status = watch.until_ended()
    if wait_descendants:
        finish_loading()
        watch.until_all_ended()
    try:
        measurement = _measurement(metering, watch, finish_loading)
        measurement = replace(measurement, caveats=(*measurement.caveats, *watch.caveats))
        ended = Ended(wait_status=wait_status, measurement=measurement)
    except Exception as error:  # noqa: BLE001  # with no memory left, say, not even what is known can be put together
        ended = Ended(wait_status=wait_status, measurement=None, fault=f"{type(error).__name__}: {error}")
    if group is not None:
        group.remove()
    return ended


def _metering(plan: Plan, inherited: Inherited) -> Metering:
    from carbonprint.measuring.metering import Metering

    try:
        return Metering(plan, time.process_time)
    except Exception as error:
        raise NotMeasurableError(error, inherited) from error


@cache
def take_over_signals() -> Inherited:
    """Block all signals, and remember for every command that follows how the first of them was to find them."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    is_sigchld_ignored = signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return Inherited(signal_mask=mask, is_sigchld_ignored=is_sigchld_ignored, environment=dict(os.environ))


def _load_beside(load: Callable[[], None]) -> Callable[[], None]:
    """Load in a thread beside the job, and give what waits for it; where no thread can be started, load when asked."""
    loader = threading.Thread(target=load, daemon=True)
    try:
        loader.start()
    except RuntimeError:  # as many threads as the user may have are there already
        return cache(load)
    return lambda: loader.join(_LONGEST_LOAD_S)


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


def spare_the_job() -> None:
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

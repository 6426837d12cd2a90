"""Run a command where the one loop cannot run (no Linux): it runs, and the record says what could not be measured."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from carbonprint.measuring.ending import Ended
from carbonprint.measuring.launch import CommandNotStartedError
from carbonprint.measuring.metering import Metering
from carbonprint.measuring.processes import reaped_children_cpu_s
from carbonprint.provenance import Caveat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carbonprint.hardware_profile import ProfileChoice


def run_command_elsewhere(
    command: Sequence[str],
    *,
    interval_s: float,
    powercap_dir: Path,
    profile: ProfileChoice | None = None,
) -> Ended:
    """Run a command to its end without reading counters in between.

    CPU seconds are those of the children that were waited for; processes left behind are not seen, and there is no
    counter, so all energy is modelled.

    Raises:
        CommandNotStartedError: If the program was not found or could not be executed.
    """
    metering = Metering(interval_s, powercap_dir, time.process_time, profile=profile)
    before_s = reaped_children_cpu_s()
    try:
        process = subprocess.Popen(list(command))
    except OSError as error:
        raise CommandNotStartedError(command[0], error.errno or 2) from None
    for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        signal.signal(number, lambda received, _frame: process.send_signal(received))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the command as well
    loader = threading.Thread(target=metering.load, daemon=True)
    loader.start()
    code = process.wait()
    measure = metering.finish(lambda: None, lambda _pid: True, wait_for_load=loader.join)
    loader.join()
    measurement = measure(reaped_children_cpu_s() - before_s)
    text = "outside Linux neither counters nor the machine's load are read: all energy is modelled"
    caveat = Caveat(code="platform", text=text)
    measurement = replace(measurement, caveats=(*measurement.caveats, caveat))
    return Ended(wait_status=-code if code < 0 else code << 8, measurement=measurement)

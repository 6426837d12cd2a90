"""Run a command beside codecarbon's tracker, and write its energy of the CPU: ``peer.py MODE TREE OUT COMMAND``.

MODE is its tracking mode (``machine`` or ``process``); TREE a powercap directory, or ``-`` for the machine's own.
"""

import json
import subprocess
import sys
import time

from codecarbon import OfflineEmissionsTracker
from codecarbon.core import cpu
from codecarbon.external import hardware


def main() -> None:
    mode, tree, out, *command = sys.argv[1:]
    if tree != "-":
        # Its tracker has no argument for the directory of the counters.
        hardware.IntelRAPL = lambda **options: cpu.IntelRAPL(**{**options, "rapl_dir": tree})
        cpu.is_rapl_available.__defaults__ = (tree,)
    tracker = OfflineEmissionsTracker(
        country_iso_code="NLD", tracking_mode=mode, measure_power_secs=1, save_to_file=False, log_level="critical",
        allow_multiple_runs=True,
    )  # fmt: skip
    tracker.start()
    started_s = time.time()
    subprocess.run(command, check=True)
    ended_s = time.time()
    tracker.stop()
    cpu_j = tracker.final_emissions_data.cpu_energy * 3.6e6
    with open(out, "w", encoding="ascii") as file:
        json.dump({"cpu_j": cpu_j, "started_s": started_s, "ended_s": ended_s}, file)


if __name__ == "__main__":
    main()

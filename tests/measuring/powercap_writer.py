"""Advance the counters of a powercap tree at a known power, and log every write; ends when its standard input closes.

A program of its own, so that nothing that is measured slows it down: ``powercap_writer.py TREE LOG``.
"""

import contextlib
import json
import os
import select
import sys
import time
from pathlib import Path

PERIOD_S = 0.0002


def main() -> None:
    tree, log_path = Path(sys.argv[1]), Path(sys.argv[2])
    domains = json.loads((tree / "domains.json").read_text())
    files = [os.open(tree / domain["folder"] / "energy_uj", os.O_WRONLY) for domain in domains]
    with contextlib.suppress(
        PermissionError
    ):  # where it may, it goes before whatever else keeps the machine busy
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    start_s = time.time()
    log = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        now_s = time.time()
        counted_j = [domain["power_w"] * (now_s - start_s) for domain in domains]
        for file, domain, energy_j in zip(files, domains, counted_j, strict=True):
            counter_uj = (domain["start_uj"] + int(energy_j * 1e6)) % domain["range_uj"]
            os.pwrite(file, b"%020d\n" % counter_uj, 0)
        log.append([now_s, *counted_j])
        time.sleep(PERIOD_S)
    log_path.write_text(json.dumps(log))


if __name__ == "__main__":
    main()

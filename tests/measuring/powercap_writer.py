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
TICK_S = 0.01
"""How fine ``/proc/stat`` counts: what follows it is written no oftener."""


def busy_cpu_s() -> float:
    with open("/proc/stat", "rb") as stat:
        user, nice, system, _, _, irq, softirq = map(int, stat.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    tree, log_path = Path(sys.argv[1]), Path(sys.argv[2])
    domains = json.loads((tree / "domains.json").read_text())
    files = [os.open(tree / domain["folder"] / "energy_uj", os.O_WRONLY) for domain in domains]
    with contextlib.suppress(
        PermissionError
    ):  # where it may, it goes before whatever else keeps the machine busy
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    follows_load = any(domain["w_per_cpu"] for domain in domains)
    start_s, busy_from_s = time.time(), busy_cpu_s()
    log = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        now_s = time.time()
        busy_s = busy_cpu_s() - busy_from_s if follows_load else 0.0
        counted_j = [
            domain["power_w"] * min(now_s - start_s, domain["stops_after_s"]) + domain["w_per_cpu"] * busy_s
            for domain in domains
        ]
        for file, domain, energy_j in zip(files, domains, counted_j, strict=True):
            counter_uj = (domain["start_uj"] + int(energy_j * 1e6)) % domain["range_uj"]
            os.pwrite(file, b"%020d\n" % counter_uj, 0)
        log.append([now_s, *counted_j])
        time.sleep(TICK_S / 2 if follows_load else PERIOD_S)
    log_path.write_text(json.dumps(log))


if __name__ == "__main__":
    main()

"""A hardware profile to start from: what was found on this machine, and what its owner can add."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from carbonprint.hardware import MachineKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carbonprint.measuring.survey import Survey

_HEAD = """\
# A hardware profile of this machine. What follows # was not found: fill it in where you know it, and remove the #.
# Use it: carbonprint run --hardware FILE -- COMMAND, or hardware = "FILE" in carbonprint.toml or in a host file. Put
# into {folder} it is taken by itself on every machine that [match] fits.
# Every table may say where its figures come from: source = "data sheet", year = 2024.
"""

_POWER = """
# Power against load. at = "package": all CPU packages, as their counters would show; at = "wall": the input of the
# whole machine with its GPUs idle (a wattmeter, a data sheet, a SPECpower result).
# [power]
# at = "wall"
# idle_w = 120
# full_w = 430
# curve = [{ load = 0, power_w = 120 }, { load = 0.1, power_w = 190 }, { load = 1, power_w = 430 }]  # instead of both
"""

_REST = """
# What no counter sees at any load (mainboard, fans, disks), at the machine's input; not with watts at = "wall".
# [base]
# power_w = 60

# [psu]
# efficiency = 0.92
"""

_METER = """
# The meter at the machine's own input: with it the whole machine is counted.
# [meter]
# at = "bmc"                    # wall, pdu or bmc
# {reading}
# unit = "{unit}"                    # uW mW W kW, or of a counter of energy uJ mJ J kJ Wh kWh
"""


def profile_template(survey: Survey, folder: str) -> str:
    """Write a profile in TOML, with comments; it can be read as it is.

    Args:
        survey: What was found.
        folder: The user's directory of profiles, for the words.
    """
    return "\n".join([_HEAD.format(folder=folder), *_tables(survey)]).replace("\n\n\n", "\n\n")


def _tables(survey: Survey) -> Iterator[str]:
    hardware, names = survey.hardware, survey.names
    is_virtual = hardware.kind is MachineKind.VIRTUAL
    yield 'schema = "carbonprint/hardware/1"'
    yield f"name = {_quoted(names['hostname'] or 'this machine')}"
    yield f'kind = "{hardware.kind.value}"'
    conditions = [f"{name} = {_quoted(text)}" for name, text in names.items() if text and name != "hostname"]
    conditions.append(f"# hostname = {_quoted(names['hostname'] or 'node-*')}")
    yield "\n".join(["", "[match]", *conditions])
    if is_virtual:
        yield _virtual(survey)
    else:
        yield _cpu(survey)
    yield _POWER
    if hardware.memory_gib is not None and not is_virtual:
        yield f"[memory]\nsize_gib = {hardware.memory_gib:.1f}\n# power_w = 20"
    yield _gpus(survey)
    yield _REST
    if not is_virtual:
        yield _meter(survey)


def _cpu(survey: Survey) -> str:
    hardware = survey.hardware
    lines = ["", "[cpu]", f"name = {_quoted(hardware.cpu_name)}" if hardware.cpu_name else "# name = "]
    lines += ["# tdp_w = 205                # of one package", f"sockets = {hardware.n_sockets}"]
    if survey.n_cores is not None:
        lines.append(f"cores = {survey.n_cores}")
    return "\n".join([*lines, f"threads = {hardware.n_cpus}"])


def _virtual(survey: Survey) -> str:
    return f"""
# This is a virtual machine with {survey.hardware.n_cpus} threads. With [virtual], every figure is of the physical
# machine, of which it takes its part.
# [virtual]
# host_threads = 128            # hardware threads of the physical machine; or share = 0.0625

# [cpu]
# name = "AMD EPYC 7763 64-Core Processor"  # the physical one, by which codecarbon's table gives the TDP
# sockets = 1
# tdp_w = 280"""


def _gpus(survey: Survey) -> str:
    if not survey.gpu_names:
        return '\n# [[gpus]]\n# name = "L40S"\n# count = 1\n# idle_w = 35'
    blocks = []
    for name in dict.fromkeys(survey.gpu_names):
        count = survey.gpu_names.count(name)
        blocks.append(f"\n# [[gpus]]\n# name = {_quoted(name)}\n# count = {count}\n# idle_w = 35")
    return "\n".join(blocks)


def _meter(survey: Survey) -> str:
    if survey.sensors:
        text = _METER.format(reading=f"file = {_quoted(str(survey.sensors[0]))}", unit="uW")
        return "\n".join(_uncommented(line) for line in text.splitlines())
    command = 'command = ["ipmitool", "dcmi", "power", "reading"]\n# key = "Instantaneous power reading"'
    if survey.has_ipmi:
        return _METER.format(reading=command, unit="W")
    return _METER.format(
        reading='file = "/run/meter/watts"      # or a command = ["program", "argument"]', unit="W"
    )


def _uncommented(line: str) -> str:
    return line.removeprefix("# ") if "=" in line or line == "# [meter]" else line


def _quoted(text: str) -> str:
    """Write a text as TOML has it: JSON's escapes are TOML's, for what is printable."""
    return json.dumps("".join(sign for sign in text if sign.isprintable()), ensure_ascii=False)

"""The words for what a machine is, what it is measured by, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carbonprint.measuring.remedies import Remedy
    from carbonprint.messages import Translate


def kind_word(kind: str, _: Translate) -> str:
    """Name a kind of machine."""
    words = {
        "server": _("server"),
        "gpu_server": _("GPU server"),
        "desktop": _("desktop"),
        "laptop": _("laptop"),
        "virtual": _("virtual machine"),
    }
    return words.get(kind, kind)


def meter_words(model: str, _: Translate) -> str:
    """Say by what a component is measured, from the name of its meter or model in ``reference/power.toml``."""
    words = {
        "rapl_intel": _("RAPL energy counters of the CPU"),
        "rapl_intel_old": _("RAPL energy counters of the CPU, modelled inside it"),
        "rapl_amd": _("RAPL energy counters of the CPU, modelled inside it"),
        "rapl_dram": _("RAPL energy counters of the memory"),
        "cpu_tdp": _("a model on the CPU's TDP and how busy it is"),
        "cpu_per_thread": _("an average of watts per thread, and how busy they are"),
        "cpu_profile": _("the watts of the hardware profile, and how busy the CPU is"),
        "dram_per_gib": _("an average of watts per GiB of memory"),
        "ram_profile": _("the watts of the hardware profile"),
        "gpu_profile": _("the idle watts of the hardware profile; no driver shows it"),
        "nvml": _("the driver (NVML)"),
        "nvml_ga100_gh100": _("the driver (NVML), which looks a quarter of the time"),
        "amdsmi": _("the driver (AMD SMI)"),
        "node_meter": _("the rest of what the meter at the machine's input counts"),
        "node_bmc": _("the rest of what the BMC measures for the machine"),
        "node_profile": _("the rest of the profile's watts at the wall"),
        "other": _("a part of the other components, and a base power for the kind of machine"),
    }
    # Work of a few seconds is metered as longer work is, and less exactly.
    return words.get(model.removesuffix("_short"), model)


def remedy_words(remedy: Remedy, _: Translate) -> str:
    """Say what is missing."""
    words = {
        "counters-not-readable": _(
            "The energy counters of the CPU are there and may not be read ({path}). For a group of users, now and "
            "after every start of the machine:"
        ),
        "counters-not-in-container": _(
            "A container does not see the energy counters of the CPU. Start it as root with the host's:"
        ),
        "counters-without-driver": _(
            "The CPU may have energy counters, and the driver that shows them is not loaded. Now, and at every start:"
        ),
        "no-counters": _(
            "{cpu} has no energy counters that Linux shows; a hardware profile is the way to better figures."
        ),
        "nvidia-not-in-container": _("A container does not see the NVIDIA GPU of its machine. Start it with:"),
        "nvidia-without-driver": _("There is an NVIDIA GPU without its driver, so its energy is not seen. Install it:"),
        "nvidia-without-library": _(
            "There is an NVIDIA GPU, and its driver does not answer through NVML. Install its Python library beside "
            "carbonprint:"
        ),
        "amd-not-in-container": _("A container does not see the AMD GPU of its machine. Start it with:"),
        "amd-without-library": _(
            "There is an AMD GPU, and AMD SMI is missing. Install it from ROCm, beside carbonprint:"
        ),
        "virtual-part-unknown": _(
            "Which part of its physical machine this virtual one holds is not known, so averages stand in. Ask the "
            "provider for the machine's CPU and threads, and write them into a profile:"
        ),
        "tdp-unknown": _(
            "codecarbon's table does not know {cpu}. Write its TDP or its idle and full watts into a profile:"
        ),
        "idle-unknown": _("The idle power is not known yet. While nobody uses the machine, measure it once a boot:"),
        "sensor-not-used": _(
            "The machine has a power meter of its own ({path}), which sees what no counter does. This writes a profile "
            "with it:"
        ),
        "no-meter": _(
            "What no counter sees, a fifth to nearly a half of what a machine draws, is modelled. If the machine "
            "has a BMC, a metered PDU or a wattmeter, name it in a profile:"
        ),
    }  # fmt: skip
    return words[remedy.code].format(**remedy.values)


def blind_spots(_: Translate) -> list[str]:
    """Say what a virtual machine cannot see."""
    return [
        _("the energy counters of the CPU and the memory: the hypervisor keeps them to itself"),
        _("the watts at the wall, the fans, the power supply and the disks of its physical machine"),
        _("which part of that machine it holds, and what the others on it draw"),
        _("how busy the physical machine is: its own load is all it knows"),
    ]

"""The report on a machine: what was found, by what a run would be measured, what is missing and what mends it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from carbonprint.hardware import MachineKind
from carbonprint.measuring.measurement import ShareFrom
from carbonprint.reference.power import model_names, model_sigma
from carbonprint.reporting.hardware_words import blind_spots, kind_word, meter_words, remedy_words
from carbonprint.reporting.paragraphs import Paragraphs
from carbonprint.reporting.plain import shown
from carbonprint.reporting.quantities import short_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carbonprint.measuring.calibration import Calibration
    from carbonprint.measuring.survey import ComponentMeter, Survey

_TOLD_BY_REMEDIES = {"counters-not-readable"}
"""Caveats whose sentence stands among what is missing."""

_Z_95 = 1.645
"""95th percentile of the standard normal distribution."""


def hardware_lines(survey: Survey, language: str = "en") -> list[str]:
    """Give the lines of the report.

    Args:
        survey: What was found.
        language: ``en`` or ``nl``.
    """
    write = Paragraphs(language)
    _ = write.translate
    sections = (
        (_("this machine"), _machine(survey, write)),
        (_("what a run is measured by"), _components(survey, write)),
        (_("what is missing, and what mends it"), _remedies(survey, write)),
        (_("what a virtual machine cannot see"), _blind_spots(survey, write)),
        (_("bear in mind"), _caveats(survey, write)),
    )
    lines: list[str] = []
    for heading, section in sections:
        body = list(section)
        if body:
            lines += [*([""] if lines else []), f"{heading}:", *body]
    return lines


def calibration_lines(calibration: Calibration, language: str = "en") -> list[str]:
    """Give the lines that tell what a calibration found.

    Args:
        calibration: What it found.
        language: ``en`` or ``nl``.
    """
    write = Paragraphs(language)
    _ = write.translate
    heading = _(
        "idle power over {duration} s, {busy} of the machine busy; kept for the runs until it is restarted"
    )
    text = heading.format(
        duration=write.number(calibration.duration_s), busy=write.percent(calibration.busy_share)
    )
    lines = [f"{text}:"]
    for name, power_w in calibration.idle_w.items():
        lines += write.row(_component_word(name, write), f"{_watts(power_w, write)} W")
    return lines


def _machine(survey: Survey, write: Paragraphs) -> Iterator[str]:
    _ = write.translate
    hardware, reserved = survey.hardware, survey.reserved
    kind = kind_word(hardware.kind.value, _)
    if survey.in_container:
        kind = _("{kind}, in a container").format(kind=kind)
    if not hardware.is_recognised:
        kind = _("unknown; a server is assumed")
    yield from write.row(_("kind"), kind)
    yield from write.row(_("CPU"), hardware.cpu_name or _("unknown"))
    counts = _("sockets: {sockets}, cores: {cores}, threads: {threads}").format(
        sockets=hardware.n_sockets,
        cores="?" if survey.n_cores is None else survey.n_cores,
        threads=hardware.n_cpus,
    )
    yield from write.row("", counts)
    memory = _("unknown") if hardware.memory_gib is None else f"{write.number(hardware.memory_gib)} GiB"
    yield from write.row(_("memory"), memory)
    yield from write.row(_("GPU"), ", ".join(survey.gpu_names) or _("none seen"))
    yield from write.row(_("profile"), _profile_text(survey, write))
    origin = _origin_word(reserved.origin, write)
    shares = ((_("CPU"), reserved.cpu), (_("memory"), reserved.ram), (_("GPU"), reserved.gpu))
    parts = [f"{label} {write.percent(share)}" for label, share in shares if share is not None]
    yield from write.row(_("reserved for a run"), f"{', '.join(parts)} ({origin})")


def _profile_text(survey: Survey, write: Paragraphs) -> str:
    profile, _ = survey.profile, write.translate
    if profile is None:
        return _("none; carbonprint hardware profile prints one to start from")
    return f"{profile.name} ({profile.origin})"


def _origin_word(origin: ShareFrom | None, write: Paragraphs) -> str:
    _ = write.translate
    words = {
        ShareFrom.MACHINE: _("nothing restricts it"),
        ShareFrom.AFFINITY: _("by the CPU affinity"),
        ShareFrom.CGROUP: _("by the cgroup's limits"),
        ShareFrom.SLURM: _("by Slurm's allocation"),
    }
    return words.get(origin, "–") if origin is not None else "–"


def _components(survey: Survey, write: Paragraphs) -> Iterator[str]:
    _ = write.translate
    for component in survey.components:
        if component.model is None or component.basis is None:
            yield from write.row(
                _component_word(component.component.value, write), _("not there, or not known")
            )
            continue
        yield from write.row(_component_word(component.component.value, write), _meter_text(component, write))
    if survey.power_w is not None:
        yield from write.row(
            _("together"), _("{power} W just now").format(power=_watts(survey.power_w, write))
        )


def _meter_text(component: ComponentMeter, write: Paragraphs) -> str:
    _ = write.translate
    quality = {
        "counted": _("counted"), "modelled": _("modelled"), "given": _("given"), "default": _("default"),
    }  # fmt: skip
    assert component.model is not None
    assert component.basis is not None
    parts = [f"{quality[component.basis.value]}: {meter_words(component.model, _)}"]
    if component.model in model_names():
        factor = math.exp(_Z_95 * model_sigma(component.model))
        low, high = (short_number(each, write.language, digits=3) for each in (1 / factor, factor))
        parts.append(_("90 %: {low} to {high} times what it says").format(low=low, high=high))
    if component.power_w is not None:
        parts.append(_("{power} W just now").format(power=_watts(component.power_w, write)))
    if component.idle_w is not None:
        parts.append(_("{power} W idle").format(power=_watts(component.idle_w, write)))
    return "; ".join(parts)


def _watts(power_w: float, write: Paragraphs) -> str:
    return short_number(power_w, write.language, digits=3)


def _component_word(name: str, write: Paragraphs) -> str:
    _ = write.translate
    words = {
        "cpu": _("CPU"), "gpu": _("GPU"), "ram": _("memory"), "other": _("other"), "node": _("whole machine"),
    }  # fmt: skip
    return words.get(name) or f"{_('GPU')} {name.removeprefix('gpu')}"


def _remedies(survey: Survey, write: Paragraphs) -> Iterator[str]:
    for remedy in survey.remedies:
        yield from write.item(remedy_words(remedy, write.translate))
        for line in remedy.lines:  # a line to be copied is never broken
            yield shown(f"      {line}")


def _blind_spots(survey: Survey, write: Paragraphs) -> Iterator[str]:
    if survey.hardware.kind is MachineKind.VIRTUAL:
        for text in blind_spots(write.translate):
            yield from write.item(text)


def _caveats(survey: Survey, write: Paragraphs) -> Iterator[str]:
    for caveat in survey.caveats:
        if caveat.code not in _TOLD_BY_REMEDIES:
            yield from write.item(caveat.text)

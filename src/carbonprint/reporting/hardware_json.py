"""The report on a machine as programs read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carbonprint.hardware import MachineKind
from carbonprint.messages import translator
from carbonprint.reference.power import model_names, model_sigma
from carbonprint.reporting.hardware_words import blind_spots, meter_words, remedy_words

if TYPE_CHECKING:
    from carbonprint.measuring.calibration import Calibration
    from carbonprint.measuring.survey import ComponentMeter, Survey

SURVEY_SCHEMA, CALIBRATION_SCHEMA = "carbonprint/hardware-survey/1", "carbonprint/hardware-calibration/1"


def hardware_json(survey: Survey) -> str:
    """Write what was found on a machine as JSON; sentences are in English."""
    hardware, reserved, english = survey.hardware, survey.reserved, translator("en")
    return _text(
        {
            "schema": SURVEY_SCHEMA,
            "kind": hardware.kind.value if hardware.is_recognised else None,
            "in_container": survey.in_container,
            "cpu": hardware.cpu_name or None,
            "product": survey.names["product"] or None,
            "sockets": hardware.n_sockets,
            "cores": survey.n_cores,
            "threads": hardware.n_cpus,
            "memory_gib": hardware.memory_gib,
            "gpus": list(survey.gpu_names),
            "reserved_share": {"cpu": reserved.cpu, "ram": reserved.ram, "gpu": reserved.gpu},
            "reserved_share_from": None if reserved.origin is None else reserved.origin.value,
            "profile": None
            if survey.profile is None
            else {"name": survey.profile.name, "file": survey.profile.origin},
            "components": {each.component.value: _component(each) for each in survey.components},
            "power_w": survey.power_w,
            "missing": [
                {"code": each.code, "text": remedy_words(each, english), "lines": list(each.lines)}
                for each in survey.remedies
            ],
            "not_visible": blind_spots(english) if hardware.kind is MachineKind.VIRTUAL else [],
            "caveats": [{"code": each.code, "text": each.text} for each in survey.caveats],
        }
    )


def calibration_json(calibration: Calibration) -> str:
    """Write what a calibration found as JSON."""
    return _text(
        {
            "schema": CALIBRATION_SCHEMA,
            "idle_w": calibration.idle_w,
            "duration_s": calibration.duration_s,
            "busy_share": calibration.busy_share,
        }
    )


def _component(meter: ComponentMeter) -> dict[str, Any]:
    model = meter.model
    return {
        "model": model,
        "text": None if model is None else meter_words(model, translator("en")),
        "quality": None if meter.basis is None else meter.basis.value,
        "sigma": model_sigma(model) if model in model_names() else None,
        "power_w": meter.power_w,
        "idle_w": meter.idle_w,
    }


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n"

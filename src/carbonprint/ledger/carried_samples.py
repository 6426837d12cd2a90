"""Samples in a file of records: where the ledger could not be written, they travel with the record, as base64."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from carbonprint.measuring.measurement import Series

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "samples"
"""The key beside those of the record that holds them; the record itself never has it."""


def with_samples(record: Mapping[str, Any], series: Series | None) -> dict[str, Any]:
    """Put the samples of a run beside its record."""
    if series is None:
        return dict(record)
    return {
        **record,
        KEY: {
            "form": series.form,
            "n_samples": series.n_samples,
            "setup": dict(series.setup),
            "data": base64.b64encode(series.data).decode("ascii"),
        },
    }


def taken_apart(record: dict[str, Any]) -> tuple[dict[str, Any], Series | None]:
    """Give a record without the samples that stand beside it, and these.

    Raises:
        ValueError: If what stands there is something else.
    """
    if KEY not in record:
        return record, None
    bare = {key: value for key, value in record.items() if key != KEY}
    try:
        fields = record[KEY]
        series = Series(
            form=fields["form"],
            n_samples=fields["n_samples"],
            setup=fields["setup"],
            data=base64.b64decode(fields["data"], validate=True),
        )
        counts = (series.form, series.n_samples)
        is_whole = all(type(count) is int and 0 < count < 1 << 62 for count in counts)
        is_whole = is_whole and isinstance(series.setup, dict)
    except (KeyError, TypeError, ValueError):
        is_whole = False
    if not is_whole:
        raise ValueError("allowed: form, n_samples, setup and data as carbonprint run wrote them")
    return bare, series

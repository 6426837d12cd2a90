"""A place for a record when the ledger has none: a JSON file for ``carbonprint runs import``."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbonprint.errors import LedgerError
from carbonprint.ledger.carried_samples import with_samples
from carbonprint.ledger.ownership import is_anothers
from carbonprint.ledger.record import json_text
from carbonprint.ledger.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carbonprint.measuring.measurement import Series


def fallback_directories(state_dir: Path, environ: Mapping[str, str]) -> list[Path]:
    """Name the directories in which a record may be kept, best first; never the working directory.

    (:func:`tempfile.gettempdir` ends there where no other place can be written.)
    """
    directories = [state_dir]
    if os.path.isabs(environ.get("TMPDIR", "")) and os.path.isdir(environ["TMPDIR"]):
        directories.append(Path(environ["TMPDIR"]))
    directories += [Path("/tmp"), Path("/var/tmp")]
    home = os.path.expanduser("~")
    if os.path.isabs(home):
        directories.append(Path(home))
    return directories


def write_aside(record: Mapping[str, Any], directories: Sequence[Path], series: Series | None = None) -> Path:
    """Write a record, with its samples, to ``carbonprint-<run id>.json`` in the first directory that takes it.

    Args:
        record: The record of a run.
        directories: Where to try, in this order; a directory that is not there is made.
        series: Its samples.

    Returns:
        The file, which only its owner may read.

    Raises:
        LedgerError: If no directory takes it, or it holds what JSON cannot: the message says why.
    """
    run_id = str(record.get("run_id"))
    try:
        content = json_text(with_samples(record, series), indent=2).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise LedgerError(f"run {run_id} is no record that can be kept: {error}") from None
    name = f"carbonprint-{re.sub(r'[^A-Za-z0-9._-]', '_', run_id)}.json"
    reasons = []
    for directory in directories:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_anothers(directory):
                raise PermissionError(errno.EACCES, "another user made it")
            write_whole(directory / name, content, is_private=True)
        except OSError as error:
            reasons.append(f"{directory} ({error.strerror or error})")
        else:
            return directory / name
    raise LedgerError(f"the record of run {run_id} could be kept nowhere: {', '.join(reasons)}")

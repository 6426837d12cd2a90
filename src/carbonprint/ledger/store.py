"""The ledger: one SQLite file that many wrappers write at the same moment.

A write takes SQLite's write lock before it reads anything (``BEGIN IMMEDIATE``) and waits for it: runs
that end together all land, and none decides on what another is changing. Reading never makes a ledger.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import sqlalchemy as sa

from carbonprint.errors import LedgerError, UnknownRunError
from carbonprint.ledger.chains import added_up, chain_of
from carbonprint.ledger.migrations import NEWEST_VERSION, migrate, version_of
from carbonprint.ledger.ownership import is_anothers
from carbonprint.ledger.record import json_text, number_at, printable, utc_moment, value_at
from carbonprint.measuring.measurement import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

FILE_NAME = "ledger.sqlite3"

LAST = "last"
"""The word that means the newest run."""

MOST_CANDIDATES = 10
"""How many runs a message names where a prefix fits more than one."""

_TEXTS = ("run_id", "name", "started_at", "state", "phase", "host_id", "record")
_NUMBERS = ("duration_s", "energy_kwh", "emissions_location_based_kg", "emissions_market_based_kg")
_runs = sa.table(
    "runs", *(sa.column(name, sa.Text) for name in _TEXTS), *(sa.column(name, sa.Float) for name in _NUMBERS)
)
_series = sa.table(
    "series",
    sa.column("run_id", sa.Text),
    sa.column("form", sa.Integer),
    sa.column("n_samples", sa.Integer),
    sa.column("setup", sa.Text),
    sa.column("data", sa.LargeBinary),
)
_IDS = sa.select(_runs.c.run_id)
_RECORDS = sa.select(_runs.c.run_id, _runs.c.record)


class Ledger:
    """The runs kept in one state directory; the file is made by the first run that is added.

    Args:
        state_dir: The directory that holds the ledger.
        busy_timeout_s: How long a write waits for others before it gives up. [s]
    """

    def __init__(self, state_dir: Path, *, busy_timeout_s: float = 30.0) -> None:
        self.path = state_dir / FILE_NAME
        self.busy_timeout_s = busy_timeout_s
        self._engine = sa.create_engine(
            "sqlite://", creator=self._connect, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def add(self, record: Mapping[str, Any], series: Series | None = None) -> bool:
        """Keep the record of a run and its samples; a run that is kept already is left as it is.

        Returns:
            Whether it was new.

        Raises:
            LedgerError: If the ledger cannot be written, or holds another record of the same run.
        """
        return self.add_all([record], {} if series is None else {record.get("run_id"): series}) == 1

    def add_all(
        self, records: Iterable[Mapping[str, Any]], series: Mapping[Any, Series] = MappingProxyType({})
    ) -> int:
        """Keep several records, all of them or none.

        Args:
            records: The records.
            series: The samples of those that have any, by run id.

        Returns:
            How many were new.

        Raises:
            LedgerError: As for :meth:`add`.
        """
        rows = [_row(record) for record in records]
        with self._writing() as connection:
            return sum(self._add_row(connection, row, series.get(row["run_id"])) for row in rows)

    def find(self, reference: str) -> str:
        """Return the id of the run that is meant.

        Args:
            reference: A run id, the beginning of just one run id, or ``last``.

        Raises:
            UnknownRunError: If it fits no run, or more than one.
            LedgerError: If the ledger cannot be read.
        """
        if reference == LAST:
            fitting = self._ids(_IDS.limit(1))
        else:
            text = printable(reference)
            fitting = (
                self._ids(_IDS.where(sa.func.substr(_runs.c.run_id, 1, len(text)) == text)) if text else []
            )
        if reference in fitting:
            return reference
        if len(fitting) != 1:
            raise self._unknown(reference, fitting)
        return fitting[0]

    def get(self, reference: str) -> dict[str, Any]:
        """Return the record of one run.

        Args:
            reference: A run id, the beginning of just one run id, or ``last``.

        Raises:
            UnknownRunError: If it fits no run, or more than one.
            LedgerError: If the ledger cannot be read.
        """
        run_id = self.find(reference)
        for row in self._read(_RECORDS.where(_runs.c.run_id == run_id)):
            return _parsed(row.run_id, row.record)
        raise self._unknown(run_id, [])

    def whole(self, reference: str) -> Mapping[str, Any]:
        """Return the record of one run, added up with those that it goes on with.

        Args:
            reference: A run id, the beginning of just one run id, or ``last``.

        Raises:
            UnknownRunError: If it fits no run, or more than one.
            LedgerError: If the ledger cannot be read.
        """
        parts = chain_of(self.get(reference), self.get_if_kept)
        whole = added_up(parts)
        if gone := parts[0].get("resumes"):
            text = f"it goes on with run {gone}, which is not kept any more: its figures are missing"
            whole = {**whole, "caveats": [*(whole.get("caveats") or ()), {"code": "part-gone", "text": text}]}
        return whole

    def get_if_kept(self, run_id: str) -> dict[str, Any] | None:
        """Return the record of the run of just this id; None where it is not kept.

        Raises:
            LedgerError: If the ledger cannot be read.
        """
        return self.get(run_id) if self.holds(run_id) else None

    def series(self, run_id: str) -> Series | None:
        """Return the samples of a run; None where none are kept.

        Args:
            run_id: Its whole id.

        Raises:
            LedgerError: If the ledger cannot be read.
        """
        query = sa.select(_series).where(_series.c.run_id == run_id)
        for row in self._rows(query):
            return Series(
                form=row.form,
                n_samples=row.n_samples,
                setup=_parsed(run_id, row.setup, "setup"),
                data=row.data,
            )
        return None

    def holds(self, run_id: str) -> bool:
        """Whether a run of just this id is kept.

        Raises:
            LedgerError: If the ledger cannot be read.
        """
        return bool(self._ids(_IDS.where(_runs.c.run_id == run_id)))

    def iterate(
        self, *, limit: int | None = None, name: str | None = None, host: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Give the records, newest first; an absent ledger holds none.

        Args:
            limit: How many at most; None means all.
            name: Only runs of this name.
            host: Only runs on the host of this id.

        Raises:
            LedgerError: If the ledger cannot be read.
        """
        query = _RECORDS.limit(limit)
        if name is not None:
            query = query.where(_runs.c.name == printable(name))
        if host is not None:
            query = query.where(_runs.c.host_id == printable(host))
        for row in self._read(query):
            yield _parsed(row.run_id, row.record)

    def remove(self, run_ids: Iterable[str]) -> None:
        """Forget runs, all of them or none.

        Args:
            run_ids: Whole run ids.

        Raises:
            UnknownRunError: If one of them is not kept.
            LedgerError: If the ledger cannot be written.
        """
        wanted = [self.find(run_id) for run_id in run_ids]
        if not wanted:
            return
        with self._writing() as connection:
            for run_id in dict.fromkeys(wanted):
                connection.execute(sa.delete(_runs).where(_runs.c.run_id == run_id))
                connection.execute(sa.delete(_series).where(_series.c.run_id == run_id))

    def _ids(self, query: sa.Select[Any]) -> list[str]:
        return [row.run_id for row in self._read(query)]

    def _unknown(self, reference: str, candidates: list[str]) -> UnknownRunError:
        """Say that a reference fits no run, or more than one; name the nearest, or the newest that fit."""
        if candidates:
            named = ", ".join(candidates[:MOST_CANDIDATES])
            more = ", …" if len(candidates) > MOST_CANDIDATES else ""
            return UnknownRunError(reference, (), hint=f"({len(candidates)} runs begin so: {named}{more})")
        known = self._ids(_IDS)
        return UnknownRunError(
            reference, known, hint="" if known else f"(no run is kept in {self.path.parent})"
        )

    def _add_row(self, connection: sa.Connection, row: dict[str, Any], series: Series | None) -> bool:
        query = sa.select(_runs.c.record).where(_runs.c.run_id == row["run_id"])
        kept = connection.execute(query).scalar_one_or_none()
        if kept is None:
            connection.execute(sa.insert(_runs).values(row))
            if series is not None:
                connection.execute(sa.insert(_series).values(_series_row(row["run_id"], series)))
            return True
        if _parsed(row["run_id"], kept) != json.loads(row["record"]):
            raise LedgerError(f"run {row['run_id']} is already in {self.path} with other content")
        return False

    def _read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Read rows of runs, newest first.

        Runs that started in the same second follow each other in the order in which they were kept.
        """
        return self._rows(query.order_by(_runs.c.started_at.desc(), sa.literal_column("rowid").desc()))

    def _rows(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Read rows, all at once: a reader that lingers would keep writers out."""
        if not self._exists():
            return []
        with self._told("read"), self._engine.connect() as connection:
            version = version_of(_driver(connection), str(self.path))
            if version in (0, NEWEST_VERSION):
                return connection.execute(query).all() if version else []
        with self._writing() as connection:  # an older ledger is brought up to date first
            return connection.execute(query).all()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Hold the write lock of a ledger of the newest version; the changes land whole, or not at all."""
        with self._told("written"):
            self._make_file()
            with self._engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                migrate(_driver(connection), str(self.path))
                yield connection
                connection.exec_driver_sql("COMMIT")

    def _exists(self) -> bool:
        self._refuse_anothers("read")
        try:
            self.path.stat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise LedgerError(f"the ledger {self.path} cannot be read: {error.strerror}") from None
        return True

    def _make_file(self) -> None:
        """Make directory and file for their owner alone: nobody else needs to see what was run.

        A link is followed to a file that is there, but none is made where somebody else may have pointed it.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refuse_anothers("written")
        flags = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_RDONLY | os.O_CLOEXEC
        with suppress(FileExistsError):
            os.close(os.open(self.path, flags, 0o600))

    def _refuse_anothers(self, done: str) -> None:
        if is_anothers(self.path.parent):
            raise LedgerError(
                f"the ledger {self.path} cannot be {done}: another user made its directory; "
                "name one of your own with --state-dir"
            )

    def _connect(self) -> sqlite3.Connection:
        """Open the file that is there; SQLite itself would make one that all may read."""
        location = f"file:{quote(os.fsencode(self.path))}?mode=rw"
        return sqlite3.connect(location, uri=True, timeout=self.busy_timeout_s)

    @contextmanager
    def _told(self, done: str) -> Iterator[None]:
        """Turn what the system or SQLite says into one sentence that names the ledger."""
        try:
            yield
        except FileExistsError:
            reason = f"{self.path.parent} is not a directory"
        except OSError as error:
            reason = error.strerror or str(error)
        except sa.exc.DBAPIError as error:
            reason = str(error.orig)
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            reason = str(error)
        else:
            return
        if reason == "database is locked":
            reason = f"another process has held it for more than {self.busy_timeout_s:g} s"
        raise LedgerError(f"the ledger {self.path} cannot be {done}: {reason}") from None


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a record: the record as text, and what runs are found and listed by."""
    try:
        return {
            "run_id": record["run_id"],
            "name": _text_at(record, "name"),
            "started_at": utc_moment(record["started_at"]).isoformat(timespec="microseconds"),
            "state": _text_at(record, "state"),
            "phase": _text_at(record, "phase"),
            "host_id": _text_at(record, "host.id"),
            "duration_s": number_at(record, "duration_s"),
            "energy_kwh": number_at(record, "measurement.energy_kwh.total"),
            "emissions_location_based_kg": number_at(record, "footprint.emissions_kg.location_based"),
            "emissions_market_based_kg": number_at(record, "footprint.emissions_kg.market_based"),
            "record": json_text(record),
        }
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise LedgerError(f"run {record.get('run_id')} is no record that can be kept: {error}") from None


def _series_row(run_id: str, series: Series) -> dict[str, Any]:
    try:
        setup = json_text(dict(series.setup))
    except (TypeError, ValueError) as error:
        raise LedgerError(f"the samples of run {run_id} cannot be kept: {error}") from None
    return {
        "run_id": run_id,
        "form": series.form,
        "n_samples": series.n_samples,
        "setup": setup,
        "data": series.data,
    }


def _text_at(record: Mapping[str, Any], path: str) -> str | None:
    value = value_at(record, path)
    return printable(value) if isinstance(value, str) else None


def _parsed(run_id: str, text: str, what: str = "record") -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise LedgerError(f"the {what} of run {run_id} is damaged: it is not a JSON object")
    return content

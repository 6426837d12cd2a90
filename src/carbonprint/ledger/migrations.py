"""The ledger's tables, as the steps by which each version grew out of the one before it.

A new ledger takes all steps, an older one those it lacks; so there is one description of the tables, and any
ledger that was ever written can be read. A step that was released is never changed: a change is a new step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.errors import LedgerError

if TYPE_CHECKING:
    import sqlite3

STEPS: tuple[tuple[str, ...], ...] = (
    # Version 1: one row a run, the figures by which runs are listed beside the record itself.
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
        """
        CREATE TABLE runs (
            run_id TEXT PRIMARY KEY,
            name TEXT,
            started_at TEXT NOT NULL,
            state TEXT,
            host_id TEXT,
            duration_s REAL,
            energy_kwh REAL,
            emissions_location_based_kg REAL,
            emissions_market_based_kg REAL,
            record TEXT NOT NULL
        )
        """,
    ),
    # Version 2: the phase has a column of its own, and the newest run is found without reading all of them.
    (
        "ALTER TABLE runs ADD COLUMN phase TEXT",
        "UPDATE runs SET phase = json_extract(record, '$.phase')",
        "CREATE INDEX runs_by_start ON runs (started_at)",
    ),
    # Version 3: the samples of a run, apart from its record, which stays small.
    (
        """
        CREATE TABLE series (
            run_id TEXT PRIMARY KEY,
            form INTEGER NOT NULL,
            n_samples INTEGER NOT NULL,
            setup TEXT NOT NULL,
            data BLOB NOT NULL
        )
        """,
    ),
)
"""Step n, counted from 1, turns a ledger of version n − 1 into one of version n; 0 is an empty file."""

NEWEST_VERSION = len(STEPS)
"""The version that this carbonprint reads and writes."""


def version_of(connection: sqlite3.Connection, path: str) -> int:
    """Return the version of a ledger; 0 for a file that was made and not yet filled.

    Args:
        connection: An open connection to the file.
        path: The file, for the message.

    Raises:
        LedgerError: If it is another program's database, or a ledger of a newer version.
    """
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    tables = {name for (name,) in connection.execute(query)}
    if not tables:
        return 0
    row = None
    if {"meta", "runs"} <= tables:
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    if row is None or not str(row[0]).isdecimal():
        raise LedgerError(f"{path} is a database, but no ledger of carbonprint")
    version = int(row[0])
    if version > NEWEST_VERSION:
        raise LedgerError(
            f"the ledger {path} is of version {version}, and this carbonprint knows versions up to "
            f"{NEWEST_VERSION}: upgrade carbonprint"
        )
    return version


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a ledger to the newest version, within the transaction that is open.

    Raises:
        LedgerError: As for :func:`version_of`.
    """
    version = version_of(connection, path)
    if version == NEWEST_VERSION:
        return
    for step in STEPS[version:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('schema_version', ?)", (str(NEWEST_VERSION),)
    )

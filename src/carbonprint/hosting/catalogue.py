"""Finding a host by what the user wrote: an id of the catalogue, or the path of a host file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carbonprint.errors import UnknownHostError, UnknownZoneError
from carbonprint.hosting.shipped_hosts import DEFAULT_HOST_ID, shipped_host, shipped_host_ids
from carbonprint.reference.factors import country_name, grid_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carbonprint.hosting.host import Host, HostKind

__all__ = ["DEFAULT_HOST_ID", "catalogue_hosts", "host_ids", "load_host", "select_hosts"]


def host_ids() -> tuple[str, ...]:
    """Name every host of the catalogue; no host is built for it."""
    return shipped_host_ids()


def catalogue_hosts() -> Iterator[Host]:
    """Give every host of the catalogue."""
    for host_id in shipped_host_ids():
        yield load_host(host_id)


def select_hosts(
    *, country: str | None = None, match: str | None = None, kind: HostKind | None = None
) -> list[Host]:
    """Give the hosts of the catalogue that fit every condition given.

    Args:
        country: ISO 3166-1 alpha-3 code, in any case.
        match: Text that the id, name, site, operator or country's name holds, in any case.
        kind: Sites, or one of the two kinds of reference hosts.

    Raises:
        UnknownZoneError: If the country is none of the catalogue's; it names the nearest ones.
    """
    code = country.upper() if country is not None else None
    if code is not None and code not in grid_rows():
        raise UnknownZoneError(
            code, grid_rows(), hint="(countries are ISO 3166-1 alpha-3 codes, such as NLD)"
        )
    return [
        host
        for host in catalogue_hosts()
        if (code is None or host.country == code)
        and (kind is None or host.kind is kind)
        and (match is None or _holds(host, match.casefold()))
    ]


def load_host(name_or_path: str | os.PathLike[str]) -> Host:
    """Give the host that a user named.

    What ends in ``.toml``, or holds a path separator and is a file, is a host file, ``~`` its user's home;
    anything else is an id of the catalogue. An id is resolved with the standard library alone.

    Args:
        name_or_path: Catalogue id (``odc-noord``, ``gcp/europe-west4``, ``grid/NLD``), or path of a file.

    Raises:
        UnknownHostError: If it is neither; it names the nearest ids.
        DocumentError: If the host file cannot be read or has faults; it names all of them.
    """
    name = os.fspath(name_or_path)
    path = os.path.expanduser(name)
    if _is_host_file(path):
        from pathlib import Path

        from carbonprint.hosting.host_file import read_host_file

        return read_host_file(Path(path))
    host = shipped_host(name)
    if host is None:
        hint = "(`carbonprint host list` names them all; a host file ends in .toml)"
        raise UnknownHostError(name, shipped_host_ids(), hint=hint)
    return host


def _holds(host: Host, folded: str) -> bool:
    texts = (host.host_id, host.name, host.site, host.operator, country_name(host.country))
    return any(folded in text.casefold() for text in texts)


def _is_host_file(name: str) -> bool:
    return name.endswith(".toml") or (os.sep in name and os.path.isfile(name))

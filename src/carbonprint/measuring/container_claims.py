"""Whose a container is: the job's, somebody else's, or in the process tree already."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carbonprint.measuring.container_clients import Asks

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from carbonprint.measuring.container_clients import ContainerClient
    from carbonprint.measuring.container_engine import ContainerIdentity


class Claim(enum.Enum):
    """Whose a container is."""

    OPEN = "open"
    NAMED = "named"
    """The job's: a client of the job asked for it by its words."""
    BY_TIME = "by time"
    """Taken for the job's: it started while a client of the job was at work, and nothing tells more."""
    OTHERS = "others"
    IN_TREE = "in tree"
    """Its processes descend from the wrapper: they are counted as such."""

    @property
    def is_of_job(self) -> bool:
        """Whether its control group counts for the job."""
        return self in {Claim.NAMED, Claim.BY_TIME}


@dataclass(slots=True, eq=False)
class FollowedContainer:
    """What is known of one container that started while the job ran.

    Attributes:
        container_id: The engine's id.
        folder: Its control group.
        found_s: Monotonic time at which it was seen first, or lost a process. [s].
        usage_s: CPU seconds, at the last reading. [s].
        is_whole: Whether no process was left in it at the last reading.
        is_left_running: Whether a process was left in it when the command ended.
        claim: Whose it is.
        client: The client of the job that asked for it.
        name: Its name, else the beginning of its id.
    """

    container_id: str
    folder: Path
    found_s: float
    usage_s: float = 0.0
    is_whole: bool = False
    is_left_running: bool = False
    claim: Claim = Claim.OPEN
    client: ContainerClient | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """Clients of container engines.

    Attributes:
        of_job: Those that belong to the job, also such as have ended.
        of_others: Those of others that live now.
        living: Process ids of the job's that live now.
    """

    of_job: tuple[ContainerClient, ...] = ()
    of_others: tuple[ContainerClient, ...] = ()
    living: frozenset[int] = frozenset()


def claim_for(
    identity: ContainerIdentity | None, clients: Clients, taken: Collection[int]
) -> tuple[Claim, ContainerClient | None]:
    """Decide whose a new container is.

    A client's words decide where the engine has said what the container is; where another's client asks for the same,
    or where nothing is known but the time, that is said in the claim. A ``run`` has one container only.

    Args:
        identity: What the engine says of it, or None.
        clients: Who asks engines for work now.
        taken: Process ids of clients that have got a container already.

    Returns:
        The claim, and the client of the job that asked.
    """
    asking = [
        client
        for client in clients.of_job
        if not client.is_in_tree and not (client.asks is Asks.RUN and client.pid in taken)
    ]
    if identity is not None:
        for client in asking:
            if client.asked_for(identity):
                has_rival = any(other.asked_for(identity) for other in clients.of_others)
                return (Claim.BY_TIME if has_rival else Claim.NAMED), client
    vague = [
        client
        for client in asking
        if client.pid in clients.living
        and client.asks is not Asks.EXEC
        and (identity is None or client.asks is Asks.OTHER_WORK)
    ]
    # Where the container is known to bear nobody's words, another's client is as likely to have asked for it.
    if not vague or (identity is not None and clients.of_others):
        return Claim.OTHERS, None
    return Claim.BY_TIME, vague[0]

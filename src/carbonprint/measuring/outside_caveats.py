"""What a reader must know of work outside the process tree, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carbonprint.measuring.container_claims import Claim
from carbonprint.measuring.container_clients import Asks
from carbonprint.measuring.elsewhere_words import INSTEAD
from carbonprint.provenance import Caveat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carbonprint.measuring.container_claims import FollowedContainer
    from carbonprint.measuring.container_clients import ContainerClient

_LITTLE_SHARE = 0.02
"""A job that did less of what the machine did is likely to have had others work (a working assumption). [-]"""

_BUSY_THREADS = 0.5
"""And only where at least this much of one thread was busy: a process that works for the job keeps one busy, on
however large a machine (a working assumption). [CPU seconds per second]"""

_LONG_ENOUGH_S = 3.0
"""Shorter jobs tell nothing: starting and ending is all that some machines do then (a working assumption). [s]"""


def elsewhere_caveats(names: Iterable[str]) -> list[Caveat]:
    """Say of programs in ``INSTEAD`` what to do instead."""
    return [Caveat(code="work-elsewhere", text=INSTEAD[name]) for name in names]


def outside_caveats(
    *,
    clients: Sequence[ContainerClient],
    containers: Sequence[FollowedContainer],
    has_seen_in_tree: bool,
    elsewhere: Sequence[str],
    duration_s: float,
    busy_cpu_s: float,
    cpu_s: float | None,
    fault: str,
) -> list[Caveat]:
    """Say everything of one run.

    Args:
        clients: Clients of container engines that belong to the job.
        containers: Containers that started while it ran.
        has_seen_in_tree: Whether there were such whose processes are in the process tree.
        elsewhere: Names of programs in ``INSTEAD`` that it ran.
        duration_s: How long the job took. [s].
        busy_cpu_s: CPU seconds in which the machine was busy meanwhile, carbonprint's own taken off. [s].
        cpu_s: CPU seconds of the job. [s]; None where they could not be read.
        fault: What failed while looking, or ``""``.
    """
    mine = [container for container in containers if container.claim.is_of_job]
    found = elsewhere_caveats(elsewhere)
    found += _client_caveats(clients, mine, has_seen_in_tree=has_seen_in_tree)
    found += _container_caveats(mine)
    if fault:
        text = f"work outside the process tree could not be looked for ({fault})"
        found.append(Caveat(code="outside-fault", text=text))
    if not found and is_little(duration_s, busy_cpu_s, cpu_s):
        text = (
            f"the command used {cpu_s:.2f} of the {busy_cpu_s:.1f} CPU seconds in which this machine was busy while "
            "it ran: if it had others do the work (a service, a daemon, another machine), that is not in these figures "
            "and carbonprint must run there"
        )
        found.append(Caveat(code="little-cpu", text=text))
    return list(dict.fromkeys(found))


def is_little(duration_s: float, busy_cpu_s: float, cpu_s: float | None) -> bool:
    """Whether a job used implausibly little of what a busy machine did.

    Example:
        10 s in which the machine was busy for 9 CPU seconds: a job of 0.1 CPU seconds did 1.1 % of that.
    """
    return (
        cpu_s is not None
        and duration_s >= _LONG_ENOUGH_S
        and busy_cpu_s >= _BUSY_THREADS * duration_s
        and cpu_s < _LITTLE_SHARE * busy_cpu_s
    )


def _client_caveats(
    clients: Iterable[ContainerClient], mine: Sequence[FollowedContainer], *, has_seen_in_tree: bool
) -> Iterable[Caveat]:
    """Say of every client whose work is in no container of the job's where it is."""
    served = {container.client.pid for container in mine if container.client is not None}
    names = {container.name for container in mine} | {container.container_id[:12] for container in mine}
    has_compose = any(each.client is not None and each.client.asks is Asks.COMPOSE for each in mine)
    for client in clients:
        is_served = client.pid in served or (client.asks is Asks.COMPOSE and has_compose)
        if is_served or client.is_in_tree:
            continue
        if client.is_remote:
            text = (
                f"{client.title} works on another machine, whose energy is not in these figures: "
                "run carbonprint there, around the same command"
            )
            yield Caveat(code="container-remote", text=text)
        elif client.asks is Asks.EXEC:
            if names & set(client.words):
                continue
            text = (
                f"{client.title} worked in a container that was there before, and is not in these figures: "
                "run carbonprint in that container, or give the work a container of its own (docker run)"
            )
            yield Caveat(code="container-exec", text=text)
        elif client.asks is Asks.OTHER_WORK and not has_seen_in_tree:
            text = f"{client.title} has the engine do the work, and that is not in these figures"
            yield Caveat(code="container-not-seen", text=text)
        elif not has_seen_in_tree:
            text = (
                f"{client.title} was called and no container of it was seen on this machine: what it had done is not "
                "in these figures; run carbonprint where its engine is"
            )
            yield Caveat(code="container-not-seen", text=text)


def _container_caveats(mine: Sequence[FollowedContainer]) -> Iterable[Caveat]:
    if not mine:
        return
    counted_s = sum(container.usage_s for container in mine)
    text = (
        f"{counted_s:.2f} of the CPU seconds are those of {_names(mine)}, outside the process tree, by control group; "
        "what the engine's daemon did itself is not counted"
    )
    yield Caveat(code="container-counted", text=text)
    by_time = [container for container in mine if container.claim is Claim.BY_TIME]
    if by_time:
        text = (
            f"{_names(by_time)}: taken for the job's by the moment of starting, since who asked for it could not be "
            "told for certain"
        )
        yield Caveat(code="container-by-time", text=text)
    left = [container for container in mine if container.is_left_running]
    if left:
        text = f"{_names(left)}: still running when the command ended, and counted up to then"
        yield Caveat(code="container-left-running", text=text)
    short = [container for container in mine if not container.is_whole and not container.is_left_running]
    if short:
        text = f"{_names(short)}: gone before the last reading, so that the last CPU seconds may be missing"
        yield Caveat(code="container-cut-short", text=text)


def _names(containers: Sequence[FollowedContainer]) -> str:
    words = "container" if len(containers) == 1 else "containers"
    shown = [container.name for container in containers[:3]]
    more = f" and {len(containers) - 3} more" if len(containers) > 3 else ""
    return f"{words} {', '.join(shown)}{more}"

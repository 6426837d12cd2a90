"""Work of a job that runs outside its process tree: counted where that is possible, named where it is not (Linux)."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from carbonprint.measuring.busy import busy_cpu_seconds
from carbonprint.measuring.command_words import commands_in, program
from carbonprint.measuring.container_clients import Asks, client_of, local_sockets
from carbonprint.measuring.elsewhere_words import works_elsewhere
from carbonprint.measuring.processes import children_by_parent, command_line, descends_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from carbonprint.measuring.container_claims import Clients
    from carbonprint.measuring.container_clients import ContainerClient
    from carbonprint.measuring.containers import Containers
    from carbonprint.provenance import Caveat

_T = TypeVar("_T")

_MOST_LOOKS = 2
"""How often a process is looked at: between its fork and its exec it still bears the words of its parent."""


class OutsideWork:
    """What the job has others do, on this machine or on another.

    No method raises: what fails is remembered and becomes a caveat. What follows containers is loaded only for a job
    that may have some.

    Args:
        command: The words of the job's command.
        pid: Its process id.
        meter_cpu_s: Gives carbonprint's own CPU seconds so far. [s].
    """

    def __init__(
        self, command: Sequence[str], pid: int, meter_cpu_s: Callable[[], float] = time.process_time
    ) -> None:
        self._fault = ""
        self._wrapper = os.getpid()
        self._meter_cpu_s = meter_cpu_s
        self._began_s = time.monotonic()
        self._busy_from_s, self._meter_from_s = busy_cpu_seconds(), meter_cpu_s()
        self._duration_s, self._busy_s = 0.0, 0.0
        self._has_ended = False
        self._clients: dict[int, ContainerClient] = {}
        self._named: list[ContainerClient] = []
        self._elsewhere: dict[str, None] = {}
        self._told: set[str] = set()
        self._not_of_job: set[int] = set()
        self._n_looks: dict[int, int] = {}
        self._lock = threading.Lock()
        self._containers: Containers | None = None
        self._quietly(self._begin, command, pid)

    def look(self, children: Mapping[int, Sequence[int]], roots: Sequence[int]) -> None:
        """Look at the job's processes, at a sample.

        Args:
            children: ``children_by_parent()``, as it has just been read.
            roots: Those of the wrapper's children that are the job's.
        """
        self._not_of_job = set(children.get(self._wrapper, ())) - set(roots)
        self._quietly(self._look, children, _MOST_LOOKS)

    def early_caveats(self) -> list[Caveat]:
        """Say what is known before the job has ended, each once: so that it is not lost with the wrapper."""
        new = [name for name in self._elsewhere if name not in self._told]
        if not new:
            return []
        from carbonprint.measuring.outside_caveats import elsewhere_caveats

        self._told.update(new)
        return elsewhere_caveats(new)

    def cpu_s(self) -> float:
        """CPU seconds so far of containers outside the tree. [s]; after ``end``, up to then."""
        return (self._quietly(self._containers.cpu_s) or 0.0) if self._containers is not None else 0.0

    def is_of_job(self, pid: int) -> bool:
        """Whether a process lies in a container that works for the job."""
        return self._containers is not None and bool(self._quietly(self._containers.is_of_job, pid))

    def end(self) -> None:
        """Read everything for the last time: the command has just ended."""
        self._quietly(self._end)

    def settle(self) -> None:
        """Wait, not for long, for what is not known yet."""
        self._quietly(self._end)
        if self._containers is not None:
            self._quietly(self._containers.settle)

    def caveats(self, cpu_s: float | None) -> list[Caveat]:
        """Say what a reader must know of work outside the tree.

        Args:
            cpu_s: CPU seconds of the job, what runs in containers included. [s].
        """
        return self._quietly(self._caveats, cpu_s) or []

    def _quietly(self, step: Callable[..., _T], *arguments: object) -> _T | None:
        """Do what must not harm the job."""
        try:
            return step(*arguments)
        except Exception as error:  # noqa: BLE001  # whatever fails here, job and metering go on
            self._fault = self._fault or f"{type(error).__name__}: {error}"
            return None

    def _begin(self, command: Sequence[str], pid: int) -> None:
        self._note_elsewhere(command)
        for number, words in enumerate(commands_in(command)):
            # The command itself keeps its process id; what it starts has one that is not known yet, and a client that
            # is to be met with its container is not to be noted twice.
            is_command = words == list(command)
            client = client_of(words, pid=pid if is_command else -1 - number, environment=os.environ)
            if client is not None and (is_command or client.asks is Asks.EXEC or client.is_remote):
                self._clients[client.pid] = client
            elif client is not None:
                self._named.append(client)
        line = " ".join(command)
        if "docker" in line or "podman" in line or local_sockets(os.environ):
            self._follow_containers()

    def _follow_containers(self) -> None:
        if self._containers is None and not self._has_ended:
            from carbonprint.measuring.containers import Containers

            self._containers = Containers(self._find_clients)
            self._containers.begin()

    def _caveats(self, cpu_s: float | None) -> list[Caveat]:
        from carbonprint.measuring.outside_caveats import outside_caveats

        return outside_caveats(
            clients=(*self._clients.values(), *self._never_met()),
            containers=self._containers.followed if self._containers is not None else (),
            has_seen_in_tree=self._containers is not None and self._containers.has_seen_in_tree,
            elsewhere=tuple(self._elsewhere),
            duration_s=self._duration_s,
            busy_cpu_s=self._busy_s,
            cpu_s=cpu_s,
            fault=self._fault,
        )

    def _never_met(self) -> list[ContainerClient]:
        """Clients that the command's words name, of which no sample has met any: they were too short, or elsewhere."""
        met = {client.asks for client in self._clients.values()}
        followed = self._containers.followed if self._containers is not None else ()
        has_own = any(container.claim.is_of_job for container in followed)
        return [] if has_own else [client for client in self._named if client.asks not in met]

    def _end(self) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        if self._containers is not None:
            self._containers.end()
        busy_s = busy_cpu_seconds()
        self._duration_s = time.monotonic() - self._began_s
        if busy_s is not None and self._busy_from_s is not None:
            own_s = self._meter_cpu_s() - self._meter_from_s
            self._busy_s = max(0.0, busy_s - self._busy_from_s - own_s)

    def _note_elsewhere(self, words: Sequence[str], parent: str = "") -> None:
        if name := works_elsewhere(words, parent=parent):
            self._elsewhere[name] = None

    def _look(self, children: Mapping[int, Sequence[int]], most_looks: int) -> set[int]:
        """Take in the clients among the job's processes, and give the process ids of all of these."""
        parents = dict(self._descendants(children))
        with self._lock:
            for pid, parent in parents.items():
                n_looks = self._n_looks.get(pid, 0)
                if n_looks < most_looks:
                    self._n_looks[pid] = n_looks + 1
                    self._look_at(pid, parent)
            self._n_looks = {pid: count for pid, count in self._n_looks.items() if pid in parents}
        return set(parents)

    def _look_at(self, pid: int, parent: int) -> None:
        words = command_line(pid)
        client = client_at(pid, words)
        if client is not None:
            self._clients[pid] = client
            self._follow_containers()
        self._note_elsewhere(words, program(command_line(parent)) if program(words) == "ssh" else "")

    def _descendants(self, children: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, int]]:
        """Give the process ids of all of the job's that descend from the wrapper, and of their parents."""
        waiting = [self._wrapper]
        while waiting:
            parent = waiting.pop()
            for pid in children.get(parent, ()):
                if pid not in self._not_of_job:
                    waiting.append(pid)
                    yield pid, parent

    def _find_clients(self) -> Clients:
        """Look for clients of engines on the whole machine, now."""
        from carbonprint.measuring.container_claims import Clients

        children = children_by_parent()
        living = self._look(children, most_looks=1_000_000)
        others = (
            pid for pids in children.values() for pid in pids if pid not in living and pid != self._wrapper
        )
        of_others = [
            client
            for pid in others
            if (client := client_at(pid, command_line(pid))) and not descends_from(pid, self._wrapper)
        ]
        return Clients(
            of_job=tuple(self._clients.values()), of_others=tuple(of_others), living=frozenset(living)
        )


def client_at(pid: int, words: Sequence[str]) -> ContainerClient | None:
    """Tell whether a process is a client of an engine; its folder and environment help where they may be read."""
    client = client_of(words, pid=pid)
    if client is None:
        return None
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")
        with open(f"/proc/{pid}/environ", "rb") as block:
            entries = [os.fsdecode(entry).partition("=") for entry in block.read().split(b"\0")]
    except OSError:
        return client
    environment = {name: value for name, _, value in entries}
    return client_of(words, pid=pid, folder=folder, environment=environment)

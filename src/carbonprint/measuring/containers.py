"""Containers that work for the job outside its process tree: their CPU seconds by their control groups (Linux).

An engine's daemon starts them, so that no process of theirs descends from the command. A thread hears of every new
control group (inotify), holds the processes in it (pidfd) and reads its CPU time the moment the last of them ends:
some ten milliseconds later the engine removes the folder, and what was not read by then is lost. Whose a container is,
the engine is asked on its local socket.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from carbonprint.measuring.container_cgroups import container_at, hierarchy, processes, usage_s, walk
from carbonprint.measuring.container_claims import Claim, FollowedContainer, claim_for
from carbonprint.measuring.container_clients import local_sockets
from carbonprint.measuring.container_engine import identify
from carbonprint.measuring.inotify import NewFolders
from carbonprint.measuring.processes import descends_from, started_ticks

if TYPE_CHECKING:
    from collections.abc import Callable

    from carbonprint.measuring.container_claims import Clients

_RETRY_MS = 5
"""Pause before a control group that holds no process yet is looked at again. [ms]"""

_WALK_MS = 200
"""Where the kernel tells of no new folders, all of them are walked through so often. [ms]"""

_EMPTY_FOR_S = 2.0
"""A control group that holds no process for so long is left to the samples. [s]"""

_DECIDE_S = 1.0
"""At the end, so long is waited for what the engine says of the last containers. [s]"""


class Containers:
    """Follows every container that starts while the job runs, and adds up those that are the job's.

    Args:
        find_clients: Gives the clients of engines that live now: the job's, and those of others.
        root: Where ``sys/fs/cgroup`` is.

    Attributes:
        has_seen_in_tree: Whether a container's processes descended from the wrapper.
    """

    def __init__(self, find_clients: Callable[[], Clients], root: Path = Path("/")) -> None:
        self._find_clients = find_clients
        self._root = root
        self._wrapper = os.getpid()
        self._began_ticks = started_ticks(self._wrapper) or 0
        self._lock = threading.Lock()
        self._followed: list[FollowedContainer] = []
        self._active: dict[Path, FollowedContainer] = {}
        self._held: dict[int, FollowedContainer] = {}
        self._deciders: list[threading.Thread] = []
        self._stop: int | None = None
        self._has_ended = False
        self.has_seen_in_tree = False

    def begin(self) -> None:
        """Begin to follow, in a thread; nothing where there are no control groups."""
        top = hierarchy(self._root)
        if top is not None:
            self._stop = os.eventfd(0, os.EFD_CLOEXEC)
            threading.Thread(target=self._follow_quietly, args=(top,), daemon=True).start()

    @property
    def followed(self) -> tuple[FollowedContainer, ...]:
        """The job's containers, and those of which it is not known yet whose they are."""
        with self._lock:
            return tuple(self._followed)

    def cpu_s(self) -> float:
        """CPU seconds so far of the containers that are the job's. [s]; read now, until ``settle`` has been called."""
        with self._lock:
            if not self._has_ended:
                for container in list(self._active.values()):
                    self._read(container)
            return sum(container.usage_s for container in self._followed if container.claim.is_of_job)

    def is_of_job(self, pid: int) -> bool:
        """Whether a process lies in a container of the job's."""
        with self._lock:
            mine = [each.folder for each in self._active.values() if each.claim.is_of_job]
        return any(pid in processes(folder) for folder in mine)

    def end(self) -> None:
        """Read everything for the last time: the command has ended, and containers work on without it."""
        self.cpu_s()
        with self._lock:
            self._has_ended = True
            for container in self._active.values():
                container.is_left_running = bool(processes(container.folder))
        if self._stop is not None:
            os.eventfd_write(self._stop, 1)

    def settle(self) -> None:
        """Wait, not for long, until it is known whose the last containers were."""
        until_s = time.monotonic() + _DECIDE_S
        for decider in self._deciders:
            decider.join(max(0.0, until_s - time.monotonic()))
        for container in self.followed:
            if container.claim is Claim.OPEN:
                self._decide(container, may_ask=False)

    # In the thread

    def _follow_quietly(self, top: Path) -> None:
        # What fails here, the samples and the last reading make up for as well as they can.
        with contextlib.suppress(Exception):
            self._follow(top)

    def _follow(self, top: Path) -> None:
        folders = _new_folders()
        poll = select.poll()
        assert self._stop is not None
        poll.register(self._stop, select.POLLIN)
        if folders is not None:
            poll.register(folders.descriptor, select.POLLIN)
            folders.watch(top)
        self._look_through(top, folders)
        try:
            while True:
                self._hold_all(poll)
                pause_ms = _RETRY_MS if self._unheld() else (None if folders is not None else _WALK_MS)
                changed = poll.poll(pause_ms)
                if folders is None:
                    self._look_through(top, None)
                for descriptor, _ in changed:
                    if descriptor == self._stop:
                        return
                    if folders is not None and descriptor == folders.descriptor:
                        for folder in folders.heard():
                            self._look_at(folder, folders)
                    else:
                        poll.unregister(descriptor)
                        self._process_ended(descriptor)
        finally:
            if folders is not None:
                folders.close()
            for descriptor in self._held:
                os.close(descriptor)

    def _look_through(self, top: Path, folders: NewFolders | None) -> None:
        for folder, container in walk(top):
            if container is not None:
                self._found(folder)
            elif folders is not None:
                folders.watch(folder)

    def _look_at(self, folder: Path, folders: NewFolders) -> None:
        """Take in a folder that has just been made, and what was made in it before it could be watched."""
        if container_at(folder) is not None:
            self._found(folder)
        elif folders.watch(folder):
            self._look_through(folder, folders)

    def _found(self, folder: Path) -> None:
        cgroup = container_at(folder)
        if cgroup is None or folder in self._active or self._was_there_before(folder):
            return
        container = FollowedContainer(cgroup.container_id, folder, found_s=time.monotonic())
        with self._lock:
            if self._has_ended:
                return
            self._followed.append(container)
            self._active[folder] = container
        self._deciders = [each for each in self._deciders if each.is_alive()]
        decider = threading.Thread(target=self._decide_quietly, args=(container,), daemon=True)
        self._deciders.append(decider)
        decider.start()

    def _was_there_before(self, folder: Path) -> bool:
        """Whether a process of it is older than the job."""
        starts = [ticks for pid in processes(folder) if (ticks := started_ticks(pid)) is not None]
        return min(starts, default=self._began_ticks) < self._began_ticks

    def _unheld(self) -> list[FollowedContainer]:
        """Containers of which no process is held, and one may still come."""
        now_s = time.monotonic()
        held = set(self._held.values())
        with self._lock:
            active = list(self._active.values())
        return [
            container
            for container in active
            if container not in held and now_s - container.found_s < _EMPTY_FOR_S
        ]

    def _hold_all(self, poll: select.poll) -> None:
        for container in self._unheld():
            for pid in processes(container.folder):
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    descriptor = os.pidfd_open(pid)
                    self._held[descriptor] = container
                    poll.register(descriptor, select.POLLIN)
                    break

    def _process_ended(self, descriptor: int) -> None:
        """Read the control group at once: this may have been the last process in it."""
        container = self._held.pop(descriptor)
        os.close(descriptor)
        with self._lock:
            if not self._has_ended:
                self._read(container)
        # Another process may be left, or come: the first that runs in a container makes way for the next one.
        container.found_s = time.monotonic()

    def _read(self, container: FollowedContainer) -> None:
        """Read what it has used; one that holds no process and can be read is whole."""
        is_empty = not processes(container.folder)
        used_s = usage_s(container.folder)
        if used_s is None:
            self._active.pop(container.folder, None)
            return
        container.usage_s = max(container.usage_s, used_s)
        container.is_whole = is_empty

    # In a thread for each new container

    def _decide_quietly(self, container: FollowedContainer) -> None:
        with contextlib.suppress(Exception):
            self._decide(container, may_ask=True)
        if container.claim in {Claim.OTHERS, Claim.IN_TREE}:
            self.has_seen_in_tree |= container.claim is Claim.IN_TREE
            with self._lock:
                self._active.pop(container.folder, None)
                self._followed.remove(container)

    def _is_in_tree(self, container: FollowedContainer) -> bool:
        return any(descends_from(pid, self._wrapper) for pid in processes(container.folder))

    def _decide(self, container: FollowedContainer, *, may_ask: bool) -> None:
        """Find out whose a container is."""
        if self._is_in_tree(container):
            container.claim = Claim.IN_TREE
            return
        clients = self._find_clients()
        identity = None
        if may_ask and clients.of_job:
            named = [client.socket for client in clients.of_job if client.socket]
            identity = identify(container.container_id, (*named, *local_sockets(os.environ)))
        # Its first processes may not have been there before.
        if self._is_in_tree(container):
            container.claim = Claim.IN_TREE
            return
        with self._lock:
            taken = {each.client.pid for each in self._followed if each.client is not None}
            known = next(
                (e for e in self._followed if e.container_id == container.container_id and e.client), None
            )
            if known is not None:  # the engine has started it again
                container.claim, container.client, container.name = known.claim, known.client, known.name
                return
            container.claim, container.client = claim_for(identity, clients, taken)
            container.name = identity.name if identity is not None else container.container_id[:12]


def _new_folders() -> NewFolders | None:
    try:
        return NewFolders()
    except OSError:  # as many as the user may have are there already
        return None

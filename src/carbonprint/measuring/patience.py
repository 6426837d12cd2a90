"""Calling what may hang, such as a driver that has lost its device, without hanging with it."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class StalledError(Exception):
    """An answer did not come in time, or an earlier one still has not."""


class Patience:
    """Makes calls in a thread of its own, one at a time, and waits for each only so long.

    What comes too late is dropped.

    Args:
        longest_s: How long a call may take. [s].
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._steps: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._last: _Call | None = None
        self._worker: threading.Thread | None = None

    def call(self, step: Callable[[], T]) -> T:
        """Make a call, and give its result, or raise what it raises.

        Raises:
            StalledError: If it takes too long, or one before it still does.
        """
        if self._last is not None and not self._last.is_done.is_set():
            raise StalledError
        if self._worker is None and not self._start():
            return step()
        call = self._last = _Call(step)
        self._steps.put(call)
        if not call.is_done.wait(self._longest_s):
            raise StalledError
        if call.error is not None:
            raise call.error
        result: T = call.result
        return result

    def end(self) -> None:
        """Let the thread end, so that none is left where a process is forked; one that hangs is left to itself."""
        if self._worker is not None:
            self._steps.put(None)
            if self._last is None or self._last.is_done.is_set():
                self._worker.join()
            self._worker = None

    def _start(self) -> bool:
        worker = threading.Thread(target=self._work, name="carbonprint-meter", daemon=True)
        try:
            worker.start()
        except RuntimeError:  # as many threads as the user may have are there already
            return False
        self._worker = worker
        return True

    def _work(self) -> None:
        while (call := self._steps.get()) is not None:
            call.make()


class _Call:
    def __init__(self, step: Callable[[], Any]) -> None:
        self._step = step
        self.is_done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def make(self) -> None:
        try:
            self.result = self._step()
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            self.error = error
        self.is_done.set()

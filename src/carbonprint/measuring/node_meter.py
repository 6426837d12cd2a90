"""The meter at the input of a machine (wall, PDU, BMC), read from a file or by a command.

A thread of its own reads it, so that a meter that hangs never keeps the loop from passing a signal on. A command is run
by one small child (``meter_child.py``), which is started beside the job's start and ends with the wrapper; so the
wrapper itself starts no process while the job runs.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from carbonprint.measuring.meter_text import MOST_BYTES, MeterIntegral, reading_in
from carbonprint.measuring.processes import living_cpu_s

if TYPE_CHECKING:
    import subprocess

    from carbonprint.hardware_profile import MeterSource

_LONGEST_WAIT_S = 0.05
"""So long a sample waits for a file that is slow to be read; then the last power stands for it. [s]"""

_LONGEST_START_S = 5.0
"""So long the child may take to start. [s]"""


class NodeMeter:
    """Reads one meter.

    A file is read once at once, before any thread or child is there.

    Args:
        source: The meter.
    """

    def __init__(self, source: MeterSource) -> None:
        self.source = source
        self._integral = MeterIntegral(source)
        self._child: subprocess.Popen[bytes] | None = None
        self._child_cpu_s = 0.0
        self._thread: threading.Thread | None = None
        self._questions: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[float, str | None]] = queue.SimpleQueue()
        self._is_asked = False
        self._is_closed = False
        self.has_answered = False
        if source.file is not None:
            self._take_in(*_read_file(os.fspath(source.file)))

    @property
    def pids(self) -> frozenset[int]:
        """Process ids of ours that read the meter; what they do is none of the job's."""
        return frozenset() if self._child is None else frozenset({self._child.pid})

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the child and of what it runs. [s]."""
        if self._child is not None:
            self._child_cpu_s = max(self._child_cpu_s, living_cpu_s([self._child.pid]))
        return self._child_cpu_s

    def start(self) -> None:
        """Start the thread, and the child where there is one; where that fails, there is no reading."""
        if self._thread is not None:
            return
        is_ready = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(is_ready,), name="carbonprint-meter", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # as many threads as there may be
            return
        is_ready.wait(_LONGEST_START_S)
        if self.source.command:
            self._ask()

    def energy_j(self, since_s: float, now_s: float) -> float | None:
        """Give the energy since it was last asked. [J]; None where it is not known.

        Of a command, which takes its time, what it said last counts until it has answered.

        Args:
            since_s: Monotonic time of the last question. [s].
            now_s: Monotonic time up to which the energy is asked for, no later than now. [s].
        """
        self._collect(0.0)
        self._ask()
        if self.source.file is not None:
            self._collect(_LONGEST_WAIT_S)
        return self._integral.energy_j(since_s, now_s)

    def close(self) -> None:
        """End the child and the thread, once: its process id may be another's afterwards."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._child is not None:
            self._child_cpu_s = self.cpu_s
            with contextlib.suppress(OSError):  # its command, and what that has started, are in its session
                os.killpg(self._child.pid, signal.SIGKILL)
        self._questions.put(False)

    def _ask(self) -> None:
        if not self._is_asked:
            self._is_asked = True
            self._questions.put(True)

    def _collect(self, wait_s: float) -> None:
        """Take in what has been answered; wait for it at most so long. [s]."""
        if not self._is_asked:
            return
        try:
            answer = self._answers.get(timeout=wait_s) if wait_s > 0 else self._answers.get_nowait()
        except queue.Empty:
            return
        self._is_asked = False
        self._take_in(*answer)

    def _take_in(self, at_s: float, text: str | None) -> None:
        reading = None if text is None else reading_in(text, self.source)
        if reading is None:
            self._integral.lose()
            return
        self.has_answered = True
        self._integral.add(at_s, reading)

    def _serve(self, is_ready: threading.Event) -> None:
        with contextlib.suppress(Exception):  # a meter that cannot be read is one that does not answer
            if self.source.command:
                self._child = start_child(self.source.command)
        is_ready.set()
        while self._questions.get():
            self._answers.put(self._read())
        if self._child is not None:
            with contextlib.suppress(Exception), self._child:  # closes its pipes, and waits for it
                self._child.kill()

    def _read(self) -> tuple[float, str | None]:
        if self.source.file is not None:
            return _read_file(os.fspath(self.source.file))
        return ask_child(self._child)


def _read_file(path: str) -> tuple[float, str | None]:
    """Read a file: monotonic time in the middle of the reading [s], and what it holds; a pipe is not waited for."""
    begun_s = time.monotonic()
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            text = os.read(file, MOST_BYTES).decode("utf-8", errors="replace")
        finally:
            os.close(file)
    except (OSError, ValueError):
        return begun_s, None
    return (begun_s + time.monotonic()) / 2, text


def start_child(command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start the child that runs a meter's command whenever it is asked, in a session of its own.

    Raises:
        OSError: If no process can be made.
    """
    import json
    import subprocess

    program = os.path.join(os.path.dirname(__file__), "meter_child.py")
    return subprocess.Popen(
        [sys.executable, "-I", "-S", program, json.dumps(command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def ask_child(child: subprocess.Popen[bytes] | None) -> tuple[float, str | None]:
    """Have the child run the command once: monotonic time in the middle of that [s], and what it printed."""
    import json

    begun_s = time.monotonic()
    if child is None or child.stdin is None or child.stdout is None:
        return begun_s, None
    try:
        child.stdin.write(b"\n")
        child.stdin.flush()
        text = json.loads(child.stdout.readline())
    except (OSError, ValueError):
        return begun_s, None
    return (begun_s + time.monotonic()) / 2, text

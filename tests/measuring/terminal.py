"""A program on a pseudo-terminal, as a person would use it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import termios
import time


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, command, environment, folder):
        self.seen = b""
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, environment)

    def until(self, text, timeout_s=30):
        """Read until this text has come, and give what came before it."""
        end = time.monotonic() + timeout_s
        while text not in self.seen:
            if not select.select([self.screen], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} did not come, but {self.seen!r}")
            try:
                self.seen += os.read(self.screen, 4096)
            except OSError:
                raise AssertionError(f"{text!r} did not come before the end, but {self.seen!r}") from None
        before, self.seen = self.seen.split(text, 1)
        return before

    def type(self, keys):
        os.write(self.screen, keys)

    def bring_to_front(self, line):
        """Type a line with fg, and wait until the terminal's keys go to that job."""
        shell = os.tcgetpgrp(self.screen)
        self.type(line)
        end = time.monotonic() + 30
        while os.tcgetpgrp(self.screen) == shell:
            assert time.monotonic() < end
            time.sleep(0.005)

    def resize(self, rows, columns):
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self):
        """Read to the end, and give the exit code."""
        with contextlib.suppress(OSError):  # what a terminal gives when nobody holds its other side any more
            while os.read(self.screen, 4096):
                pass
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.screen)
        return code

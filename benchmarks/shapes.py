"""The same work in six shapes of processes: ``shapes.py SHAPE CPU_SECONDS LOG``.

Every process writes down how many CPU seconds it has used, by its own clock, into LOG.
"""

import os
import signal
import subprocess
import sys
import time


def burn(seconds: float, log: str) -> None:
    """Use that many CPU seconds more, and write down what this process has used since it started."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    with open(log, "a", encoding="ascii") as file:
        file.write(f"{time.process_time()}\n")


def forked(seconds: float, log: str) -> int:
    pid = os.fork()
    if pid == 0:
        burn(seconds, log)
        os._exit(0)
    return pid


def one(seconds: float, log: str) -> None:
    burn(seconds, log)


def children(seconds: float, log: str) -> None:
    for _ in range(60):
        os.waitpid(forked(seconds / 60, log), 0)


def workers(seconds: float, log: str) -> None:
    for pid in [forked(seconds / 4, log) for _ in range(4)]:
        os.waitpid(pid, 0)


def pipeline(seconds: float, log: str) -> None:
    part = f"{sys.executable} -S {__file__} one {seconds / 3} {log}"
    subprocess.run(["sh", "-c", f"{part} | {part} | {part}"], check=True)


def daemon(seconds: float, log: str) -> None:
    """Fork twice, so that what works has no parent in the job; the command ends after it."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            burn(seconds, log)
            os.write(write_end, b".")
        os._exit(0)
    os.wait()
    os.read(read_end, 1)


def ignored(seconds: float, log: str) -> None:
    """Have children that the kernel forgets: the parent ignores SIGCHLD, wait(2)."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in range(60):
        forked(seconds / 60, log)
        try:
            os.wait()
        except ChildProcessError:
            continue


def idle(seconds: float, log: str) -> None:
    """Be so many processes that wait, for as long as LOG says."""
    pids = []
    for _ in range(int(seconds)):
        pid = os.fork()
        if pid == 0:
            time.sleep(float(log))
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)


SHAPES = {
    "one process": one,
    "60 children": children,
    "4 workers": workers,
    "a pipeline": pipeline,
    "a daemon": daemon,
    "children of a parent that ignores SIGCHLD": ignored,
}

if __name__ == "__main__":
    globals()[sys.argv[1]](float(sys.argv[2]), sys.argv[3])

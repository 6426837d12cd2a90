"""Jobs of every shape whose CPU seconds are known: each process burns some, and writes down what it has used in all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

LOG = os.environ.get("BURNER_LOG", "")


def burn(seconds: float) -> None:
    """Use that many CPU seconds more, and write down what this process has used since it started."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    log()


def log() -> None:
    with open(LOG, "a") as file:
        file.write(f"{os.getpid()} {time.process_time()}\n")


def forked(seconds: float) -> int:
    pid = os.fork()
    if pid == 0:
        burn(seconds)
        os._exit(0)
    return pid


def one() -> None:
    burn(0.25)


def children() -> None:
    for _ in range(60):
        os.waitpid(forked(0.006), 0)
    log()


def workers(method: str) -> None:
    context = multiprocessing.get_context(method)
    processes = [context.Process(target=burn, args=(0.1,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    log()


def threads() -> None:
    running = [threading.Thread(target=burn, args=(0.2,)) for _ in range(3)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    log()


def tree(depth: str) -> None:
    if int(depth):
        subprocess.run([sys.executable, "-S", __file__, "tree", str(int(depth) - 1)], check=True)
    burn(0.02)


def daemon() -> None:
    """Fork twice, so that the process that burns has no parent of the job; it ends before the command does."""
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            burn(0.25)
            os.write(write_end, b".")
        os._exit(0)
    os.wait()
    os.read(read_end, 1)
    log()


def stopped() -> None:
    """Leave a process behind that has worked and is stopped."""
    pid = os.fork()
    if pid == 0:
        burn(0.25)
        os.kill(os.getpid(), signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)
    log()


def ignoring(count: str, seconds: str) -> None:
    """Be a parent that ignores SIGCHLD, of children one after the other."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in range(int(count)):
        forked(float(seconds))
        try:
            os.wait()  # waits for all children, and then says that there are none: wait(2)
        except ChildProcessError:
            continue
    log()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

"""The commands that overhead.py has wrapped where there is no C compiler; probe.c says what they do."""

import sys
import time

now_ns = time.monotonic_ns()
task, argument = sys.argv[1:]
if task == "stamp":
    with open(argument, "w", encoding="ascii") as file:
        file.write(str(now_ns))
else:
    state = 1
    for _ in range(int(argument)):
        state = state * 6364136223846793005 % 18446744073709551616

"""Work outside the process tree: what is recognised, and what is said of it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from wrapped import Wrapper

from carbonprint.measuring.command_words import commands_in
from carbonprint.measuring.container_claims import Claim, FollowedContainer
from carbonprint.measuring.container_clients import client_of
from carbonprint.measuring.elsewhere_words import INSTEAD, works_elsewhere
from carbonprint.measuring.outside import OutsideWork
from carbonprint.measuring.outside_caveats import is_little, outside_caveats


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("ssh host work", ["ssh host work"]),
        ("env -u A B=1 nice -n 5 ssh host", ["ssh host"]),
        ("sudo -u me -E ssh host", ["ssh host"]),
        ("time -p timeout -k 5 10 ssh host", ["ssh host"]),
        ("sh -c 'cd /x && A=1 ssh host; echo done'", ["cd /x", "ssh host", "echo done"]),
        ("bash -lc 'sudo sbatch job.sh'", ["sbatch job.sh"]),
        ("bash script.sh -c x", []),
        ("env", []),
    ],
)
def test_the_commands_behind_prefixes_and_in_a_shells_text(line, commands):
    assert list(commands_in(shlex.split(line))) == [shlex.split(each) for each in commands]


def test_a_shells_text_with_an_open_quotation_is_passed_over():
    assert list(commands_in(["sh", "-c", "echo 'a;b'; ssh host"])) == [["ssh", "host"]]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("ssh me@host make", "ssh"),
        ("sudo ssh host", "ssh"),
        ("kubectl apply -f job.yml", "kubectl"),
        ("oc run x --image=y", "kubectl"),
        ("sbatch job.sh", "sbatch"),
        ("env A=1 srun -n 4 ./work", "srun"),
        ("bsub ./work", "qsub"),
        ("systemd-run --user ./work", "systemd-run"),
        ("systemd-run --scope ./work", ""),
        ("kubectl get pods", ""),
        ("ssh -N -L 1:2:3 host", ""),
        ("srun --version", ""),
        ("python ssh.py", ""),
    ],
)
def test_what_has_others_do_the_work_is_recognised(line, name):
    assert works_elsewhere(line.split()) == name


def test_ssh_that_carries_files_is_none():
    assert works_elsewhere(["ssh", "host", "git-upload-pack"], parent="git") == ""
    assert works_elsewhere(["ssh", "host", "git-upload-pack"], parent="bash") == "ssh"


@pytest.mark.parametrize(
    ("duration_s", "busy_cpu_s", "cpu_s", "expected"),
    [
        (10.0, 9.0, 0.1, True),  # 1.1 % of what the machine did
        (10.0, 9.0, 0.2, False),  # 2.2 %
        (10.0, 4.9, 0.01, False),  # 0.49 of a thread: the machine had little to do
        (2.9, 5.0, 0.01, False),  # too short to tell
        (10.0, 9.0, None, False),
    ],
)
def test_what_is_implausibly_little(duration_s, busy_cpu_s, cpu_s, expected):
    assert is_little(duration_s, busy_cpu_s, cpu_s) is expected


def caveats(clients=(), containers=(), *, in_tree=False, elsewhere=(), busy_s=0.0, cpu_s=1.0, fault=""):
    made = outside_caveats(
        clients=[client_of(line.split(), pid=pid) for pid, line in enumerate(clients)],
        containers=containers,
        has_seen_in_tree=in_tree,
        elsewhere=elsewhere,
        duration_s=10.0,
        busy_cpu_s=busy_s,
        cpu_s=cpu_s,
        fault=fault,
    )
    return {caveat.code: caveat.text for caveat in made}


def container(line="docker run box", **changes):
    made = FollowedContainer("5c9320e86c45" * 5 + "abcd", Path("/x"), 0.0, usage_s=1.5, is_whole=True)
    made.claim, made.client, made.name = Claim.NAMED, client_of(line.split(), pid=0), "happy_cat"
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_container_that_was_counted_whole_is_named_with_its_seconds():
    found = caveats(["docker run box"], [container()])
    assert set(found) == {"container-counted"}
    assert "1.50 of the CPU seconds are those of container happy_cat" in found["container-counted"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"claim": Claim.BY_TIME}, "container-by-time"),
        ({"is_left_running": True, "is_whole": False}, "container-left-running"),
        ({"is_whole": False}, "container-cut-short"),
    ],
)
def test_what_is_not_whole_or_not_certain_is_said(changes, code):
    assert set(caveats(["docker run box"], [container(**changes)])) == {"container-counted", code}


def test_a_container_of_others_is_nobodys_caveat():
    assert caveats([], [container(claim=Claim.OTHERS)]) == {}


@pytest.mark.parametrize(
    ("line", "in_tree", "code"),
    [
        ("docker run box", False, "container-not-seen"),
        ("docker run box", True, None),
        ("podman run box", False, None),
        ("docker exec web sh", False, "container-exec"),
        ("docker exec happy_cat sh", False, None),
        ("docker -H ssh://far run box", False, "container-remote"),
    ],
)
def test_a_client_whose_work_is_not_counted_is_named(line, in_tree, code):
    mine = [container(client=client_of(["docker", "run", "box"], pid=99))] if "happy_cat" in line else []
    assert set(caveats([line], mine, in_tree=in_tree)) - {"container-counted"} == ({code} if code else set())


def test_little_is_said_only_where_nothing_else_explains_it():
    assert set(caveats(busy_s=9.0, cpu_s=0.05)) == {"little-cpu"}
    assert set(caveats(elsewhere=["ssh"], busy_s=9.0, cpu_s=0.05)) == {"work-elsewhere"}


def test_what_fails_while_looking_is_remembered_and_raised_to_nobody(monkeypatch):
    outside = OutsideWork(["true"], 1)
    monkeypatch.setattr(outside, "_descendants", lambda _children: 1 / 0)
    outside.look({}, [])
    (caveat,) = outside.caveats(1.0)
    assert caveat.code == "outside-fault"
    assert "ZeroDivisionError" in caveat.text
    assert outside.cpu_s() == 0.0


@pytest.fixture
def wrapper(tmp_path):
    made = Wrapper(tmp_path)
    made.environment["PATH"] = f"{made.folder}:{made.environment['PATH']}"
    return made


def program(wrapper, name, text):
    path = wrapper.folder / name
    path.write_text(text)
    path.chmod(0o755)


def notes(done):
    return [line for line in done.stderr.decode().splitlines() if line.lstrip().startswith("note ")]


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_the_summary_names_it_in_one_line_with_what_to_do(wrapper, name):
    program(wrapper, name, "#!/bin/sh\nexit 3\n")
    arguments = ["apply"] if name == "kubectl" else ["host"]
    done = wrapper.run("--", "env", "A=1", name, *arguments)
    assert done.returncode == 3
    (line,) = notes(done)
    assert INSTEAD[name] in line
    assert {"code": "work-elsewhere", "text": INSTEAD[name]} in wrapper.record()["caveats"]


def test_what_a_script_starts_is_seen_at_a_sample(wrapper):
    program(wrapper, "work", "#!/bin/bash\n(exec -a ssh sleep 1.2)\nexit 0\n")
    done = wrapper.run("--interval", "0.1", "--", "work")
    (line,) = notes(done)
    assert INSTEAD["ssh"] in line


def test_a_command_that_does_next_to_nothing_on_a_busy_machine_is_named(wrapper):
    """A process of somebody else keeps a core busy while the command waits for it."""
    with subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) as busy:
        try:
            done = wrapper.run("--", "sleep", "3.1")
        finally:
            busy.kill()
    (line,) = notes(done)
    assert "CPU seconds in which this machine was busy" in line
    assert "little-cpu" in {caveat["code"] for caveat in wrapper.record()["caveats"]}


@pytest.mark.parametrize(
    "line", ["docker run alpine", "env docker run alpine", "sh -c 'sleep 0.1; timeout 1 docker run alpine'"]
)
def test_a_client_that_no_sample_meets_is_named_all_the_same(line):
    outside = OutsideWork(shlex.split(line), -1)
    outside.end()
    outside.settle()
    assert [each.code for each in outside.caveats(0.0)] == ["container-not-seen"]

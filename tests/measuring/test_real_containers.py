"""Containers of real engines: what runs in them is counted, once."""

from __future__ import annotations

import shlex
import subprocess
import textwrap
import time

import pytest
from engines import BURN, IMAGE, daemon_words, docker_engine, own_cpu_s, podman_engine, require
from wrapped import Wrapper

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

WORK = ["sh", "-c", BURN.format(n=600_000)]
FOREVER = ["sh", "-c", "while :; do :; done"]
RUN = ["docker", "run", "--rm", "--network", "none"]

BESIDES_S = 0.6
"""CPU seconds of what a run needs besides the work in the container: the client, the start of the container."""


@pytest.fixture(scope="module")
def docker(tmp_path_factory):
    # The path of a socket may have 107 bytes, which pytest's folders come near to.
    with docker_engine(tmp_path_factory.mktemp("d")) as environment:
        yield environment


@pytest.fixture(scope="module")
def podman(tmp_path_factory):
    return podman_engine(tmp_path_factory.mktemp("p"))


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


@pytest.fixture
def in_docker(wrapper, docker):
    wrapper.environment |= {name: docker[name] for name in ("PATH", "DOCKER_HOST")}
    return wrapper


@pytest.fixture
def others(docker):
    """Start containers that are nobody's of the job, and remove them."""
    names = []

    def start(*words):
        names.append(f"others{len(names)}")
        subprocess.run(
            ["docker", "run", "-d", "--network", "none", "--name", names[-1], IMAGE, *words],
            env=docker, check=True, capture_output=True,
        )  # fmt: skip
        return names[-1]

    yield start
    for name in names:
        subprocess.run(["docker", "rm", "-f", name], env=docker, check=True, capture_output=True)


CUT_SHORT = "container-cut-short"


def codes(record):
    """What is said of containers, besides that one could not be read to its end: see ``is_counted``."""
    found = {caveat["code"] for caveat in record["caveats"] if caveat["code"].startswith("container-")}
    return found - {CUT_SHORT}


def is_counted(record, own_s, most_s):
    """Whether what a container has used was counted, whole and once; or less, where the record says so.

    A machine that is too busy may not read a control group before the engine removes it.
    """
    is_cut_short = CUT_SHORT in {caveat["code"] for caveat in record["caveats"]}
    return (0 if is_cut_short else own_s) <= record["measurement"]["cpu_s"] < most_s


def test_docker_run_is_counted_by_its_control_group(in_docker):
    done = in_docker.run("--", *RUN, IMAGE, *WORK)
    record = in_docker.record()
    own_s = own_cpu_s(done.stdout)
    assert done.returncode == 0
    assert own_s > 0.2
    assert codes(record) == {"container-counted"}
    assert is_counted(record, own_s, own_s + BESIDES_S)


def test_the_status_of_what_runs_in_a_container_stays(in_docker):
    assert in_docker.run("--", *RUN, IMAGE, "sh", "-c", "exit 7").returncode == 7


def test_a_container_in_the_middle_of_a_script_is_counted(in_docker):
    """Its client and its control group have come and gone before the first sample."""
    script = f"{shlex.join([*RUN, IMAGE, 'true'])}; sleep 0.1"
    assert in_docker.run("--", "sh", "-c", script).returncode == 0
    assert "container-counted" in codes(in_docker.record())


def test_a_detached_container_is_counted_up_to_the_end_of_the_command(in_docker, docker):
    script = f"docker run -d --network none --name left {IMAGE} {shlex.join(FOREVER)}; sleep 1"
    try:
        done = in_docker.run("--", "sh", "-c", script)
        record = in_docker.record()
    finally:
        subprocess.run(["docker", "rm", "-f", "left"], env=docker, check=True, capture_output=True)
    assert codes(record) == {"container-counted", "container-left-running"}
    assert 0.2 < record["measurement"]["cpu_s"] < 1.5 + BESIDES_S
    assert b"left: still running when the command ended" in done.stderr


def test_a_container_that_another_starts_meanwhile_is_not_counted(in_docker, others):
    job = in_docker.start("--", *RUN, IMAGE, "sleep", "2")
    time.sleep(0.8)
    others(*FOREVER)
    job.communicate(timeout=60)
    record = in_docker.record()
    assert record["measurement"]["cpu_s"] < BESIDES_S
    assert codes(record) == {"container-counted"}


def test_where_another_asks_for_the_same_the_record_says_that_it_is_not_certain(in_docker, docker):
    words = [*RUN, IMAGE, "sleep", "2"]
    with subprocess.Popen(words, env=docker):
        in_docker.run("--", *words)
    assert codes(in_docker.record()) == {"container-counted", "container-by-time"}


def test_exec_in_a_container_that_was_there_before_is_named(in_docker, others):
    name = others("sleep", "60")
    done = in_docker.run("--", "docker", "exec", name, *WORK)
    record = in_docker.record()
    assert record["measurement"]["cpu_s"] < own_cpu_s(done.stdout) + BESIDES_S
    assert codes(record) == {"container-exec"}
    assert b"docker exec worked in a container that was there before" in done.stderr


def test_a_client_that_a_sample_finds_in_a_script_is_enough(in_docker):
    """Neither the words of the command nor the environment say that there is an engine."""
    host = in_docker.environment.pop("DOCKER_HOST")
    work = shlex.join(["docker", "-H", host, *RUN[1:], IMAGE, *WORK])
    (in_docker.folder / "work.sh").write_text(work.replace("600000", "900000") + "\nsleep 0.1\n")
    done = in_docker.run("--interval", "0.1", "--", "sh", "work.sh")
    own_s = own_cpu_s(done.stdout)
    record = in_docker.record()
    assert is_counted(record, own_s, own_s + BESIDES_S)
    assert codes(record) == {"container-counted"}


def test_the_containers_of_a_project_are_counted(in_docker):
    require("docker-compose")
    text = f"""
        version: "2.4"
        services:
          first: &service
            image: {IMAGE}
            network_mode: none
            command: {WORK!r}
          second: *service
        """
    (in_docker.folder / "docker-compose.yml").write_text(textwrap.dedent(text).replace("$", "$$"))
    done = in_docker.run("--", "docker-compose", "up", "--no-color")
    record = in_docker.record()
    assert done.returncode == 0, done.stderr.decode()
    own_s = own_cpu_s(done.stdout)
    assert own_s > 0.4
    assert is_counted(record, own_s, own_s + 2 + BESIDES_S)  # the tool itself is a second of Python
    assert codes(record) == {"container-counted"}


def test_a_container_of_a_daemon_that_belongs_to_the_job_is_counted_once(wrapper, docker, tmp_path_factory):
    """Its processes descend from the wrapper, and the daemon's client is a client of the job."""
    folder = tmp_path_factory.mktemp("j")
    image = docker["IMAGE_FILE"]
    wrapper.environment |= {"PATH": docker["PATH"], "DOCKER_HOST": f"unix://{folder}/docker.sock"}
    script = f"""
        {shlex.join(daemon_words(folder))} >log 2>&1 &
        until docker version >version 2>&1; do sleep 0.05; done
        docker import {image} {IMAGE} >import
        {shlex.join([*RUN, IMAGE, *WORK])}
        kill %1; wait
        """
    done = wrapper.run("--", "bash", "-c", script.replace("600000", "1000000"))
    own_s = own_cpu_s(done.stdout)
    record = wrapper.record()
    assert own_s > 0.4
    assert own_s <= record["measurement"]["cpu_s"] < 2 * own_s
    assert codes(record) == set()


def test_podman_run_is_counted_once_by_its_processes(wrapper, podman):
    wrapper.environment |= {name: podman[name] for name in podman if name not in wrapper.environment}
    done = wrapper.run("--", "podman", "run", "--rm", IMAGE, "sh", "-c", BURN.format(n=1_000_000))
    own_s = own_cpu_s(done.stdout)
    record = wrapper.record()
    assert done.returncode == 0
    assert own_s > 0.4
    assert own_s <= record["measurement"]["cpu_s"] < 2 * own_s
    assert codes(record) == set()

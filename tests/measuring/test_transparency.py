"""The wrapped command notices nothing: real processes, real signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from wrapped import CARBONPRINT, Wrapper


@pytest.fixture
def wrapper(tmp_path):
    return Wrapper(tmp_path)


@pytest.mark.parametrize("status", [0, 1, 2, 32, 127, 254, 255])
def test_exit_status_is_the_commands(wrapper, status):
    assert wrapper.run("--", "sh", "-c", f"exit {status}").returncode == status
    assert wrapper.record()["exit_status"] == status


@pytest.mark.parametrize("name", ["TERM", "HUP", "QUIT", "KILL", "SEGV", "INT"])
def test_the_wrapper_dies_of_the_signal_that_killed_the_command(wrapper, name):
    number = signal.Signals[f"SIG{name}"]
    done = wrapper.run("--", "sh", "-c", f"kill -{name} $$")
    assert done.returncode == -number
    assert wrapper.record()["exit_status"] == 128 + number


def test_a_shell_sees_128_plus_n(wrapper):
    script = '"$@" run -- sh -c "kill -TERM \\$\\$"; echo status $?'
    done = subprocess.run(
        ["bash", "-c", script, "_", *CARBONPRINT],
        env=wrapper.environment,
        cwd=wrapper.folder,
        capture_output=True,
    )
    assert done.stdout == b"status 143\n"


def test_a_shell_loop_ends_when_the_group_is_interrupted(wrapper):
    script = 'for n in 1 2 3; do "$@" run -- sh -c "echo ready; exec sleep 30"; done; echo never'
    shell = subprocess.Popen(
        ["bash", "-c", script, "_", *CARBONPRINT],
        env=wrapper.environment, cwd=wrapper.folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert shell.stdout.readline() == b"ready\n"
    os.killpg(shell.pid, signal.SIGINT)
    out, _ = shell.communicate(timeout=30)
    assert out == b""
    assert shell.returncode == -signal.SIGINT
    assert wrapper.record()["exit_status"] == 130


def test_a_command_that_is_not_there_is_127_and_one_that_cannot_be_executed_126(wrapper):
    (wrapper.folder / "plain.txt").write_text("no program")
    absent, plain = wrapper.run("--", "no-such-program"), wrapper.run("--", "./plain.txt")
    assert (absent.returncode, plain.returncode) == (127, 126)
    assert absent.stderr == b"carbonprint: no-such-program: No such file or directory\n"
    assert b"Permission denied" in plain.stderr
    assert wrapper.run("--", "/").returncode == 126
    assert wrapper.run("--", "").returncode == 127
    assert wrapper.records() == []


def test_a_script_without_a_first_line_runs_as_env_would_run_it(wrapper):
    script = wrapper.folder / "script"
    script.write_text('echo "$0|$1|$2"\n')
    script.chmod(0o755)
    by_env = subprocess.run(["env", "./script", "a b", "c"], cwd=wrapper.folder, capture_output=True)
    assert wrapper.run("--", "./script", "a b", "c").stdout == by_env.stdout == b"./script|a b|c\n"


def test_standard_output_is_byte_for_byte_the_commands(wrapper):
    with open(wrapper.folder / "out", "wb") as out:
        wrapper.run("--", sys.executable, "-c", "import os; os.write(1, bytes(range(256)) * 100)", stdout=out)
    assert (wrapper.folder / "out").read_bytes() == bytes(range(256)) * 100
    assert sorted(path.name for path in wrapper.folder.iterdir()) == ["out"]


def test_standard_input_reaches_the_command_whole(wrapper):
    sent = os.urandom(5_000_000)
    assert wrapper.run("--", "cat", input=sent).stdout == sent


def test_standard_error_holds_the_commands_words_and_then_at_most_fourteen_lines(wrapper):
    done = wrapper.run(
        "--host",
        "odc-noord",
        "--units",
        "3",
        "--unit",
        "page",
        "--phase",
        "inference",
        "--",
        "sh",
        "-c",
        "echo mine >&2",
    )
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "mine"
    assert 8 <= len(lines[1:]) <= 14
    assert done.stdout == b""


CLOSED_PROBE = """
import os
for number in range(3):
    try:
        os.fstat(number)
        state = "open"
    except OSError:
        state = "closed"
    with open("states", "a") as states:
        states.write(state + " ")
"""


def test_closed_descriptors_stay_closed(wrapper):
    command = [*CARBONPRINT, "run", "--", sys.executable, "-S", "-c", CLOSED_PROBE]
    done = subprocess.run(
        ["sh", "-c", '"$@" <&- >&- 2>&-', "_", *command], env=wrapper.environment, cwd=wrapper.folder
    )
    assert done.returncode == 0
    assert (wrapper.folder / "states").read_text().split() == ["closed"] * 3
    assert wrapper.record()["state"] == "finished"


def test_inherited_descriptors_reach_the_command(wrapper):
    read_end, write_end = os.pipe()
    wrapper.run("--", "bash", "-c", f"echo through >&{write_end}", pass_fds=[write_end])
    os.close(write_end)
    assert os.read(read_end, 100) == b"through\n"
    os.close(read_end)


PROBE = """
import json, os, re, resource, signal
print(json.dumps({
    "environment": sorted(entry.decode("latin-1") for entry in open("/proc/self/environ", "rb").read().split(b"\\0")),
    "blocked": sorted(int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "ignored": [line.split()[1] for line in open("/proc/self/status") if line.startswith("SigIgn")],
    "limits": [resource.getrlimit(n) for n in range(16)],
    "files": [open(f"/proc/self/{name}").read() for name in ("oom_score_adj", "coredump_filter")],
    "cgroup": re.sub(r"/carbonprint-[0-9-]+", "/", open("/proc/self/cgroup").read()).replace("//", "/"),
    "status": [line for line in open("/proc/self/status") if line.startswith(("Cap", "Cpus", "No", "Seccomp"))],
    "timers": [signal.getitimer(n) for n in range(3)],
    "umask": os.umask(0), "nice": os.nice(0), "cwd": os.getcwd(),
    "group": os.getpgrp() == os.getpgid(os.getppid()), "session": os.getsid(0),
}))
"""


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", ""])
def test_environment_limits_mask_and_dispositions_are_inherited_unchanged(wrapper, locale):
    environment = {**wrapper.environment, "LANG": locale, "ODD": "a=b=\x7f", "EMPTY": ""}
    prepare = "trap '' USR1; umask 027; ulimit -n 512; echo 77 >/proc/self/oom_score_adj; nice -n 3 "
    command = [sys.executable, "-S", "-E", "-c", PROBE]
    results = []
    for before in ([], [*CARBONPRINT, "run", "--"]):
        script = prepare + '"$@"'
        done = subprocess.run(
            ["bash", "-c", script, "_", *before, *command],
            env=environment,
            cwd=wrapper.folder,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        results.append(json.loads(done.stdout))
    # Python itself ignores SIGPIPE and SIGXFSZ once it runs, in both.
    assert results[0] == results[1]


def test_arguments_that_are_no_utf8_reach_the_command(wrapper):
    argument = os.fsdecode(b"\xff\xfe[bold]")
    done = wrapper.run("--", "printf", "%s", argument)
    assert done.stdout == b"\xff\xfe[bold]"
    assert wrapper.record()["command"][2] == "\\udcff\\udcfe[bold]"


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "WINCH", "CONT", "RTMIN"])
def test_a_signal_sent_to_the_wrapper_reaches_the_command(wrapper, name):
    number = signal.SIGRTMIN if name == "RTMIN" else signal.Signals[f"SIG{name}"]
    code = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\n"
        "time.sleep(30)\n"
    )
    process = wrapper.start("--", sys.executable, "-c", code, start_new_session=True)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 7


def test_a_terminated_run_is_kept(wrapper):
    process = wrapper.start("--", "sh", "-c", "echo ready; exec sleep 30")
    process.stdout.readline()
    process.terminate()
    _, told = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert b"exit status 143" in told
    assert wrapper.record()["exit_status"] == 143


def test_a_command_that_stops_stops_the_wrapper_and_goes_on_with_it(wrapper):
    process = wrapper.start("--", "sh", "-c", "echo ready; kill -STOP $$; echo on")
    assert process.stdout.readline() == b"ready\n"
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=30)
    assert out == b"on\n"
    assert process.returncode == 0


@pytest.mark.parametrize(("name", "status", "out"), [("CONT", 0, b"on\n"), ("KILL", -9, b"")])
def test_a_stopped_command_that_is_continued_or_killed_alone_takes_the_wrapper_along(
    wrapper, name, status, out
):
    done = wrapper.run("--", "sh", "-c", f"(sleep 0.5; kill -{name} $$) & kill -STOP $$; echo on")
    assert done.returncode == status
    assert done.stdout == out


def test_a_timer_set_before_reaches_the_command(wrapper):
    alarm = "import os, signal, sys; signal.alarm(2); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-S", "-c", alarm, *CARBONPRINT, "run", "--", "sleep", "20"]
    done = subprocess.run(
        command, env=wrapper.environment, cwd=wrapper.folder, capture_output=True, timeout=15
    )
    assert done.returncode == -signal.SIGALRM


def test_what_the_command_leaves_behind_counts_up_to_its_end(wrapper):
    done = wrapper.run(
        "--",
        "sh",
        "-c",
        "timeout 3 yes >/dev/null & exit 0",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert done.returncode == 0
    record = wrapper.record()
    # Loading codecarbon takes longer than this, and what is left behind goes on beside it.
    assert record["measurement"]["cpu_s"] < 0.2


def test_what_the_command_leaves_behind_is_counted_once(wrapper):
    """It has been sampled as a living child of the wrapper, and is noted once more at the end."""
    burn = '(timeout 2.5 sh -c "while :; do :; done" &); sleep 1.5'
    wrapper.run(
        "--interval", "0.2", "--", "sh", "-c", burn, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    record = wrapper.record()
    assert 0.2 < record["measurement"]["cpu_s"] < 1.3 * record["duration_s"]


def test_modules_of_the_job_do_not_stand_in_for_ours(wrapper):
    folder = wrapper.folder / "modules"
    folder.mkdir()
    for name in ("click", "numpy", "platform", "sqlalchemy"):
        (folder / f"{name}.py").write_text("raise ImportError('of the job')")
    wrapper.environment["PYTHONPATH"] = str(folder)
    done = wrapper.run("--host", "odc-noord", "--", sys.executable, "-c", "import click")
    assert b"of the job" in done.stderr
    assert done.returncode == 1
    assert wrapper.record()["footprint"]["emissions_kg"]["location_based"] > 0


def test_settings_that_did_not_take_effect_are_told(wrapper):
    wrapper.environment["CARBONPRINT_POWERCAP_DIR"] = "/nowhere/powercap"
    assert b"there is no directory /nowhere/powercap" in wrapper.run("--", "true").stderr


def test_children_that_outlive_their_parent_are_counted_and_no_zombie_is_left(wrapper):
    burn = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    script = f'(setsid {sys.executable} -S -c "$BURN" & ) ; sleep 1.2; ps -o stat= --ppid $PPID | grep -c Z'
    wrapper.environment["BURN"] = burn
    done = wrapper.run("--", "sh", "-c", script)
    assert done.stdout == b"0\n"
    assert wrapper.record()["measurement"]["cpu_s"] > 0.4


def test_options_stop_at_the_first_word_that_is_none_of_ours(wrapper):
    assert wrapper.run("echo", "--host", "x", "--", "y").stdout == b"--host x -- y\n"
    assert wrapper.run("--", "echo", "--", "--name").stdout == b"-- --name\n"
    refused = wrapper.run("--hots", "x", "true")
    assert refused.returncode == 2
    assert b"--hots" in refused.stderr


def test_markup_and_control_signs_are_shown_as_they_are(wrapper):
    done = wrapper.run(
        "--name", "[/foo][bold]\x1b[31m", "--units", "2", "--unit", "[red]x", "--", "echo", "[/foo]"
    )
    assert done.stdout == b"[/foo]\n"
    assert b"[/foo][bold]\\x1b[31m" in done.stderr
    assert b"per [red]x" in done.stderr
    assert b"\x1b" not in done.stderr


def test_an_unknown_host_is_refused_before_the_command_starts(wrapper):
    done = wrapper.run("--host", "odc-nord", "--", "touch", "started")
    assert done.returncode == 2
    assert b"odc-noord" in done.stderr
    assert not (wrapper.folder / "started").exists()


def test_a_host_file_with_faults_is_refused_before_the_command_starts(wrapper):
    (wrapper.folder / "mine.toml").write_text(
        'name = "x"\ncountry = "Netherlands"\n[efficiency]\ndcie = 80\n'
    )
    done = wrapper.run("--host", "mine.toml", "--", "touch", "started")
    assert done.returncode == 2
    assert b"country" in done.stderr
    assert b"dcie" in done.stderr
    assert not (wrapper.folder / "started").exists()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--units", "3"], b"--unit LABEL"),
        (["--unit", "page"], b"--units N"),
        (["--units", "-1", "--unit", "page"], b"above 0"),
        (["--units", "nan", "--unit", "page"], b"above 0"),
        (["--interval", "0"], b"interval"),
        (["--lang", "fr"], b"nl or en"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_exit_status_2(wrapper, options, word):
    done = wrapper.run(*options, "--", "touch", "started")
    assert done.returncode == 2
    assert word in done.stderr
    assert b"Traceback" not in done.stderr
    assert not (wrapper.folder / "started").exists()


def test_secrets_are_not_stored(wrapper):
    wrapper.run(
        "--", "true", "--token", "s3cret", "API_KEY=s3cret", "https://me:s3cret@host/?password=s3cret"
    )
    assert wrapper.record()["command"] == [
        "true",
        "--token",
        "***",
        "API_KEY=***",
        "https://***@host/?password=***",
    ]
    ledger = (wrapper.state_dir / "ledger.sqlite3").read_bytes()
    assert b"s3cret" not in ledger


def test_the_record_says_which_setting_came_from_where(wrapper):
    (wrapper.folder / "carbonprint.toml").write_text('host = "odc-noord"\ninterval = 2\n')
    wrapper.run("--interval", "0.5", "--", "true")
    settings = wrapper.record()["settings"]
    assert settings["host"] == {"value": "odc-noord", "origin": "file ./carbonprint.toml"}
    assert settings["interval"] == {"value": 0.5, "origin": "option --interval"}
    assert settings["state_dir"]["origin"] == "variable CARBONPRINT_STATE_DIR"


def test_a_ledger_that_cannot_be_written_does_the_job_no_harm(wrapper):
    Path(wrapper.state_dir).write_text("a file where the directory should be")
    wrapper.environment["TMPDIR"] = str(wrapper.folder)
    done = wrapper.run("--", "sh", "-c", "echo out; exit 5")
    assert (done.returncode, done.stdout) == (5, b"out\n")
    (aside,) = wrapper.folder.glob("carbonprint-*.json")
    assert str(aside).encode() in done.stderr
    wrapper.environment["CARBONPRINT_STATE_DIR"] = str(wrapper.folder / "other")
    subprocess.run(
        [*CARBONPRINT, "runs", "import", str(aside)], env=wrapper.environment, check=True, capture_output=True
    )
    assert wrapper.record()["exit_status"] == 5


def test_ten_wrappers_that_end_at_the_same_moment_all_land(wrapper):
    ends = str(time.time() + 4)
    code = f"import time; time.sleep(max(0, {ends} - time.time()))"
    processes = [wrapper.start("--", sys.executable, "-S", "-c", code) for _ in range(10)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 10
    assert len({record["run_id"] for record in wrapper.records()}) == 10


def test_energy_dcie_intensity_and_emissions_multiply_out(wrapper):
    wrapper.run("--host", "odc-noord", "--", "sleep", "0.3")
    record = wrapper.record()
    energy, footprint = record["measurement"]["energy_kwh"], record["footprint"]
    assert energy["total"] == pytest.approx(energy["cpu"] + energy["gpu"] + energy["ram"] + energy["other"])
    assert footprint["site_energy_kwh"] == pytest.approx(energy["total"] / 0.80)
    for accounting, intensity in footprint["intensity_g_per_kwh"].items():
        emissions_kg = footprint["site_energy_kwh"] * intensity / 1000
        assert footprint["emissions_kg"][accounting] == pytest.approx(emissions_kg)
        low, high = footprint["emissions_kg_90"][accounting]
        assert low < emissions_kg < high
    figures = {source["figure"] for source in record["sources"]}
    assert figures >= {
        "dcie",
        "intensity_location_based",
        "intensity_market_based",
        "energy_cpu",
        "energy_other",
    }

"""Which GPUs are the job's, after what stands in its environment."""

from __future__ import annotations

import os

import pytest

from carbonprint.measuring.gpu_processes import ProcessBook
from carbonprint.measuring.gpu_reservation import DeviceId, amd_reservation, nvidia_reservation

FOUR = [DeviceId(names=(f"GPU-{letter}111-22",), model="A100") for letter in "abcd"]
CUT = [DeviceId(names=("GPU-a",), mig_names=(("MIG-1",), ("MIG-2",)), model="A100"), *FOUR[1:]]


@pytest.mark.parametrize(
    ("environment", "devices"),
    [
        ({}, {0, 1, 2, 3}),
        ({"CUDA_VISIBLE_DEVICES": "2"}, {2}),
        ({"CUDA_VISIBLE_DEVICES": "3, 1"}, {1, 3}),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,1"}, {0}),  # CUDA reads up to the first that is none
        ({"CUDA_VISIBLE_DEVICES": ""}, set()),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, set()),
        ({"CUDA_VISIBLE_DEVICES": "GPU-c1,GPU-B111-22"}, {1, 2}),
        ({"NVIDIA_VISIBLE_DEVICES": "all"}, {0, 1, 2, 3}),
        ({"NVIDIA_VISIBLE_DEVICES": "void"}, {0, 1, 2, 3}),  # they were given in another way
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-d111-22"}, {3}),
        ({"NVIDIA_VISIBLE_DEVICES": "4,5,6,7"}, {0, 1, 2, 3}),  # the container sees no others
        ({"SLURM_JOB_GPUS": "1,2"}, {1, 2}),
        ({"SLURM_JOB_GPUS": "1-3"}, {1, 2, 3}),
        ({"SLURM_JOB_GPUS": "0-3", "SLURM_STEP_GPUS": "2"}, {2}),
        ({"SLURM_JOB_GPUS": "4,5,6,7", "CUDA_VISIBLE_DEVICES": "0,1"}, {0, 1}),  # shut in, and counted anew
        ({"SLURM_JOB_GPUS": "1,2", "CUDA_VISIBLE_DEVICES": "1,2"}, {1, 2}),
    ],
)
def test_the_environment_says_which_devices_are_the_jobs(environment, devices):
    reservation = nvidia_reservation(FOUR, environment)
    assert reservation.devices == devices
    assert reservation.is_restricted == bool(set(environment.values()) - {"all", "void"})


def test_only_a_scheduler_gives_whole_boards_and_a_part_of_one_is_none():
    assert nvidia_reservation(FOUR, {"SLURM_JOB_GPUS": "0"}).is_by_scheduler
    assert not nvidia_reservation(FOUR, {"SLURM_JOB_GPUS": "0", "SLURM_SHARDS_ON_NODE": "2"}).is_by_scheduler
    assert not nvidia_reservation(FOUR, {"CUDA_VISIBLE_DEVICES": "0"}).is_by_scheduler


def test_instances_are_named_by_uuid_or_number():
    named = nvidia_reservation(CUT, {"CUDA_VISIBLE_DEVICES": "MIG-2"})
    assert (named.devices, named.mig_instances) == ({0}, {(0, 1)})
    named = nvidia_reservation(CUT, {"NVIDIA_VISIBLE_DEVICES": "0:0,0:1,3"})
    assert (named.devices, named.mig_instances) == ({0, 3}, {(0, 0), (0, 1)})
    named = nvidia_reservation(CUT[:1], {"NVIDIA_VISIBLE_DEVICES": "MIG-1", "CUDA_VISIBLE_DEVICES": "0"})
    assert (named.devices, named.mig_instances) == ({0}, {(0, 0)})


def test_numbers_are_not_sure_among_several_models():
    mixed = [*FOUR, DeviceId(names=("GPU-e",), model="T4")]
    assert not nvidia_reservation(mixed, {"CUDA_VISIBLE_DEVICES": "0"}).is_order_sure
    by_bus = {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert nvidia_reservation(mixed, by_bus).is_order_sure
    assert nvidia_reservation(mixed, {"CUDA_VISIBLE_DEVICES": "GPU-e"}).is_order_sure
    assert nvidia_reservation(FOUR, {"CUDA_VISIBLE_DEVICES": "0"}).is_order_sure


@pytest.mark.parametrize(
    ("environment", "devices"),
    [
        ({}, {0, 1, 2, 3}),
        ({"ROCR_VISIBLE_DEVICES": "2,3", "HIP_VISIBLE_DEVICES": "0"}, {2}),  # one among those that are left
        ({"ROCR_VISIBLE_DEVICES": "GPU-d111-22,0", "HIP_VISIBLE_DEVICES": "0"}, {3}),
        ({"CUDA_VISIBLE_DEVICES": "1"}, {1}),
        ({"HIP_VISIBLE_DEVICES": "2", "CUDA_VISIBLE_DEVICES": "1"}, {2}),
        ({"SLURM_JOB_GPUS": "1,3"}, {1, 3}),
    ],
)
def test_amd_has_variables_of_its_own(environment, devices):
    assert amd_reservation(FOUR, environment).devices == devices


# Process ids


def procfs(folder, namespaced, own):
    """A tree of files like procfs: process id → the ids it has in each namespace from there on inwards."""
    for pid, inner in {**namespaced, "self": own}.items():
        (folder / str(pid)).mkdir()
        (folder / str(pid) / "status").write_text("Name:\tx\nNSpid:\t" + "\t".join(map(str, inner)) + "\n")
        fields = " ".join(["S", "1", *["0"] * 17, f"77{pid}", "0"])
        (folder / str(pid) / "stat").write_text(f"{pid} (a ) b) {fields}\n")
    return str(folder)


def test_an_id_is_looked_up_where_procfs_shows_an_outer_namespace(tmp_path):
    book = ProcessBook(procfs(tmp_path, {4001: (4001, 7), 4002: (4002,)}, own=(4000, 3)))
    asked = []
    book.open(lambda pid: bool(asked.append(pid)) or pid == 7)
    assert book.is_of_job(4001) is True
    assert book.is_of_job(4002) is False  # it lives outside
    assert book.is_of_job(4003) is None  # it is not seen
    assert asked == [7]


def test_a_process_that_has_ended_is_what_it_was_and_its_id_may_be_used_again(tmp_path):
    book = ProcessBook(procfs(tmp_path, {4001: (4001,)}, own=(4000,)))
    book.open(lambda _pid: True)
    assert book.is_of_job(4001) is True
    book.open(lambda _pid: False)
    assert book.is_of_job(4001) is True  # what it was once it stays
    stat = tmp_path / "4001" / "stat"
    stat.unlink()
    assert book.is_of_job(4001) is True
    stat.write_text("4001 (y) " + " ".join(["S", "1", *["0"] * 17, "99999", "0"]))
    assert book.is_of_job(4001) is False


def test_this_process_is_known_by_its_id():
    book = ProcessBook()
    book.open(lambda pid: pid == os.getpid())
    assert book.users_of([os.getpid(), os.getppid()]).part_of_processes == 0.5

"""The rules of one job's share of a GPU, over plain values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.measuring.gpu_share import (
    MigInstance,
    ShareMethod,
    Users,
    device_share,
    method_of_run,
    mig_share,
    share_sigma,
)

pids = st.sets(st.integers(1, 40), min_size=1, max_size=8)


def users(job=(), others=(), **more):
    return Users(job=frozenset(job), others=frozenset(others), **more)


def test_alone_on_it_the_job_has_all_of_it():
    share = device_share(users([1, 2]), is_reserved=True)
    assert (share.active_share, share.idle_share, share.process_share) == (1, 1, 1)
    assert share.method is ShareMethod.EXCLUSIVE


def test_with_others_it_has_its_part_of_the_time():
    # 60 % and 20 % of the time with a kernel: three quarters; one of two processes: half of idle.
    share = device_share(users([1], [2], sm_utilisation={1: 60, 2: 20}), is_reserved=True)
    assert (share.active_share, share.process_share) == (0.75, 0.5)
    assert share.method is ShareMethod.TIME_SLICING


def test_a_scheduler_that_gave_the_whole_board_gave_its_idle_power_too():
    seen = users([1], [2], sm_utilisation={1: 60, 2: 20})
    assert device_share(seen, is_reserved=True, is_kept=True).process_share == 1


@pytest.mark.parametrize("busy", [{}, {1: 0, 2: 0}])
def test_where_the_driver_tells_no_activity_processes_are_counted(busy):
    assert device_share(users([1], [2, 3, 4], sm_utilisation=busy), is_reserved=True).active_share == 0.25


def test_processes_that_mean_nothing_here_leave_the_whole_device():
    unknown = Users(n_unknown=2)
    assert device_share(unknown, is_reserved=True).method is ShareMethod.WHOLE_DEVICE
    assert device_share(unknown, is_reserved=True).active_share == 1
    assert device_share(unknown, is_reserved=True, is_kept=True).method is ShareMethod.EXCLUSIVE
    assert device_share(unknown, is_reserved=False).active_share == 0
    assert device_share(None, is_reserved=True).active_share == 1
    # Beside one of the job's that is known, an id that means nothing is somebody else's.
    assert device_share(Users(job=frozenset([1]), n_unknown=1), is_reserved=True).active_share == 0.5


def test_a_device_at_work_on_which_nobody_is_listed_counts_whole():
    assert device_share(users(), is_reserved=True, utilisation=0.5).method is ShareMethod.WHOLE_DEVICE
    assert device_share(users(), is_reserved=True, utilisation=0.0).method is ShareMethod.UNUSED


def test_what_only_others_use_is_theirs():
    share = device_share(users([], [2]), is_reserved=True)
    assert (share.active_share, share.idle_share) == (0, 1)


def test_the_job_may_be_where_nothing_was_reserved_for_it():
    share = device_share(users([1]), is_reserved=False)
    assert (share.active_share, share.idle_share) == (1, 0)


@pytest.mark.parametrize(
    ("fractions", "expected"),
    [
        ({1: 0.25}, 0.25),  # the other has none and counts by number: 0.25 of 0.75, a quarter stays nobody's
        ({1: 0.25, 2: 0.75}, 0.25),
        ({1: 0.6, 2: 0.6}, 0.5),  # scaled down: together they have one board
        ({}, 0.5),
    ],
)
def test_clients_of_mps_count_by_their_percentage(fractions, expected):
    share = device_share(users([1], [2], uses_mps=True, thread_fractions=fractions), is_reserved=True)
    assert share.active_share == pytest.approx(expected)
    assert share.method is ShareMethod.MPS


def test_an_older_driver_shows_the_service_and_none_of_its_clients():
    server_only = users(uses_mps=True)
    assert device_share(server_only, is_reserved=True, thread_fraction=0.3).active_share == 0.3
    assert device_share(server_only, is_reserved=True).active_share == 1
    assert device_share(server_only, is_reserved=True).method is ShareMethod.MPS


@given(
    jobs=st.lists(pids, min_size=1, max_size=5),
    busy=st.dictionaries(st.integers(1, 250), st.floats(0, 100), max_size=60),
    n_unknown=st.integers(0, 3),
    uses_mps=st.booleans(),
)
def test_the_jobs_on_a_device_never_add_up_to_more_than_it(jobs, busy, n_unknown, uses_mps):
    owned = [{pid + 50 * number for pid in each} for number, each in enumerate(jobs)]
    everybody = set().union(*owned)
    fractions = {pid: percentage / 100 for pid, percentage in busy.items() if uses_mps and percentage > 0}
    shares = [
        device_share(
            Users(
                job=frozenset(own),
                others=frozenset(everybody - own),
                n_unknown=n_unknown,
                sm_utilisation={} if uses_mps else busy,
                uses_mps=uses_mps,
                thread_fractions=fractions,
            ),
            is_reserved=True,
        )
        for own in owned
    ]
    for share in shares:
        assert 0 <= share.active_share <= 1
        assert 0 <= share.process_share <= 1
    assert math.fsum(share.active_share for share in shares) <= 1 + 1e-9
    assert math.fsum(share.process_share for share in shares) <= 1 + 1e-9


# MIG


def test_a_board_in_slices_is_divided_by_them_and_free_slices_are_nobodys():
    named = MigInstance(n_slices=3, is_named=True, users=users([1]))
    other = MigInstance(n_slices=2, users=users([], [2]))
    share = mig_share([named, other], 7)
    assert (share.active_share, share.idle_share) == (3 / 7, 3 / 7)
    assert share.method is ShareMethod.MIG


def test_without_a_name_the_jobs_instance_is_the_one_it_is_on():
    on_it, free = MigInstance(n_slices=2, users=users([1])), MigInstance(n_slices=4, users=users())
    assert mig_share([on_it, free], 7).active_share == 2 / 7
    assert mig_share([free], 7).active_share == 0
    assert mig_share([free], 7).idle_share == 4 / 7


def test_an_instance_that_others_use_too_is_shared_by_processes():
    assert (
        mig_share([MigInstance(n_slices=4, is_named=True, users=users([1], [2, 3, 4]))], 4).active_share
        == 0.25
    )


def test_in_a_container_all_instances_that_are_seen_are_the_jobs():
    assert mig_share([MigInstance(n_slices=3, users=None)], 7).active_share == 3 / 7
    assert mig_share([MigInstance(n_slices=3, users=Users(n_unknown=1))], 7).active_share == 3 / 7
    assert mig_share([MigInstance(n_slices=3, users=None)], 7, is_reserved=False).active_share == 0


@given(
    owners=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=7), n_slices=st.integers(0, 8)
)
def test_the_jobs_on_a_cut_board_never_add_up_to_more_than_it(owners, n_slices):
    """Each instance belongs to one of three jobs, or to none (3)."""
    total = idle = 0.0
    for job in range(3):
        shares = mig_share(
            [
                MigInstance(
                    n_slices=size,
                    is_named=owner == job,
                    users=users([job + 1] if owner == job else [], [owner + 1] if owner not in {job, 3} else []),
                )
                for size, owner in owners
            ],
            n_slices,
        )  # fmt: skip
        assert 0 <= shares.active_share <= 1
        total += shares.active_share
        idle += shares.idle_share if any(owner == job for _, owner in owners) else 0.0
    assert total <= 1 + 1e-9
    assert idle <= 1 + 1e-9


# A whole run


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ({ShareMethod.EXCLUSIVE: 96, ShareMethod.TIME_SLICING: 4}, ShareMethod.EXCLUSIVE),
        ({ShareMethod.EXCLUSIVE: 94, ShareMethod.TIME_SLICING: 6}, ShareMethod.TIME_SLICING),
        ({ShareMethod.UNUSED: 99, ShareMethod.EXCLUSIVE: 1}, ShareMethod.EXCLUSIVE),
        ({ShareMethod.UNUSED: 3}, ShareMethod.UNUSED),
        ({ShareMethod.WHOLE_DEVICE: 3, ShareMethod.EXCLUSIVE: 1}, ShareMethod.WHOLE_DEVICE),
        ({}, ShareMethod.UNUSED),
    ],
)
def test_one_method_stands_for_a_run(samples, expected):
    assert method_of_run(samples) is expected


def test_few_samples_are_less_sure():
    assert share_sigma(ShareMethod.TIME_SLICING, 30) == 0.35
    assert share_sigma(ShareMethod.TIME_SLICING, 29) == 0.5
    assert share_sigma(ShareMethod.MIG, 100) == 0.4
    assert share_sigma(ShareMethod.MPS, 100) == 0.5
    assert share_sigma(ShareMethod.EXCLUSIVE, 1) == 0

"""What the GPUs of a run add up to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.hardware import Hardware, MachineKind
from carbonprint.measuring.attribution import split_gpu
from carbonprint.measuring.detection import power_model
from carbonprint.measuring.gpu_tally import gpu_caveats, gpu_meter_model, gpu_share_sigma
from carbonprint.measuring.intervals import GpuUse, Interval
from carbonprint.measuring.journal import interval_as_list, interval_from_list
from carbonprint.measuring.measurement import Component, ReservedShare, ShareFrom
from carbonprint.measuring.tally import Setup, Tally

HARDWARE = Hardware(
    kind=MachineKind.SERVER, cpu_name="", cpu_vendor="", cpu_family=None, cpu_model=None, n_sockets=1, n_cpus=10,
    memory_gib=64.0,
)  # fmt: skip
share = st.floats(0, 1)


def tally_of(*uses, **setup):
    """One GPU, a sample a second."""
    reserved = ReservedShare(cpu=1.0, ram=1.0, gpu=1.0, origin=ShareFrom.MACHINE)
    model = power_model(HARDWARE, 100.0)
    setup = {"gpu_model": "nvml", "gpu_names": ("L4",)} | setup
    tally = Tally(Setup(hardware=HARDWARE, model=model, reserved=reserved, **setup))
    for each in uses:
        tally.add(Interval(duration_s=1.0, busy_cpu_s=0.0, job_cpu_s=0.0, meter_cpu_s=0.0, gpus=(each,)))
    return tally


def use(energy_j, utilisation=1.0, method="exclusive", **more):
    return GpuUse(energy_j=energy_j, utilisation=utilisation, method=method, **more)


def test_the_lowest_power_of_a_device_at_work_is_not_its_idle_power():
    tally = tally_of(*[use(300.0)] * 5)
    assert tally.gpu_devices[0].idle_w is None
    assert tally.sums().job_active[Component.GPU] == 1500


def test_its_idle_power_is_the_lowest_without_work():
    tally = tally_of(use(80.0, 0.0), use(60.0, 0.0), use(300.0), use(50.0, 0.5), use(70.0, None))
    assert tally.gpu_devices[0].idle_w == 60
    assert tally.sums().idle[Component.GPU] == 4 * 60 + 50


def test_a_known_idle_power_stands_where_the_run_shows_none():
    tally = tally_of(use(300.0), idle_w={"gpu0": 70.0})
    assert tally.gpu_devices[0].idle_w == 70
    assert tally.gpu_devices[0].active_energy_kwh * 3_600_000 == pytest.approx(230)


def test_the_devices_add_up_to_what_the_run_has():
    shared = use(200.0, active_share=0.25, process_share=0.5, method="time_slicing")
    tally = tally_of(use(60.0, 0.0), *[shared] * 39)
    (device,), sums = tally.gpu_devices, tally.sums()
    assert device.energy_kwh * 3_600_000 == pytest.approx(sums.machine[Component.GPU])
    assert device.active_energy_kwh * 3_600_000 == pytest.approx(sums.job_active[Component.GPU])
    assert device.active_share == pytest.approx(0.25)
    assert device.idle_share == pytest.approx((1 + 39 * 0.5) / 40)
    assert (device.method, device.n_samples) == ("time_slicing", 40)
    assert gpu_share_sigma(tally.gpu_devices) == pytest.approx(0.35)
    assert [caveat.code for caveat in gpu_caveats(tally.gpu_devices)] == ["gpu-share-modelled"]


@given(energy_j=st.floats(0, 1e6), idle_w=st.floats(0, 500), first=share, active=share, idle=share, run=share)
def test_two_jobs_never_have_more_than_the_device(energy_j, idle_w, first, active, idle, run):
    """Their parts of what is active, of the processes and of the runs each add up to 1."""
    parts = [
        split_gpu(GpuUse(energy_j=energy_j, active_share=a, idle_share=idle, process_share=p), 2.0, idle_w, r)
        for a, p, r in ((active, first, run), (1 - active, 1 - first, 1 - run))
    ]
    assert sum(each.job_active_j + each.job_idle_j for each in parts) <= energy_j * (1 + 1e-9)
    assert all(each.idle_j <= each.energy_j for each in parts)


@pytest.mark.parametrize(
    ("model", "duration_s", "utilisation", "expected"),
    [
        ("nvml", 1.0, 1.0, "nvml_short"),
        ("nvml", 60.0, 1.0, "nvml"),
        ("nvml", 60.0, 0.01, "nvml_short"),  # 0.6 s of work
        ("nvml", 60.0, 0.0, "nvml"),  # its idle power was counted for a minute
        ("nvml_ga100_gh100", 9.0, 1.0, "nvml_ga100_gh100_short"),
        ("nvml_ga100_gh100", 60.0, 1.0, "nvml_ga100_gh100"),
        ("amdsmi", 60.0, None, "amdsmi"),
        (None, 1.0, None, None),
    ],
)
def test_little_work_is_less_sure(model, duration_s, utilisation, expected):
    tally = tally_of(*[use(100.0, utilisation)] * int(duration_s))
    assert gpu_meter_model(model, tally.gpus, duration_s) == expected


@given(
    st.builds(
        GpuUse,
        energy_j=st.none() | st.integers(0, 10**6).map(float),
        active_share=share.map(lambda x: round(x, 6)),
        idle_share=share.map(lambda x: round(x, 6)),
        process_share=share.map(lambda x: round(x, 6)),
        utilisation=st.none() | share.map(lambda x: round(x, 6)),
        method=st.none() | st.sampled_from(["exclusive", "mig"]),
    )
)
def test_a_gpu_comes_back_from_the_journal_as_it_was(gpu):
    interval = Interval(duration_s=1.0, busy_cpu_s=0.5, job_cpu_s=0.25, meter_cpu_s=0.0, gpus=(gpu,))
    assert interval_from_list(interval_as_list(interval)) == interval

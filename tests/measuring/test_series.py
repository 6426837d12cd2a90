"""The compact form of a time series: what goes in comes out, sums hold, and damage is told."""

from __future__ import annotations

import math
import random
import zlib
from dataclasses import dataclass, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonprint.measuring import series
from carbonprint.measuring.chunks import _START
from carbonprint.measuring.intervals import GpuUse, IdleFactors, Interval
from carbonprint.measuring.journal import interval_as_list, interval_from_list
from carbonprint.measuring.series import GPU_FIELDS, INTERVAL_FIELDS, SeriesWriter, decode, encode

seconds = st.floats(0, 200)
joules = st.floats(0, 1e5)
shares = st.floats(0, 1)


@st.composite
def intervals(draw):
    return Interval(
        duration_s=draw(seconds),
        busy_cpu_s=draw(st.none() | seconds),
        job_cpu_s=draw(seconds),
        meter_cpu_s=draw(seconds),
        cpu_counted_j=draw(st.none() | joules),
        ram_counted_j=draw(st.none() | joules),
        node_counted_j=draw(st.none() | joules),
        unseen_s=draw(seconds),
        still=frozenset(draw(st.sets(st.sampled_from(["cpu", "ram"])))),
        idle_factors=IdleFactors(*(draw(shares) for _ in range(4))),
        gpus=tuple(
            GpuUse(
                energy_j=draw(st.none() | joules), active_share=draw(shares), idle_share=draw(shares),
                unseen_s=draw(seconds), process_share=draw(shares), utilisation=draw(st.none() | shares),
                method=draw(st.none() | st.sampled_from(["exclusive", "mps"])),
            )
            for _ in range(draw(st.integers(0, 3)))
        ),
    )  # fmt: skip


def numbers(interval):
    """Every number of an interval by a name of its own, with the size of one step; what is not there is left out."""
    found = {name: (getattr(interval, name), quantity) for name, quantity in INTERVAL_FIELDS.items()}
    for n, gpu in enumerate(interval.gpus):
        found |= {f"{n} {name}": (getattr(gpu, name), quantity) for name, quantity in GPU_FIELDS.items()}
    return {name: each for name, each in found.items() if isinstance(each[0], float)}


@given(st.lists(intervals(), max_size=6), st.integers(1, 3))
def test_what_goes_in_comes_out_to_one_step_and_sums_to_half_a_step(given_, chunk_size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series, "CHUNK_SIZE", chunk_size)
        found = list(decode(encode(given_)))
    assert len(found) == len(given_)
    sums = {}
    for before, after in zip(given_, found, strict=True):
        assert numbers(before).keys() == numbers(after).keys()
        assert (before.still, len(before.gpus)) == (after.still, len(after.gpus))
        assert after.idle_factors == pytest.approx(before.idle_factors, abs=0.5001e-4)
        for name, (value, quantity) in numbers(before).items():
            step = 1 / quantity.steps_per_unit
            assert abs(numbers(after)[name][0] - value) <= (1.001 if quantity.adds_up else 0.501) * step
            if quantity.adds_up:
                sums.setdefault(name, []).append((value, numbers(after)[name][0], step))
    for parts in sums.values():
        before, after, steps = zip(*parts, strict=True)
        assert abs(math.fsum(before) - math.fsum(after)) <= 0.501 * steps[0]


@given(st.lists(intervals(), max_size=5))
def test_a_series_that_was_written_twice_stays_as_it_is(given_):
    once = list(decode(encode(given_)))
    assert list(decode(encode(once))) == once


def test_totals_stay_exact_over_many_chunks():
    # 0.0004 s and 0.004 J are less than half a step: rounded one by one, nothing would be left of them.
    one = Interval(duration_s=0.0004, busy_cpu_s=0.0, job_cpu_s=0.0, meter_cpu_s=0.0, cpu_counted_j=0.004)
    found = list(decode(encode([one] * 5000)))
    assert sum(each.duration_s for each in found) == pytest.approx(2.0, abs=0.0005)
    assert sum(each.cpu_counted_j for each in found) == pytest.approx(20.0, abs=0.005)


def test_a_series_can_be_read_while_it_grows():
    one = Interval(duration_s=1.0, busy_cpu_s=0.5, job_cpu_s=0.25, meter_cpu_s=0.01)
    writer = SeriesWriter()
    assert (writer.n_samples, list(decode(writer.encoded()))) == (0, [])
    for n in range(2 * series.CHUNK_SIZE + 1):
        writer.add(replace(one, job_cpu_s=n / 1000))
        if n % 700 == 0:
            assert [each.job_cpu_s for each in decode(writer.encoded())] == [m / 1000 for m in range(n + 1)]
    assert writer.n_samples == 2 * series.CHUNK_SIZE + 1


# A field that somebody adds


FULL = Interval(
    duration_s=2.0, busy_cpu_s=3.0, job_cpu_s=1.5, meter_cpu_s=0.5, cpu_counted_j=70.0, ram_counted_j=9.0,
    node_counted_j=300.0, unseen_s=0.25, still=frozenset({"ram"}), idle_factors=IdleFactors(0.5, 0.25, 0.75, 0.125),
    gpus=(GpuUse(
        energy_j=80.0, active_share=0.5, idle_share=0.25, unseen_s=0.125, process_share=0.75, utilisation=0.375,
        method="mps",
    ),),
)  # fmt: skip
"""No field of it has its default: one that is passed over on the way would come out as another."""


def test_the_full_interval_has_no_default_in_it():
    bare = Interval(duration_s=0.0, busy_cpu_s=None, job_cpu_s=0.0, meter_cpu_s=0.0)
    for value, default in ((FULL, bare), (FULL.gpus[0], GpuUse(energy_j=None))):
        same = [
            each.name for each in fields(value) if getattr(value, each.name) == getattr(default, each.name)
        ]
        assert same == [], "give these a value of their own in FULL"


def test_every_field_has_a_column():
    taken_apart = {"gpus", "still", "idle_factors"}
    assert {each.name for each in fields(Interval)} == set(INTERVAL_FIELDS) | taken_apart
    assert {each.name for each in fields(GpuUse)} == set(GPU_FIELDS)


def test_every_field_comes_through_series_and_journal():
    assert list(decode(encode([FULL]))) == [FULL]
    assert interval_from_list(interval_as_list(FULL)) == FULL


def test_a_chunk_without_a_field_has_its_default(monkeypatch):
    fewer = {name: each for name, each in INTERVAL_FIELDS.items() if name != "node_counted_j"}
    monkeypatch.setattr(series, "INTERVAL_FIELDS", fewer)
    monkeypatch.setattr(series, "GPU_FIELDS", {"energy_j": GPU_FIELDS["energy_j"]})
    data = encode([FULL, FULL])
    monkeypatch.undo()
    expected = replace(FULL, node_counted_j=None, gpus=(GpuUse(energy_j=80.0),))
    assert list(decode(data)) == [expected, expected]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedUse(GpuUse):
    """A GPU with a word to it, such as how its share was found."""

    method: str | None = None


def test_words_come_through_too(monkeypatch):
    monkeypatch.setattr(series, "GpuUse", NamedUse)
    monkeypatch.setattr(series, "GPU_FIELDS", {**GPU_FIELDS, "method": series._WORD})
    methods = ["mps", None, "mig", "mps", "mps"]
    named = [replace(FULL, gpus=(NamedUse(energy_j=80.0, method=method),)) for method in methods]
    assert list(decode(encode(named))) == named
    merged = decode(encode(named[2:]), merging=2)
    assert [each.gpus[0].method for each in merged] == ["mps", "mps"]


# Merging


def test_neighbours_are_merged_where_the_same_counters_saw_them():
    merged = list(decode(encode([FULL] * 5), merging=2))
    assert [each.duration_s for each in merged] == [4.0, 4.0, 2.0]
    assert merged[0] == FULL.merged(FULL)
    mixed = [FULL, replace(FULL, cpu_counted_j=None)]
    assert list(decode(encode(mixed), merging=2)) == mixed


@given(st.lists(intervals(), min_size=1, max_size=8), st.integers(2, 4))
def test_merging_changes_no_sum(given_, merging):
    whole, merged = list(decode(encode(given_))), list(decode(encode(given_), merging=merging))
    for name in ("duration_s", "job_cpu_s", "unseen_s"):
        assert sum(getattr(each, name) for each in merged) == pytest.approx(
            sum(getattr(each, name) for each in whole)
        )
    assert sum(each.gpu_counted_j or 0 for each in merged) == pytest.approx(
        sum(each.gpu_counted_j or 0 for each in whole)
    )


# Damage


def test_a_series_cut_at_any_byte_or_with_a_wrong_one_is_refused(monkeypatch):
    monkeypatch.setattr(series, "CHUNK_SIZE", 2)
    data = encode([FULL] * 3)
    first = len(encode([FULL] * 2))
    for cut in range(1, len(data)):
        if cut == first:  # a whole chunk: only the number of samples beside it could tell
            continue
        with pytest.raises(ValueError, match=r"its end is missing|checksum of chunk [12] does not fit"):
            list(decode(data[:cut]))
        damaged = data[:cut] + bytes([data[cut] ^ 1]) + data[cut + 1 :]
        with pytest.raises(ValueError, match=r"its end is missing|checksum of chunk [12] does not fit"):
            list(decode(damaged))


def chunk_of(head, planes=b""):
    """Make a chunk whose checksum is right, whatever it holds."""
    text = zlib.compress(head)
    rest = len(text).to_bytes(4, "little") + text + planes
    return _START.pack(len(rest), zlib.crc32(rest)) + rest


@pytest.mark.parametrize(
    "head",
    [
        b"", b"[]", b"{}", b"[1]", b'"abc"', b"[1,2,3]", b"[1,[1],[]]", b"[0,[],[]]", b"[99999999,[],[]]", b"[1,[],[]]",
        b'[1,[["gpus",1,0],["duration_s",1,0]],[]]', b'[2,[["gpus",1,0]],[]]', b'[1,[["gpus",99999999999,0]],[]]',
        b'[1,[["gpus",1,0],["has.duration_s",1,1],["duration_s",0,0]],[]]',
        b'[1,[["gpus",1,5]],[]]', b'[2,[["gpus",2,0,3,3,3]],[]]', b'[1,[["gpus",1,null]],[]]', b"[" * 100_000,
        b'[1,[["gpus",1,0],["duration_s",1,1],["busy_cpu_s",0,0],["job_cpu_s",1,0],["meter_cpu_s",1,0]],[]]',
    ],
)  # fmt: skip
def test_what_was_never_written_so_is_refused(head):
    with pytest.raises(ValueError, match=r"."):
        list(decode(chunk_of(head)))


def test_what_would_fill_the_memory_is_refused():
    plane = zlib.compress(bytes(50_000_000))[2:-4]
    with pytest.raises(ValueError, match="longer than it says"):
        list(decode(chunk_of(b'[2,[["gpus",2,0,%d]],[]]' % len(plane), plane)))


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300])
def test_a_figure_that_cannot_be_kept_is_told_at_the_end_only(monkeypatch, value):
    monkeypatch.setattr(series, "CHUNK_SIZE", 2)
    writer = SeriesWriter()
    for duration_s in (1.0, value, 1.0):
        writer.add(replace(FULL, duration_s=duration_s))
    with pytest.raises((ValueError, OverflowError)):
        writer.encoded()


# Size


def noisy(n_gpus, n_samples):
    """A machine with counters whose powers wander, seen through the noise of its meters."""
    rng = random.Random(1)
    cpu_w, ram_w, job_cpus, boards_w = 150.0, 18.0, 6.0, [350.0] * n_gpus
    for _ in range(n_samples):
        cpu_w = min(280.0, max(60.0, cpu_w + rng.gauss(0, 3)))
        ram_w = min(30.0, max(8.0, ram_w + rng.gauss(0, 0.2)))
        job_cpus = min(8.0, max(0.1, job_cpus + rng.gauss(0, 0.05)))
        boards_w = [min(700.0, max(70.0, power_w + rng.gauss(0, 5))) for power_w in boards_w]
        duration_s, meter_s = 1 + rng.gauss(0, 0.0004), 0.0012 + abs(rng.gauss(0, 0.0003))
        job_s = max(0.0, job_cpus + rng.gauss(0, 0.05))
        yield Interval(
            duration_s=duration_s,
            busy_cpu_s=round(job_s + meter_s + abs(rng.gauss(0.2, 0.1)), 2),
            job_cpu_s=job_s,
            meter_cpu_s=meter_s,
            cpu_counted_j=(cpu_w + rng.gauss(0, 2)) * duration_s,
            ram_counted_j=(ram_w + abs(rng.gauss(0, 0.3))) * duration_s,
            gpus=tuple(GpuUse(energy_j=(power_w + rng.gauss(0, 8)) * duration_s) for power_w in boards_w),
        )


@pytest.mark.parametrize(("n_gpus", "most_bytes"), [(0, 5.3), (1, 7.0), (8, 16.5)])
def test_a_week_at_one_second_stays_below_ten_megabytes(n_gpus, most_bytes):
    # 604,800 samples · 16.5 bytes = 9.98 MB; the bytes a sample do not depend on how many there are.
    n_samples = 4 * series.CHUNK_SIZE
    assert len(encode(noisy(n_gpus, n_samples))) / n_samples <= most_bytes

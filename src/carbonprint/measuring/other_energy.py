"""What a machine draws that no counter sees: mainboard, fans, disks, losses; in one interval, told apart. [J].

Without a meter at the machine's input it follows what it feeds, on top of a base power. With one it is the rest of what
that meter says, so that the whole machine is the meter's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyParts:
    """The energy of some of the machine in one interval, told apart. [J], each ≥ 0.

    Attributes:
        machine_j: For everybody.
        idle_j: The part of it with nothing to do.
        job_active_j: What the job's work caused.
        job_idle_j: The job's part of ``idle_j``.
        meter_j: What carbonprint itself caused.
        job_base_j: The part of ``job_idle_j`` that is base power.
    """

    machine_j: float
    idle_j: float
    job_active_j: float
    job_idle_j: float
    meter_j: float
    job_base_j: float = 0.0


def other_by_model(seen: EnergyParts, *, fraction: float, base_j: float, base_share: float) -> EnergyParts:
    """Model what no counter sees: a fraction of what is seen, and base power.

    Args:
        seen: CPU, memory and GPUs together.
        fraction: ``PowerModel.other_fraction``. [-].
        base_j: Base power over the interval. [J].
        base_share: The share of the base power that was kept switched on for the job. [-].
    """
    job_base_j = base_j * base_share
    return EnergyParts(
        machine_j=fraction * seen.machine_j + base_j,
        idle_j=fraction * seen.idle_j + base_j,
        job_active_j=fraction * seen.job_active_j,
        job_idle_j=fraction * seen.job_idle_j + job_base_j,
        meter_j=fraction * seen.meter_j,
        job_base_j=job_base_j,
    )


def other_by_node(
    seen: EnergyParts,
    node_j: float,
    node_idle_j: float | None,
    *,
    fraction: float,
    base_j: float,
    base_share: float,
    cpu_parts: tuple[float, float],
) -> EnergyParts:
    """Take as unseen what is known of the whole machine less what is seen; nothing where that is less.

    Its idle part is that of the whole machine less that of what is seen, else the model's. What is active of it
    belongs to whoever caused what was seen active.

    Args:
        seen: CPU, memory and GPUs together.
        node_j: The whole machine at its input. [J].
        node_idle_j: The same with nothing to do. [J]; None where it is not known.
        fraction: ``PowerModel.other_fraction``. [-].
        base_j: Base power over the interval. [J].
        base_share: The share of the base power that was kept switched on for the job. [-].
        cpu_parts: The job's and carbonprint's part of the busy CPU seconds, where nothing was seen active. [-].

    Example:
        A node of 1000 J with 400 J seen, 150 J of them idle, and 500 J when idle: 600 J were not seen, 350 J of them
        idle and 250 J active. A job with 200 of the 250 J seen active has 200 of these.
    """
    machine_j = max(0.0, node_j - seen.machine_j)
    idle_j = fraction * seen.idle_j + base_j if node_idle_j is None else node_idle_j - seen.idle_j
    idle_j = min(max(0.0, idle_j), machine_j)
    following_j = min(fraction * seen.idle_j, idle_j)
    job_base_j = (idle_j - following_j) * base_share
    job_following_j = following_j * seen.job_idle_j / seen.idle_j if seen.idle_j > 0 else 0.0
    active_j, seen_active_j = machine_j - idle_j, seen.machine_j - seen.idle_j
    job_part, meter_part = cpu_parts
    if seen_active_j > 0:
        job_part, meter_part = seen.job_active_j / seen_active_j, seen.meter_j / seen_active_j
    return EnergyParts(
        machine_j=machine_j,
        idle_j=idle_j,
        job_active_j=active_j * job_part,
        job_idle_j=job_following_j + job_base_j,
        meter_j=active_j * meter_part,
        job_base_j=job_base_j,
    )


def factors_into_node(counted_j: float, modelled_j: float, node_j: float) -> tuple[float, float]:
    """By how much what was counted and what was modelled is scaled so that both fit into the meter of the whole. [-].

    What was modelled gives way first; where the counters alone say more than the meter, they are scaled down to it.

    Args:
        counted_j: Components with a counter. [J].
        modelled_j: Components with a model. [J].
        node_j: The whole machine at its input. [J].

    Example:
        60 J counted and 50 J modelled in a node of 80 J: 1 and 0.4; in a node of 30 J: 0.5 and 0.
    """
    if counted_j + modelled_j <= node_j:
        return 1.0, 1.0
    if counted_j > node_j:
        return node_j / counted_j, 0.0
    return 1.0, (node_j - counted_j) / modelled_j

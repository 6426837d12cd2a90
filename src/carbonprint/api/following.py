"""Following a run while it goes on: what it has cost so far, and whether its budget is used up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carbonprint.units import GRAMS_PER_KG, JOULES_PER_KWH

if TYPE_CHECKING:
    from collections.abc import Callable

    from carbonprint.footprint.budget import Budget, SoFar
    from carbonprint.hosting.host import Host
    from carbonprint.measuring.measurement import Measurement
    from carbonprint.measuring.progress import Progress


class Follower:
    """Follows one run.

    Args:
        budget: What it may use; None for whatever it needs.
        stops_at_budget: Whether the command is asked to end once that is used.
        show: Called at every sample; must not wait.
        warn: Called once, when the budget is used; must not wait.
    """

    def __init__(
        self,
        *,
        budget: Budget | None = None,
        stops_at_budget: bool = False,
        show: Callable[[SoFar], None] | None = None,
        warn: Callable[[SoFar], None] | None = None,
    ) -> None:
        self._budget = budget
        self._stops_at_budget = stops_at_budget
        self._show = show
        self._warn = warn
        self._kg_per_kwh: float | None = None
        self._exceeded: SoFar | None = None
        self.has_stopped = False

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do at a sample."""
        return self._budget is not None or self._show is not None

    def load(self, host: Host, on_year: int) -> None:
        """Settle what one kWh of the run emits; to be called beside the job.

        Args:
            host: Where it runs.
            on_year: Year of the run.
        """
        from carbonprint.hosting.standing import Standing, factors

        evidenced = factors(host, Standing.EVIDENCED, on_year=on_year)
        self._kg_per_kwh = evidenced.location_based.g_per_kwh / GRAMS_PER_KG / evidenced.efficiency.dcie

    def see(self, progress: Progress) -> bool:
        """Take in what a run has used so far, and say whether it is to be ended now."""
        so_far = self._so_far(progress)
        if self._show is not None:
            self._show(so_far)
        if not so_far.is_over_budget or self._exceeded is not None:
            return False
        self._exceed(so_far, stops=self._stops_at_budget)
        return self.has_stopped

    def see_end(self, measurement: Measurement) -> None:
        """Take in what the whole run has used; it may have used up its budget since the last sample."""
        energy_kwh = measurement.energy.total
        if self._budget is None or energy_kwh is None or self._exceeded is not None:
            return
        from carbonprint.measuring.progress import Progress

        power_w = energy_kwh * JOULES_PER_KWH / measurement.duration_s if measurement.duration_s > 0 else 0.0
        so_far = self._so_far(
            Progress(elapsed_s=measurement.duration_s, power_w=power_w, energy_kwh=energy_kwh)
        )
        if so_far.is_over_budget:
            self._exceed(so_far, stops=False)  # it has ended by itself

    def _exceed(self, so_far: SoFar, *, stops: bool) -> None:
        """Note that the budget is used, and say so."""
        self._exceeded, self.has_stopped = so_far, stops
        if self._warn is not None:
            self._warn(so_far)

    def as_record(self) -> dict[str, Any] | None:
        """Return the budget and when it was used up, for a record; None without a budget."""
        if self._budget is None:
            return None
        return {
            "text": self._budget.text,
            "energy_kwh": self._budget.energy_kwh,
            "emissions_kg": self._budget.emissions_kg,
            "used_up_after_s": None if self._exceeded is None else self._exceeded.elapsed_s,
            "stopped": self.has_stopped,
        }

    def _so_far(self, progress: Progress) -> SoFar:
        from carbonprint.footprint.budget import SoFar

        emissions_kg = None if self._kg_per_kwh is None else progress.energy_kwh * self._kg_per_kwh
        return SoFar(
            elapsed_s=progress.elapsed_s,
            power_w=progress.power_w,
            energy_kwh=progress.energy_kwh,
            emissions_kg=emissions_kg,
            budget=self._budget,
            budget_used_share=None
            if self._budget is None
            else self._budget.used(progress.energy_kwh, emissions_kg),
        )

"""What is said of a run on standard error, while it goes on and at its end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from carbonprint.cli.terminal import LiveLine, columns, say, say_without_waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from carbonprint.api.repeating import Repeated
    from carbonprint.api.running import RunOutcome
    from carbonprint.footprint.budget import SoFar


class Telling:
    """Says on standard error what a run costs, while it goes on and at its end."""

    def __init__(self, language: str, *, shows: bool, budget: str | None, stops: bool) -> None:
        from carbonprint.api.following import Follower

        self._language = language
        self._stops = stops
        self._line = LiveLine()
        self._late: list[str] = []
        amount = None
        if budget is not None:
            from carbonprint.footprint.budget import read_budget

            amount = read_budget(budget)
        self.follower = Follower(
            budget=amount,
            stops_at_budget=stops,
            show=self._show if shows and LiveLine.is_possible() else None,
            warn=self._warn,
        )

    def tell(self, outcome: RunOutcome) -> None:
        """Print the summary of one run."""
        self._say(lambda: self._lines(outcome), outcome)

    def tell_repeated(self, repeated: Repeated) -> None:
        """Print the summary of several runs of the same command."""
        self._say(lambda: self._lines_of_all(repeated), repeated.last)

    def _lines(self, outcome: RunOutcome) -> list[str]:
        from carbonprint.reporting.summary import failure_line, recovery_line, summary_lines

        kept = outcome.kept
        if kept is None:
            lines = [failure_line(outcome.fault, self._language)]
        else:
            lines = summary_lines(kept.record, self._language, ledger_fault=kept.fault, aside=kept.aside)
        return lines + [recovery_line(earlier.record, self._language) for earlier in outcome.recovered]

    def _lines_of_all(self, repeated: Repeated) -> list[str]:
        from carbonprint.reporting.repetitions import repetition_lines
        from carbonprint.reporting.summary import failure_line

        records = [outcome.kept.record for outcome in repeated.outcomes if outcome.kept is not None]
        faults = [outcome.fault for outcome in repeated.outcomes if outcome.kept is None]
        faults += [outcome.kept.fault for outcome in repeated.outcomes if outcome.kept and outcome.kept.fault]
        lines = [failure_line(fault, self._language) for fault in dict.fromkeys(faults)]
        if records:
            lines += repetition_lines(records, self._language, n_asked=repeated.n_asked)
        return lines

    def _show(self, so_far: SoFar) -> None:
        from carbonprint.reporting.live import live_line

        self._line.write(live_line(so_far, self._language, width=columns()))

    def _warn(self, so_far: SoFar) -> None:
        from carbonprint.reporting.live import budget_line

        self._line.clear()
        line = budget_line(so_far, self._language, stops=self.follower.has_stopped)
        if not say_without_waiting(line):
            self._late.append(line)

    def _say(self, lines_of: Callable[[], list[str]], outcome: RunOutcome) -> None:
        """Print lines; whatever fails in that, the command's own result stands."""
        self._line.clear()
        try:
            lines = lines_of()
        except Exception as error:  # noqa: BLE001  # as above
            lines = [f"carbonprint: the summary could not be made ({type(error).__name__}: {error})"]
        if outcome.ended.wait_status == signal.SIGINT and LiveLine.is_possible():
            lines.insert(0, "")  # the terminal shows ^C, and no line end after it
        say("\n".join([*self._late, *lines]))

"""How one run is to be metered: what is settled before the command starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from carbonprint.measuring.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carbonprint.hardware_profile import ProfileChoice
    from carbonprint.measuring.journal import Journal
    from carbonprint.measuring.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one run is to be metered.

    Attributes:
        interval_s: Time between two samples. [s].
        powercap_dir: The powercap tree.
        widens: Whether the interval grows in a long run.
        open_journal: Gives the journal in which every sample is written down, beside the job; None for nowhere.
        see_progress: Called at every sample with what the job has used so far; gives whether it is to be ended, by
            SIGTERM.
        profile: The hardware profile that was named.
        find_profile: Finds one that fits the machine; called beside the job, where none was named.
        is_patient: Whether a meter that does not answer is waited for only so long. It is asked in a thread of its own
            then, whose CPU time is this process's.
        sharing: How the run shares the machine with others; by default it has it for itself.
    """

    interval_s: float
    powercap_dir: Path
    widens: bool = False
    open_journal: Callable[[], Journal] | None = None
    see_progress: Callable[[Progress], bool] | None = None
    profile: ProfileChoice | None = None
    find_profile: Callable[[], ProfileChoice] | None = None
    is_patient: bool = False
    sharing: Sharing = field(default_factory=Sharing)

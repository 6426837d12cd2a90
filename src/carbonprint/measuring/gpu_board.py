"""One GPU: its energy, and the job's share of it; whatever fails here leaves the other GPUs alone."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from carbonprint.measuring.gpu_share import device_share, mig_share
from carbonprint.measuring.intervals import GpuUse
from carbonprint.provenance import Caveat

if TYPE_CHECKING:
    from collections.abc import Callable

    from carbonprint.measuring.gpu_processes import ProcessBook
    from carbonprint.measuring.gpu_share import DeviceShare, MigInstance, Users

_TELLING_S = 0.5
"""A counter that has not moved for so long stands still: working ones move every 20 to 100 ms. [s]"""

_MODES_ASK_AGAIN_S = 60.0
"""So long a board is taken to be in the same mode. [s]"""

_REOPEN_S = 1.0
"""So often a board that could not be opened is tried again. [s]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What an energy meter says since it was last asked.

    Attributes:
        energy_j: Energy by the counter, by the power where there is no counter. [J], ≥ 0.
        is_still: Whether there is a counter and it has not moved.
        is_reset: Whether the counter has gone backwards; the energy is by the power then.
    """

    energy_j: float
    is_still: bool = False
    is_reset: bool = False


class EnergyMeter(Protocol):
    """The energy of one board; codecarbon's device, behind ``codecarbon_meter``."""

    name: str

    def advance(self, duration_s: float) -> Advance:
        """Read the energy since it was last asked; raises where neither counter nor power can be read."""

    def stand_in(self, energy_j: float) -> None:
        """Note energy [J] that was counted in another way: a counter that comes back holds that time as well."""

    def power_w(self) -> float | None:
        """Its power at this moment. [W]; None where it cannot be read."""

    def use(self, handle: object) -> None:
        """Use another handle of the same board."""


class Driver(Protocol):
    """What a maker's driver tells about one board; ``gpu_processes`` has one of each maker."""

    handle: object
    names: tuple[str, ...]
    n_slices: int

    @property
    def mig_names(self) -> tuple[tuple[str, ...], ...]:
        """What each of its instances is called by."""

    def fresh_handle(self) -> object:
        """Ask for the board's handle again."""

    def utilisation(self) -> float | None:
        """Part of the last moment in which a kernel ran. [-]."""

    def is_exclusive(self) -> bool:
        """Whether one process may be on the board at a time."""

    def is_cut(self) -> bool:
        """Whether it is cut into instances."""

    def users(self, book: ProcessBook) -> Users | None:
        """Whose processes were on it since this was last asked."""

    def instances(self, book: ProcessBook | None, named: frozenset[int]) -> list[MigInstance]:
        """What is seen of its instances."""


class Board:
    """Meters one board.

    Args:
        number: Its number among all boards of the machine.
        open_board: Opens it; may raise.

    Attributes:
        number: As given.
        meter: Its energy; None until it could be opened.
        driver: What the driver tells about it; None until then.
        is_reserved: Whether it is among the job's devices.
        is_by_scheduler: Whether a scheduler gave the whole of it to the job.
        named_instances: Numbers of its MIG instances that the environment gives to the job.
        thread_fraction: CUDA_MPS_ACTIVE_THREAD_PERCENTAGE of the job. [-]; None where it has none.
        notes: What went wrong, each once; whoever reads them may take them away.
    """

    def __init__(self, number: int, open_board: Callable[[], tuple[EnergyMeter, Driver]]) -> None:
        self.number = number
        self.meter: EnergyMeter | None = None
        self.driver: Driver | None = None
        self.is_reserved = True
        self.is_by_scheduler = False
        self.named_instances: frozenset[int] = frozenset()
        self.thread_fraction: float | None = None
        self.notes: list[Caveat] = []
        self._noted: set[str] = set()
        self._open_board = open_board
        self._read_s = self._tried_s = time.monotonic()
        self._seen_j = self._seen_s = 0.0
        self._still_s = 0.0
        self._utilisation: float | None = None
        self._is_cut = self._is_exclusive = False
        self._modes_until_s = 0.0
        self._open()

    @property
    def name(self) -> str:
        """Its model; ``GPU`` while it cannot be opened."""
        return "GPU" if self.meter is None else self.meter.name

    @property
    def idle_share(self) -> float:
        """The part of it that is kept for the job. [-], 0 to 1."""
        return self._share(None, None).idle_share

    def read(self, book: ProcessBook) -> GpuUse:
        """Read what it did since the last reading.

        Args:
            book: Tells whose a process is.
        """
        now_s = time.monotonic()
        if self.meter is None and now_s - self._tried_s >= _REOPEN_S:
            self._open()
        duration_s, self._read_s = max(now_s - self._read_s, 1e-9), now_s
        energy_j, is_seen = self._energy(duration_s)
        before, now = self._utilisation, None if self.driver is None else self.driver.utilisation()
        self._utilisation = now
        share = self._share(book, now)
        return GpuUse(
            energy_j=energy_j,
            active_share=share.active_share,
            idle_share=share.idle_share,
            process_share=share.process_share,
            unseen_s=0.0 if is_seen else duration_s,
            # 0 only where nothing ran at either end.
            utilisation=None if not is_seen or before is None or now is None else (before + now) / 2,
            method=share.method.value if is_seen else None,
        )

    def afterwards(self, book: ProcessBook, duration_s: float) -> GpuUse:
        """Say what it did in a time that is over, by what it does now.

        Args:
            book: Tells whose a process is.
            duration_s: How long that was. [s].
        """
        power_w = None if self.meter is None else self.meter.power_w()
        share = self._share(book, None)
        return GpuUse(
            energy_j=None if power_w is None else power_w * duration_s,
            active_share=share.active_share,
            idle_share=share.idle_share,
            process_share=share.process_share,
            unseen_s=duration_s,
        )

    def _share(self, book: ProcessBook | None, utilisation: float | None) -> DeviceShare:
        """Find the job's share of it since this was last asked; by what is reserved alone where there is no book."""
        if self.driver is None:
            return device_share(None, is_reserved=self.is_reserved)
        if time.monotonic() >= self._modes_until_s:
            self._is_cut, self._is_exclusive = self.driver.is_cut(), self.driver.is_exclusive()
            self._modes_until_s = time.monotonic() + _MODES_ASK_AGAIN_S
        if self._is_cut:
            instances = self.driver.instances(book, self.named_instances)
            return mig_share(instances, self.driver.n_slices, is_reserved=self.is_reserved)
        return device_share(
            None if book is None else self.driver.users(book),
            is_reserved=self.is_reserved,
            is_kept=self.is_by_scheduler or self._is_exclusive,
            utilisation=utilisation,
            thread_fraction=self.thread_fraction,
        )

    def _open(self) -> None:
        """Open it; where that fails it is tried again later."""
        self._tried_s = time.monotonic()
        try:
            self.meter, self.driver = self._open_board()
        except Exception as error:  # noqa: BLE001  # drivers fail in their own ways
            self._note("gpu-not-opened", f"GPU {self.number} could not be opened ({_said(error)})")
            return
        self._read_s = time.monotonic()
        self._utilisation = self.driver.utilisation()

    def _energy(self, duration_s: float) -> tuple[float | None, bool]:
        """Energy since the last reading [J], and whether it was seen."""
        if self.meter is None:
            return None, False
        try:
            advance = self.meter.advance(duration_s)
        except Exception as error:  # noqa: BLE001  # as above
            return self._gone(duration_s, error), False
        self._still_s = self._still_s + duration_s if advance.is_still else 0.0
        if advance.is_still:
            advance = self._while_still(duration_s)
        if advance.is_reset:
            text = f"the energy counter of {self} was reset in this run; its power stands for that moment"
            self._note("gpu-counter-reset", text)
        self._seen_j, self._seen_s = self._seen_j + advance.energy_j, self._seen_s + duration_s
        return advance.energy_j, True

    def _while_still(self, duration_s: float) -> Advance:
        """The power of a board whose counter has not moved: none draws nothing, unless its neighbour counts for it.

        A working counter makes up for it as soon as it moves.
        """
        assert self.meter is not None
        energy_j = (self.meter.power_w() or 0.0) * duration_s
        if energy_j > 0 and self._still_s >= _TELLING_S:
            text = f"the energy counter of {self} stood still; its power stands for that time"
            self._note("gpu-counter-stands-still", text)
        self.meter.stand_in(energy_j)
        return Advance(energy_j=energy_j)

    def _gone(self, duration_s: float, error: Exception) -> float | None:
        """What stands for a board that does not answer [J]: its mean power, where it has been seen."""
        assert self.meter is not None
        assert self.driver is not None
        text = f"{self} could not be read for a while ({_said(error)}): its mean power stands for that time"
        self._note("gpu-lost", text)
        with contextlib.suppress(
            Exception
        ):  # after a reset the old handle means nothing; else it is still away
            self.driver.handle = self.driver.fresh_handle()
            self.meter.use(self.driver.handle)
        if self._seen_s == 0:
            return None
        energy_j = self._seen_j / self._seen_s * duration_s
        self.meter.stand_in(energy_j)
        return energy_j

    def __str__(self) -> str:
        return f"GPU {self.number} ({self.name})"

    def _note(self, code: str, text: str) -> None:
        if code not in self._noted:
            self._noted.add(code)
            self.notes.append(Caveat(code=code, text=text))


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

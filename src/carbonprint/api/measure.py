"""Measure a block of Python: its threads and the child processes it starts, in the process it runs in."""

from __future__ import annotations

import functools
import inspect
import os
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from carbonprint.api.keeping import Kept, keep, load_what_keeping_needs, named_host, new_run_id
from carbonprint.api.profiles import fitting_profile, named_profile
from carbonprint.api.recovery import journal_of
from carbonprint.errors import CarbonprintError
from carbonprint.ledger.labels import RunLabels
from carbonprint.settings import python_argument, resolve, working_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from carbonprint.footprint.result import Footprint
    from carbonprint.hosting.standing import Standing
    from carbonprint.measuring.measurement import Measurement

P = ParamSpec("P")
R = TypeVar("R")


class measure:  # used as a function: ``with carbonprint.measure(...)``
    """Measure what happens in a ``with`` block, and keep its record in the ledger.

    Counted are the CPU seconds of this process, all its threads, and of the child processes that it has or starts.

    Args:
        host: Host id, or path of a host file; by default as the settings say.
        name: Name of the run.
        phase: ``training``, ``inference`` or any other phase of an algorithm's life.
        units: Count and label of what the block does, such as ``(1000, "prediction")``.
        state_dir: Directory of the ledger; by default as the settings say.
        interval: Time between two samples. [s]; by default as the settings say.
        hardware: Path of a hardware profile; by default as the settings say.

    Raises:
        UnknownHostError: If there is no such host.
        InvalidSettingError: If a setting has a value that it cannot have.
        DocumentError: If a host file or a configuration file has faults.

    Example:
        >>> with carbonprint.measure(host="odc-noord", name="train") as m:  # doctest: +SKIP
        ...     model.fit(x, y)
        >>> m.footprint.location_based_kg.central  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        host: str | None = None,
        name: str = "block",
        phase: str = "",
        units: tuple[float, str] | None = None,
        state_dir: str | Path | None = None,
        interval: float | None = None,
        hardware: str | Path | None = None,
    ) -> None:
        given = {"host": host, "state_dir": state_dir, "interval": interval, "hardware": hardware}
        self._settings = resolve(given, os.environ, working_directory(), option_origin=python_argument)
        load_host = named_host(self._settings)
        self._host, self._caveats = load_host()
        self._profile = named_profile(self._settings, load_host)
        self._labels = RunLabels(name=name, phase=phase, units=units)
        self._kept: Kept | None = None
        self._measurement: Measurement | None = None

    def __enter__(self) -> Self:
        from carbonprint.measuring.equipment import preload
        from carbonprint.measuring.metering import Metering
        from carbonprint.measuring.plan import Plan
        from carbonprint.measuring.processes import BlockCpuSeconds
        from carbonprint.measuring.sharing import Sharing

        preload()
        load_what_keeping_needs(self._settings)
        self._sampler_clock: int | None = None
        self._sampler_cpu_s = 0.0
        self._has_ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name="carbonprint", daemon=True)
        self._helpers_cpu_s: Callable[[], float] = lambda: 0.0
        self._cpu = BlockCpuSeconds(self._helped_cpu_s)
        self._run_id = new_run_id()
        self._journal = journal_of(self._run_id, self._labels, (), self._settings)
        settings = self._settings
        plan = Plan(
            interval_s=settings.interval_s,
            powercap_dir=settings.powercap_dir,
            widens=settings.origins["interval"] == "default",
            open_journal=self._journal,
            profile=self._profile,
            find_profile=fitting_profile,
            sharing=Sharing(self._run_id),
        )
        self._metering = Metering(plan, self._meter_cpu_s)
        self._helpers_cpu_s = lambda: self._metering.helpers_cpu_s
        self._sampler.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._measurement = self._finish()
        labels, code = self._labels, _exit_status(error)
        try:
            self._journal().close(exit_status=code)
            self._kept = keep(
                self._measurement, self._host, labels, self._settings,
                run_id=self._run_id, exit_status=code, caveats=self._caveats,
            )  # fmt: skip
            self._journal().remove()
        except Exception as fault:  # noqa: BLE001  # whatever fails here, the block's own result or error stands
            warnings.warn(f"carbonprint: the run could not be kept: {fault}", RuntimeWarning, stacklevel=2)
            return
        if self._kept.aside is not None:
            text = f"carbonprint: {self._kept.fault}; the record is in {self._kept.aside}"
            warnings.warn(text, RuntimeWarning, stacklevel=2)

    def _finish(self) -> Measurement:
        """Read everything for the last time; where that fails, what is known is still a measurement."""
        ended_s = time.monotonic()
        try:
            measurement_of = self._metering.finish(
                self._cpu.total_s, self._cpu.is_of_block, wait_for_load=self._stop_sampler
            )
            return measurement_of(None)
        except Exception as fault:  # noqa: BLE001  # whatever fails in metering, the block must not suffer
            return self._metering.unknown(ended_s, self._cpu.total_s(), fault)
        finally:
            self._stop_sampler()

    @property
    def measurement(self) -> Measurement:
        """What the block used, once it has ended."""
        if self._measurement is None:
            raise CarbonprintError("the block has not ended: its measurement is there after it")
        return self._measurement

    @property
    def footprint(self) -> Footprint:
        """The footprint as evidenced, once the block has ended."""
        from carbonprint.hosting.standing import Standing

        return self.footprints[Standing.EVIDENCED]

    @property
    def footprints(self) -> dict[Standing, Footprint]:
        """The footprint as evidenced and as claimed, once the block has ended."""
        return self._known.footprints

    @property
    def record(self) -> dict[str, Any]:
        """The record that was kept, once the block has ended."""
        return self._known.record

    @property
    def run_id(self) -> str:
        """Id of the run, for ``carbonprint runs show``, once the block has ended."""
        return str(self._known.record["run_id"])

    @property
    def _known(self) -> Kept:
        if self._kept is None:
            raise CarbonprintError("the block has not ended: its footprint is there after it")
        return self._kept

    def _sample(self) -> None:
        """Load the meter and read it at every edge; what this costs is counted as the meter's own."""
        if hasattr(time, "pthread_getcpuclockid"):
            self._sampler_clock = time.pthread_getcpuclockid(threading.get_ident())
        try:
            self._metering.load()
            while not self._has_ended.wait(self._metering.next_edge_s()):
                self._metering.sample(self._cpu.total_s(), self._cpu.is_of_block)
        except Exception:  # noqa: BLE001  # no traceback in the middle of the block's words; the end says what is missing
            return
        finally:
            self._sampler_cpu_s, self._sampler_clock = time.thread_time(), None

    def _meter_cpu_s(self) -> float:
        """CPU seconds of the sampler's thread so far, also while it runs. [s]."""
        clock = self._sampler_clock
        if clock is not None:
            try:
                return time.clock_gettime(clock)
            except OSError:  # the thread has ended in between
                self._sampler.join()
        return self._sampler_cpu_s

    def _helped_cpu_s(self) -> float:
        """CPU seconds of the sampler's thread, and of the child that reads a meter. [s]."""
        return self._meter_cpu_s() + self._helpers_cpu_s()

    def _stop_sampler(self) -> None:
        self._has_ended.set()
        self._sampler.join()


def _exit_status(error: BaseException | None) -> int:
    """Give the exit status that a program would have that ends as the block did."""
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        return error.code & 0xFF if isinstance(error.code, int) else int(error.code is not None)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def measured(
    *,
    host: str | None = None,
    name: str | None = None,
    phase: str = "",
    units: tuple[float, str] | None = None,
    state_dir: str | Path | None = None,
    interval: float | None = None,
    hardware: str | Path | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Measure every call of a function, coroutine functions too; arguments as for ``measure``.

    Args:
        host: Host id, or path of a host file.
        name: Name of the runs; by default the function's.
        phase: Phase of an algorithm's life.
        units: Count and label of what one call does.
        state_dir: Directory of the ledger.
        interval: Time between two samples. [s].
        hardware: Path of a hardware profile.

    Raises:
        TypeError: If it decorates a generator function, whose call only makes the generator.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                "a generator function only makes its generator when it is called; put carbonprint.measure "
                "around the loop that runs through it"
            )
        run_name = name if name is not None else str(getattr(function, "__name__", "block"))

        def block() -> measure:
            return measure(
                host=host, name=run_name, phase=phase, units=units, state_dir=state_dir, interval=interval,
                hardware=hardware,
            )  # fmt: skip

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401  # as the function has it
                with block():
                    return await function(*args, **kwargs)

            return awaited  # type: ignore[return-value]  # a coroutine function in, a coroutine function out

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with block():
                return function(*args, **kwargs)

        return called

    return decorate

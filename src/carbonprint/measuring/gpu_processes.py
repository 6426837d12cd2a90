"""Whose processes are on a GPU: what the driver answers, put beside ``/proc``.

NVIDIA's driver is asked through the binding that codecarbon uses. Any call may be refused (not supported, no
permission, device lost); what it would have told is then not known, and ``gpu_share`` falls back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from carbonprint.measuring.gpu_share import MigInstance, Users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

T = TypeVar("T")

_EXCLUSIVE_MODES = {1, 3}
"""NVML_COMPUTEMODE_EXCLUSIVE_THREAD (until CUDA 8) and NVML_COMPUTEMODE_EXCLUSIVE_PROCESS."""

_MOST_SM_UTILISATION = 100
"""Percent; some drivers give larger numbers for a sample that is not valid."""

_SERVER_OF_MPS = "nvidia-cuda-mps"
"""Begin of the name of the Multi-Process Service's server; the kernel keeps 15 letters of it."""

_ASK_AGAIN_S = 10.0
"""So long a process of others is taken for that: whether one belongs to the job is a look at all processes. [s]"""

_MIG_ASK_AGAIN_S = 60.0
"""So long a board's instances are taken to be as they were. [s]"""


def answer(ask: Callable[[], T]) -> T | None:
    """Ask the driver; None where it refuses, in whichever of its ways."""
    try:
        return ask()
    except Exception:  # noqa: BLE001  # NVMLError and its many kinds, and bindings that lack a function
        return None


class ProcessBook:
    """Tells of each process id that a driver names whether it is the job's; what is known of it once is kept.

    Args:
        proc: Where procfs is.
    """

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._known: dict[int, tuple[str, bool, float]] = {}
        self._is_of_job: Callable[[int], bool] = lambda _pid: False
        self._depth = len(self._namespaced("self") or [0])

    def open(self, is_of_job: Callable[[int], bool]) -> None:
        """Begin a sample.

        Args:
            is_of_job: Tells whether a process id, as this process sees it, belongs to the job.
        """
        self._is_of_job = is_of_job

    def is_of_job(self, pid: int) -> bool | None:
        """Whether a process is the job's; None where its id means nothing here.

        One that has ended is what it was. Where ``/proc`` shows an outer namespace than this process lives in, the id
        that is its own here is looked up (NSpid of proc_pid_status(5)).
        """
        started, now_s = self._started(pid), time.monotonic()
        known = self._known.get(pid)
        if known is not None and started in {"", known[0]} and (known[1] or now_s < known[2]):
            return known[1]
        if not started:
            return None
        pids = self._namespaced(str(pid)) if self._depth > 1 else [pid]
        inner = pids[self._depth - 1] if pids is not None and len(pids) >= self._depth else None
        is_job = inner is not None and self._is_of_job(inner)
        self._known[pid] = (started, is_job, now_s + _ASK_AGAIN_S)
        return is_job

    def users_of(
        self,
        pids: Iterable[int],
        *,
        sm_utilisation: Mapping[int, float] | None = None,
        thread_fractions: Mapping[int, float] | None = None,
    ) -> Users:
        """Tell processes apart.

        Args:
            pids: As the driver names them.
            sm_utilisation: As in ``Users``.
            thread_fractions: As in ``Users``; None where there is no Multi-Process Service.
        """
        told = {pid: self.is_of_job(pid) for pid in pids}
        return Users(
            job=frozenset(pid for pid, is_job in told.items() if is_job),
            others=frozenset(pid for pid, is_job in told.items() if is_job is False),
            n_unknown=sum(is_job is None for is_job in told.values()),
            sm_utilisation=sm_utilisation or {},
            uses_mps=thread_fractions is not None,
            thread_fractions=thread_fractions or {},
        )

    def name(self, pid: int) -> str:
        """Give the name of a process; ``""`` where it is gone."""
        return self._read(f"{pid}/comm").strip()

    def thread_fraction(self, pid: int) -> float | None:
        """Give CUDA_MPS_ACTIVE_THREAD_PERCENTAGE of a process as a fraction; None where it cannot be read. [-]."""
        variables = self._read(f"{pid}/environ").split("\0")
        values = [each.partition("=")[2] for each in variables if each.startswith(_THREAD_PERCENTAGE + "=")]
        return thread_fraction(values[-1] if values else "")

    def _started(self, pid: int) -> str:
        """When a process started, in clock ticks since boot: it tells apart two that had the same id."""
        fields = self._read(f"{pid}/stat").rpartition(")")[2].split()
        return fields[19] if len(fields) > 19 else ""

    def _namespaced(self, pid: str) -> list[int] | None:
        for line in self._read(f"{pid}/status").splitlines():
            if line.startswith("NSpid:"):
                return [int(each) for each in line.split()[1:]]
        return None

    def _read(self, name: str) -> str:
        try:
            with open(f"{self._proc}/{name}", encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""


_THREAD_PERCENTAGE = "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"


def thread_fraction(text: str) -> float | None:
    """Read a percentage of threads; None where there is none. [-], in (0, 1]."""
    try:
        percentage = float(text)
    except ValueError:
        return None
    return percentage / 100 if 0 < percentage <= 100 else None


class NvidiaDriver:
    """What NVIDIA's driver tells about one board.

    Args:
        nvml: Its binding, ``pynvml``.
        index: Number of the board.
        handle: Its handle.
        uuid: Its UUID.
    """

    def __init__(self, nvml: ModuleType, index: int, handle: object, uuid: str = "") -> None:
        self.names: tuple[str, ...] = (uuid,) if uuid else ()
        self._nvml = nvml
        self.index = index
        self.handle = handle
        self._last: frozenset[int] = frozenset()
        self._seen_us = 0
        self._instances: list[tuple[object, int, tuple[str, ...]]] | None = None
        self._instances_until_s = 0.0
        self.n_slices = 0
        self._sm_utilisation()  # what was before now is not asked for

    def fresh_handle(self) -> object:
        """Ask for the board's handle again: after a reset the old one means nothing.

        Raises:
            Exception: As the driver refuses.
        """
        return self._nvml.nvmlDeviceGetHandleByIndex(self.index)

    @property
    def mig_names(self) -> tuple[tuple[str, ...], ...]:
        """What each MIG instance is called by."""
        return tuple(names for _, _, names in self._mig_instances())

    def utilisation(self) -> float | None:
        """Part of the last moment (1/6 to 1 s) in which a kernel ran. [-]; None where it is not told."""
        rates = self._ask("nvmlDeviceGetUtilizationRates", self.handle)
        return None if rates is None else min(1.0, max(0.0, rates.gpu / 100))

    def is_exclusive(self) -> bool:
        """Whether the board's compute mode lets one process on it."""
        return self._ask("nvmlDeviceGetComputeMode", self.handle) in _EXCLUSIVE_MODES

    def is_cut(self) -> bool:
        """Whether the board is cut into MIG instances."""
        mode = self._ask("nvmlDeviceGetMigMode", self.handle)
        return mode is not None and bool(mode[0])

    def users(self, book: ProcessBook) -> Users | None:
        """Whose processes were on the board since this was last asked; None where the driver does not tell."""
        listed = self._pids("nvmlDeviceGetComputeRunningProcesses", self.handle)
        if listed is None:
            return None
        pids, self._last = listed | self._last, listed
        servers = {pid for pid in pids if book.name(pid).startswith(_SERVER_OF_MPS)}
        if servers:
            clients = self._pids("nvmlDeviceGetMPSComputeRunningProcesses", self.handle) or frozenset()
            return self._clients(book, (pids | clients) - servers)
        # Asked also where nobody shares it, so that the next answer holds no more than the time since now.
        busy = self._sm_utilisation() if pids else {}
        users = book.users_of(pids)
        if not users.job or not users.n_others:
            return users
        return book.users_of(pids | busy.keys(), sm_utilisation=busy) if busy else users

    def instances(self, book: ProcessBook | None, named: frozenset[int]) -> list[MigInstance]:
        """What the driver shows of the board's MIG instances.

        Args:
            book: Tells whose a process is; None where nobody asks.
            named: Numbers of those that the environment names.
        """
        found = []
        for number, (handle, n_slices, _) in enumerate(self._mig_instances()):
            pids = None if book is None else self._pids("nvmlDeviceGetComputeRunningProcesses", handle)
            users = None if book is None or pids is None else book.users_of(pids)
            found.append(MigInstance(n_slices=n_slices, is_named=number in named, users=users))
        return found

    def _clients(self, book: ProcessBook, pids: frozenset[int]) -> Users:
        """Older drivers show only the server: then nobody is seen, and what runs is nobody's but the job's."""
        fractions = {pid: fraction for pid in pids if (fraction := book.thread_fraction(pid)) is not None}
        return book.users_of(pids, thread_fractions=fractions)

    def _pids(self, function: str, handle: object) -> frozenset[int] | None:
        processes = self._ask(function, handle)
        return None if processes is None else frozenset(int(process.pid) for process in processes)

    def _sm_utilisation(self) -> dict[int, float]:
        """Sum of what the driver sampled of each process since last asked; it keeps the samples of some seconds."""
        since_us = self._seen_us
        samples = self._ask("nvmlDeviceGetProcessUtilization", self.handle, since_us) or []
        busy: dict[int, float] = {}
        for sample in samples:
            self._seen_us = max(self._seen_us, int(sample.timeStamp))
            if int(sample.timeStamp) > since_us and 0 <= sample.smUtil <= _MOST_SM_UTILISATION:
                busy[int(sample.pid)] = busy.get(int(sample.pid), 0.0) + sample.smUtil
        return busy

    def _mig_instances(self) -> list[tuple[object, int, tuple[str, ...]]]:
        """Handle, compute slices and names of each instance."""
        now_s = time.monotonic()
        if self._instances is not None and now_s < self._instances_until_s:
            return self._instances
        found = []
        self.n_slices = int(self._ask("nvmlDeviceGetMaxMigDeviceCount", self.handle) or 0)
        for number in range(self.n_slices if self.is_cut() else 0):
            handle = self._ask("nvmlDeviceGetMigDeviceHandleByIndex", self.handle, number)
            attributes = None if handle is None else self._ask("nvmlDeviceGetAttributes", handle)
            if attributes is not None:
                n_slices = int(attributes.computeInstanceSliceCount or attributes.gpuInstanceSliceCount)
                found.append((handle, n_slices, self._names(handle)))
        self._instances, self._instances_until_s = found, now_s + _MIG_ASK_AGAIN_S
        return found

    def _names(self, handle: object) -> tuple[str, ...]:
        """``MIG-UUID``; older drivers put the board's UUID and the numbers of both instances into it."""
        uuid = self._ask("nvmlDeviceGetUUID", handle)
        return (
            ()
            if uuid is None
            else (uuid.decode("ascii", "replace") if isinstance(uuid, bytes) else str(uuid),)
        )

    def _ask(self, function: str, *arguments: object) -> Any:  # noqa: ANN401  # the binding has no types
        """Ask the driver; None where it refuses, or the binding has no such function."""
        return answer(lambda: getattr(self._nvml, function)(*arguments))


class AmdDevice(Protocol):
    """What is used of codecarbon's ``AMDGPUDevice``."""

    handle: object
    _uuid: str

    def _get_gpu_utilization(self) -> object:
        """Percent."""

    def _get_compute_processes(self) -> list[dict[str, int]]:
        """One a process, with its ``pid``."""


class AmdDriver:
    """What AMD's driver tells about one board, through codecarbon's device.

    It lists processes and no activity of each, so a device that several use is divided by their number.

    Args:
        device: codecarbon's ``AMDGPUDevice``.
        amdsmi: AMD's binding.
    """

    def __init__(self, device: AmdDevice, amdsmi: ModuleType) -> None:
        self.n_slices = 0
        self.mig_names: tuple[tuple[str, ...], ...] = ()
        # ROCm names a device GPU-XXXXXXXXXXXXXXXX, by the serial of its chip.
        serial = answer(lambda: str(amdsmi.amdsmi_get_gpu_asic_info(device.handle)["asic_serial"]))
        serials = () if serial is None else (f"GPU-{serial.casefold().removeprefix('0x')}",)
        self.names: tuple[str, ...] = (str(device._uuid), *serials)
        self._device = device
        self.handle: object = device.handle
        self._last: frozenset[int] = frozenset()

    def fresh_handle(self) -> object:
        """Give the handle; AMD's does not change."""
        return self.handle

    def utilisation(self) -> float | None:
        """Part of the last moment in which a kernel ran. [-]; None where it is not told."""
        percentage = answer(lambda: float(str(self._device._get_gpu_utilization())))
        return None if percentage is None else min(1.0, max(0.0, percentage / 100))

    def is_exclusive(self) -> bool:
        """AMD has no such mode."""
        return False

    def is_cut(self) -> bool:
        """AMD's partitions are devices of their own."""
        return False

    def users(self, book: ProcessBook) -> Users | None:
        """Whose processes were on the board since this was last asked."""
        processes = answer(self._device._get_compute_processes)
        if processes is None:
            return None
        listed = frozenset(int(process["pid"]) for process in processes)
        pids, self._last = listed | self._last, listed
        return book.users_of(pids)

    def instances(self, book: ProcessBook | None, named: frozenset[int]) -> list[MigInstance]:
        """AMD has none."""
        return []

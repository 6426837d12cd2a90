"""The GPUs of the machine, each opened by itself, and which of them are the job's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from carbonprint.measuring.gpu_board import Board, Driver, EnergyMeter
from carbonprint.measuring.gpu_processes import AmdDriver, NvidiaDriver, thread_fraction
from carbonprint.measuring.gpu_reservation import (
    DeviceId,
    GpuReservation,
    amd_reservation,
    nvidia_reservation,
)
from carbonprint.provenance import Caveat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from carbonprint.measuring.gpu_processes import AmdDevice


class DeviceMeter(EnergyMeter, Protocol):
    """The energy of one board, with codecarbon's device behind it."""

    device: AmdDevice
    uuid: str


MeterOf = Callable[[int, object], DeviceMeter]
"""Opens the energy meter of a board by its number and handle; may raise."""


def nvidia_boards(
    nvml: ModuleType, meter_of: MeterOf, environment: Mapping[str, str], notes: list[Caveat]
) -> list[Board]:
    """Open NVIDIA's boards.

    Args:
        nvml: The binding of the driver's library, initialised.
        meter_of: Opens the energy meter of one.
        environment: Of the job.
        notes: Takes what went wrong.
    """
    try:
        indices = [index for index in range(nvml.nvmlDeviceGetCount()) if _is_permitted(nvml, index)]
    except Exception as error:  # noqa: BLE001  # the driver's own errors, of which there are many kinds
        notes.append(_unusable("NVIDIA", error))
        return []

    def opener(index: int) -> Callable[[], tuple[EnergyMeter, Driver]]:
        def open_board() -> tuple[EnergyMeter, Driver]:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            meter = meter_of(index, handle)
            return meter, NvidiaDriver(nvml, index, handle, meter.uuid)

        return open_board

    boards = [Board(number, opener(index)) for number, index in enumerate(indices)]
    reservation = nvidia_reservation([_device_id(board) for board in boards], environment)
    if not reservation.is_order_sure:
        text = (
            "CUDA_VISIBLE_DEVICES names GPUs by number, and these are of several models: CUDA may count them in "
            "another order than the driver does, unless CUDA_DEVICE_ORDER=PCI_BUS_ID is set"
        )
        notes.append(Caveat(code="gpu-order-unknown", text=text))
    _reserve(boards, reservation, environment)
    return boards


def amd_boards(
    amdsmi: ModuleType, meter_of: MeterOf, environment: Mapping[str, str], notes: list[Caveat]
) -> list[Board]:
    """Open AMD's boards.

    Args:
        amdsmi: The binding of the driver's library.
        meter_of: Opens the energy meter of one.
        environment: Of the job.
        notes: Takes what went wrong.
    """
    try:
        amdsmi.amdsmi_init()
        handles = list(amdsmi.amdsmi_get_processor_handles())
    except Exception as error:  # noqa: BLE001  # as above
        notes.append(_unusable("AMD", error))
        return []

    def opener(index: int, handle: object) -> Callable[[], tuple[EnergyMeter, Driver]]:
        def open_board() -> tuple[EnergyMeter, Driver]:
            meter = meter_of(index, handle)
            return meter, AmdDriver(meter.device, amdsmi)

        return open_board

    boards = [Board(number, opener(number, handle)) for number, handle in enumerate(handles)]
    _reserve(boards, amd_reservation([_device_id(board) for board in boards], environment), environment)
    return boards


def _is_permitted(nvml: ModuleType, index: int) -> bool:
    """Whether a board may be looked at: the driver counts those that a scheduler has shut away."""
    try:
        nvml.nvmlDeviceGetHandleByIndex(index)
    except Exception as error:  # noqa: BLE001  # whatever else it is may pass
        return type(error).__name__ != "NVMLError_NoPermission"
    return True


def _unusable(maker: str, error: Exception) -> Caveat:
    text = f"{maker}'s GPU library is there and could not be used ({type(error).__name__}: {error})"
    return Caveat(code="gpu-not-opened", text=text)


def _device_id(board: Board) -> DeviceId:
    if board.driver is None:
        return DeviceId()
    return DeviceId(names=board.driver.names, mig_names=board.driver.mig_names, model=board.name)


def _reserve(boards: list[Board], reservation: GpuReservation, environment: Mapping[str, str]) -> None:
    """Tell each board whether it is the job's."""
    fraction = thread_fraction(environment.get("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", ""))
    for number, board in enumerate(boards):
        board.is_reserved = number in reservation.devices
        board.is_by_scheduler = reservation.is_by_scheduler and board.is_reserved
        board.named_instances = frozenset(
            instance for device, instance in reservation.mig_instances if device == number
        )
        board.thread_fraction = fraction

"""Keep one NVIDIA GPU at work for some seconds, with nothing but the driver: a loop of multiplications through libcuda.

Exit status 2, with one sentence, where there is no driver or no such GPU. Devices are counted as CUDA counts them.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time

# Written for the oldest target that drivers of the last ten years translate; %r1 > 0 turns of eight multiplications.
PTX = b"""
.version 6.0
.target sm_50
.address_size 64
.visible .entry burn(.param .u64 out, .param .u32 turns)
{
    .reg .pred %p1;
    .reg .f32 %f<4>;
    .reg .b32 %r<6>;
    .reg .b64 %rd<5>;
    ld.param.u64 %rd1, [out];
    ld.param.u32 %r1, [turns];
    cvta.to.global.u64 %rd2, %rd1;
    mov.u32 %r2, %ctaid.x;
    mov.u32 %r3, %ntid.x;
    mov.u32 %r4, %tid.x;
    mad.lo.u32 %r5, %r2, %r3, %r4;
    cvt.rn.f32.u32 %f1, %r5;
    mov.f32 %f2, 0f3F800001;
    mov.f32 %f3, 0f33D6BF95;
LOOP:
    fma.rn.f32 %f1, %f1, %f2, %f3;
    fma.rn.f32 %f1, %f1, %f2, %f3;
    fma.rn.f32 %f1, %f1, %f2, %f3;
    fma.rn.f32 %f1, %f1, %f2, %f3;
    fma.rn.f32 %f1, %f1, %f2, %f3;
    fma.rn.f32 %f1, %f1, %f2, %f3;
    fma.rn.f32 %f1, %f1, %f2, %f3;
    fma.rn.f32 %f1, %f1, %f2, %f3;
    sub.u32 %r1, %r1, 1;
    setp.ne.u32 %p1, %r1, 0;
    @%p1 bra LOOP;
    mul.wide.u32 %rd3, %r5, 4;
    add.u64 %rd4, %rd2, %rd3;
    st.global.f32 [%rd4], %f1;
    ret;
}
"""

BLOCKS, THREADS = 1024, 256
FIRST_TURNS, MOST_TURNS = 1_000, 50_000_000
LAUNCH_S = 0.02
"""About so long one launch is made to take: the load then ends in time, and another process gets its turns. [s]"""


class CudaError(Exception):
    """A call of the driver that did not succeed."""


class Cuda:
    """The calls of the CUDA driver API that are needed here (CUDA Toolkit documentation, driver API).

    Raises:
        OSError: Without a driver.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libcuda.so.1")

    def call(self, function: str, *arguments: object) -> None:
        """Call a function by its name.

        Raises:
            CudaError: If it does not return CUDA_SUCCESS.
        """
        status = getattr(self._library, function)(*arguments)
        if status != 0:
            text = ctypes.c_char_p()
            known = self._library.cuGetErrorString(status, ctypes.byref(text)) == 0 and text.value
            raise CudaError(f"{function}: {known.decode() if known else f'error {status}'}")


def work(device_number: int, seconds: float) -> int:
    """Keep a GPU at work, and give how many launches that took.

    Args:
        device_number: As CUDA counts.
        seconds: How long. [s]

    Raises:
        OSError, CudaError: Where that is not possible.
    """
    cuda = Cuda()
    cuda.call("cuInit", ctypes.c_uint(0))
    device, context = ctypes.c_int(), ctypes.c_void_p()
    module, function, out = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint64()
    cuda.call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(device_number))
    cuda.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    cuda.call("cuCtxSetCurrent", context)
    cuda.call("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(PTX))
    cuda.call("cuModuleGetFunction", ctypes.byref(function), module, ctypes.c_char_p(b"burn"))
    cuda.call("cuMemAlloc_v2", ctypes.byref(out), ctypes.c_size_t(BLOCKS * THREADS * 4))
    turns, n_launches = ctypes.c_uint(FIRST_TURNS), 0
    # The driver wants an array of pointers to the arguments; it copies them within the call.
    arguments = (ctypes.c_void_p * 2)(ctypes.addressof(out), ctypes.addressof(turns))
    end_s = time.monotonic() + seconds
    while (begun_s := time.monotonic()) < end_s:
        size = [ctypes.c_uint(each) for each in (BLOCKS, 1, 1, THREADS, 1, 1)]
        cuda.call("cuLaunchKernel", function, *size, ctypes.c_uint(0), None, arguments, None)
        cuda.call("cuCtxSynchronize")
        n_launches += 1
        took_s = max(time.monotonic() - begun_s, 1e-6)
        factor = min(4.0, max(0.25, LAUNCH_S / took_s))
        turns.value = int(min(MOST_TURNS, max(FIRST_TURNS, turns.value * factor)))
    return n_launches


def main() -> int:
    """Read the options, and work."""
    parser = argparse.ArgumentParser(description="Keep one NVIDIA GPU at work for some seconds.")
    parser.add_argument("--device", type=int, default=0, help="its number, as CUDA counts; 0 by default")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long; 10 by default")
    options = parser.parse_args()
    try:
        work(options.device, options.seconds)
    except OSError as error:
        print(f"There is no CUDA driver on this machine ({error}).", file=sys.stderr)
        return 2
    except CudaError as error:
        print(f"GPU {options.device} could not be put to work ({error}).", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

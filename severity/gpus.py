"""The number of GPUs, asked of their driver, since libraries that run on GPUs load slowly."""

import ctypes

_DRIVER = "libcuda.so.1"
_SUCCESS = 0


def gpus() -> int:
    """Count the NVIDIA GPUs that this process may use; 0 without a driver."""
    try:
        driver = ctypes.CDLL(_DRIVER)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != _SUCCESS or driver.cuDeviceGetCount(ctypes.byref(count)) != _SUCCESS:
        return 0
    return count.value

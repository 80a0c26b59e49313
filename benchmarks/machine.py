"""A description of the machine that is measured, without host, user and path."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

_LIBRARIES = (
    "torch",
    "openvino",
    "torchxrayvision",
    "scikit-image",
    "numpy",
    "scipy",
    "pillow",
    "pydicom",
    "pylibjpeg-openjpeg",
    "imagecodecs",
)
_NUMBER_FORMATS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
_CPU_INFO = Path("/proc/cpuinfo")
_GIB = 2**30


def cores() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0))


def devices() -> list[str]:
    """Return the devices that a network can run on: ``cpu``, and ``cuda`` if there is one."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def description() -> dict[str, str]:
    """Return processor, memory, GPU and versions of libraries."""
    processor = _cpu_info()
    flags = set(processor.get("flags", "").split())
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    return {
        "processor": processor.get("model name", platform.machine()),
        "cores": str(cores()),
        "number formats": ", ".join(name for name in _NUMBER_FORMATS if name in flags) or "unknown",
        "memory": f"{memory_gib:.0f} GiB",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
    } | {name: _version(name) for name in _LIBRARIES}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # pydicom then takes another of its decoders
        return "not installed"


def _cpu_info() -> dict[str, str]:
    """Return the kernel's description of the first processor."""
    if not _CPU_INFO.exists():
        return {}
    first = _CPU_INFO.read_text().partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}

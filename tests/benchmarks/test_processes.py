import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from benchmarks import processes
from benchmarks.jobs import BenchmarkError, Job, NotOffered, Precision, Task, Variant, Weights
from benchmarks.memory import tree_bytes
from severity.gpus import gpus

pytestmark = pytest.mark.weights

ROOT = Path(__file__).parents[2]


def job(variant: Variant, *, images=("gone.dcm",), device="cpu") -> Job:
    return Job(variant, Task.RATE, "compact-2", Precision.FP32, device, (), images, Weights())


def test_a_process_that_fails_is_reported_with_the_end_of_its_errors(tmp_path):
    with pytest.raises(BenchmarkError, match=r"(?s)reference rate, compact-2.*FileNotFoundError"):
        processes.rate(job(Variant.REFERENCE), tmp_path)


def test_an_image_that_is_not_scored_stops_the_measurement(tmp_path):
    image = tmp_path / "image.png"
    image.write_bytes(b"no image")

    with pytest.raises(BenchmarkError, match="an image was rejected: not_an_image"):
        processes.rate(job(Variant.OURS, images=(str(image),)), tmp_path)


@pytest.mark.skipif(gpus() > 0, reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_not_offered(tmp_path):
    with pytest.raises(NotOffered, match="has 0 CUDA devices"):
        processes.rate(job(Variant.OURS, device="cuda"), tmp_path)


def test_the_memory_of_helpers_counts():
    helper = "import sys; block = bytearray(200_000_000); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", helper], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        helper_bytes = tree_bytes(process.pid)
        with_helper_bytes = tree_bytes(os.getpid())
    alone_bytes = tree_bytes(os.getpid())

    assert helper_bytes > 200_000_000
    assert with_helper_bytes - alone_bytes == pytest.approx(helper_bytes, rel=0.05)


def test_freed_memory_counts_for_the_peak():
    program = "block = bytearray(200_000_000); del block; print(own_peak_bytes())"
    lines = f"from benchmarks.memory import own_peak_bytes; {program}"

    printed = subprocess.check_output([sys.executable, "-c", lines], cwd=ROOT)

    assert 200_000_000 < int(printed) < 300_000_000

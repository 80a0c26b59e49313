import pytest

from severity.gpus import gpus


@pytest.mark.weights  # torch takes as long
def test_the_driver_names_as_many_gpus_as_torch_can_use() -> None:
    torch = pytest.importorskip("torch")

    assert gpus() == torch.cuda.device_count()

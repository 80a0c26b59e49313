from types import SimpleNamespace

import numpy as np

from training.compact_3.jobs import HOSPITAL, NONE, training_rows


def test_a_training_sees_no_film_that_is_held_out() -> None:
    packed = SimpleNamespace(
        fold=np.array([0, 1, 2, 0]),
        hannover=np.array([False, True, False, False]),
        source=np.array(["cidc", "cxnet", "montgomery", "nih"]),
    )

    assert training_rows(packed, "0").tolist() == [False, True, True, False]
    assert training_rows(packed, HOSPITAL).tolist() == [True, False, False, True]
    assert training_rows(packed, NONE).all()

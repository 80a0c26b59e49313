"""Films that two model versions scored, drawn from a known line."""

import numpy as np

from severity.bridging.fitting import Errors, PairedFilms

ERRORS = (Errors(0.9, 0.8), Errors(0.6, 0.45))
SLOPE, INTERCEPT = 1.2, -0.3


def paired_films(
    *,
    patients: int = 100,
    films: int = 2,
    between: float = 0.3,
    within: float = 0.4,
    flagged: int = 0,
    seed: int = 0,
) -> PairedFilms:
    """Draw films of patients; the last ``flagged`` are out of distribution."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), films)
    former = rng.normal(3.5, 1.5, patients)[owner] + rng.normal(0, 0.7, len(owner))
    moved = rng.normal(0, between, patients)[owner] + rng.normal(0, within, len(owner))
    eligible = np.arange(len(owner)) < len(owner) - flagged
    return PairedFilms(
        former,
        INTERCEPT + SLOPE * former + moved,
        0.7 * former,
        0.1 + 0.8 * former + 0.5 * moved,
        7 * owner,  # any numbers
        eligible,
    )

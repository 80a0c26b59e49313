"""What the charts of `severity.drift` see of simulated sites: the tables of `docs/drift.md`.

``python -m benchmarks.drift [SITES]`` takes minutes for a hundred sites.
"""

import sys
from collections.abc import Iterator

from severity.drift.naming import Cause
from severity.drift.simulation import Change, Site, named, run_length

_YEARS = 35 + 2 * 365
_IN_CONTROL = [
    Site(5, 1, nights=_YEARS),
    Site(5, 3, nights=_YEARS),
    Site(20, 3, nights=_YEARS),
    Site(60, 3, nights=_YEARS),
    Site(60, 3, persistence=0.85, nights=_YEARS),
    Site(150, 4, nights=_YEARS),
    Site(300, 4, persistence=0.5, nights=_YEARS),
    Site(300, 4, persistence=0.85, nights=_YEARS),
]
_FILMS = (5, 20, 60, 150, 300)
# As real films of one hospital move: see the table of `benchmarks.altered_images`.
_CHANGES = {
    "CLAHE 0.01 on the only device": (1, Change(points=-0.51, distance=0.285), Cause.MACHINE),
    "CLAHE 0.01 on one of three": (
        3,
        Change(points=-0.51, distance=0.285, device=1),
        Cause.MACHINE,
    ),
    "gain 1.5, white clipped, on the only device": (
        1,
        Change(points=0.11, distance=0.088),
        Cause.MACHINE,
    ),
    "gain 1.5 on one of three": (
        3,
        Change(points=0.11, distance=0.088, device=1),
        Cause.MACHINE,
    ),
    "errors three times as large, one device": (1, Change(retest=3.0), Cause.MACHINE),
    "scores of one of three devices up by 2 points": (
        3,
        Change(points=2.0, device=1),
        Cause.MACHINE,
    ),
    "all patients sicker by 2 points, three devices": (3, Change(points=2.0), Cause.PATIENTS),
    "the same, called a machine": (3, Change(points=2.0), Cause.MACHINE),
}


def tables(sites: int) -> Iterator[str]:
    """Yield the lines of both tables, in Markdown."""
    yield "| films a night | devices | persistence of the case mix | nights for each false alarm |"
    yield "|---|---|---|---|"
    for site in _IN_CONTROL:
        nights = run_length(site, sites, seed=1)
        yield f"| {site.films} | {site.devices} | {site.persistence} | {nights:.0f} |"
    yield ""
    yield "| change on night 40, named by night 43 | " + " | ".join(map(str, _FILMS)) + " |"
    yield "|---" * (1 + len(_FILMS)) + "|"
    for name, (devices, change, cause) in _CHANGES.items():
        shares = [
            named(Site(films, devices, nights=43), change, cause, sites=2 * sites, seed=2)
            for films in _FILMS
        ]
        yield f"| {name} | " + " | ".join(f"{share:.2f}" for share in shares) + " |"


if __name__ == "__main__":
    for line in tables(int(sys.argv[1]) if sys.argv[1:] else 100):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

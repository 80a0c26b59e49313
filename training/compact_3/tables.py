"""Tables of errors, robustness, healthy films and repeats, of any model that was measured.

``python -m training.compact_3.tables`` reads the packed films and what
``training.compact_3.measure`` and ``training.compact_3.cross_validation`` wrote. A setting's
predictions are of networks that never saw the film's patient; those of a bundled model are of the
model as it is, which was fitted on some of these films.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from severity.evaluation.agreement import ConfidenceInterval, mean_interval
from severity.evaluation.agreement import metrics as agreement
from severity.evaluation.regressions import fit_linear
from training.compact_3.alterations import ALTERATIONS
from training.compact_3.jobs import HOSPITAL, training_name
from training.compact_3.packing import FOLDS, SCALES
from training.protocol import accuracy

_FEW = 5  # films below which a row would say nothing
HIGH = 2.0
"""Points of extent that no healthy film should exceed."""
VIEWS = ("PA", "AP", "AP supine")
LYING = ("AP", "AP supine")
_MOVED = 1.0  # points of extent by which a film that is only processed should not move

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """What a model predicts on N films.

    ``points`` has shape (N, 2) and ``altered`` shape (alterations, N, 2), on their scales; not a
    number where the model must not be measured.
    """

    name: str
    points: Floats
    altered: Floats
    located: Floats | None = None
    dice: Floats | None = None

    def clipped(self) -> "Measured":
        """Return the same with points clipped to their scales, as scores are."""
        points, altered = (np.clip(part, 0, SCALES) for part in (self.points, self.altered))
        return replace(self, points=points, altered=altered)


@dataclass(frozen=True)
class Labelled:
    """The labels of the packed films that tables need."""

    points: Floats
    scored: Rows
    healthy: Rows
    fitted: Rows
    hannover: Rows
    source: NDArray[np.str_]
    view: NDArray[np.str_]
    release: NDArray[np.str_]
    patient: NDArray[np.str_]
    name: NDArray[np.str_]
    day: Floats

    @classmethod
    def read(cls, path: Path) -> "Labelled":
        """Read the labels, without the films."""
        with np.load(path) as stored:
            points = stored["points"].astype(float) * SCALES
            names = [name for name in cls.__dataclass_fields__ if name != "points"]
            return cls(points=points, **{name: stored[name] for name in names})


def read_bundled(paths: Sequence[Path], name: str) -> Measured:
    """Read the predictions of a bundled model from the one of these files that has them.

    ``training.compact_3.measure`` writes them, and ``training.compact_3.bundle`` those of
    ``compact-3`` by networks that never saw the film's patient.
    """
    for path in filter(Path.exists, paths):
        with np.load(path) as stored:
            if f"{name}/points" in stored:
                return _read_bundled(stored, name)
    raise ValueError(f"no file has predictions of {name}")


def _read_bundled(stored: Mapping[str, NDArray[np.generic]], name: str) -> Measured:
    everything = np.ones(len(stored["name"]), bool)
    keys = [key for key in (*_KEYS, *_MORE_KEYS) if f"{name}/{key}" in stored]
    part = {key: stored[f"{name}/{key}"] for key in keys}
    return _joined(name, len(everything), [(part, everything)]).clipped()


def read_folds(path: Path, setting: str) -> Measured:
    """Join the scores of a setting: of each film by the network that never saw its patient.

    Films of folds without which nothing was trained have none.
    """
    return read_unclipped_folds(path, setting).clipped()


def read_unclipped_folds(path: Path, setting: str) -> Measured:
    """Join what the networks of a setting return, as `read_folds` does, beyond the scales too."""
    with np.load(path) as stored:
        names = [training_name(setting, str(fold)) for fold in range(FOLDS)]
        trained = [name for name in names if f"{name}/unseen" in stored]
        return _joined(setting, len(stored["name"]), _parts(stored, trained))


def read_hospital(path: Path, setting: str) -> Measured | None:
    """Read the scores by the network that never saw one hospital; None if it was not trained."""
    name = training_name(setting, HOSPITAL)
    with np.load(path) as stored:
        if f"{name}/points" not in stored:
            return None
        parts = _parts(stored, [name])
        return _joined(f"{setting}, hospital", len(stored["name"]), parts).clipped()


_KEYS = ("points", "altered", "altered_rows")
_MORE_KEYS = ("located", "dice")
_Part = tuple[dict[str, NDArray[np.generic]], Rows]


def _parts(stored: Mapping[str, NDArray[np.generic]], names: Sequence[str]) -> list[_Part]:
    return [
        (
            {key: stored[f"{name}/{key}"] for key in (*_KEYS, *_MORE_KEYS)},
            np.asarray(stored[f"{name}/unseen"], bool),
        )
        for name in names
    ]


def _joined(name: str, count: int, parts: Sequence[_Part]) -> Measured:
    joined: dict[str, Floats] = {
        "points": np.full((count, 2), np.nan),
        "altered": np.full((len(ALTERATIONS), count, 2), np.nan),
    }
    for part, unseen in parts:
        joined["points"][unseen] = part["points"][unseen] * SCALES
        places = part["altered_rows"].astype(np.int64)
        changed = part["altered"] * SCALES
        joined["altered"][:, places[unseen[places]]] = changed[:, unseen[places]]
        for key in _MORE_KEYS:
            if key in part:
                unknown = np.full((count, part[key].shape[1]), np.nan)
                joined.setdefault(key, unknown)[unseen] = part[key][unseen]
    return Measured(name, **joined)


def subgroups(labels: Labelled) -> Iterator[tuple[str, Rows]]:
    """Yield the scored films: all, by view, by source and by release of the scores.

    "New" are those on which no model up to ``compact-2`` was fitted.
    """
    yield "all", labels.scored
    new = labels.scored & ~labels.fitted
    yield "new", new
    yield "new, PA", new & (labels.view == "PA")
    for view in VIEWS:
        yield view, labels.scored & (labels.view == view)
    yield "Hannover", labels.scored & labels.hannover
    yield "elsewhere", labels.scored & ~labels.hannover
    for release in ("2020-06", "2020-08"):
        yield f"release {release}", labels.scored & (labels.release == release)


def error_table(labels: Labelled, models: Sequence[Measured]) -> Iterator[str]:
    """Yield a table of errors with 95 % intervals over patients."""
    yield "| films | n | model | extent: error | bias | r | opacity: error | bias | r |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, rows in subgroups(labels):
        for model in models:
            known = rows & np.isfinite(model.points[:, 0])
            if known.sum() < _FEW:
                continue
            cells = [_errors(labels, model, known, score) for score in (0, 1)]
            yield f"| {name} | {known.sum()} | {model.name} | {' | '.join(cells)} |"


def _errors(labels: Labelled, model: Measured, rows: Rows, score: int) -> str:
    predicted, observed = model.points[rows, score], labels.points[rows, score]
    errors = mean_interval(np.abs(predicted - observed), labels.patient[rows].tolist())
    bias = (predicted - observed).mean()
    return f"{_text(errors)} | {bias:+.2f} | {agreement(predicted, observed).pearson:.2f}"


def robustness_table(labels: Labelled, models: Sequence[Measured]) -> Iterator[str]:
    """Yield how far the extent of scored films moves, and how many move by over a point."""
    yield f"| alteration | {' | '.join(model.name for model in models)} |"
    yield f"|---|{'---|' * len(models)}"
    for number, alteration in enumerate(ALTERATIONS):
        if not number:
            continue
        cells = []
        for model in models:
            moved = np.abs(model.altered[number, :, 0] - model.altered[0, :, 0])
            known = labels.scored & np.isfinite(moved)
            mean = mean_interval(moved[known], labels.patient[known].tolist())
            cells.append(f"{_text(mean)}; {np.mean(moved[known] > _MOVED):.0%}")
        yield f"| {alteration} | {' | '.join(cells)} |"


def healthy_table(labels: Labelled, models: Sequence[Measured]) -> Iterator[str]:
    """Yield how many healthy films score above 2 points, by source and view."""
    yield "| healthy films | n | model | mean | above 2 points |"
    yield "|---|---|---|---|---|"
    kinds = sorted(
        set(zip(labels.source[labels.healthy], labels.view[labels.healthy], strict=True))
    )
    groups = [(f"{s} {v}", (labels.source == s) & (labels.view == v)) for s, v in kinds]
    lying = np.isin(labels.view, LYING)
    groups += [("all AP", lying), ("all others", ~lying)]
    for name, chosen in groups:
        for model in models:
            rows = labels.healthy & chosen & np.isfinite(model.points[:, 0])
            if not rows.any():
                continue
            extent = model.points[rows, 0]
            above = mean_interval((extent > HIGH).astype(float), labels.patient[rows].tolist())
            cells = f"{extent.mean():.2f} | {above.value:.0%} [{above.low:.0%}, {above.high:.0%}]"
            yield f"| {name} | {rows.sum()} | {model.name} | {cells} |"


def repeat_table(labels: Labelled, models: Sequence[Measured]) -> Iterator[str]:
    """Yield the spread of differences between films of a patient within a day."""
    pairs = list(repeats(labels))
    yield "| model | pairs | SD of differences, extent | of all scores | ratio | opacity |"
    yield "|---|---|---|---|---|---|"
    for model in models:
        known = [pair for pair in pairs if np.isfinite(model.points[list(pair), 0]).all()]
        if len(known) < _FEW:
            continue
        first, second = np.array(known).T
        apart = model.points[first] - model.points[second]
        sd = np.sqrt((apart**2).mean(axis=0))
        spread = np.nanstd(model.points[labels.scored, 0])
        cells = f"{sd[0]:.2f} | {spread:.2f} | {sd[0] / spread:.2f} | {sd[1]:.2f}"
        yield f"| {model.name} | {len(known)} | {cells} |"


def repeats(labels: Labelled) -> Iterator[tuple[int, int]]:
    """Yield pairs of films of one patient of the same or the next day; no film is in two."""
    places = np.flatnonzero(np.isfinite(labels.day))
    order = sorted(places, key=lambda place: (labels.patient[place], labels.day[place]))
    previous: int | None = None
    for place in order:
        if (
            previous is not None
            and labels.patient[place] == labels.patient[previous]
            and labels.day[place] - labels.day[previous] <= 1
        ):
            yield previous, int(place)
            previous = None
        else:
            previous = int(place)


def halves_table(labels: Labelled, models: Sequence[Measured]) -> Iterator[str]:
    """Yield errors by the protocol of published comparisons, on the films of the first release."""
    yield "| model | films | extent | opacity |"
    yield "|---|---|---|---|"
    for model in models:
        rows = labels.scored & labels.fitted & np.isfinite(model.points[:, 0])
        measured = [
            accuracy(
                model.points[rows, score, None],
                labels.points[rows, score],
                groups=labels.patient[rows].tolist(),
                fit=fit_linear,
                maximum=SCALES[score],
            )
            for score in (0, 1)
        ]
        yield f"| {model.name} | {rows.sum()} | {measured[0]} | {measured[1]} |"


def map_table(models: Sequence[Measured]) -> Iterator[str]:
    """Yield how well maps agree with masks that the networks never saw."""
    yield "| model | Dice of right lung | left lung | opacity | peak inside | evidence in lungs |"
    yield "|---|---|---|---|---|---|"
    for model in models:
        if model.dice is None or model.located is None:
            continue
        values = np.nanmean(np.column_stack([model.dice[:, :3], model.located]), axis=0)
        counts = np.isfinite(np.column_stack([model.dice[:, :3], model.located])).sum(axis=0)
        cells = " | ".join(f"{v:.2f} ({n})" for v, n in zip(values, counts, strict=True))
        yield f"| {model.name} | {cells} |"


def _text(interval: ConfidenceInterval) -> str:
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=Path, default=Path("work/films.npz"))
    parser.add_argument(
        "--bundled",
        type=Path,
        nargs="+",
        default=[Path("work/bundled.npz"), Path("work/unseen.npz")],
    )
    parser.add_argument("--models", nargs="*", default=["compact-1", "compact-2", "compact-3"])
    parser.add_argument("--trained", type=Path, default=Path("work/out/predictions.npz"))
    parser.add_argument("--settings", nargs="*", default=[])
    options = parser.parse_args()
    labels = Labelled.read(options.films)
    models = [read_bundled(options.bundled, name) for name in options.models]
    models += [read_folds(options.trained, name) for name in options.settings]
    without = [read_hospital(options.trained, name) for name in options.settings]
    hospital = [measured for measured in without if measured is not None]
    for title, table in (
        ("Errors", error_table(labels, [*models, *hospital])),
        (
            "Robustness: mean change of extent; share above one point",
            robustness_table(labels, models),
        ),
        ("Healthy films", healthy_table(labels, [*models, *hospital])),
        ("Films within a day", repeat_table(labels, models)),
        ("Maps", map_table(models)),
        ("50 halves, as published systems are compared", halves_table(labels, models)),
    ):
        print(f"\n## {title}\n", *table, sep="\n")


if __name__ == "__main__":
    main()

"""The authors' published predictions, and how far a model's own are from them."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from severity.domain import Scale, Score
from severity.errors import SeverityError
from severity.vocabulary.numbers import parse_number

TOLERANCE = 0.02
"""Points. Half a unit of the last published digit is 0.005; the rest is for resampling."""

EXTENT_SCALE, OPACITY_SCALE = Scale(0, 8), Scale(0, 6)
"""The scales that the published predictions are on, before clipping: two are below 0."""


class UnreadableReference(SeverityError):
    """The published predictions are not the table that is described here."""


class Origin(StrEnum):
    """Where predictions were published."""

    NOTEBOOK = "notebook"  # mlmed/covid-severity, xray_covid_eval.ipynb; two decimals
    README = "README"  # its worked examples; four significant digits


_COLUMNS = {
    Origin.NOTEBOOK: {"geographic extent": "published_prediction"},
    Origin.README: {"geographic extent": "geographic_extent_0_8", "opacity": "opacity_0_6"},
}


@dataclass(frozen=True)
class Prediction:
    """One published number: of an image, by name, for ``geographic extent`` or ``opacity``."""

    origin: Origin
    image: str
    score: str
    points: float


@dataclass(frozen=True)
class Comparison:
    """A published number and ours, in points before clipping.

    ``points`` is None where the image is missing, or where it was rejected for ``reason``.
    """

    published: Prediction
    points: float | None
    reason: str = ""

    @property
    def difference(self) -> float | None:
        """Ours less the published one."""
        return None if self.points is None else self.points - self.published.points

    @property
    def agrees(self) -> bool:
        """Whether the two are equal, but for rounding and resampling."""
        # Also false if the difference is no number.
        return self.difference is not None and abs(self.difference) <= TOLERANCE


@dataclass(frozen=True)
class Verdict:
    """The result of all comparisons."""

    comparisons: Sequence[Comparison]

    @property
    def compared(self) -> list[Comparison]:
        """The comparisons with a number of ours."""
        return [comparison for comparison in self.comparisons if comparison.points is not None]

    @property
    def images_missing(self) -> list[str]:
        """Images that are absent, each once."""
        return _images(
            comparison
            for comparison in self.comparisons
            if comparison.points is None and not comparison.reason
        )

    @property
    def images_rejected(self) -> list[str]:
        """Images that are present and were not scored, each once."""
        return _images(comparison for comparison in self.comparisons if comparison.reason)

    @property
    def largest(self) -> float | None:
        """The largest absolute difference, in points."""
        # Of numbers and one that is none, Python's `max` may be any.
        return max(self._distances, key=lambda d: math.inf if math.isnan(d) else d, default=None)

    @property
    def mean(self) -> float | None:
        """The mean absolute difference, in points."""
        return math.fsum(self._distances) / len(self._distances) if self._distances else None

    @property
    def agrees(self) -> bool:
        """Whether images were compared, none was rejected, and all numbers agree."""
        agreed = bool(self.compared) and all(comparison.agrees for comparison in self.compared)
        return agreed and not self.images_rejected

    @property
    def _distances(self) -> list[float]:
        differences = (comparison.difference for comparison in self.comparisons)
        return [abs(difference) for difference in differences if difference is not None]


def parse_predictions(content: str, origin: Origin) -> list[Prediction]:
    """Read a table of published predictions.

    Parameters
    ----------
    content
        CSV with a column ``filename`` and ``published_prediction``, or ``geographic_extent_0_8``
        and ``opacity_0_6``.
    origin
        Decides which columns are read.

    Raises
    ------
    UnreadableReference
        A column is absent, a cell is no number, or a row names no image or has too many cells.
    """
    rows = csv.DictReader(io.StringIO(content, newline=""), strict=True)
    try:
        predictions = [
            Prediction(origin, image, score, parse_number(row[column]))
            for image, row in ((_image(row), row) for row in rows)
            for score, column in _COLUMNS[origin].items()
        ]
    except KeyError as error:
        raise UnreadableReference(f"no column {error}") from error
    except (TypeError, ValueError, csv.Error) as error:
        raise UnreadableReference(f"line {rows.line_num}: {error}") from error
    if not predictions:
        raise UnreadableReference("it lists no image")
    return predictions


def _image(row: Mapping[str | None, str | None]) -> str:
    if None in row:  # the key of cells beyond the columns
        raise ValueError("there are more cells than columns")
    if not row["filename"]:
        raise ValueError("there is no filename")
    return row["filename"]


def compare(
    predictions: Iterable[Prediction], scores: Mapping[str, Score], rejected: Mapping[str, str]
) -> Verdict:
    """Compare published predictions with a model's scores.

    Parameters
    ----------
    predictions
        As published.
    scores
        The model's, by the image's name.
    rejected
        Why other images were not scored, by name; images in neither are missing.
    """
    return Verdict(
        [
            Comparison(
                published,
                _points(published, scores.get(published.image)),
                rejected.get(published.image, ""),
            )
            for published in predictions
        ]
    )


def _points(published: Prediction, score: Score | None) -> float | None:
    if score is None:
        return None
    return score.opacity_raw if published.score == "opacity" else score.geographic_extent_raw


def _images(comparisons: Iterable[Comparison]) -> list[str]:
    return sorted({comparison.published.image for comparison in comparisons})

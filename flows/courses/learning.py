"""A site's own parameters of courses, learned from a sample of its own patients."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from db.courses import due, films, parameters
from db.courses.films import StoredFilms
from db.engine import Database
from flows.courses.adopting import stored
from flows.courses.following import owners
from severity.course.episodes import episodes
from severity.course.learning import enough, learn, with_intervals
from severity.course.parameters import CourseParameters, Origin, ScoreParameters
from severity.course.series import Films
from severity.course.simulation import thresholds_for

MOST_PATIENTS = 2000
"""The most patients that it learns from: of more, minutes would become an hour."""

_EVERY = timedelta(days=7)


def learn_weekly(database: Database, model_version_id: int) -> bool:
    """Learn a model version's parameters if it was not done for a week; return whether it was.

    Only where there are other films to learn from than then. Courses that rest on the set before
    become due.
    """
    with database.transaction() as session:
        newest = parameters.newest_learned(session, model_version_id)
    if newest is not None and datetime.now(UTC) - newest[1] < _EVERY:
        return False
    former = None if newest is None else CourseParameters.from_json(newest[0])
    return learn_parameters(database, model_version_id, former=former) is not None


def learn_parameters(
    database: Database, model_version_id: int, *, former: CourseParameters | None = None
) -> CourseParameters | None:
    """Learn a model version's parameters at this site, and let its courses rest on them.

    Parameters
    ----------
    former
        A set that was learned here. From the same films the same is learned, which is stored
        already, so nothing is where there are as many.

    Returns
    -------
    The set; None if the site has too few series, or no others, or the version has no parameters.
    """
    with database.transaction() as session:
        adopted = parameters.adopted(session, model_version_id)
        sample = films.sample(session, model_version_id, patients=MOST_PATIENTS)
    if adopted is None or (former and (former.patients, former.films) == _counts(sample)):
        return None
    learned = learned_from(sample, CourseParameters.from_json(adopted.content))
    if learned is None:
        return None
    with database.transaction() as session:
        parameters.adopt(session, model_version_id, stored(learned))
        due.add_outdated(session, model_version_id)
    return learned


def learned_from(sample: StoredFilms, current: CourseParameters) -> CourseParameters | None:
    """Learn a set from films, with the choices of the current one; it takes minutes.

    None if they are too few.
    """
    gaps = np.full(len(sample), current.episode_days)
    cut = episodes(owners(sample), sample.times, gaps)
    views = sample.views.astype(np.int8)
    extents = Films(cut.series, cut.days, sample.extents, views, sample.eligible)
    if not enough(extents):
        return None
    patients, eligible = _counts(sample)
    return CourseParameters(
        geographic_extent=_learned(extents, current.geographic_extent),
        opacity=_learned(replace(extents, points=sample.opacities), current.opacity),
        episode_days=current.episode_days,
        origin=Origin.SITE,
        patients=patients,
        films=eligible,
    )


def _counts(sample: StoredFilms) -> tuple[int, int]:
    """Return of how many patients, and how many eligible films, a set is learned."""
    return len(np.unique(sample.person_ids)), int(sample.eligible.sum())


def _learned(films_of_score: Films, current: ScoreParameters) -> ScoreParameters:
    learned = learn(films_of_score, margin=current.margin, thresholds=current.thresholds)
    score = with_intervals(films_of_score, learned)
    return replace(score, thresholds=thresholds_for(score))

"""Whether a baseline that a person chose by a treatment is one, as courses are computed."""

from db.courses import choices, parameters
from db.courses import films as stored_films
from db.engine import Transaction
from flows.courses.following import before_treatments
from severity.course.parameters import CourseParameters


def treatment_has_baseline(session: Transaction, person_id: int) -> bool:
    """Whether an eligible film precedes a person's chosen treatment in its episode.

    By any model version that has courses; without such a version nobody knows how long episodes
    are, and any treatment has one.

    Raises
    ------
    WrongParameters
        Another version of this program wrote the parameters.
    """
    chosen = choices.of_persons(session, [person_id])
    versions = parameters.versions(session)
    for version in versions:
        films = stored_films.read(session, version.model_version_id, [person_id])
        usual = CourseParameters.from_json(version.content).episode_days
        if len(films) and before_treatments(films, chosen, usual).any():
            return True
    return not versions

"""A session is known by its token alone, and ends."""

from flows.dashboard.security.sessions import IDLE, LONGEST, Sessions
from flows.dashboard.security.user import User

ROE = User("dr.roe")


def test_a_session_is_known_by_the_token_that_it_began_with():
    sessions = Sessions()
    token, other = sessions.begin(ROE), sessions.begin(User("dr.doe"))

    assert len({token, other}) == 2
    assert sessions.user(token) == ROE
    assert [sessions.user(wrong) for wrong in ("", token[:-1], token.swapcase(), "\ud800")] == (
        [None] * 4
    )


def test_a_session_ends_when_it_is_left_after_a_day_and_when_its_person_says_so():
    sessions = Sessions()
    left, used, ended = (sessions.begin(ROE, now=0.0) for _ in range(3))
    sessions.end(ended)

    assert sessions.user(ended, now=1.0) is None
    assert sessions.user(left, now=IDLE + 1) is None
    steps = range(0, int(LONGEST) + 1, int(IDLE))
    assert all(sessions.user(used, now=float(at)) == ROE for at in steps)
    assert sessions.user(used, now=LONGEST + 1) is None


def test_of_too_many_sessions_the_oldest_end():
    sessions = Sessions()
    tokens = [sessions.begin(ROE) for _ in range(1001)]

    assert sessions.user(tokens[0]) is None
    assert sessions.user(tokens[1]) == sessions.user(tokens[-1]) == ROE

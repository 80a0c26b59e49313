"""A PACS that answers late, wrongly or not at all: nothing is lost, and no other film waits."""

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from flows.errors import PacsError, UsageError
from flows.pacs import dicomweb, fetching
from flows.pacs.fetching import fetch_new, reconcile_all
from flows.pacs.opening import checked_url
from flows.pacs.text import attention_text
from tests.builders.archived_films import Site, archived_film, by_dicomweb, today
from tests.builders.dicom_films import film_uid
from tests.builders.dicom_nodes import DICOMWEB_PLUGIN
from tests.builders.dicomweb_proxy import Answer, answer_of, proxy_of

pytestmark = pytest.mark.skipif(
    not DICOMWEB_PLUGIN.exists(), reason="orthanc-dicomweb is not installed"
)


@pytest.fixture
def proxy(pacs):
    pacs.store(archived_film("a"), archived_film("b"))
    with proxy_of(pacs) as proxy:
        yield proxy


@pytest.fixture
def site(proxy, resources, tmp_path):
    return Site.of(resources, tmp_path / "inbox", pacs=proxy.url, pacs_attempts=2)


def of_film(name, change):
    """Change the answers to questions for one film alone."""
    return lambda path, answer: change(answer) if film_uid(name) in path else answer


def outcome(reports):
    (report,) = reports
    return len(report.fetched), sorted(film.reason for film in report.missing)


def test_a_question_that_is_not_answered_once_is_asked_again(site, proxy):
    failures = iter([Answer(503), Answer(429, headers={"Retry-After": "1"})])
    proxy.change = lambda path, answer: next(failures, answer) if "/series/" in path else answer

    assert outcome(fetch_new(site.resources)) == (2, [])


def cut_off(answer):
    return Answer(200, answer.content[:-100], answer.headers)


def another_film(answer):
    other = answer.content.replace(film_uid("0").encode(), film_uid("9").encode())
    assert other != answer.content
    return Answer(200, other, answer.headers)


REASONS = {
    "another_film": another_film,
    "no_answer": cut_off,
    "not_dicom": lambda _: Answer(200, b"<html>sign in</html>"),
    "refused": lambda _: Answer(403),  # as of a patient whose films are shielded
}


def test_a_film_that_is_not_given_has_a_reason_and_holds_up_no_other(site, proxy, pacs):
    pacs.store(*(archived_film(f"{number}") for number in range(len(REASONS))))
    faults = dict(zip(map(film_uid, "0123"), REASONS.values(), strict=True))

    def faulty(path, answer):
        return faults.get(path.rpartition("/")[2], lambda given: given)(answer)

    proxy.change = faulty
    assert outcome(fetch_new(site.resources)) == (2, sorted(REASONS))

    proxy.change = lambda _, answer: answer
    assert outcome(fetch_new(site.resources)) == (len(REASONS), [])


def test_a_film_whose_uid_is_none_holds_up_no_other(site, proxy):
    def renamed(path, answer):
        if "/instances?" not in path:
            return answer
        odd = answer.content.replace(film_uid("a").encode(), b"1.2.3a")
        return Answer(answer.status, odd, answer.headers)

    proxy.change = renamed

    assert outcome(fetch_new(site.resources)) == (1, ["no_uid"])


def test_a_modality_in_small_letters_is_the_same(site, pacs):
    """As where the film itself is read; some PACS find it by the question in capitals."""
    pacs.store(archived_film("small", Modality="cr"))

    assert outcome(fetch_new(site.resources)) == (3, [])


def test_a_film_that_is_never_given_is_left_to_the_nightly_comparison(site, proxy, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_TRIES", 2)
    proxy.change = of_film("a", lambda _: Answer(404))
    for _ in range(2):
        list(fetch_new(site.resources))
    asked = proxy.films_asked()

    assert outcome(fetch_new(site.resources)) == (0, ["given_up"])
    assert proxy.films_asked() == asked
    assert outcome(reconcile_all(site.resources)) == (0, ["refused"])


def test_a_long_list_is_asked_for_page_by_page(site, proxy, monkeypatch):
    monkeypatch.setattr(dicomweb, "_PAGE", 1)

    assert outcome(fetch_new(site.resources)) == (2, [])


def test_a_pacs_that_gives_the_first_page_alone_is_no_quiet_night(site, proxy, pacs, monkeypatch):
    monkeypatch.setattr(dicomweb, "_PAGE", 1)
    monkeypatch.setattr(dicomweb, "_SMALLEST_CAP", 1)

    def first_page(path, answer):
        return (
            answer_of(pacs, path.replace("offset=1", "offset=0")) if "offset=1" in path else answer
        )

    proxy.change = first_page

    with pytest.raises(PacsError, match="no others"):
        list(fetch_new(site.resources))


def test_a_pacs_that_says_that_it_has_more_and_gives_no_more_is_no_quiet_night(site, proxy, pacs):
    def with_warning(path, answer):
        if "/instances?" not in path:
            return answer
        page = answer_of(pacs, path.partition("&offset")[0])
        return Answer(page.status, page.content, page.headers | {"Warning": '299 pacs "more"'})

    proxy.change = with_warning

    with pytest.raises(PacsError, match="no others"):
        list(fetch_new(site.resources))


@pytest.mark.parametrize("separator", [".", "-"])
def test_a_study_date_in_an_older_form_is_read(site, proxy, separator):
    proxy.change = lambda path, answer: dated(path, answer, f"%Y{separator}%m{separator}%d")

    assert outcome(fetch_new(site.resources)) == (2, [])


def test_study_dates_that_cannot_be_read_are_no_quiet_night(site, proxy):
    proxy.change = lambda path, answer: dated(path, answer, "%d %B")

    with pytest.raises(PacsError, match="study dates"):
        list(fetch_new(site.resources))


def dated(path, answer, form):
    """State the study date of today otherwise."""
    if "/instances?" not in path:
        return answer
    other = answer.content.replace(f'"{today():%Y%m%d}"'.encode(), f'"{today():{form}}"'.encode())
    return Answer(answer.status, other, answer.headers)


def test_films_that_a_pacs_names_no_more_are_told_by_the_nightly_comparison(site, proxy):
    list(fetch_new(site.resources))
    proxy.change = lambda path, answer: Answer(204) if "/instances?" in path else answer

    (report,) = reconcile_all(site.resources)

    assert (report.in_pacs, len(report.unnamed)) == (0, 2)
    assert "2 no longer named" in attention_text([report])
    assert list(fetch_new(site.resources)) == []


@pytest.mark.parametrize(
    ("stated", "corrected"),
    [
        ({"days_ago": 0}, {"days_ago": 2}),
        ({"days_ago": 2}, {"days_ago": 0}),
        ({"Modality": "CR"}, {"Modality": "DX"}),
    ],
)
def test_a_film_that_a_pacs_names_otherwise_than_before_is_still_named(
    site, proxy, pacs, stated, corrected
):
    pacs.store(archived_film("c", **stated))
    list(fetch_new(site.resources))
    pacs.remove(film_uid("c"), film_uid("b"))
    pacs.store(archived_film("c", **corrected))

    reports = list(reconcile_all(site.resources))

    assert sum(report.in_pacs for report in reports) == 2
    assert sum(len(report.unnamed) for report in reports) == 1  # the one that is gone


def test_a_comparison_of_fewer_days_forgets_nothing_of_the_others(site, proxy, pacs):
    pacs.store(archived_film("older", days_ago=2))
    list(fetch_new(site.resources))
    list(reconcile_all(site.having(pacs_reconcile_days=1).resources))
    proxy.change = lambda path, answer: Answer(204) if "/instances?" in path else answer

    today_and_older = reconcile_all(site.resources)

    assert [len(report.unnamed) for report in today_and_older] == [2, 1]


def test_films_that_wait_for_more_than_a_day_are_told(site, proxy):
    list(fetch_new(site.resources))
    (fresh,) = reconcile_all(site.resources)
    with site.resources.open_database().transaction() as session:
        session.execute(text("UPDATE pacs_instance SET changed_at = now() - interval '25 hours'"))

    (report,) = reconcile_all(site.resources)

    assert (fresh.waiting, fresh.overdue, attention_text([fresh])) == (2, 0, "")
    assert (report.waiting, report.overdue) == (2, 2)
    assert attention_text([report])


def test_what_was_not_asked_for_is_left_where_a_pacs_ignores_the_question(site, proxy, pacs):
    pacs.store(archived_film("old", days_ago=100), archived_film("breast", Modality="MG"))

    def everything(path, answer):
        ignores = "/instances?" in path
        return answer_of(pacs, "/dicom-web/instances?includefield=00180015") if ignores else answer

    proxy.change = everything

    assert outcome(fetch_new(site.resources)) == (2, [])


def test_a_web_page_is_told_apart_from_a_pacs_without_films(site, proxy):
    proxy.change = lambda *_: Answer(200, b"<html>welcome</html>")

    with pytest.raises(PacsError, match="no DICOMweb service"):
        list(fetch_new(site.resources))


def test_a_token_is_sent_as_such(proxy, resources, tmp_path):
    site = Site.of(resources, tmp_path / "inbox", pacs=proxy.url, pacs_token=SecretStr("tok"))

    list(fetch_new(site.resources))

    assert proxy.authorizations == {"Bearer tok"}


def test_a_password_that_is_wrong_is_told_and_not_shown(pacs, resources, tmp_path):
    settings = by_dicomweb(pacs) | {"pacs_password": SecretStr("a wrong one")}

    with pytest.raises(PacsError, match="answers 401") as refused:
        list(fetch_new(Site.of(resources, tmp_path / "inbox", **settings).resources))

    assert "wrong one" not in str(refused.value)


def test_a_pacs_that_cannot_prove_itself_is_not_asked(pacs, resources, tmp_path):
    settings = by_dicomweb(pacs) | {"pacs_ca": None, "pacs_attempts": 1}

    with pytest.raises(PacsError, match="does not answer"):
        list(fetch_new(Site.of(resources, tmp_path / "inbox", **settings).resources))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://pacs.example/dicom-web", "neither"),
        ("https:///dicom-web", "neither"),
        ("https://pacs.example:99999/dicom-web", "neither"),
        ("https://xn--/dicom-web", "neither"),
        ("https://me:word@pacs.example/dicom-web", "no user"),
        ("https://pacs.example/dicom-web?token=x", "no query"),
        ("http://pacs.example/dicom-web", "by https alone"),
    ],
)
def test_an_address_that_would_betray_a_secret_is_wrong_use(url, problem):
    with pytest.raises(UsageError, match=problem):
        checked_url(url, has_credentials=True)

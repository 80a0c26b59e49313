"""The development films: every film that may train or measure, with all labels of its sources.

The folder is described in its own README. Films that are kept back for evaluation, and every other
film of their patients, are left out here, so that nothing downstream can see them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from severity.evaluation.splits import groups_of
from training.images import LATERAL, NO_FINDING, brixia_zones, rows
from training.protocol import EXTENT_MAXIMUM, OPACITY_MAXIMUM

_RIGHT_ZONES = 3
APPROXIMATE_OPACITY = "2020-08"
"""The release whose opacity was published on another scale: it counts half."""

TIED_PATIENTS = (
    ("cidc-2", "cidc-326b"),
    ("cidc-78", "cidc-201"),
    ("cidc-97", "cidc-178"),
    ("cidc-137", "cidc-202"),
    ("cidc-192", "cidc-196"),
    ("cidc-285", "cidc-339"),
    ("cidc-287", "cidc-340"),
)
"""Patients of two names who share a film by `severity.evaluation.duplicates`, below its limit."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Film:
    """One frontal film with every label of its sources; None is unknown."""

    path: Path
    source: str
    patient: str
    """The patient, or the group of patients who share a film."""
    view: str = ""
    extent: float | None = None
    """Geographic extent of the readers, 0 to 8 points."""
    opacity: float | None = None
    """Opacity of the readers, 0 to 6 points."""
    release: str = ""
    """The release of the readers' scores."""
    fitted: bool = False
    """Whether the heads of the models up to ``compact-2`` were fitted on its score."""
    right_share: float | None = None
    """The right lung's share of the extent, by lesion masks or Brixia zones."""
    zones: tuple[float, ...] | None = None
    """Mean of both radiologists, six Brixia zones of 0 to 3 points."""
    findings: frozenset[str] | None = None
    """As mined from reports by ChestX-ray14."""
    abnormal: bool | None = None
    healthy: bool = False
    """Whether an expert, or a source of healthy people, states that nothing is wrong."""
    opaque: bool | None = None
    """Whether experts saw an opacity of the lungs (RSNA, Google)."""
    boxes: tuple[tuple[float, ...], ...] | None = None
    """The opacities that RSNA's experts marked, shares of the sides; empty is none."""
    copy: bool = False
    """Whether another film of this list shows the same exposure."""
    masks: Mapping[str, Path] = field(default_factory=dict)
    """Pixel masks by kind: ``lesions``, ``v7``, ``lungs``."""
    day: float | None = None
    """Days since the patient's day 0."""

    @property
    def unfound(self) -> bool:
        """Whether experts saw no opacity, or none looked and the report names no finding."""
        if self.opaque is not None:
            return not self.opaque
        return self.findings is not None and not self.findings

    @property
    def scored(self) -> bool:
        """Whether readers scored this film itself, so that it measures."""
        return self.extent is not None and not self.copy


def development_films(data: Path) -> list[Film]:
    """Read all development films, each patient's under a single name over all collections."""
    kept_back = {row["filename"] for row in rows(data / "kept_back.csv")}
    collection = list(_collection(data))
    hannover = list(_hannover(data))
    films = [*collection, *hannover, *_extra_films(data), *_nih(data), *_lungs(data)]
    films += _copies(data, films)
    films = _grouped(films)
    excluded = {
        film.patient for film in films if str(film.path.relative_to(data).as_posix()) in kept_back
    }
    return [film for film in films if film.patient not in excluded]


def _grouped(films: Sequence[Film]) -> list[Film]:
    """Give patients who share a film one name."""
    place = {film.patient: number for number, film in enumerate(films)}
    links = [(place[one], place[two]) for one, two in TIED_PATIENTS if {one, two} <= set(place)]
    groups = groups_of([film.patient for film in films], links)
    return [replace(film, patient=group) for film, group in zip(films, groups, strict=True)]


def _by_name(path: Path) -> dict[str, dict[str, str]]:
    return {row["filename"]: row for row in rows(path)}


def _number(text: str) -> float | None:
    return float(text) if text else None


def _collection(data: Path) -> Iterator[Film]:
    scores = _by_name(data / "cidc" / "covidx_s_scores.csv")
    zones = brixia_zones(data)
    lesions, v7 = (_by_name(data / "masks" / f"{kind}.csv") for kind in ("lesions", "v7"))
    days = _days_of_hannover(data)
    for row in rows(data / "cidc" / "metadata.csv"):
        name = row["filename"]
        if row["view"] == LATERAL:
            continue
        score = scores.get(name, {})
        yield Film(
            path=data / "cidc" / "images" / name,
            source="cidc",
            patient=f"cidc-{row['patientid']}",
            view=row["view"].replace("Supine", "supine"),
            extent=_number(score.get("geographic_extent_mean", "")),
            opacity=_number(score.get("opacity_mean", "")),
            release=score.get("release", ""),
            fitted=score.get("in_severity_scores") == "1",
            right_share=_right_share(lesions.get(name), zones.get(name)),
            zones=zones.get(name),
            abnormal=row["finding"] != NO_FINDING,
            # Of its six AP films without a finding three show severe disease when looked at.
            healthy=row["finding"] == NO_FINDING and row["view"] == "PA",
            masks={
                kind: data / "masks" / table[name]["mask"]
                for kind, table in (("lesions", lesions), ("v7", v7))
                if name in table
            },
            day=days.get(name, _number(row["offset"])),
        )


def _right_share(lesions: Row | None, zones: Sequence[float] | None) -> float | None:
    """Return the right lung's share; None where both lungs are clear, or nothing is known."""
    if lesions is not None:
        right, left = float(lesions["right_share"]), float(lesions["left_share"])
    elif zones is not None:
        right, left = sum(zones[:_RIGHT_ZONES]), sum(zones[_RIGHT_ZONES:])
    else:
        return None
    return right / (right + left) if right + left > 0 else None


def _hannover(data: Path) -> Iterator[Film]:
    """Read the films of that hospital whose file is not in the collection."""
    for row in rows(data / "hannover" / "films.csv"):
        if row["filename"].startswith("../"):
            continue
        known = row["cidc_patientid"]
        yield Film(
            path=data / "hannover" / row["filename"],
            source="hannover",
            patient=f"cidc-{known}" if known else f"hannover-{row['patient']}",
            view=row["view"],
            extent=_number(row["geographic_extent_mean"]),
            opacity=_number(row["opacity_mean"]),
            release=row["release"],
            day=_number(row["offset_days"]),
        )


def _days_of_hannover(data: Path) -> dict[str, float | None]:
    """Read the days of the collection's films of that hospital: its own table is right."""
    return {
        Path(row["filename"]).name: _number(row["offset_days"])
        for row in rows(data / "hannover" / "films.csv")
    }


def hannover_films(data: Path) -> frozenset[Path]:
    """Return every film of that hospital, those in the other collections included."""
    named = rows(data / "hannover" / "films.csv")
    own = {data / "hannover" / row["filename"] for row in named}
    return frozenset(own | {data / copy for row in named for copy in row["copy_of"].split()})


def _extra_films(data: Path) -> Iterator[Film]:
    """Read the films that only the radiologists' masks have, one of them scored by readers."""
    scores = _by_name(data / "cidc" / "severity_scores.csv")
    for row in rows(data / "masks" / "lesions.csv"):
        if row["in_cidc"] == "1":
            continue
        path = data / "masks" / row["filename"]
        score = scores.get(f"{path.stem}.png", {})
        yield Film(
            path=path,
            source="masks",
            patient=f"cidc-{row['patientid']}" if row["patientid"] else f"masks-{path.stem}",
            view=row["view"],
            extent=_number(score.get("geographic_extent_mean", "")),
            opacity=_number(score.get("opacity_mean", "")),
            release="2020-06" if score else "",
            right_share=_right_share(row, None),
            abnormal=True,
            masks={"lesions": data / "masks" / row["mask"]},
        )


def _nih(data: Path) -> Iterator[Film]:
    experts = _by_name(data / "pretrain" / "nih_rsna.csv")
    for row in rows(data / "pretrain" / "nih.csv"):
        expert = experts.get(row["filename"], {})
        seen = expert.get("rsna_class", "")
        yield Film(
            path=data / "pretrain" / row["filename"],
            source="nih",
            patient=f"nih-{row['patient_id']}",
            view=row["view"],
            findings=frozenset(row["findings"].split("|")) - {NO_FINDING},
            abnormal=row["findings"] != NO_FINDING,
            healthy=seen == "Normal",
            opaque=_opaque(seen, expert.get("google_airspace_opacity", "")),
            boxes=_boxes(expert.get("rsna_opacity_boxes", "")) if seen else None,
        )


def _opaque(rsna: str, google: str) -> bool | None:
    if rsna:
        return rsna == "Lung Opacity"
    return google == "YES" if google else None


def _boxes(text: str) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(part) for part in box.split(",")) for box in text.split())


def _lungs(data: Path) -> Iterator[Film]:
    for row in rows(data / "lungs" / "films.csv"):
        source = "shenzhen" if row["patient"].startswith("CHN") else "montgomery"
        normal = row["label"] == "normal"
        mask = {"lungs": data / "lungs" / row["mask"]} if row["mask"] else {}
        yield Film(
            path=data / "lungs" / row["filename"],
            source=source,
            patient=f"{source}-{row['patient']}",
            view=row["view"] or "not stated",
            abnormal=not normal,
            healthy=normal,
            masks=mask if row["sides"] == "1" else {},
        )


def _copies(data: Path, films: Sequence[Film]) -> Iterator[Film]:
    """Read COVID-CXNet; a copy of another film has that film's patient and scores."""
    copies = _by_name(data / "pretrain" / "cxnet_copies.csv")
    originals = {film.path.relative_to(data).as_posix(): film for film in films}
    originals |= {f"hannover {film.path.stem}": film for film in films}
    for row in rows(data / "pretrain" / "cxnet.csv"):
        name = row["filename"]
        plain = Film(
            path=data / "pretrain" / name,
            source="cxnet",
            patient=f"cxnet-{name}",
            abnormal=row["no_visible_abnormality"] == "0",
        )
        yield _as_copy(plain, copies[name], originals) if name in copies else plain


def _as_copy(film: Film, row: Row, originals: Mapping[str, Film]) -> Film:
    original = originals.get(row["copy_of"])
    if original is None:
        named = f"cidc-{row['cidc']}" if row["cidc"] else f"hannover-{row['hannover']}"
        return replace(film, patient=named, copy=True)
    return replace(
        film,
        patient=original.patient,
        view=original.view,
        extent=original.extent,
        opacity=original.opacity,
        release=original.release,
        right_share=original.right_share,
        zones=original.zones,
        copy=True,
    )


def shares(film: Film) -> tuple[float | None, float | None]:
    """Return the readers' extent and opacity as shares of their scales."""
    if film.extent is None or film.opacity is None:
        return None, None
    return film.extent / EXTENT_MAXIMUM, film.opacity / OPACITY_MAXIMUM


def folds_of(films: Sequence[Film], *, count: int) -> list[int]:
    """Assign every film to a fold, a patient's films to the same; views are spread evenly.

    Patients with most scored films come first; each goes to the fold that has the fewest of what
    this patient brings.
    """
    by_patient: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        by_patient[film.patient].append(film)
    loads: list[Counter[str]] = [Counter() for _ in range(count)]
    fold_of: dict[str, int] = {}
    for patient, theirs in sorted(by_patient.items(), key=_most_scored_first):
        kinds = _kinds(theirs)
        emptiest = min(range(count), key=lambda fold: _load(loads[fold], kinds))
        fold_of[patient] = emptiest
        loads[emptiest].update(kinds)
    return [fold_of[film.patient] for film in films]


def _most_scored_first(item: tuple[str, list[Film]]) -> tuple[int, int, str]:
    patient, theirs = item
    return -sum(film.scored for film in theirs), -len(theirs), patient


def _kinds(films: Sequence[Film]) -> Counter[str]:
    return Counter(
        f"scored {film.view}" if film.scored else f"{film.source} {film.healthy}" for film in films
    )


def _load(load: Counter[str], kinds: Counter[str]) -> int:
    return sum(number * load[kind] for kind, number in kinds.items())

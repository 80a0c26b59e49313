"""Results as tables for a person and as JSON for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.comparison import REFERENCE, Contender, Growth, Section, Spread
from benchmarks.jobs import Precision, Variant

_MIB = 2**20
_SCHEMA = 1  # of the JSON; a change that breaks its readers is a new number


@dataclass(frozen=True)
class Findings:
    """All results of a run of the benchmark."""

    machine: Mapping[str, str]
    trials: Mapping[str, Mapping[str, float]]  # images per second of each network alone
    sections: Sequence[Section]
    growth: Sequence[Growth] = ()
    left_out: Sequence[str] = ()  # what was not measured, and why

    @property
    def agree(self) -> bool:
        """Whether all our scores agree with the reference's, within the limits."""
        return all(
            section.agreement(precision).holds
            for section in self.sections
            for precision in _precisions(section)
        )


def _precisions(section: Section) -> list[Precision]:
    return [precision for precision in Precision if section.has(Contender(Variant.OURS, precision))]


def show(findings: Findings, console: Console) -> None:
    """Print all tables."""
    _show_pairs("Measured on", findings.machine, console)
    for name, rates in findings.trials.items():
        fastest_first = dict(sorted(rates.items(), key=lambda pair: -pair[1]))
        shown = {way: f"{rate:.1f} images/s" for way, rate in fastest_first.items()}
        _show_pairs(f"Network alone, trial: {name}", shown, console)
    for section in findings.sections:
        _show_section(section, console)
    for first, second in _compared_models(findings.sections):
        console.print(_models_line(first, second))
    if findings.growth:
        console.print(_growth_table(findings.growth))
    for remark in findings.left_out:
        console.print(f"Left out: {remark}")


def _show_pairs(title: str, values: Mapping[str, str], console: Console) -> None:
    table = Table(box=None, show_header=False)
    for name, value in values.items():
        table.add_row(name, value)
    console.print(title)
    console.print(table)


def _show_section(section: Section, console: Console) -> None:
    images = section.rounds[0][REFERENCE.name].images
    console.rule(f"{section.model}, {section.format}, {section.device}: {images} images")
    console.print(_rates_table(section))
    console.print(_ratios_table(section))
    console.print(_stages_table(section))


def _rates_table(section: Section) -> Table:
    table = _table("variant", "images/s", "peak MiB", "what ran")
    for contender in (REFERENCE, *_contenders(section)):
        table.add_row(
            contender.name,
            _spread(section.images_per_second(contender)),
            f"{section.peak_bytes(contender) / _MIB:.0f}",
            section.subject(contender),
        )
    return table


def _contenders(section: Section) -> list[Contender]:
    variants = (Variant.OURS, Variant.NETWORK_ONLY)
    return [
        Contender(variant, precision) for precision in _precisions(section) for variant in variants
    ]


def _ratios_table(section: Section) -> Table:
    table = _table(
        "precision", "ours / reference", "ours / network alone", "largest", "mean", "limit", ""
    )
    for precision in _precisions(section):
        ours, network_only = (
            Contender(variant, precision) for variant in (Variant.OURS, Variant.NETWORK_ONLY)
        )
        agreement = section.agreement(precision)
        table.add_row(
            precision,
            _spread(section.ratio(ours, REFERENCE)),
            _spread(section.ratio(ours, network_only)),
            *(f"{points:.4f}" for points in (agreement.largest, agreement.mean)),
            f"{agreement.limit:.2f}",
            "agrees" if agreement.holds else "[bold red]DIFFERS[/]",
        )
    return table


def _stages_table(section: Section) -> Table:
    table = _table("stages, one thread", "ms per image", "of which")
    for name, stages in section.stages_ms.items():
        parts = ", ".join(f"{stage} {ms:.1f}" for stage, ms in stages.items())
        table.add_row(name, f"{sum(stages.values()):.1f}", parts)
    return table


def _compared_models(sections: Sequence[Section]) -> list[tuple[Section, Section]]:
    """Return pairs of sections that differ only in the model."""
    return [
        (first, second)
        for number, first in enumerate(sections)
        for second in sections[number + 1 :]
        if (first.device, first.format) == (second.device, second.format)
    ]


def _models_line(first: Section, second: Section) -> str:
    ours = Contender(Variant.OURS)
    if not (first.has(ours) and second.has(ours)):
        return ""
    ratio = second.images_per_second(ours).median / first.images_per_second(ours).median
    return (
        f"Ours fp32, {first.format} on {first.device}: {second.model} scores {ratio:.2f} times "
        f"as many images per second as {first.model}"
    )


def _growth_table(growth: Sequence[Growth]) -> Table:
    table = _table("ours, growing", "images", "images/s", "ms per image", "peak MiB")
    for point in growth:
        rate = point.rate
        table.add_row(
            point.format,
            f"{rate.images}",
            f"{rate.images_per_second:.1f}",
            f"{1000 / rate.images_per_second:.1f}",
            f"{rate.peak_bytes / _MIB:.0f}",
        )
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first)
    for name in others:
        table.add_column(name)
    return table


def _spread(value: Spread) -> str:
    return f"{value.median:.2f} ({value.lowest:.2f} to {value.highest:.2f})"


def to_json(findings: Findings) -> dict[str, object]:
    """Return all raw rounds and their summaries as values for JSON."""
    return {
        "schema": _SCHEMA,
        "machine": dict(findings.machine),
        "agree": findings.agree,
        "network_trials_images_per_second": {k: dict(v) for k, v in findings.trials.items()},
        "sections": [_section(section) for section in findings.sections],
        "growth": [_growth(point) for point in findings.growth],
        "left_out": list(findings.left_out),
    }


def _section(section: Section) -> dict[str, object]:
    return {
        "model": section.model,
        "device": section.device,
        "format": section.format,
        "images_per_second": {
            contender.name: asdict(section.images_per_second(contender))
            for contender in (REFERENCE, *_contenders(section))
        },
        "by_precision": {
            precision: _summary(section, precision) for precision in _precisions(section)
        },
        "stages_ms": section.stages_ms,
        "rounds": [
            {name: asdict(rate) for name, rate in rates.items()} for rates in section.rounds
        ],
    }


def _summary(section: Section, precision: Precision) -> dict[str, object]:
    ours, network_only = (
        Contender(variant, precision) for variant in (Variant.OURS, Variant.NETWORK_ONLY)
    )
    agreement = section.agreement(precision)
    return {
        "ours_over_reference": asdict(section.ratio(ours, REFERENCE)),
        "ours_over_network": asdict(section.ratio(ours, network_only)),
        "agreement_points": asdict(agreement) | {"holds": agreement.holds},
    }


def _growth(point: Growth) -> dict[str, object]:
    rate = asdict(point.rate)
    del rate["points"]  # of thousands of images; agreement is in the sections
    return {"format": point.format, **rate}

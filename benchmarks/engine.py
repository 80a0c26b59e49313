"""Measure the scoring engine, compared with the authors' code and the network alone.

``python -m benchmarks.engine --help``; docs/benchmarks.md explains each number.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks import machine
from benchmarks.jobs import BenchmarkError, Format, Precision, Weights
from benchmarks.measuring import Bench, Images
from benchmarks.networks import MODELS, PUBLISHED
from benchmarks.passes import measure_passes, passes_to_json, show_passes
from benchmarks.report import Findings, show, to_json
from benchmarks.weights import write_random_weights

_IMAGES, _ROUNDS = 48, 3
_QUICK_IMAGES, _QUICK_ROUNDS = 6, 1
_COLUMNS_OF_A_FILE = 132
_NO_GPU = "the GPU section: torch finds no CUDA device"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns
    -------
    The exit code: 0, or 1 if scores differ from the reference's or nothing can be measured.
    """
    options = _options(arguments)
    progress = Console(stderr=True, highlight=False)
    try:
        with TemporaryDirectory(prefix="severity-benchmark-") as folder:
            if options.passes:
                return _passes(options, Path(folder), progress)
            findings = _measure(options, Path(folder), progress)
    except BenchmarkError as error:
        progress.print(f"Error: {error}", markup=False)
        return 1
    show(findings, _result_console())
    if options.json:
        options.json.write_text(json.dumps(to_json(findings), indent=1) + "\n")
    if not findings.agree:
        progress.print("Error: scores differ from the reference's by more than the limit")
        return 1
    return 0


def _result_console() -> Console:
    """Return a console as wide as the terminal, or wide enough for all tables in a file."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_COLUMNS_OF_A_FILE)


def _passes(options: argparse.Namespace, folder: Path, progress: Console) -> int:
    rounds = measure_passes(options.data.resolve() / "cidc", options.rounds, folder, progress)
    show_passes(rounds, _result_console())
    if options.json:
        options.json.write_text(json.dumps(passes_to_json(rounds), indent=1) + "\n")
    return 0


def _measure(options: argparse.Namespace, folder: Path, progress: Console) -> Findings:
    description = machine.description()
    weights = write_random_weights(folder) if PUBLISHED in options.model else Weights()
    bench = Bench(folder, weights, options.rounds, progress)
    images = [
        Images.written(form, options.images, data=options.data, folder=folder / form)
        for form in options.formats
    ]
    devices = machine.devices()
    sections = [
        bench.section(model, device, format_images, options.precision)
        for device in devices
        for model in options.model
        for format_images in images
    ]
    growth = [
        point
        for form in (options.formats if options.growth else ())
        for point in bench.growth(
            options.model[0], options.precision[0], form, options.growth, options.data
        )
    ]
    return Findings(
        machine=description,
        trials=bench.trials,
        sections=sections,
        growth=growth,
        left_out=bench.remarks + ([] if "cuda" in devices else [_NO_GPU]),
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--images", type=_positive, help=f"images of each format ({_IMAGES})")
    parser.add_argument("--rounds", type=_positive, help=f"rounds of all variants ({_ROUNDS})")
    parser.add_argument(
        "--formats", type=Format, choices=list(Format), default=list(Format), nargs="+"
    )
    parser.add_argument("--model", choices=MODELS, default=list(MODELS), nargs="+")
    parser.add_argument(
        "--precision", type=Precision, choices=list(Precision), default=list(Precision), nargs="+"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{_QUICK_IMAGES} images, {_QUICK_ROUNDS} round: a check that it works, no result",
    )
    parser.add_argument(
        "--growth",
        type=_positive,
        nargs="+",
        metavar="IMAGES",
        help="also measure ours alone on these numbers",
    )
    parser.add_argument(
        "--passes",
        action="store_true",
        help="instead: an empty pass, and a pass over cidc compared with scoring alone",
    )
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder with cidc"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all raw rounds into this file"
    )
    options = parser.parse_args(arguments)
    default = (_QUICK_IMAGES, _QUICK_ROUNDS) if options.quick else (_IMAGES, _ROUNDS)
    options.images, options.rounds = options.images or default[0], options.rounds or default[1]
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())

"""Compare the settings by patient, train the chosen one on all films, and return the weights.

``python -m training.compact_3.cross_validation`` reads the file that ``training.compact_3.prepare``
wrote, and nothing else, so that it can run on a machine with a graphics card and no data.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from training.compact_3.alterations import ALTERATIONS, CONTRAST, FRAMING
from training.compact_3.fitting import Device, Setting
from training.compact_3.jobs import HELD_OUT, HOSPITAL, NONE, Job, Place, run, training_name
from training.compact_3.losses import Aims
from training.compact_3.packing import SCALES, Packed, unpack
from training.compact_3.tables import HIGH, LYING, VIEWS, Measured, read_folds

AGREEING = Setting("agreeing", Aims(maps=True, agreement=1.0), joined=0.3)
SETTLED = replace(
    AGREEING, name="settled", aims=Aims(maps=True, agreement=2.0), settled=0.5, unlabelled=2.0
)
POOLED = replace(SETTLED, name="pooled", pooled=True)
FRAMED = replace(POOLED, name="framed", framed=0.35)
ADVISED = replace(FRAMED, name="advised", advised=True)
SETTINGS = {setting.name: setting for setting in (AGREEING, SETTLED, POOLED, FRAMED, ADVISED)}
"""All that can be compared; the log tells of others that were."""


def main() -> None:
    """Run the command."""
    options = _options()
    started = time.monotonic()
    device = Device(options.device, half=options.half)
    place = Place(
        options.films,
        options.work,
        device,
        threads=options.threads,
        kept=options.kept,
        advice=options.advice,
    )
    # Results of an earlier command would pass for this one's.
    options.work.mkdir(parents=True)
    options.out.mkdir(parents=True, exist_ok=True)
    packed = unpack(options.films)
    settings = _settings(options)
    jobs = [Job(setting, held) for setting in settings for held in options.held_out]
    seconds = options.seconds - (time.monotonic() - started)
    done = run(jobs, place, at_once=options.at_once, seconds=seconds)
    print(f"{len(done)} of {len(jobs)} trainings, {time.monotonic() - started:.0f} s", flush=True)
    predictions = options.out / "predictions.npz"
    collect(packed, done, place, predictions)
    complete = [
        setting.name for setting in settings if _complete(setting.name, done, options.held_out)
    ]
    tables = {name: quality(packed, read_folds(predictions, name)) for name in complete}
    # Without a comparison the weights are still brought: they took the time.
    chosen = min(complete, key=lambda name: tables[name]["criterion"], default=settings[-1].name)
    compared = json.dumps({"chosen": chosen, **tables}, indent=1)
    print(compared, flush=True)
    (options.out / "settings.json").write_text(compared, encoding="utf-8")
    bring(place, chosen, options.out)
    print(f"done after {time.monotonic() - started:.0f} s", flush=True)


def _settings(options: argparse.Namespace) -> list[Setting]:
    """Return the settings that are asked for, as long as asked for."""
    return [
        replace(
            SETTINGS[name],
            steps=options.steps,
            batch=options.batch,
            seconds=options.seconds_each,
        )
        for name in options.settings
    ]


def _complete(name: str, done: Sequence[Job], held_out: Sequence[str]) -> bool:
    """Whether a setting was trained without each fold that was asked for."""
    trained = {job.held_out for job in done if job.setting.name == name}
    return {held for held in held_out if held not in {NONE, HOSPITAL}} <= trained


def collect(packed: Packed, jobs: list[Job], place: Place, file: Path) -> None:
    """Write the predictions of all trainings so far into one file."""
    arrays: dict[str, NDArray[np.generic]] = {"name": packed.name}
    for name in [job.name for job in jobs]:
        with np.load(place.predictions(name)) as stored:
            arrays |= {f"{name}/{key}": stored[key] for key in stored.files}
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def quality(packed: Packed, measured: Measured) -> dict[str, float]:
    """Measure a setting out of fold; ``criterion`` is what decides, lower is better."""
    points = measured.points
    present = np.isfinite(points[:, 0])
    scored, healthy = packed.scored & present, packed.healthy & present
    errors = points - packed.points * SCALES
    table = {
        "films": float(scored.sum()),
        "extent": _mean(np.abs(errors[scored, 0])),
        "extent r": float(np.corrcoef(points[scored, 0], packed.points[scored, 0])[0, 1]),
        "opacity": _mean(np.abs(errors[scored, 1])),
        "opacity r": float(np.corrcoef(points[scored, 1], packed.points[scored, 1])[0, 1]),
    }
    biases = []
    for view in VIEWS:
        of_view = scored & (packed.view == view)
        table[f"extent {view}"] = _mean(np.abs(errors[of_view, 0]))
        table[f"bias {view}"] = _mean(errors[of_view, 0])
        biases.append(abs(table[f"bias {view}"]))
    moved = np.abs(measured.altered - measured.altered[:1])[:, scored, 0].mean(axis=1)
    table |= {key: float(value) for key, value in zip(ALTERATIONS, moved, strict=True)}
    for kind, rows in (
        ("healthy PA", healthy & ~np.isin(packed.view, LYING)),
        ("healthy AP", healthy & np.isin(packed.view, LYING)),
    ):
        table[f"{kind} above 2"] = _mean(points[rows, 0] > HIGH)
    contrast = _mean(np.array([table[key] for key in CONTRAST]))
    framing = _mean(np.array([table[key] for key in FRAMING]))
    table["criterion"] = table["extent"] + table["opacity"] + 0.3 * (contrast + framing)
    table["criterion"] += 0.3 * _mean(np.array(biases))
    return {key: round(value, 4) for key, value in table.items()}


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if len(values) else 0.0


def bring(place: Place, name: str, out: Path) -> None:
    """Write the weights of a setting that saw all films."""
    everything = place.weights(training_name(name, NONE))
    if everything.exists():
        save_file(load_file(everything), out / "all.safetensors")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.compact_3.cross_validation",
        description="Compare the settings of compact-3 by patient and train the best on all films.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--films", type=Path, default=Path("work/films.npz"))
    parser.add_argument("--work", type=Path, default=Path("work/trainings"))
    parser.add_argument("--out", type=Path, default=Path("work/out"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--half", action="store_true", help="multiply in bfloat16")
    parser.add_argument(
        "--advice", type=Path, help="what training.compact_3.advice wrote, for the setting advised"
    )
    parser.add_argument("--at-once", type=int, default=1, help="trainings at the same time")
    parser.add_argument("--threads", type=int, default=2, help="threads of each training")
    parser.add_argument("--steps", type=int, default=Setting.steps)
    parser.add_argument("--batch", type=int, default=Setting.batch)
    parser.add_argument("--seconds", type=float, default=4 * 3600, help="end all trainings then")
    parser.add_argument(
        "--seconds-each", type=float, default=math.inf, help="shorten each training to this"
    )
    parser.add_argument(
        "--kept", type=Path, help="folder of trained networks: they are measured, not trained"
    )
    unadvised = [name for name, setting in SETTINGS.items() if not setting.advised]
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=unadvised)
    parser.add_argument("--held-out", nargs="+", choices=HELD_OUT, default=list(HELD_OUT))
    options = parser.parse_args()
    if options.advice is None and not set(options.settings) <= set(unadvised):
        parser.error("a setting that is advised needs --advice")
    return options


if __name__ == "__main__":
    main()

"""The order of measurements: alternating rounds, so that a slow machine slows all variants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from benchmarks import processes
from benchmarks.comparison import REFERENCE, Contender, Growth, Round, Section
from benchmarks.images import repeated, write_images
from benchmarks.jobs import (
    BenchmarkError,
    Format,
    Job,
    NotOffered,
    Precision,
    Rate,
    Task,
    Variant,
    Weights,
)
from benchmarks.networks import PUBLISHED

_TRIAL_IMAGES = 16
_STAGE_IMAGES = 12
_WARM_UP_IMAGES = 4
_DISTINCT_IMAGES = 100  # of those that growth repeats


@dataclass(frozen=True)
class Images:
    """The images of one format, with others for the warm-up."""

    format: Format
    warm_up: tuple[str, ...]
    files: tuple[str, ...]

    @classmethod
    def written(cls, form: Format, count: int, *, data: Path, folder: Path) -> "Images":
        """Write images into a new folder; see `write_images`."""
        files = write_images(form, _WARM_UP_IMAGES + count, data=data, folder=folder)
        return cls(form, files[:_WARM_UP_IMAGES], files[_WARM_UP_IMAGES:])


@dataclass(frozen=True)
class Bench:
    """A run of measurements, with the state that all sections share."""

    folder: Path  # for images and for the product's own state
    weights: Weights
    rounds: int
    progress: Console
    trials: dict[str, dict[str, float]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)  # what was left out, and why

    def section(
        self, model: str, device: str, images: Images, precisions: Sequence[Precision]
    ) -> Section:
        """Measure all variants of one model on images of one format.

        Raises
        ------
        BenchmarkError
            A process failed, or the product offers none of the precisions.
        """
        base = self._reference(model, device, images)
        stages = self._stages(base, precisions)
        offered = [
            precision
            for precision in precisions
            if Contender(Variant.OURS, precision).name in stages
        ]
        if not offered:
            raise BenchmarkError(f"nothing to compare: {'; '.join(self.remarks)}")
        jobs = {contender.name: job for contender, job in self._contenders(base, offered)}
        rounds = [self._round(jobs, backwards=number % 2 == 1) for number in range(self.rounds)]
        return Section(model, device, images.format, rounds, stages)

    def growth(
        self, model: str, precision: Precision, form: Format, sizes: Sequence[int], data: Path
    ) -> Iterator[Growth]:
        """Measure the product alone on more and more images."""
        count, folder = min(max(sizes), _DISTINCT_IMAGES), self.folder / f"{form}-growth"
        distinct = Images.written(form, count, data=data, folder=folder)
        for size in sizes:
            files = repeated(distinct.files, size, folder=self.folder / f"{form}-{size}")
            base = self._reference(model, "cpu", replace(distinct, files=files))
            job = replace(base, variant=Variant.OURS, precision=precision)
            yield Growth(form, self._rate(job))

    def _reference(self, model: str, device: str, images: Images) -> Job:
        """Return the reference's job; the other jobs differ from it in few fields."""
        weights = self.weights if model == PUBLISHED else Weights()
        return Job(
            variant=Variant.REFERENCE,
            task=Task.RATE,
            model=model,
            precision=REFERENCE.precision,
            device=device,
            warm_up=images.warm_up,
            images=images.files,
            weights=weights,
        )

    def _stages(self, base: Job, precisions: Sequence[Precision]) -> dict[str, dict[str, float]]:
        """Time the stages of the reference, and of ours in each precision that it offers."""
        job = replace(base, task=Task.STAGES, images=base.images[:_STAGE_IMAGES])
        stages = {REFERENCE.name: self._table(job)}
        for precision in precisions:
            ours = Contender(Variant.OURS, precision)
            try:
                stages[ours.name] = self._table(
                    replace(job, variant=ours.variant, precision=precision)
                )
            except NotOffered as error:
                self._remark(f"{base.model} {precision} on {base.device}: {error}")
        return stages

    def _contenders(
        self, base: Job, precisions: Sequence[Precision]
    ) -> Iterator[tuple[Contender, Job]]:
        yield REFERENCE, base
        for precision in precisions:
            ours = Contender(Variant.OURS, precision)
            yield ours, replace(base, variant=ours.variant, precision=precision)
            network_only = Contender(Variant.NETWORK_ONLY, precision)
            job = replace(base, variant=network_only.variant, precision=precision)
            yield network_only, replace(job, candidate=self._fastest(job))

    def _fastest(self, network_only: Job) -> str:
        """Return the fastest candidate by a short trial, made once for all formats."""
        name = f"{network_only.model} {network_only.precision} on {network_only.device}"
        if name not in self.trials:
            trial = replace(
                network_only, task=Task.TRIAL, images=network_only.images[:_TRIAL_IMAGES]
            )
            self.trials[name] = self._table(trial)
        rates = self.trials[name]
        return max(rates, key=rates.__getitem__)

    def _round(self, jobs: dict[str, Job], *, backwards: bool) -> Round:
        """Measure each contender once; every other round runs backwards."""
        order = list(jobs.items())
        return {name: self._rate(job) for name, job in (order[::-1] if backwards else order)}

    def _rate(self, job: Job) -> Rate:
        rate = processes.rate(job, self.folder / "home")
        self._report(job, f"{rate.images} images, {rate.images_per_second:.1f} images/s")
        return rate

    def _table(self, job: Job) -> dict[str, float]:
        numbers = processes.table(job, self.folder / "home")
        self._report(job, f"{job.task} done")
        return numbers

    def _report(self, job: Job, result: str) -> None:
        self.progress.print(f"{job.model}, {job.device}, {job.variant} {job.precision}: {result}")

    def _remark(self, remark: str) -> None:
        if remark not in self.remarks:
            self.remarks.append(remark)

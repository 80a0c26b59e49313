"""The commands about models: import, list, show."""

import os
from dataclasses import replace
from pathlib import Path

import click

from flows.cli.options import check_name
from flows.cli.terminal import terminal
from flows.errors import UsageError
from flows.models.catalogue import describe, names, store, version
from flows.models.importing import RALO, ImportRequest, import_head, import_ralo
from flows.models.store import StoredModel
from flows.models.text import (
    ListedModel,
    model_json,
    model_table,
    models_json,
    models_table,
)
from flows.settings import Settings, read_settings
from severity.domain import RESEARCH_USE_ONLY, Scale
from severity.errors import ModelUnavailable
from severity.heads.head import HeadInput
from severity.models.backbone_catalogue import BACKBONES

_RALO = "ralo"
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="[ralo] FILE...")
@click.option(
    "--name", help="The model's name, for --model: lowercase letters, digits and hyphens."
)
@click.option(
    "--backbone",
    type=click.Choice(list(BACKBONES)),
    help="The backbone that the head was fitted on; densenet121-res224-all if absent.",
)
@click.option(
    "--takes",
    type=click.Choice([outputs.value for outputs in HeadInput]),
    help="The backbone's outputs that the head is fitted on; found by its width if absent.",
)
@click.option("--extent-scale", type=(float, float), metavar="LOW HIGH", help="In points.")
@click.option("--opacity-scale", type=(float, float), metavar="LOW HIGH", help="In points.")
@click.option("--source", help="Where the head comes from, for the record.")
@click.option("--licence", help="Under which licence, for the record.")
def import_command(files: tuple[str, ...], **choices: object) -> None:
    """Import a published head from FILEs, as a model of this installation.

    FILEs are two pickles of scikit-learn's MLPRegressor, (coefs_, intercepts_), geographic
    extent first; or a linear head in one .json or .npz. Nothing in a pickle is run.

    `model import ralo mlp_geo.pkl mlp_opa.pkl` imports the head that Cohen et al. published in
    2021, with its backbone and scales. Any other head needs --name, --extent-scale and
    --opacity-scale.
    """
    options = {name: value for name, value in choices.items() if value is not None}
    settings = read_settings()
    model = _read(files, options)
    added = store(settings).add(model)
    click.echo(f"{model.head.name} {'imported' if added else 'was imported already, unchanged'}")
    click.echo(f"head SHA-256 {model.head.sha256}")
    click.echo(f"use it with --model {model.head.name}, or SEVERITY_MODEL={model.head.name}")
    click.echo(RESEARCH_USE_ONLY)


def _read(files: tuple[str, ...], options: dict[str, object]) -> StoredModel:
    if files[0] == _RALO:
        return import_ralo(_existing_files(files[1:]), _ralo_request(options))
    return import_head(_existing_files(files), _request(options))


def _existing_files(files: tuple[str, ...]) -> list[Path]:
    paths = [Path(file) for file in files]
    # Of a name that is too long `Path.is_file` raises.
    absent = [path for path in paths if not os.path.isfile(path)]  # noqa: PTH113
    if absent:
        raise UsageError(f"there is no file {absent[0]}")
    return paths


def _ralo_request(options: dict[str, object]) -> ImportRequest:
    surplus = sorted(set(options) - {"name", "source", "licence"})
    if surplus:
        raise UsageError(f"leave out {_option(surplus[0])}: ralo defines it")
    return replace(
        RALO,
        name=str(options.get("name", RALO.name)),
        source=str(options.get("source", RALO.source)),
        licence=str(options.get("licence", RALO.licence)),
    )


def _request(options: dict[str, object]) -> ImportRequest:
    for name in ("name", "extent_scale", "opacity_scale"):
        if name not in options:
            raise UsageError(f"give {_option(name)}: the files do not state it")
    return ImportRequest(
        name=str(options["name"]),
        backbone=str(options.get("backbone", BACKBONES[0])),
        takes=HeadInput(str(options["takes"])) if "takes" in options else None,
        geographic_extent=_scale(options["extent_scale"]),
        opacity=_scale(options["opacity_scale"]),
        source=str(options.get("source", "")),
        licence=str(options.get("licence", "")),
    )


def _scale(ends: object) -> Scale:
    match ends:
        case (float(lowest), float(highest)):
            return Scale(lowest, highest)
    raise UsageError("a scale is two numbers")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


@click.command()
@json_option
def list_command(*, as_json: bool) -> None:
    """List the models of this installation: built in, then imported.

    A model version is shown where the weights are on this machine; nothing is fetched.
    """
    settings = read_settings()
    models = [_listed(name, settings) for name in names(settings)]
    if as_json:
        click.echo(models_json(models))
    else:
        terminal().print(models_table(models))


@click.command()
@click.argument("name")
@json_option
def show_command(name: str, *, as_json: bool) -> None:
    """Show the model NAME: hashes, source, licence, accuracy."""
    settings = read_settings()
    check_name(name, settings)
    model = _listed(name, settings)
    if as_json:
        click.echo(model_json(model))
    else:
        terminal().print(model_table(model))


def _listed(name: str, settings: Settings) -> ListedModel:
    """Describe a model, and its version if its weights are here; keep an error as its problem."""
    try:
        described = describe(name, settings)
    except ModelUnavailable as error:
        return ListedModel(name, None, None, str(error))
    try:
        return ListedModel(name, described, version(described, settings))
    except ModelUnavailable as error:
        return ListedModel(name, described, None, str(error))

"""What several commands are asked in the same words, and the settings that follow from it."""

import click

from flows.models.catalogue import names
from flows.settings import Settings

model_option = click.option(
    "--model", metavar="NAME", help="One of `model list`; SEVERITY_MODEL if absent."
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    help="Arithmetic of the network, part of the model version; SEVERITY_PRECISION if absent.",
)
device_option = click.option(
    "--device",
    metavar="DEVICE",
    help="cpu, cuda, cuda:1, or auto: a GPU if there is one. SEVERITY_DEVICE if absent.",
)


def chosen_settings(**options: object) -> Settings:
    """Read the settings from the environment and a command's own options; None is not given.

    Raises
    ------
    click.UsageError
        There is no such model.
    """
    given = {name: value for name, value in options.items() if value is not None}
    settings = Settings(**given)  # type: ignore[arg-type] # pydantic checks them
    there = names(settings)
    if settings.model not in there:
        raise click.UsageError(
            f"SEVERITY_MODEL: no model {settings.model!r}; there is {', '.join(there)}",
            click.get_current_context(silent=True),
        )
    return settings

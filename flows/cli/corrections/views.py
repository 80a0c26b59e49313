"""The command that corrects the view of an image."""

import click

from db import corrections
from flows.cli.corrections.correcting import author_options, confirm_change, correcting
from flows.cli.corrections.images import image_argument
from severity.domain import View


@click.command()
@image_argument
@click.argument("view", type=click.Choice([view.value for view in View], case_sensitive=False))
@author_options
def view_command(image_id: int, view: str, **author: str) -> None:
    """State from which VIEW the image ID was taken; its scores stay, its level does not."""
    with correcting(**author) as correction:
        before = corrections.correct_view(
            correction.session, correction.author, image_id, View(view)
        )
    undo = f'image view {image_id} "{before.value}"'
    confirm_change(before.value != view, f"The view of image {image_id} is {view}", undo=undo)

"""What a person would see in a terminal."""

import io

from rich.console import Console, RenderableType


def shown(what: RenderableType, width: int = 140) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(what)
    return captured.get().splitlines()

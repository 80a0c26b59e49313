"""Output as a person would see it in a terminal."""

import io

from rich.console import Console, RenderableType


def shown(output: RenderableType, width: int = 140) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(output)
    return captured.get().splitlines()

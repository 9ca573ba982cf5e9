"""An answer that draws itself: in a notebook as HTML, in a terminal as text, for a program as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console, RenderableType

from spark_lineage.show.words import Json

PLAIN_WIDTH = 80
"""Width of the text where no terminal says another one."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Answer:
    """What a question to the store gave.

    `print(answer)` gives text, a notebook draws it, `answer.to_dict()` is the JSON that `--json` prints.
    """

    content: Json
    text: Callable[[Json], RenderableType]
    html: Callable[[Json], str]

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON values: a copy that is yours."""
        copy: dict[str, Any] = json.loads(json.dumps(self.content))
        return copy

    def __rich__(self) -> RenderableType:
        return self.text(self.content)

    def __str__(self) -> str:
        return plain_text(self)

    def __repr__(self) -> str:
        # What a prompt shows for an expression is the answer, as a notebook does.
        return str(self)

    def _repr_html_(self) -> str:
        return self.html(self.content)


def plain_text(renderable: RenderableType, width: int = PLAIN_WIDTH) -> str:
    """A rendering without colours, wrapped at `width` columns, without blanks at the ends of lines."""
    # A notebook would be given an empty output for what is only captured.
    console = Console(
        width=width, color_system=None, force_terminal=False, force_jupyter=False, highlight=False
    )
    with console.capture() as capture:
        console.print(renderable, crop=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())

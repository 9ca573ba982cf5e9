"""The pieces that every HTML drawing is made of: one style, escaped text, tables.

A drawing is a self-contained fragment: no script, nothing from elsewhere. Colours are the page's own text
colour in different strengths, and a few hues that can be read on white and on black, so that it looks right
in light and dark notebooks, whatever way these say that they are dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from spark_lineage.show.words import CERTAINTIES, Json, Labels, clean, count_word, sentence, state_word

_STYLE = """<style>
.spark-lineage{color:inherit;font:13px/1.5 system-ui,sans-serif;max-width:80em;
overflow-x:auto;overflow-wrap:break-word}
.spark-lineage .sl-title{font-size:1.15em;font-weight:600}
.spark-lineage .sl-part{font-weight:600;margin:1em 0 .2em}
.spark-lineage .sl-dim{opacity:.68}
.spark-lineage code{font:12px/1.45 ui-monospace,monospace;background:rgba(127,127,127,.13);color:inherit;
padding:.05em .3em;border-radius:3px;white-space:pre-wrap;
overflow-wrap:anywhere}
.spark-lineage table{border-collapse:collapse;font-size:inherit;margin:.3em 0;color:inherit}
.spark-lineage th,.spark-lineage td{text-align:left;vertical-align:top;padding:.25em 1.2em .25em 0;
background:none;border:0;border-bottom:1px solid rgba(127,127,127,.28);color:inherit}
.spark-lineage th{font-weight:600;opacity:.68}
.spark-lineage ul{list-style:none;margin:0;padding-left:1.1em;border-left:1px solid rgba(127,127,127,.35)}
.spark-lineage ul.sl-root{padding-left:0;border:0}
.spark-lineage li{margin:.15em 0;color:inherit}
.spark-lineage .sl-good{color:#2e9950}
.spark-lineage .sl-warn{color:#c07a10}
.spark-lineage .sl-bad{color:#e0484d}
</style>"""

_STATE_CLASSES = {"COMPLETE": "sl-good", "RUNNING": "sl-dim", "FAILED": "sl-bad"}
_CERTAINTY_CLASSES = {"exact": "sl-good", "over_approximate": "sl-warn"}
_SEVERITY_CLASSES = {"error": "sl-bad", "warning": "sl-warn"}


def page(*parts: str) -> str:
    """One drawing of the given fragments."""
    return f'<div class="spark-lineage">{_STYLE}{"".join(parts)}</div>'


def safe(text: object) -> str:
    """`text` as HTML that shows it: nothing in it is markup, and controls are spelled out.

    >>> safe("<script>")
    '&lt;script&gt;'
    """
    return escape(clean(text))


def span(css_class: str, text: object) -> str:
    """Escaped text of a class."""
    return f'<span class="{css_class}">{safe(text)}</span>'


def code(text: str) -> str:
    """An expression."""
    return f"<code>{safe(text)}</code>"


def state(name: str) -> str:
    """A run's state in its colour."""
    return span(_STATE_CLASSES.get(name, "sl-warn"), state_word(name))


def certainty(name: str) -> str:
    """An honest word on how sure an answer is."""
    return span(_CERTAINTY_CLASSES.get(name, "sl-bad"), CERTAINTIES.get(name, name))


def title(text: object, *after: str) -> str:
    """The head line of a drawing."""
    return f"<div>{' '.join([span('sl-title', text), *after])}</div>"


def part(text: object) -> str:
    """The title of a part."""
    return f'<div class="sl-part">{safe(text)}</div>'


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; `headers` are text."""
    head = "".join(f"<th>{safe(header)}</th>" for header in headers)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def stacked(cells: Iterable[str]) -> str:
    """HTML fragments, one below the other."""
    return "<br>".join(cells)


def draw_tree(items: Iterable[tuple[int, str]]) -> str:
    """Nested lists of (depth, HTML) in their order."""
    out: list[str] = []
    last = -1
    for depth, item in items:
        if depth > last:
            out.append("<ul>" if depth else '<ul class="sl-root">')
        else:
            out.append("</li>" + "</ul></li>" * (last - depth))
        out.append(f"<li>{item}")
        last = depth
    return "".join(out) + "</li></ul>" * (last + 1)


def problems_part(problems: Sequence[Json]) -> str:
    """The problems of an answer under their title; nothing when there are none."""
    if not problems:
        return ""
    return part(count_word(len(problems), "problem")) + stacked(problem(item) for item in problems)


def problem(item: Json) -> str:
    """One problem: what, where, and what to do."""
    where = f" {span('sl-dim', 'At ' + item['where'] + '.')}" if item["where"] else ""
    hint = f" <i>{safe(sentence(item['hint']))}</i>" if item["hint"] else ""
    word = span(_SEVERITY_CLASSES.get(item["severity"], "sl-dim"), item["severity"])
    return f"{word} {safe(sentence(item['message']))}{where}{hint}"


def files_part(labels: Labels) -> str:
    """The full names behind the short names of files; nothing when all names are full."""
    unnamed = labels.unnamed()
    if not unnamed:
        return ""
    return part("Full names") + table(
        ("short", "full"), ((safe(label), span("sl-dim", name)) for label, name in unnamed)
    )

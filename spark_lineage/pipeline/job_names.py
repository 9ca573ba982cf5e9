"""What a job is called: the setting `job`, else the application's name without what changes with each run.

The rule is written down for people under `job` in docs/settings.md (`spark_lineage.settings`).
"""

from __future__ import annotations

import re

from spark_lineage.decode.records import ApplicationRecord

__all__ = ["job_of", "steady_name"]

_DATE = r"(?:19|20)\d\d(?P<s>[-_./]?)(?:0[1-9]|1[0-2])(?P=s)(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3])[-_:.]?[0-5]\d(?:[-_:.]?[0-5]\d(?:[.,]\d{1,9})?)?"
_ZONE = r"(?:Z|[+-]\d\d:?\d\d)"
_NOT_INSIDE, _NOT_BEFORE = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_VARYING = re.compile(
    "|".join((
        r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])",
        rf"{_NOT_INSIDE}application_1\d{{9,12}}_\d{{1,7}}(?!\d)",
        rf"{_NOT_INSIDE}local-1\d{{9,12}}(?!\d)",
        rf"(?<![0-9]){_DATE}(?:[T _-]{{1,2}}{_TIME}{_ZONE}?)?(?!\d)",
        rf"(?<![0-9]){_DATE.replace('<s>', '<r>').replace('=s', '=r')}T?{_TIME}{_ZONE}?(?!\d)",
        r"(?<![0-9])1\d{9}(?:\d{3})?(?!\d)",
        rf"(?i:(?<![a-z])(?:attempt|retry|try|run)[-_ #]{{0,2}}\d{{1,9}}){_NOT_BEFORE}",
        r"(?i:(?<=livy-session)|(?<=livy-batch))-\d{1,9}(?!\d)",
    ))
)  # fmt: skip
_AT_AN_END = " \t-_.,:;#@/|+()[]{}"
_SIDE_BY_SIDE = re.compile(r"([-_.,:;#@/|+ ])[-_.,:;#@/|+ ]+")
_EMPTY_PAIR = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}")


def job_of(record: ApplicationRecord) -> str:
    """The name under which an application's runs belong together."""
    return record.settings.get("spark.lineage.job") or steady_name(record.application_name)


def steady_name(application_name: str) -> str:
    """An application's name without what changes with each run; the whole name where nothing would be left.

    >>> steady_name("daily_2026-11-20 attempt 2"), steady_name("livy-session-12"), steady_name("20261120")
    ('daily', 'livy-session', '20261120')
    """
    rest = _VARYING.sub("\0", application_name)
    if "\0" not in rest:
        return application_name
    rest = _EMPTY_PAIR.sub("", rest.replace("\0", ""))
    return _SIDE_BY_SIDE.sub(r"\1", rest).strip(_AT_AN_END) or application_name

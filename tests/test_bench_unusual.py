"""The goals of `bench/unusual.py` on a small part of it: one warehouse of few jobs over 150 days, and commits in one Delta table.

The bench asks for a recall of 0.95 at one false alarm in 1,000 runs over whole years. Here there are 34 faults and 5,358 runs: the floors are 0.9 and
2. A limit that lets 1 in 50 ordinary values through gives 9 false alarms in 1,000 runs, one that lets 1 in 10^9 through finds 79 %.
"""

from __future__ import annotations

import sys

import pytest
from support.paths import REPOSITORY

sys.path.append(str(REPOSITORY / "bench"))

import unusual as bench


def test_faults_are_found_and_false_alarms_are_rare(monkeypatch):
    monkeypatch.setattr(bench, "YEAR", 150)
    score = bench.measure([11], 2, [bench.FALSE_ALARMS])[bench.FALSE_ALARMS]
    assert (score.runs, score.injected.total()) == (5_358, 34)
    assert score.recall >= 0.9
    assert score.false_alarms_per_1000 <= 2


def test_seeds_are_one_number_or_a_range():
    assert (bench.seeds_of("301"), bench.seeds_of("1-3")) == ([301], [1, 2, 3])


@pytest.mark.parametrize("text", ["", "x", "-1", "3-1", "1-2-3", "1-"])
def test_what_is_no_seed_is_one_sentence(text, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["unusual.py", f"--seeds={text}"])
    with pytest.raises(SystemExit) as ended:
        bench.main()
    assert ended.value.code == 2
    sentence = f"argument --seeds: {text!r} is neither a number nor a range such as 1-3\n"
    assert capsys.readouterr().err.endswith(sentence)


def test_commits_that_no_run_made_are_found_and_no_others(tmp_path):
    others, found, wrong = bench.outside_found(str(tmp_path), 1)
    assert (others, found, wrong) == (10, 10, 0)

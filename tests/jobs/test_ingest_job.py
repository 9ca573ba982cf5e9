"""The ingest of a scheduler: one JSON line and an exit code."""

import json

import pytest

from spark_lineage.jobs.ingest import main

NOTHING = {
    "schema_version": 1,
    "segments": 0,
    "records": 0,
    "executions": 0,
    "writes": 0,
    "usages": 0,
    "problems": 0,
    "bad_segments": 0,
    "bad_records": 0,
    "pending": 0,
    "messages": [],
}


def test_nothing_waits(tmp_path, capsys):
    assert main(["--store", str(tmp_path / "store")]) == 0
    assert json.loads(capsys.readouterr().out) == NOTHING


def test_a_damaged_segment_is_counted_and_the_exit_code_says_so(tmp_path, capsys):
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "a-00000001.seg").write_bytes(b"SLSPOOL9")
    assert main(["--store", str(tmp_path / "store"), "--spool", str(folder)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["segments"], report["bad_segments"]) == (1, 1)
    assert report["messages"] == [
        (
            "Segment a-00000001.seg has framing version 9, known is 1: read it with a newer release. "
            f"It is kept in {folder / 'bad'}."
        )
    ]


def test_a_wrong_setting(tmp_path, capsys):
    assert main(["--store", str(tmp_path), "--spool", "s3://bucket/spool"]) == 2
    out, err = capsys.readouterr()
    sentence = "Setting spool is 's3://bucket/spool': allowed is a local folder."
    assert json.loads(out) == {"error": {"code": "setting", "message": sentence}}
    assert err == f"error: {sentence}\n"


def test_wrong_words(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--sture", "x"])
    assert caught.value.code == 2
    assert "--sture" in capsys.readouterr().err

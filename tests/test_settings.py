"""Settings: where values come from, what is refused and with which sentence, and that the documents tell the same."""

import dataclasses
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import REPOSITORY

from spark_lineage import settings
from spark_lineage.analyze import identity
from spark_lineage.errors import SettingError
from spark_lineage.settings import SETTINGS, Settings, load_settings

NAMES = [
    ("spark.lineage.enabled", "SPARK_LINEAGE_ENABLED", "enabled", "enabled"),
    ("spark.lineage.store", "SPARK_LINEAGE_STORE", "store", "store"),
    ("spark.lineage.spool", "SPARK_LINEAGE_SPOOL", "spool", "spool"),
    ("spark.lineage.namespace", "SPARK_LINEAGE_NAMESPACE", "namespace", "namespace"),
    ("spark.lineage.job", "SPARK_LINEAGE_JOB", "job", "job"),
    ("spark.lineage.literals", "SPARK_LINEAGE_LITERALS", "literals", "literals"),
    ("spark.lineage.hashKeyFile", "SPARK_LINEAGE_HASH_KEY_FILE", "hash_key_file", "hash_key_file"),
    (
        "spark.lineage.dataset.pathRules",
        "SPARK_LINEAGE_DATASET_PATH_RULES",
        "dataset.path_rules",
        "dataset_path_rules",
    ),
    (
        "spark.lineage.segment.sealSeconds",
        "SPARK_LINEAGE_SEGMENT_SEAL_SECONDS",
        "segment.seal_seconds",
        "segment_seal_seconds",
    ),
    ("spark.lineage.intent", "SPARK_LINEAGE_INTENT", "intent", "intent"),
    ("spark.lineage.level", "SPARK_LINEAGE_LEVEL", "level", "level"),
    ("spark.lineage.sample", "SPARK_LINEAGE_SAMPLE", "sample", "sample"),
    (
        "spark.lineage.spoolMaxBytes",
        "SPARK_LINEAGE_SPOOL_MAX_BYTES",
        "spool_max_bytes",
        "spool_max_bytes",
    ),
]


LEVELS = "job or column; before it, parted by commas, job:<pattern>=<level> and namespace:<pattern>=<level>"


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """A current folder and a home of this test's own."""
    monkeypatch.chdir(tmp_path)
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


def spool_of(tmp_path: Path, store: str) -> Path:
    digest = hashlib.sha256(store.encode()).hexdigest()[:16]
    return tmp_path / "state" / "spark-lineage" / "spool" / digest


def test_one_name_in_three_spellings():
    found = [(row.spark_name, row.environment_name, row.toml_name, row.field) for row in SETTINGS]
    assert found == NAMES


def test_the_table_and_the_fields_are_the_same():
    assert [row.field for row in SETTINGS] == [field.name for field in dataclasses.fields(Settings)]


def test_defaults(tmp_path):
    store = tmp_path / "data" / "spark-lineage" / "store"
    assert load_settings() == Settings(
        enabled=None,
        store=store,
        spool=spool_of(tmp_path, str(store)),
        namespace=None,
        job=None,
        literals="masked",
        hash_key_file=tmp_path / "state" / "spark-lineage" / "hash.key",
        dataset_path_rules=("key_value", "date", "time", "uuid"),
        segment_seal_seconds=30,
        intent="written",
        level="column",
        sample=1.0,
        spool_max_bytes=10_737_418_240,
    )


@pytest.mark.parametrize("value", ["", "relative/folder"])
def test_folders_of_the_user_without_xdg(monkeypatch, tmp_path, value):
    for name in ("DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    loaded = load_settings()
    assert loaded.store == tmp_path / ".local/share/spark-lineage/store"
    assert loaded.hash_key_file == tmp_path / ".local/state/spark-lineage/hash.key"


def test_argument_over_environment_over_file_over_default(monkeypatch, tmp_path):
    Path("spark-lineage.toml").write_text('namespace = "file"\nliterals = "kept"\nstore = "in_file"\n')
    monkeypatch.setenv("SPARK_LINEAGE_NAMESPACE", "environment")
    monkeypatch.setenv("SPARK_LINEAGE_STORE", "in_environment")
    loaded = load_settings(store="argument", namespace=None)
    assert (loaded.store, loaded.namespace, loaded.literals) == (tmp_path / "argument", "environment", "kept")
    assert loaded.hash_key_file == tmp_path / "state/spark-lineage/hash.key"


def test_the_file_in_the_current_folder_hides_the_users(tmp_path):
    users = tmp_path / "config" / "spark-lineage" / "spark-lineage.toml"
    users.parent.mkdir(parents=True)
    users.write_text('store = "beside"\n\n[dataset]\npath_rules = ["uuid", "date"]\n')
    loaded = load_settings()
    assert (loaded.store, loaded.dataset_path_rules) == (users.parent / "beside", ("date", "uuid"))
    Path("spark-lineage.toml").write_text("")
    assert load_settings().dataset_path_rules == ("key_value", "date", "time", "uuid")


def test_a_spool_of_a_weaker_place_than_the_store_does_not_count(monkeypatch, tmp_path):
    monkeypatch.setenv("SPARK_LINEAGE_SPOOL", str(tmp_path / "waiting"))
    assert load_settings().spool == tmp_path / "waiting"
    assert load_settings(store="other").spool == spool_of(tmp_path, str(tmp_path / "other"))
    assert load_settings(store="other", spool="mine").spool == tmp_path / "mine"
    monkeypatch.setenv("SPARK_LINEAGE_STORE", "other")
    assert load_settings().spool == tmp_path / "waiting"


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("a/../b/", "{here}/b"),
        ("file:///x/a%20b", "/x/a b"),
        ("file:/x", "/x"),
        ("~/lineage", "{home}/lineage"),
        ("C:x", "{here}/C:x"),
    ],
)
def test_local_stores_are_absolute_paths(monkeypatch, tmp_path, store, expected):
    monkeypatch.setenv("HOME", "/home/you")
    wanted = Path(expected.format(here=tmp_path, home="/home/you"))
    assert load_settings(store=store).store == wanted
    assert load_settings(store=store).spool == spool_of(tmp_path, str(wanted))


def test_a_remote_store_stays_as_it_is(tmp_path):
    loaded = load_settings(store="s3://bucket/lineage")
    assert (loaded.store, loaded.spool) == ("s3://bucket/lineage", spool_of(tmp_path, "s3://bucket/lineage"))


@pytest.mark.parametrize(("text", "value"), [("true", True), ("FALSE", False)])
def test_flags(monkeypatch, text, value):
    monkeypatch.setenv("SPARK_LINEAGE_ENABLED", text)
    assert load_settings().enabled is value


def test_the_analyzer_knows_the_same_path_rules():
    assert tuple(identity.PATH_RULES) == settings.PATH_RULES


def test_no_path_rules():
    assert load_settings(dataset_path_rules="none").dataset_path_rules == ()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("enabled", "yes", "true or false"),
        ("store", "", "a folder, or the URI of one (s3://, abfss://, gs://, hdfs://)"),
        ("spool", "s3://bucket/spool", "a local folder"),
        ("namespace", " ", "a text that is not empty"),
        ("job", "", "a text that is not empty"),
        ("literals", "hidden", "masked or kept"),
        ("hash_key_file", "s3://bucket/key", "a local file"),
        ("dataset_path_rules", "date,week", "none, or some of key_value, date, time, uuid, parted by commas"),
        ("intent", "on", "off, async, written or synced"),
        ("segment_seal_seconds", "0", "a whole number of seconds from 1"),
        ("segment_seal_seconds", "1.5", "a whole number of seconds from 1"),
        ("segment_seal_seconds", True, "a whole number of seconds from 1"),
        ("level", "table", LEVELS),
        ("level", "job,", LEVELS),
        ("level", "etl_*=job", LEVELS),
        ("level", 1, LEVELS),
        ("sample", "5%", "a number from 0 to 1, such as 0.05"),
        ("sample", 1.5, "a number from 0 to 1, such as 0.05"),
        ("sample", True, "a number from 0 to 1, such as 0.05"),
        ("sample", float("nan"), "a number from 0 to 1, such as 0.05"),
        ("spool_max_bytes", "16777215", "bytes, or a number with k, m, g or t, from 16m to 1024t"),
        ("spool_max_bytes", "2000t", "bytes, or a number with k, m, g or t, from 16m to 1024t"),
        ("spool_max_bytes", True, "bytes, or a number with k, m, g or t, from 16m to 1024t"),
    ],
)
def test_wrong_values_are_refused(name, value, allowed):
    with pytest.raises(SettingError) as caught:
        load_settings(**{name: value})
    assert str(caught.value) == f"Setting {name} is {value!r}: allowed is {allowed}."


@pytest.mark.parametrize(("value", "text"), [("0.05", "0.05"), (0.00001, "0.00001"), (1, "1"), ("0", "0")])
def test_a_share_is_written_as_the_bridge_reads_it(value, text):
    assert load_settings(sample=value).to_conf()["spark.lineage.sample"] == text


@pytest.mark.parametrize(
    ("value", "size"), [("16m", 16_777_216), ("512M", 536_870_912), (20_000_000, 20_000_000), ("1t", 1 << 40)]
)
def test_a_size_has_a_unit_or_none(value, size):
    assert load_settings(spool_max_bytes=value).spool_max_bytes == size


def test_the_place_of_a_wrong_value_is_named(monkeypatch, tmp_path):
    file = tmp_path / "spark-lineage.toml"
    file.write_text("literals = 3\n")
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert str(caught.value) == f"Setting literals in {file} is 3: allowed is masked or kept."
    file.unlink()
    monkeypatch.setenv("SPARK_LINEAGE_LITERALS", "none")
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert str(caught.value) == "Setting SPARK_LINEAGE_LITERALS is 'none': allowed is masked or kept."


def test_unknown_names_are_refused_with_those_that_are_known(monkeypatch, tmp_path):
    known = {position: ", ".join(sorted(row[position] for row in NAMES)) for position in range(4)}
    with pytest.raises(SettingError) as caught:
        load_settings(sture="x")
    assert str(caught.value) == f"There is no setting sture: the settings are {known[3]}."
    file = tmp_path / "spark-lineage.toml"
    file.write_text("[dataset]\nrules = 1\n")
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert str(caught.value) == f"There is no setting dataset.rules in {file}: the settings are {known[2]}."
    file.unlink()
    monkeypatch.setenv("SPARK_LINEAGE_STURE", "x")
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert str(caught.value) == (
        f"There is no setting SPARK_LINEAGE_STURE in the environment: the settings are {known[1]}."
    )


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    (tmp_path / "spark-lineage.toml").write_text("store = \n")
    with pytest.raises(
        SettingError, match=r"spark-lineage.toml is not a TOML file that can be read \(.*\): correct or"
    ):
        load_settings()


def test_the_same_as_a_spark_configuration(tmp_path):
    loaded = load_settings(
        store="lineage", enabled=True, dataset_path_rules="none", hash_key_file="key", spool="spool"
    )
    assert loaded.to_conf() == {
        "spark.lineage.enabled": "true",
        "spark.lineage.store": str(tmp_path / "lineage"),
        "spark.lineage.spool": str(tmp_path / "spool"),
        "spark.lineage.literals": "masked",
        "spark.lineage.hashKeyFile": str(tmp_path / "key"),
        "spark.lineage.dataset.pathRules": "none",
        "spark.lineage.segment.sealSeconds": "30",
        "spark.lineage.intent": "written",
        "spark.lineage.level": "column",
        "spark.lineage.sample": "1",
        "spark.lineage.spoolMaxBytes": "10737418240",
    }
    assert (
        load_settings(**settings.overrides_from_conf(loaded.to_conf() | {"spark.lineage.log.dir": "x"}))
        == loaded
    )


def test_the_bridge_reads_no_setting_that_is_not_in_the_table():
    sources = sorted((REPOSITORY / "jvm_bridge" / "src" / "main" / "java").rglob("*.java"))
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    named = set(re.findall(r'"(spark\.lineage\.[A-Za-z.]*[A-Za-z])"', text))
    assert "spark.lineage.spool" in named
    assert named <= {row[0] for row in NAMES}


@pytest.mark.parametrize(
    "script", ["write_settings.py", "write_public_names.py", "write_supported.py", "write_store.py"]
)
def test_what_is_written_from_the_code_is_up_to_date(script):
    command = [sys.executable, str(REPOSITORY / "scripts" / script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_debug_switch_is_no_setting(monkeypatch):
    usual = load_settings()
    monkeypatch.setenv("SPARK_LINEAGE_DEBUG", "1")
    assert load_settings() == usual

# Each target does all its own set-up, once: stamps and the jar are rebuilt when what they are made from changes.

SHELL := /bin/bash
PYTHON ?= $(or $(shell command -v python3.11),python3)
MAVEN := mvn --batch-mode --no-transfer-progress --quiet -Dstyle.color=never --file jvm_bridge/pom.xml
PIP := -m pip --disable-pip-version-check --quiet

MAIN := .venv/installed
OTHER := .venv-3.5/installed
JAR := spark_lineage/jars/spark-lineage-bridge.jar
CORPORA := .cache/spark-sql-tests/stamp
CLASSES := .cache/classes/spark-4.1.stamp .cache/classes/spark-3.5.stamp
JVM := tests/support/jvm.py $(wildcard tests/support/local_files/*)
SOURCES := .cache/jars/spark-4.1/stamp .cache/jars/spark-3.5/stamp .cache/jars/jdbc/stamp .cache/jars/kafka/stamp
BRIDGE_SOURCES := jvm_bridge/pom.xml $(shell find jvm_bridge/src/main -type f)
BRIDGE_TESTS := $(shell find $(wildcard jvm_bridge/src/test) jvm_bridge/contract -type f)
PACKAGE_SOURCES := pyproject.toml setup.cfg LICENSE README.md $(shell find spark_lineage -name '*.py' -o -name py.typed)
BENCH_WORDS :=
EXECUTION_WORDS := --seeds 1-2

MATRIX := .venv-3.5 .venv-4.0 .venv .venv-4.2

.PHONY: demo test test-lineage test-harmless test-first test-queries test-store test-others test-smoke35 test-junit test-matrix check-by-execution lint bench bench-full venv jar corpora corpora-full wheel docs clean determinism failures torture torture-passed
.DELETE_ON_ERROR:

demo: $(MAIN) $(JAR)
	.venv/bin/spark-lineage demo

# The whole suite on Spark 4.1.3, and what also runs on 3.5.9, in lanes side by side: a session of Spark leaves a core free now
# and then. Each runs to its end whatever becomes of the others; what a lane in the background says is shown at its end. The
# longer ones go before, and short ones fill the end.
test: $(MAIN) $(OTHER) $(JAR) $(CORPORA) .cache/delta-4.1 .cache/delta-3.5 $(SOURCES) $(CLASSES) jvm_bridge/target/compiled
	@$(MAKE) --no-print-directory --jobs=3 --keep-going \
		test-lineage lane-harmless lane-first lane-queries lane-smoke35 lane-store lane-others lane-junit

lane-%:
	@nice $(MAKE) --no-print-directory test-$* > .cache/test-$*.log 2>&1; \
	status=$$?; cat .cache/test-$*.log; exit $$status

HARMLESS_TESTS := tests/closed tests/harmless tests/hive tests/leaks tests/simulation
FIRST_TESTS := tests/bridge tests/compare tests/failures
QUERIES_TESTS := tests/corpora tests/execution
STORE_TESTS := tests/determinism tests/sources tests/store
test-lineage:
	.venv/bin/python -m pytest tests/lineage
test-harmless:
	.venv/bin/python -m pytest $(HARMLESS_TESTS)
test-first:
	.venv/bin/python -m pytest $(FIRST_TESTS)
test-queries:
	.venv/bin/python -m pytest $(QUERIES_TESTS)
test-store:
	.venv/bin/python -m pytest $(STORE_TESTS)
test-others:
	.venv/bin/python -m pytest tests \
		$(patsubst %,--ignore=%,tests/lineage $(HARMLESS_TESTS) $(FIRST_TESTS) $(QUERIES_TESTS) $(STORE_TESTS))
test-smoke35:
	.venv-3.5/bin/python -m pytest -m smoke35
test-junit: jvm_bridge/target/tested

# Which columns matter, found by running every query and case again on changed data. What is done is kept in
# .cache/by-execution; `make check-by-execution EXECUTION_WORDS='--seeds 4 --shard 1/2'` does a part.
check-by-execution: $(MAIN) $(JAR) $(CORPORA) .cache/delta-4.1
	PYTHONPATH=tests:tests/corpora:. .venv/bin/python -m execution.check $(EXECUTION_WORDS)

# Every case in two fresh JVMs, the lineage of both compared byte by byte; `make test` does it with a sample.
determinism: $(MAIN) $(JAR) .cache/delta-4.1
	COMPILED=all DETERMINISM_EVERY=1 .venv/bin/python -m pytest tests/determinism

# The case files, the events, Hive's tables and the lists of classes on every supported Spark, each in a process of its own; one
# job on two Sparks compared, with Delta (`make test` does it without); and on Spark 3.5.9 what is no part of its smoke run.
test-matrix: $(MATRIX:%=%/installed) $(JAR) $(SOURCES) .cache/delta-3.5 .cache/delta-4.0 .cache/delta-4.1 .cache/delta-4.2
	status=0; \
	for environment in $(MATRIX); do \
		echo "$$environment:"; \
		COMPILED=all $$environment/bin/python -m pytest -q tests/closed tests/lineage tests/hive || status=1; \
	done; \
	.venv-3.5/bin/python -m pytest -q -m matrix35 || status=1; \
	UPGRADE=all .venv/bin/python -m pytest -q tests/compare/test_upgrade.py || status=1; \
	.venv/bin/python -m pytest -q tests/harmless/test_linkage.py || status=1; \
	exit $$status

# Every way for an application to end, each in a process of its own, and a cluster that loses executors, on both Sparks;
# `make test` does a sample.
failures: $(MAIN) $(OTHER) $(JAR) .cache/delta-4.1 .cache/delta-3.5
	FAILURES=all .venv/bin/python -m pytest tests/failures
	FAILURES=all .venv-3.5/bin/python -m pytest tests/failures

# The long form of every proof that lineage harms, loses and leaks nothing; `make test` does the short form of each. What is
# done is kept in .cache/torture, and a second run goes on; `make torture-passed` tells what has passed with the code as it stands.
torture: $(MAIN) $(OTHER) $(JAR) .cache/delta-4.1 .cache/delta-3.5 jvm_bridge/target/compiled
	status=0; \
	TORTURE=all .venv/bin/python -m pytest -s tests/fuzzing tests/decode/test_hostile.py || status=1; \
	TORTURE=all .venv/bin/python -m pytest -s tests/leaks || status=1; \
	TORTURE=all .venv-3.5/bin/python -m pytest -s tests/leaks || status=1; \
	TORTURE=all .venv/bin/python -m pytest -s tests/harmless || status=1; \
	.venv-3.5/bin/python -m pytest tests/harmless || status=1; \
	PYTHONPATH=.:tests .venv/bin/python tests/pipeline/deliveries.py || status=1; \
	PYTHONPATH=.:tests .venv/bin/python tests/pipeline/deliveries.py delta-spark || status=1; \
	TORTURE=all .venv/bin/python -m pytest -s tests/simulation || status=1; \
	exit $$status

torture-passed: $(MAIN)
	@PYTHONPATH=tests .venv/bin/python tests/support/torture.py

lint: $(MAIN)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	bash -n .ci/run

bench-full: BENCH_WORDS := --full
bench-full: $(CORPORA)
bench bench-full: $(MAIN) $(JAR)
	status=0; \
	for bench in bench/*.py; do .venv/bin/python $$bench $(BENCH_WORDS) || status=1; done; \
	exit $$status

venv: $(MAIN) $(OTHER) $(JAR)

jar: $(JAR)

corpora: $(CORPORA)

# All of Spark's own SQL tests under lineage, in pieces: what is done stays done, and a second run goes on.
corpora-full: $(MAIN) $(JAR) $(CORPORA)
	.venv/bin/python tests/corpora/sql_corpus.py

wheel: $(MAIN) $(JAR) $(PACKAGE_SOURCES)
	rm -rf build dist
	.venv/bin/python $(PIP) wheel --no-deps --wheel-dir dist .
	@ls dist/*.whl

# What is written from the code: docs/settings.md, docs/store.md, tests/public_names.txt, SUPPORTED.md.
docs: $(MAIN)
	.venv/bin/python scripts/write_settings.py
	.venv/bin/python scripts/write_public_names.py
	.venv/bin/python scripts/write_supported.py
	.venv/bin/python scripts/write_store.py

clean:
	rm -rf build dist *.egg-info jvm_bridge/target spark_lineage/jars .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

$(MAIN): requirements/spark-4.1.txt pyproject.toml setup.cfg
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python $(PIP) install --requirement $<
	.venv/bin/python $(PIP) install --no-deps --editable .
	touch $@

$(OTHER) .venv-4.0/installed .venv-4.2/installed: .venv-%/installed: requirements/spark-%.txt pyproject.toml setup.cfg
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python $(PIP) install --requirement $<
	.venv-$*/bin/python $(PIP) install --no-deps --editable .
	touch $@

$(JAR): $(BRIDGE_SOURCES)
	@command -v mvn > /dev/null && command -v javac > /dev/null || { echo "A JDK 17 and Maven are needed to build the bridge." >&2; exit 1; }
	$(MAVEN) package -DskipTests
	mkdir -p $(@D)
	cp jvm_bridge/target/spark-lineage-bridge-[0-9]*.jar $@.new
	mv $@.new $@  # a JVM that has the old one open keeps it

jvm_bridge/target/compiled: $(JAR) $(BRIDGE_TESTS)
	$(MAVEN) test-compile
	touch $@

jvm_bridge/target/tested: jvm_bridge/target/compiled
	$(MAVEN) test
	touch $@

$(CORPORA): scripts/fetch_corpora.py | $(MAIN)
	.venv/bin/python scripts/fetch_corpora.py
	touch $@

# Delta's jars, into Ivy's cache, so that no test waits for them, and beside those of the other sources.
.cache/delta-4.1: $(MAIN) scripts/fetch_delta.py
	.venv/bin/python scripts/fetch_delta.py .cache/jars/delta-4.1
	touch $@

.cache/delta-3.5 .cache/delta-4.0 .cache/delta-4.2: .cache/delta-%: .venv-%/installed scripts/fetch_delta.py
	.venv-$*/bin/python scripts/fetch_delta.py .cache/jars/delta-$*
	touch $@

# Spark's classes and Delta's as a JVM of the tests has read them, for the next ones to begin with, and local files for them.
.cache/classes/spark-4.1.stamp: .cache/delta-4.1 $(JVM)
	PYTHONPATH=tests .venv/bin/python tests/support/jvm.py
	touch $@

.cache/classes/spark-3.5.stamp: .cache/delta-3.5 $(JVM)
	PYTHONPATH=tests .venv-3.5/bin/python tests/support/jvm.py
	touch $@

# Connectors and drivers that tests/sources puts beside Spark's jars, and the Kafka broker.
$(SOURCES): .cache/jars/%/stamp: tests/sources/pom.xml
	rm -rf $(@D)
	mvn --batch-mode --no-transfer-progress --quiet -Dstyle.color=never --file $< --activate-profiles $* \
		dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(@D)
	touch $@

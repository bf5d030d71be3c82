# The commands of this repository; `make` alone lists them. Set-up is in scripts/setup.sh.

PYTHON := .venv/bin/python
SETUP := scripts/setup.sh
LOCK := $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate

FUZZ_EXAMPLES ?= 100000

# Most tests wait for speech in real time, which two processes do side by side; with three on two cores
# several browsers at once are too late. Each file
# belongs to one of them, in the order of the folders: browsers come last.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder

export PATH := $(CURDIR)/.venv/bin:$(PATH)

.NOTPARALLEL:
.PHONY: help run setup page models wheel plugin test test-fast coverage test-faults test-llama fuzz lint format types \
	bench soak lock env-example agent-keys protocol screenshots clean

help:
	@echo 'make run          set up what is missing and start the agent with its page'
	@echo 'make setup        set up everything: Python, LiveKit server, page, models'
	@echo 'make page         build the page'
	@echo 'make models       fetch the speech models again'
	@echo 'make wheel        build the wheel that `pip install` takes, into dist/'
	@echo 'make plugin       build the wheel of the LiveKit plugin, into dist/'
	@echo 'make test         every test; ARGS="-k name" narrows'
	@echo 'make test-fast    the tests without server and browser'
	@echo 'make coverage     the same, which must reach most lines of the product'
	@echo 'make test-faults  the tests that break things and need root'
	@echo 'make test-llama   a genuine language model, see tests/llama/README.md'
	@echo 'make fuzz         made-up input at every door, FUZZ_EXAMPLES of each kind, for hours'
	@echo 'make lint         style; make format mends it'
	@echo 'make types        strict types of Python and page'
	@echo 'make bench        benchmark against peers, ARGS="--help" says more'
	@echo 'make soak         calls for minutes or hours, and their memory, ARGS="--help" says more'
	@echo 'make lock         lock the dependencies anew'
	@echo 'make screenshots  take the pictures of the page anew'
	@echo 'make clean        remove what was built or installed here, keep models and .env'

run:
	@$(SETUP) runtime livekit page models
	@$(PYTHON) -m agent dev $(ARGS)

setup:
	@$(SETUP) runtime livekit page models

page:
	@$(SETUP) page

models:
	@$(SETUP) runtime fetch

wheel:
	@$(SETUP) dev page
	@rm -rf build
	@$(PYTHON) -m uv build --quiet --wheel --out-dir dist
	@ls dist/local_voice_agent-*.whl

plugin:
	@$(SETUP) dev
	@$(PYTHON) -m scripts.plugin dist

test:
	@$(SETUP) dev livekit page programs
	@$(PYTHON) -m pytest -p scripts.no_skips -p scripts.second_chance $(SIDE_BY_SIDE) $(ARGS)

test-fast:
	@$(SETUP) dev
	@$(PYTHON) -m pytest $(SIDE_BY_SIDE) tests/unit tests/engine $(ARGS)

coverage:
	@$(SETUP) dev
	@$(PYTHON) -m pytest $(SIDE_BY_SIDE) tests/unit tests/engine --cov --cov-report=term $(ARGS)

test-llama:
	@$(SETUP) dev
	@LLAMA_SERVER=$(LLAMA_SERVER) LLAMA_MODEL=$(abspath $(LLAMA_MODEL)) \
		$(PYTHON) -m pytest -p scripts.no_skips tests/llama $(ARGS)

test-faults:
	@$(SETUP) dev livekit page programs
	@$(PYTHON) -m pytest -p scripts.no_skips -p scripts.second_chance tests/faults $(ARGS)

fuzz:
	@$(SETUP) dev livekit
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(PYTHON) -m pytest --timeout 0 $(ARGS) \
		tests/fuzz tests/room/test_made_up_messages.py

lint:
	@$(SETUP) dev
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@lint-imports --no-cache --no-logo

format:
	@$(SETUP) dev
	@$(PYTHON) -m ruff check --fix
	@$(PYTHON) -m ruff format

types:
	@$(SETUP) dev page
	@$(PYTHON) -m mypy
	@npm --prefix services/web/page run --silent check

bench:
	@$(SETUP) dev livekit peers
	@$(PYTHON) -m benchmarks $(ARGS)

soak:
	@$(SETUP) dev livekit
	@$(PYTHON) -m benchmarks.soak $(ARGS)

lock:
	@$(SETUP) dev
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) pyproject.toml --extra dev --extra bench -c requirements.lock -o requirements-dev.lock
	@$(LOCK) --group peers -o requirements-peers.lock
	@$(LOCK) --group setup -o requirements-setup.lock

screenshots:
	@$(SETUP) dev livekit page programs
	@$(PYTHON) -m scripts.screenshots

env-example:
	@$(SETUP) dev
	@$(PYTHON) -m scripts.env_example

agent-keys:
	@$(SETUP) dev
	@$(PYTHON) -m scripts.agent_keys

protocol:
	@$(SETUP) dev
	@$(PYTHON) -m scripts.protocol

clean:
	@rm -rf .venv .venv-peers services/web/static services/web/page/node_modules build dist \
		.mypy_cache .ruff_cache .pytest_cache *.egg-info

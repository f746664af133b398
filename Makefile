# Every stage forwards all `name=value` arguments to Hydra:
#   make train model=baseline_cnn 'loss/term=[knobs,perceptual]' model.dropout=0.2
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV ?= .venv
HOST ?= 127.0.0.1
PORT ?= 5000
DEBUG :=
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The name=value arguments of the command line except make's own, quoted for the shell. `value` passes
# them unexpanded; the name of the loop variable cannot be a Hydra key.
MAKE_VARIABLES := PYTHON VENV HOST PORT DEBUG MAKEFLAGS
QUOTE := '
_quoted = $(QUOTE)$(subst $(QUOTE),$(QUOTE)\$(QUOTE)$(QUOTE),$(1))$(QUOTE)
_given := $(sort $(foreach <v>,$(.VARIABLES),$(if $(filter command line,$(origin $(<v>))),$(<v>))))
OVERRIDES = $(if $(DEBUG),--debug )$(foreach <v>,$(filter-out $(MAKE_VARIABLES),$(_given)),$(call _quoted,$(<v>)=$(value $(<v>))))

# Without this check, make would report an unknown target only after running the targets before it.
ifneq (,$(word 2,$(MAKECMDGOALS)))
_targets := $(shell sed -nE 's/^([a-z][a-z-]*):.*/\1/p' $(MAKEFILE_LIST))
_unknown := $(firstword $(filter-out $(_targets),$(MAKECMDGOALS)))
$(if $(_unknown),$(error $(_unknown): neither a target (make help) nor name=value))
endif

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | column -t -s "$$(printf '\t')"
	@echo
	@echo "  Any Hydra override can be added, e.g.  make train model=baseline_cnn trainer.max_epochs=5"
	@echo "  Options: ls configs/model configs/data configs/experiment …"

# --- set-up ---------------------------------------------------------------------------------------

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] < (3, 14) else f"ai_mixer needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: make PYTHON=python3.11 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

.PHONY: setup doctor
setup: $(READY) ## create .venv and install the package (automatic on first use)

doctor: $(READY) ## check this machine and the installation
	@$(BIN)/python -m ai_mixer.cli.stages.doctor

# --- stages: one Hydra primary config each --------------------------------------------------------

# Training allocates and frees buffers of megabytes in every step. By default the C library returns
# them to the kernel each time: 2.1 s per step instead of 1.3 on 2 cores.
train sweep bench bench-peers bench-commits: export MALLOC_MMAP_MAX_ ?= 0
train sweep bench bench-peers bench-commits: export MALLOC_TRIM_THRESHOLD_ ?= 8589934592
train sweep bench bench-peers bench-commits: export MALLOC_TOP_PAD_ ?= 268435456

# Where a system forbids compiled files, each of the hundred processes of the tests compiles all again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: train sweep services evaluate render loss-scales
train: $(READY) ## train a model, evaluate it and render samples: make train model=ast_regressor
	$(BIN)/python -m ai_mixer.cli.stages.train $(OVERRIDES)

sweep: $(READY) ## hyperparameter search: make sweep model=ast_regressor search=default trials=30
	$(BIN)/python -m ai_mixer.cli.stages.sweep $(OVERRIDES)

services: $(READY) ## start PostgreSQL, for sweeps on several machines: make sweep storage=postgresql
	$(BIN)/python -m ai_mixer.cli.stages.services $(OVERRIDES)

evaluate: $(READY) ## evaluate a run on held-out songs: make evaluate run=last split=test
	$(BIN)/python -m ai_mixer.cli.stages.evaluate $(OVERRIDES)

render: $(READY) ## render listening samples of a run: make render run=last
	$(BIN)/python -m ai_mixer.cli.stages.render $(OVERRIDES)

loss-scales: $(READY) ## measure the value of each loss term for neutral knobs: make loss-scales data=folder
	$(BIN)/python -m ai_mixer.cli.stages.loss_scales $(OVERRIDES)

.PHONY: data features roughs
data: $(READY) ## download, check and index a collection: make data name=gtzan data.root=/my/gtzan
	$(BIN)/python -m ai_mixer.cli.stages.data $(OVERRIDES)

features: $(READY) ## compute audio features of every song (levels, timbre, rhythm …): make features data=folder
	$(BIN)/python -m ai_mixer.cli.stages.features $(OVERRIDES)

roughs: $(READY) ## make rough versions with another processor, for evaluation: make roughs data=band out=roughs
	$(BIN)/python benchmarks/roughs $(OVERRIDES)

# --- speed ----------------------------------------------------------------------------------------

PEERS := .venv-peers
PEERS_READY := $(PEERS)/.ready

.PHONY: bench bench-peers bench-commits
bench: $(READY) ## measure the speed of effects, console, losses, loader and training step
	$(BIN)/python -m ai_mixer.cli.stages.benchmark $(OVERRIDES)

bench-peers: $(PEERS_READY) ## compare the speed with other libraries (in a separate environment)
	$(PEERS)/bin/python benchmarks/peers

bench-commits: $(READY) ## compare the speed of the console with an earlier commit: make bench-commits base=HEAD~20
	$(BIN)/python benchmarks/commits.py $(base)

# Peers are installed one by one: a failure only removes this peer from the table.
$(PEERS_READY): benchmarks/peers/requirements.txt pyproject.toml constraints.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . setuptools wheel ninja
	grep -v '^#' benchmarks/peers/requirements.txt | while read -r peer; do \
	  $(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation "$$peer" \
	    || echo "$$peer cannot be installed here"; done
	@touch $@

# --- results --------------------------------------------------------------------------------------

.PHONY: ui sweep-ui listen compare report
ui: $(READY) ## start MLflow's web interface on 127.0.0.1:5000 (HOST=, PORT=)
	$(BIN)/python -m ai_mixer.cli.stages.ui host=$(HOST) port=$(PORT) $(OVERRIDES)

sweep-ui: $(READY) ## start Optuna's dashboard of the last sweep on 127.0.0.1:8080 (extra `scale`)
	$(BIN)/python -m ai_mixer.cli.stages.sweep_ui $(if $(filter command line,$(origin PORT)),port=$(PORT)) $(if $(filter command line,$(origin HOST)),host=$(HOST)) $(OVERRIDES)

listen: $(READY) ## open the listening page of the last run (or run=ID)
	@$(BIN)/python -m ai_mixer.cli.stages.listen $(OVERRIDES)

compare: $(READY) ## compare several runs on the same songs, with a blind test: make compare runs=last,3f2a
	$(BIN)/python -m ai_mixer.cli.stages.compare $(OVERRIDES)

report: $(READY) ## table of all configurations, mean over seeds: make report by='closeness blind'
	@$(BIN)/python -m ai_mixer.cli.stages.report $(OVERRIDES)

.PHONY: leaderboard ensemble package
leaderboard: $(READY) ## evaluate all cross-validations on the same songs and write the leaderboard
	@$(BIN)/python -m ai_mixer.cli.stages.leaderboard $(OVERRIDES)

ensemble: $(READY) ## combine trained models into an ensemble: make ensemble runs=1a2b,3c4d
	$(BIN)/python -m ai_mixer.cli.stages.ensemble $(OVERRIDES)

package: $(READY) ## add a trained model to the package: make package run=1a2b name=… about=…
	@$(BIN)/python -m ai_mixer.cli.stages.package $(OVERRIDES)

.PHONY: gc relocate
gc: $(READY) ## list deleted runs, orphan folders and temporary files in mlruns/; make gc confirm=1 deletes them
	@$(BIN)/python -m ai_mixer.cli.stages.gc $(OVERRIDES)

relocate: $(READY) ## rewrite artifact URIs after mlruns/ was moved
	$(BIN)/python -m ai_mixer.cli.stages.relocate $(OVERRIDES)

# --- the engine without Python -------------------------------------------------------------------

.PHONY: engine plugin
engine: $(READY) ## build the console as a C library: make engine targets=all console=classic ranges=wide
	$(BIN)/python -m ai_mixer.cli.stages.engine $(OVERRIDES)

plugin: $(READY) ## build the plug-ins (VST3, CLAP, LV2): make plugin install=true; make plugin os=windows
	$(BIN)/python -m ai_mixer.cli.stages.plugin $(OVERRIDES)

# --- the page of `ai-mixer app` --------------------------------------------------------------------

.PHONY: app app-page app-engine
app: $(READY) ## open a page that mixes held-out songs with the model of a run: make app run=last
	$(BIN)/python -m ai_mixer.cli.stages.app $(OVERRIDES)

app-page: $(READY) ## build the page from its TypeScript (needs node and npm)
	$(BIN)/python -m ai_mixer.app.build_page

app-engine: $(READY) ## build the consoles of the page as WebAssembly (extra `engine`)
	$(BIN)/python -m ai_mixer.app.build_page engine

# --- documentation --------------------------------------------------------------------------------

.PHONY: docs docs-serve notebooks
docs: $(READY) ## the documentation in site/, for reading offline; a broken link is an error
	$(BIN)/python docs/architecture_diagram.py
	$(BIN)/python docs/effect_curves.py
	$(BIN)/zensical build --strict --clean

notebooks: $(READY) ## execute the notebooks and write their pages in docs/notebooks/ (some minutes)
	$(BIN)/python docs/notebook_pages.py

docs-serve: $(READY) ## the documentation on 127.0.0.1:8000, rebuilt after each change
	$(BIN)/python docs/architecture_diagram.py
	$(BIN)/zensical serve

# --- tests ----------------------------------------------------------------------------------------

.PHONY: check format test test-all
check: $(READY) ## check style, types and import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Each process takes whole files, in their order: pages that wait for a browser come first. Slow tests start processes of their own: one at a time.
test: $(READY) ## run the fast tests (under 6 minutes on 2 cores)
	$(BIN)/python -m pytest -m 'not slow' --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test-all: test ## run all tests, also the slow ones; with PostgreSQL if available
	-$(BIN)/python -m ai_mixer.cli.stages.services
	$(BIN)/python -m pytest -m slow

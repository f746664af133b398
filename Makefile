# Every stage forwards every `name=value` word to Hydra untouched:
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

# The name=value words of the command line, but ours, each quoted for the shell. `value` hands them on
# unexpanded; the loop variable is one that no Hydra key can be called.
OURS := PYTHON VENV HOST PORT DEBUG MAKEFLAGS
QUOTE := '
_quoted = $(QUOTE)$(subst $(QUOTE),$(QUOTE)\$(QUOTE)$(QUOTE),$(1))$(QUOTE)
_given := $(sort $(foreach <v>,$(.VARIABLES),$(if $(filter command line,$(origin $(<v>))),$(<v>))))
WORDS = $(if $(DEBUG),--debug )$(foreach <v>,$(filter-out $(OURS),$(_given)),$(call _quoted,$(<v>)=$(value $(<v>))))

# make itself notices a word that is neither target nor name=value only after the training before it.
ifneq (,$(word 2,$(MAKECMDGOALS)))
_targets := $(shell sed -nE 's/^([a-z][a-z-]*):.*/\1/p' $(MAKEFILE_LIST))
_unknown := $(firstword $(filter-out $(_targets),$(MAKECMDGOALS)))
$(if $(_unknown),$(error $(_unknown): neither a target (make help) nor name=value))
endif

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | column -t -s "$$(printf '\t')"
	@echo
	@echo "  Any Hydra override rides along, e.g.  make train model=baseline_cnn trainer.max_epochs=5"
	@echo "  Menus: ls configs/model configs/data configs/experiment …"

# --- set-up ---------------------------------------------------------------------------------------

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] < (3, 14) else f"ai_mixer needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: make PYTHON=python3.11 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

.PHONY: setup doctor
setup: $(READY) ## make .venv and install (done by itself on first use)

doctor: $(READY) ## is this machine ready? what would be slow, what is missing?
	@$(BIN)/python -m ai_mixer.cli.stages.doctor

# --- stages: one Hydra primary config each --------------------------------------------------------

# Training allocates and frees buffers of megabytes all the time. By default the C library hands them
# back to the kernel and fetches them anew, page by page: 2.1 s a step instead of 1.3 on 2 cores.
train sweep bench bench-peers: export MALLOC_MMAP_MAX_ ?= 0
train sweep bench bench-peers: export MALLOC_TRIM_THRESHOLD_ ?= 8589934592
train sweep bench bench-peers: export MALLOC_TOP_PAD_ ?= 268435456

.PHONY: train sweep services evaluate render loss-scales
train: $(READY) ## train a model, evaluate it, leave listening samples: make train model=ast_regressor
	$(BIN)/python -m ai_mixer.cli.stages.train $(WORDS)

sweep: $(READY) ## search for better settings: make sweep model=ast_regressor search=default trials=30
	$(BIN)/python -m ai_mixer.cli.stages.sweep $(WORDS)

services: $(READY) ## PostgreSQL for sweeps on several machines: make sweep storage=postgresql
	$(BIN)/python -m ai_mixer.cli.stages.services $(WORDS)

evaluate: $(READY) ## tables for a run on held-out songs: make evaluate run=last split=test
	$(BIN)/python -m ai_mixer.cli.stages.evaluate $(WORDS)

render: $(READY) ## listening samples for a run: make render run=last
	$(BIN)/python -m ai_mixer.cli.stages.render $(WORDS)

loss-scales: $(READY) ## measure what each loss term reads for doing nothing: make loss-scales data=folder
	$(BIN)/python -m ai_mixer.cli.stages.loss_scales $(WORDS)

.PHONY: data features roughs
data: $(READY) ## check and index a collection: make data name=gtzan data.root=/my/gtzan
	$(BIN)/python -m ai_mixer.cli.stages.data $(WORDS)

features: $(READY) ## a table of numbers for every song (levels, timbre, rhythm …): make features data=folder
	$(BIN)/python -m ai_mixer.cli.stages.features $(WORDS)

roughs: $(READY) ## rough versions by another processor, to judge on: make roughs data=band out=roughs
	$(BIN)/python benchmarks/roughs $(WORDS)

# --- speed ----------------------------------------------------------------------------------------

PEERS := .venv-peers
PEERS_READY := $(PEERS)/.ready

.PHONY: bench bench-peers
bench: $(READY) ## how long effects, chain, losses, loader and a training step take here
	$(BIN)/python -m ai_mixer.cli.stages.benchmark $(WORDS)

bench-peers: $(PEERS_READY) ## the same work by other libraries, in turn with ours (an environment of its own)
	$(PEERS)/bin/python benchmarks/peers

# The peers are installed one by one: what cannot be had is missing in the table, and nothing else.
$(PEERS_READY): benchmarks/peers/requirements.txt pyproject.toml constraints.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . setuptools wheel ninja
	grep -v '^#' benchmarks/peers/requirements.txt | while read -r peer; do \
	  $(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation "$$peer" \
	    || echo "$$peer cannot be installed here"; done
	@touch $@

# --- looking --------------------------------------------------------------------------------------

.PHONY: ui sweep-ui listen compare report
ui: $(READY) ## MLflow's pages on 127.0.0.1:5000 (HOST=, PORT=)
	$(BIN)/python -m ai_mixer.cli.stages.ui host=$(HOST) port=$(PORT) $(WORDS)

sweep-ui: $(READY) ## Optuna's pages over the last sweep, on 127.0.0.1:8080 (extra `scale`)
	$(BIN)/python -m ai_mixer.cli.stages.sweep_ui $(if $(filter command line,$(origin PORT)),port=$(PORT)) $(if $(filter command line,$(origin HOST)),host=$(HOST)) $(WORDS)

listen: $(READY) ## the last run's listening page (run=ID for another)
	@$(BIN)/python -m ai_mixer.cli.stages.listen $(WORDS)

compare: $(READY) ## the same songs by several runs, to hear blind: make compare runs=last,3f2a
	$(BIN)/python -m ai_mixer.cli.stages.compare $(WORDS)

report: $(READY) ## every configuration, best first, mean over its seeds: make report by='closeness blind'
	@$(BIN)/python -m ai_mixer.cli.stages.report $(WORDS)

.PHONY: leaderboard ensemble package
leaderboard: $(READY) ## docs/leaderboard.md: every recipe's cross-validation on the same songs
	@$(BIN)/python -m ai_mixer.cli.stages.leaderboard $(WORDS)

ensemble: $(READY) ## join trained models, weights learned on validation songs: make ensemble runs=1a2b,3c4d
	$(BIN)/python -m ai_mixer.cli.stages.ensemble $(WORDS)

package: $(READY) ## lay a trained model into the package: make package run=1a2b name=… about=…
	@$(BIN)/python -m ai_mixer.cli.stages.package $(WORDS)

.PHONY: gc relocate
gc: $(READY) ## what could go from mlruns/ (bin, folders without a run, drafts); make gc confirm=1 removes it
	@$(BIN)/python -m ai_mixer.cli.stages.gc $(WORDS)

relocate: $(READY) ## mend the runs' addresses after mlruns/ was moved
	$(BIN)/python -m ai_mixer.cli.stages.relocate $(WORDS)

# --- documentation --------------------------------------------------------------------------------

.PHONY: docs docs-serve
docs: $(READY) ## the documentation in site/, for reading offline; a broken link is an error
	$(BIN)/python docs/architecture_diagram.py
	$(BIN)/zensical build --strict --clean

docs-serve: $(READY) ## the documentation on 127.0.0.1:8000, rebuilt after each change
	$(BIN)/python docs/architecture_diagram.py
	$(BIN)/zensical serve

# --- proof ----------------------------------------------------------------------------------------

.PHONY: check format test test-all
check: $(READY) ## style, types, direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## put the style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Files side by side, one process a core; the slow proofs start processes of their own, so in turn.
test: $(READY) ## the fast suite (under 8 minutes on 2 cores)
	$(BIN)/python -m pytest -m 'not slow' --numprocesses=logical --maxprocesses=4 --dist=loadfile

test-all: test ## every proof, the slow ones too; with PostgreSQL where it can be had
	-$(BIN)/python -m ai_mixer.cli.stages.services
	$(BIN)/python -m pytest -m slow

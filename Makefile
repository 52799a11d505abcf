# Newstally: `make run` shows it working, `make test` proves it. `make help` lists the rest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DISTRIBUTIONS := protos runtime models gateway extractor persister client dashboard
# One thread per numeric library and process: more cores are more replicas.
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
# Sets are walked in the same order each time: what a seed stands for does not change.
export PYTHONHASHSEED ?= 0

.PHONY: help setup run test quick explore test-gateway test-extractor test-persister test-client test-dashboard simulate lint format \
  types proto proto-lint check recount economy reads faults chaos attacks bench bench-extract bench-gateway bench-memory bench-questions bench-client bench-cpu bench-observing big-upload \
  evaluate evaluate-names train vendor clean
.PHONY: test-browser pictures bench-dashboard

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(VENV)/ready ## make .venv with every distribution and the tools, versions pinned

$(VENV)/ready: constraints.txt pyproject.toml $(DISTRIBUTIONS:%=%/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@echo 'Making $(VENV): takes some minutes, this once.'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt pip setuptools wheel
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation \
	  $(DISTRIBUTIONS:%=-e ./%) -e './client[cert]' --group dev
	touch $@

run: setup ## start the trio, upload the sample articles, show the tallies and what rose, stop
	$(BIN)/python sample/run.py

# As many workers as cores; tests of one xdist_group share a worker, and what it has started.
PYTEST = $(BIN)/python -m pytest -n logical --dist loadgroup

test: setup ## run every test
	$(PYTEST)

quick: setup ## run the unit tests, without what is slow: under a minute
	$(PYTEST) -q -m 'not slow' --hypothesis-profile quick tests/unit

explore: setup ## run the unit tests with examples, and an order of sets, that were not drawn before
	PYTHONHASHSEED=random $(PYTEST) -q --hypothesis-profile explore tests/unit

test-gateway: setup ## run the tests of the gateway, its process included
	$(PYTEST) tests/unit/gateway tests/integration/gateway

test-extractor: setup ## run the tests of the extractor, its process included
	$(PYTEST) tests/unit/extractor tests/integration/extractor

test-persister: setup ## run the tests of the persister and its sinks, its process included
	$(PYTEST) tests/unit/persister tests/integration/persister tests/integration/firestore

test-client: setup ## run the tests of the client library and the command line
	$(PYTEST) tests/unit/client

test-browser: setup ## look at the dashboard in chromium: with all articles, Firestore, and keys and TLS, too
	NEWSTALLY_BROWSER=all $(BIN)/python -m pytest tests/browser

pictures: setup ## take the pictures of the dashboard in docs/ anew, from the sample
	PYTHONPATH=tests $(BIN)/python -m browser.pictures docs/pictures

lint: setup ## check format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: setup ## check the types, strictly
	$(BIN)/mypy

proto: setup ## regenerate the committed stubs and docs/api.md from protos/
	$(BIN)/python protos/generate.py

proto-lint: setup ## check the protos' style
	cd protos && ../$(BIN)/buf lint && ../$(BIN)/buf format --diff --exit-code

check: lint types proto-lint ## everything that must hold besides the tests
	$(BIN)/python protos/generate.py
	git diff --exit-code -- protos docs/api.md
	$(BIN)/python -m pip check

ARTICLES ?= $(firstword $(wildcard ../shared/articles/articles.jsonl.gz) sample/articles.jsonl)
recount: setup ## upload ARTICLES through a fresh trio and compare with a plain recount
	$(BIN)/python tools/recount.py $(ARTICLES) $(RECOUNT_FLAGS)

economy: setup ## count the writes that Firestore would bill for ARTICLES, at several flush windows
	$(BIN)/python tools/economy.py $(ARTICLES)

reads: setup ## count the documents that questions read of Firestore, in both layouts, on ARTICLES and made-up ones (READS_FLAGS)
	$(BIN)/python tools/reads.py $(ARTICLES) $(READS_FLAGS)

CORPORA ?= ../shared/corpora
MODEL ?= en_newstally
evaluate: setup ## measure MODEL on every text of CORPORA that it was not trained on
	$(BIN)/python models/evaluate.py --corpora $(CORPORA) --model $(MODEL)
	$(BIN)/python models/evaluate.py --corpora $(CORPORA) --model $(MODEL) --development
	$(BIN)/python models/evaluate.py --model $(MODEL) --hard

NAMES ?= $(CORPORA)/docred/names-dev.jsonl.gz
evaluate-names: setup ## measure which mentions of NAMES are put under one name
	$(BIN)/python models/evaluate_names.py $(NAMES)

train: setup ## train the default model on CORPORA, with TRAIN_FLAGS (see models/README.md)
	$(BIN)/python models/recipe/train.py --corpora $(CORPORA) $(TRAIN_FLAGS)

SEEDS ?= 10000
test-dashboard: setup ## run the tests of the dashboard, its process included
	$(PYTEST) tests/unit/dashboard tests/integration/dashboard

simulate: setup ## run SEEDS seeds of the simulation (make test runs 2000)
	PYTHONPATH=tests $(BIN)/python -m simulation --seeds $(SEEDS)

FAULT_SEEDS ?= 200
faults: setup ## put the compact layout of Firestore through FAULT_SEEDS lives with faults in memory, and as many in the emulator (make test takes 30 and 40)
	FAULT_SEEDS=$(FAULT_SEEDS) $(BIN)/python -m pytest -q tests/unit/persister/sinks/firestore/test_compact_planted.py \
	  tests/integration/firestore/test_faults.py -k "nothing_planted or (random_mixture and compact)"

chaos: setup ## kill everything at random for CHAOS_SECONDS, then recount (CHAOS_SEED, CHAOS_EVERY, CHAOS_SINK, CHAOS_FLAGS)
	$(BIN)/python tools/chaos.py $(CHAOS_FLAGS)

attacks: setup ## sixty attacks beside an innocent upload, recounted each time (ATTACKS_FLAGS)
	PYTHONPATH=tests $(BIN)/python -m attacks $(ATTACKS_FLAGS)

bench: setup ## the whole pipeline against nlp.pipe on two processes, on ARTICLES (BENCH_FLAGS)
	$(BIN)/python bench/pipeline.py $(ARTICLES) $(BENCH_FLAGS)

bench-extract: setup ## the fast path against nlp.pipe on one core, on ARTICLES (BENCH_FLAGS)
	$(BIN)/python bench/extract.py $(BENCH_FLAGS)

big-upload: setup ## a CSV of 2 GB, killed five times on the way, then recounted (BIG_FLAGS)
	$(BIN)/python tools/big_upload.py $(BIG_FLAGS)

bench-client: setup ## what the client costs, beside a bare loop over the stub (BENCH_FLAGS)
	$(BIN)/python bench/client.py $(BENCH_FLAGS)

bench-dashboard: setup ## the dashboard with 50 readers beside an upload of ARTICLES, a million rows in the store (BENCH_FLAGS)
	$(BIN)/python bench/dashboard_load.py $(ARTICLES) $(BENCH_FLAGS)

ROWS ?= 1000000
bench-questions: setup ## what questions by day cost with ROWS rows in SQLite, and in the emulator
	$(BIN)/python bench/questions.py --rows $(ROWS) $(BENCH_FLAGS)

bench-gateway: setup ## one gateway process beside a bare stream, with and without security (BENCH_FLAGS)
	$(BIN)/python bench/gateway.py $(BENCH_FLAGS)

bench-fleet: setup ## hundreds of simulated replicas under the dispatcher, and under simpler ways (BENCH_FLAGS)
	PYTHONPATH=bench $(BIN)/python -m fleet $(BENCH_FLAGS)

bench-layouts: setup ## what the persister settles and applies with each sink and layout of Firestore, on ARTICLES (BENCH_FLAGS)
	$(BIN)/python bench/layouts.py $(ARTICLES) $(BENCH_FLAGS)

bench-replicas: setup ## 1 to 32 real replicas whose engine waits, behind one gateway (BENCH_FLAGS)
	$(BIN)/python bench/replicas.py $(BENCH_FLAGS)

bench-memory: setup ## memory over 200,000 articles with 5 million distinct words, drawn in docs/
	$(BIN)/python bench/memory.py --picture docs/memory.svg $(BENCH_FLAGS)

bench-cpu: setup ## processor time per article, against the release before, on ARTICLES (BENCH_FLAGS)
	$(BIN)/python bench/processor_time.py $(ARTICLES) $(BENCH_FLAGS)

vendor: setup ## fetch anew, from npm, the files of others that the dashboard serves
	$(BIN)/python tools/vendor.py

bench-observing: setup ## what metrics, status and traces take of the services' processor time (BENCH_FLAGS)
	$(BIN)/python bench/observing.py $(ARTICLES) $(BENCH_FLAGS)

clean: ## remove what was made here
	rm -rf $(VENV) newstally-data .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -rf */src/*.egg-info */build

.PHONY: images images-push images-test image-names sbom locks manifests monitoring release next

# Where images are named: `make image-names images REGISTRY=europe-docker.pkg.dev/project/newstally`.
REGISTRY ?=
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' gateway/pyproject.toml)
REVISION := $(shell git describe --always --dirty --abbrev=40 --exclude '*' 2>/dev/null || echo unknown)
IMAGE_PREFIX = $(REGISTRY:%=%/)
IMAGES := newstally-gateway newstally-extractor newstally-persister newstally-dashboard newstally
# For a release by its digest, so that the same tree gives the same images: python@sha256:…
PYTHON_IMAGE ?= python:3.11-slim
DOCKER ?= $(firstword $(wildcard /usr/bin/docker) docker)
export DOCKER_BUILDKIT = 1

NAMED := $(wildcard k8s/*.yaml k8s/examples/*.yaml deploy/compose.yaml)

images: $(IMAGES:%=image/%) ## build the images, named for REGISTRY; BUILD_FLAGS go to docker build
	@$(DOCKER) image ls --format '{{.Size}}\t{{.Repository}}:{{.Tag}}' | grep -F ':$(VERSION)' \
	  | grep -E '(^|\s|/)newstally'

image/%:
	$(DOCKER) build --file $(subst newstally-,,$(*:newstally=client))/Dockerfile \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	  --build-arg PYTHON_IMAGE=$(PYTHON_IMAGE) --label org.opencontainers.image.base.name=$(PYTHON_IMAGE) \
	  --tag $(IMAGE_PREFIX)$*:$(VERSION) $(BUILD_FLAGS) .

sbom: setup ## write what is in each image that was built, as CycloneDX, to sbom/
	DOCKER=$(DOCKER) $(BIN)/python tools/sbom.py $(IMAGES:%=$(IMAGE_PREFIX)%:$(VERSION))

locks: setup ## write anew what the images install, with hashes, for the versions of constraints.txt
	$(BIN)/python tools/locks.py

images-push: $(IMAGES:%=push/%) ## push the images to REGISTRY

push/%:
	@test -n '$(REGISTRY)' || { echo 'say where to: REGISTRY=…' >&2; exit 1; }
	$(DOCKER) push $(IMAGE_PREFIX)$*:$(VERSION)

image-names: ## let k8s/ and deploy/ name the images of REGISTRY and of this version
	sed -E -i.old -e 's#^( +image: ).*(newstally[a-z-]*:).*#\1$(IMAGE_PREFIX)\2$(VERSION)#' \
	  -e 's#^( +app.kubernetes.io/version: ).*#\1$(VERSION)#' $(NAMED)
	rm -f $(NAMED:%=%.old)

release: ## make this tree a release: versions, changelog, image names (see CONTRIBUTING.md)
	$(PYTHON) tools/release.py release
	$(MAKE) image-names

next: ## open the development of release NEXT
	$(PYTHON) tools/release.py next $(NEXT)
	$(MAKE) image-names

monitoring: setup ## write the alerts for Kubernetes, and the dashboard, from what is in deploy/
	$(BIN)/python tools/make_monitoring.py

manifests: setup ## check k8s/, deploy/ and the Dockerfiles
	$(BIN)/yamllint --strict k8s deploy
	$(BIN)/hadolint $(wildcard */Dockerfile)
	$(BIN)/python -m pytest -q tests/manifests tests/machine tests/monitoring

images-test: setup ## build the images and try them; says so where no Docker daemon can be had
	images/try.sh

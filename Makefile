# Every command of the project. `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# What is installed stays, until another one is asked for: the two builds of onnxruntime exclude each other.
PROVIDER ?= $(if $(wildcard .venv/.ready-cuda),cuda,cpu)

SERVING := .venv/.ready-$(PROVIDER)
EVERYTHING := .venv-dev/.ready
# torch's default wheel brings gigabytes of CUDA; the pin takes a CPU build where one is at hand.
INSTALL := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev serve test check format bench bench-networks bench-masks train ablations pictures docs \
        dashboards deploy-check load load-smoke overload soak

help:  ## list every target
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

setup: $(SERVING)  ## .venv with what the service needs (PROVIDER=cuda for NVIDIA cards)

setup-dev: $(EVERYTHING)  ## .venv-dev with everything: training, tests, checks, benchmarks

$(SERVING): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(if $(filter-out $@,$(wildcard .venv/.ready-*)),--clear) .venv
	.venv/bin/python $(INSTALL) --editable '.[$(PROVIDER)]'
	@touch $@

$(EVERYTHING): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-dev
	.venv-dev/bin/python $(INSTALL) --editable '.[cpu,train,test,check,bench,load,deploy]'
	@touch $@

serve: $(SERVING)  ## start the service on http://127.0.0.1:3000 (CONVOY_PORT) with the models in model_repository/
	@.venv/bin/python -m service

test: $(EVERYTHING)  ## run the whole test suite
	.venv-dev/bin/python -m pytest

check: $(EVERYTHING)  ## lint, types, architecture, file lengths
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/ruff check .
	.venv-dev/bin/mypy
	.venv-dev/bin/lint-imports
	@git ls-files '*.py' | xargs wc -l | awk '$$2 != "total" && $$1 > 300 {print $$2 " has " $$1 " lines, 300 are allowed"; bad = 1} END {exit bad}'

format: $(EVERYTHING)  ## let ruff lay the code out
	.venv-dev/bin/ruff format .
	.venv-dev/bin/ruff check --fix .

bench: $(EVERYTHING)  ## the service beside a hand-written FastAPI and the bare floor, in one run
	.venv-dev/bin/python -m benchmarks

bench-networks: $(EVERYTHING)  ## every network with random weights: parity, cost of its map, load time and memory
	.venv-dev/bin/python -m benchmarks.parity
	.venv-dev/bin/python -m benchmarks.map_cost
	.venv-dev/bin/python -m benchmarks.loading

# It needs what has been trained: `export run NAME --repository runs/published` for each segmenter, `train` for the rest.
bench-masks: $(EVERYTHING)  ## segmenters and maps on fashion-scenes: scores, ceiling, CPU time, tiles, quality of maps
	.venv-dev/bin/python -m benchmarks.mask_results --repository runs/published
	.venv-dev/bin/python -m benchmarks.mask_ceiling resnet20 vgg16_bn resnet18
	.venv-dev/bin/python -m benchmarks.segmenting --repository runs/published
	.venv-dev/bin/python -m benchmarks.tiling --repository runs/published
	.venv-dev/bin/python -m benchmarks.map_quality resnet18 vgg16_bn googlenet

train: $(EVERYTHING)  ## train, export, verify, publish and evaluate MODEL by its recipe
	@test -n "$(MODEL)" || { echo "which one? make train MODEL=lenet5"; exit 2; }
	.venv-dev/bin/python -m export run $(MODEL)

# Xception at a quarter of its width, each for the same 2,580 steps; what is finished is not trained again.
NARROW := .venv-dev/bin/python -m export train xception --option width=0.25 --epochs 6 --name
ablations: $(EVERYTHING)  ## Xception without residual connections, and with ReLU or ELU inside: four trainings, one picture
	$(NARROW) xception_narrow
	$(NARROW) xception_no_residual --option residual=false
	$(NARROW) xception_relu --option intermediate_activation=relu
	$(NARROW) xception_elu --option intermediate_activation=elu
	.venv-dev/bin/python -m export compare xception_narrow xception_no_residual xception_relu xception_elu \
	  --title 'Xception at a quarter of its width on Fashion-MNIST' --out docs/xception_ablations.png

pictures: $(EVERYTHING)  ## draw the pictures in docs/ again, from the published models
	.venv-dev/bin/python -m export sheet lenet5 --out docs/lenet5_maps.png
	.venv-dev/bin/python -m export sheet mnist_cnn --out docs/mnist_cnn_maps.png
	.venv-dev/bin/python -m export sheet resnet20 --out docs/resnet20_maps.png
	.venv-dev/bin/python -m export sheet unet --out docs/unet_masks.png

LOADTEST := .venv-dev/bin/python -m loadtest
LOADED = $(if $(MODEL),--model $(MODEL)) $(if $(REPOSITORY),--repository $(REPOSITORY))
load: $(EVERYTHING)  ## offered load in steps: the knee and a page of plots (MODEL, REPOSITORY)
	$(LOADTEST) load $(LOADED)

load-smoke: $(EVERYTHING)  ## ten seconds against a service that runs already
	.venv-dev/bin/locust -f loadtest/locustfile.py --headless --only-summary --shape smoke \
	  --host http://127.0.0.1:$(or $(CONVOY_PORT),3000)

overload: $(EVERYTHING)  ## two, five and ten times KNEE, and back (as load; PEER=MODEL.ONNX compares FastAPI by hand)
	@test -n "$(KNEE)" || { echo "how much is the knee? make overload KNEE=40, as make load found it"; exit 2; }
	$(LOADTEST) overload --knee $(KNEE) $(LOADED) $(if $(PEER),--peer $(PEER))

soak: $(EVERYTHING)  ## half an hour at 70 % of KNEE (as load)
	@test -n "$(KNEE)" || { echo "how much is the knee? make soak KNEE=40, as make load found it"; exit 2; }
	$(LOADTEST) soak --knee $(KNEE) $(LOADED)

dashboards: $(EVERYTHING)  ## write deploy/grafana/dashboards again, from deploy/dashboards
	.venv-dev/bin/python -m deploy.dashboards

deploy-check: $(EVERYTHING)  ## the compose file for real: build, scrape, drain, kill, alert, publish, tear down
	.venv-dev/bin/python -m deploy.check

docs: $(EVERYTHING)  ## write the generated pages again: docs/settings.md, docs/bad_inputs.md
	.venv-dev/bin/python -m service --settings > docs/settings.md
	( printf '# What the service answers to what it cannot use\n\n'; \
	  printf 'Every input is sent to a running service by the test suite, which then looks for a good answer and a clean log.\n'; \
	  printf 'This page is written by `make docs`. The limits were lowered for it: a million pixels, 4 pictures.\n\n'; \
	  .venv-dev/bin/python -m tests.service.live.bad_inputs ) > docs/bad_inputs.md

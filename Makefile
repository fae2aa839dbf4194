# kerasrun: every target carries a sentence; `make` alone lists them.

GO ?= go
PYTHON ?= python3
VENV ?= build/venv
PY = $(VENV)/bin/python
PARITY ?= build/parity
RANDOM_MODELS ?= build/random
VENV_BENCH ?= build/venv-bench
PY_BENCH = $(VENV_BENCH)/bin/python
VENV_SERVE ?= build/venv-serve
PY_SERVE = $(VENV_SERVE)/bin/python
BENCH ?=
FUZZTIME ?= 30s
MUTANTS ?= 10000
SOAK ?= 10m
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
CROSS = windows/amd64 darwin/arm64 linux/arm64 linux/386 linux/arm js/wasm

.PHONY: hostile soak vulncheck test-386 s390x help test race purego variants neon libhdf5 check format vet staticcheck arch cross goldens goldens-eras goldens-old parity parity-convert parity-convert-keras parity-convert-tfjs parity-convert-onnx parity-serve deploy-check grpc parity-full compat examples bench bench-peers bench-serve fuzz generate clean

help: ## List the targets.
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

test: ## Run all tests: needs Go alone.
	$(GO) test ./...

race: ## Run all tests under the race detector (needs a C compiler).
	CGO_ENABLED=1 $(GO) test -race -short ./...

purego: ## Run the kernels and all that stands on them without assembly.
	$(GO) test -short -tags purego ./...

variants: ## Run the kernels and the golden cases on the slower variants of the CPU's kernels.
	@for v in generic avx2; do echo KERASRUN_CPU=$$v; \
	  KERASRUN_CPU=$$v $(GO) test -count=1 -short . ./kernels/... ./runtime/... || exit 1; done

neon: ## Run the kernels' arm64 assembly under qemu-user.
	@qemu=$$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || { echo "needs qemu-user"; exit 1; }; \
	  CGO_ENABLED=0 GOARCH=arm64 $(GO) test -short -exec $$qemu ./kernels/...

libhdf5: ## Compare our HDF5 reader with libhdf5 on every file of testdata/hdf5 (needs libhdf5-dev and a C compiler).
	CGO_ENABLED=1 $(GO) test -tags libhdf5 ./hdf5load/...

check: format vet staticcheck arch ## Check format, vet, staticcheck and the tests of the tree.

format:
	@files=$$(git ls-files '*.go' | xargs gofmt -l); if [ -n "$$files" ]; then echo "not gofmt-clean:"; echo "$$files"; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags purego ./...

staticcheck:
	$(GO) run $(STATICCHECK) ./...

arch:
	$(GO) test ./internal/arch/...

cross: ## Build the command for other systems, without cgo.
	@for t in $(CROSS); do echo $$t; \
	  CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o build/cross/kerasrun-$${t%/*}-$${t#*/} ./cmd/kerasrun || exit 1; \
	  CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) vet ./... || exit 1; done

$(PY): python/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q -r python/requirements.txt
	@touch $(PY)

goldens: $(PY) ## Rewrite every golden case in testdata/models and testdata/custom from real Keras.
	$(PY) python/cases.py
	$(PY) python/custom.py
	$(PY) python/nonfinite.py testdata/nonfinite/keras3.json

goldens-eras: ## Rewrite the golden cases of the Keras of TensorFlow 2.12 and 2.15.
	@for v in 2.12 2.15; do \
	  $(PYTHON) -m venv build/venv-$$v && build/venv-$$v/bin/pip install -q -r python/requirements-keras-$$v.txt && \
	  build/venv-$$v/bin/python python/cases.py --era $$v || exit 1; done

goldens-old: ## Rewrite the golden cases of Keras 1.0 to 2.3 on Theano.
	$(PYTHON) -m venv build/venv-old && build/venv-old/bin/pip install -q -r python/requirements-old-keras.txt
	@for v in 1.0.8 1.2.2 2.0.9 2.2.4; do \
	  build/venv-old/bin/pip install -q --no-deps --no-build-isolation --upgrade --target build/keras-$$v keras==$$v && \
	  PYTHONPATH=build/keras-$$v build/venv-old/bin/python python/old_keras.py testdata/models || exit 1; done

parity: $(PY) ## Compare with real Keras: the article's CNN, a slice of keras.applications, 200 random models, maps of explain, numbers of evaluate.
	$(PY) python/parity.py $(PARITY) --models slice
	$(GO) build -o build/kerasrun ./cmd/kerasrun
	build/kerasrun verify --exact $(PARITY)
	build/kerasrun verify --exact $(PARITY) --fast
	$(PY) python/random_models.py $(RANDOM_MODELS) --kerasrun build/kerasrun --count 200
	$(PY) python/parity_explain.py build/kerasrun
	$(PY) python/parity_evaluate.py build/kerasrun --quiet

parity-convert: parity-convert-keras parity-convert-tfjs parity-convert-onnx ## Convert every golden case and give the results to their real consumers; options in CONVERT.

parity-convert-keras: $(PY) ## The part of parity-convert that Keras 3 and tf_keras are the consumers of.
	$(GO) build -o build/kerasrun ./cmd/kerasrun
	$(PY) python/parity_convert.py build/kerasrun --formats keras,h5 $(CONVERT)
	$(PY) python/parity_convert.py build/kerasrun --formats keras2 $(CONVERT)
	$(PY) python/parity_convert.py build/kerasrun --formats keras-pruned,keras-fold,keras-f16,keras-bf16,keras-int8,h5-f16,h5-int8 --every 7 $(CONVERT)

parity-convert-tfjs: $(PY) ## That of TensorFlow.js; needs node and npm.
	$(GO) build -o build/kerasrun ./cmd/kerasrun
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix build/tfjs @tensorflow/tfjs@4.22.0
	NODE_PATH=build/tfjs/node_modules $(PY) python/parity_convert.py build/kerasrun --formats tfjs $(CONVERT)

parity-convert-onnx: $(PY_BENCH) ## Those of onnxruntime and LiteRT.
	$(GO) build -o build/kerasrun ./cmd/kerasrun
	$(PY_BENCH) python/parity_convert.py build/kerasrun --formats onnx,onnx18,onnx23,tflite $(CONVERT)

$(PY_SERVE): python/requirements-serve.txt
	$(PYTHON) -m venv $(VENV_SERVE)
	$(PY_SERVE) -m pip install -q -r python/requirements-serve.txt
	@touch $(PY_SERVE)

parity-serve: $(PY_SERVE) ## Have tritonclient, Prometheus's parser and an OpenAPI validator talk to kerasrun serve and kerasrun-grpc.
	$(GO) build -o build/kerasrun ./cmd/kerasrun
	cd serve/grpcserve && $(GO) build -o ../../build/kerasrun-grpc ./kerasrun-grpc
	$(PY_SERVE) python/parity_serve.py build/kerasrun --grpc build/kerasrun-grpc

deploy-check: $(PY_SERVE) ## Start what the Dockerfile builds in an empty root (as root) and validate the manifests and the systemd unit of deploy/.
	$(PY_SERVE) python/deploy_check.py

grpc: ## Test the module of gRPC, which is one of its own.
	cd serve/grpcserve && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./... && $(GO) test ./...

parity-full: $(PY) ## Compare with real Keras: the article's CNN, all of keras.applications of Keras 3 and tf_keras, 2,000 random models, 1,000 wrong configs; train the examples.
	$(PY) python/parity.py $(PARITY) --models all
	$(GO) build -o build/kerasrun ./cmd/kerasrun
	build/kerasrun verify --exact $(PARITY)
	build/kerasrun verify --exact $(PARITY) --fast
	$(PY) python/random_models.py $(RANDOM_MODELS) --kerasrun build/kerasrun --count 2000 --least 20
	$(PY) python/random_configs.py build/configs --kerasrun build/kerasrun --count 1000
	$(MAKE) examples

examples: $(PY) ## Train the models of examples/ again, which takes some minutes, and follow the guide with Keras; all figures must hold.
	$(PY) python/train_detector.py --out build/examples/detect
	$(PY) python/train_segmenter.py --out build/examples/segment
	$(PY) python/train_audio.py --out build/examples/stream
	$(PY) python/train_digits.py --small build/examples/embed
	GUIDE_PYTHON=$(PY) $(GO) test -count=1 ./docs/guide

compat: ## Try every model file below MODELS and print a table; REFUSALS lists those that may be refused.
	$(GO) run ./internal/compat $(if $(REFUSALS),-refusals $(REFUSALS)) $(MODELS)

bench: ## Run the benchmarks.
	$(GO) test -run '^$$' -bench . -benchtime 1s ./kernels/... .

$(PY_BENCH): python/requirements-bench.txt python/requirements.txt
	$(PYTHON) -m venv $(VENV_BENCH)
	$(PY_BENCH) -m pip install -q -r python/requirements-bench.txt
	@touch $(PY_BENCH)

bench-peers: $(PY_BENCH) ## Compare speed with TensorFlow, ONNX Runtime, OpenVINO and LiteRT; options in BENCH.
	$(GO) build -o build/kerasrun ./cmd/kerasrun
	$(PY_BENCH) python/bench_peers.py build/kerasrun --dir build/bench --write docs/performance.md $(BENCH)

bench-serve: $(PY_BENCH) ## Compare kerasrun serve with FastAPI servers of Keras and onnxruntime under load, and try it with 1,000 clients; options in BENCH.
	$(GO) build -o build/kerasrun ./cmd/kerasrun
	$(GO) build -o build/loadtest ./internal/loadtest
	$(PY_BENCH) python/bench_serve.py build/kerasrun build/loadtest --dir build/bench $(BENCH)
	$(PY_BENCH) python/bench_serve.py build/kerasrun build/loadtest --dir build/bench --robust

hostile: ## Damage files of every format in 10,000 ways, cut them at every byte, open every attack, put wrong values in every attribute.
	$(GO) test ./cmd/kerasrun/internal/hostile -count=1 -v -run 'Mutants|Truncated|Attacks' -mutants $(MUTANTS) -every-byte -timeout 60m
	$(GO) test ./runtime -count=1 -v -run TestAttributes -attributes -timeout 60m

soak: ## Predict and reload for SOAK: memory must stay flat.
	$(GO) test ./cmd/kerasrun/internal/hostile -count=1 -v -run TestSoak -soak $(SOAK) -timeout 0

vulncheck: ## Look for known vulnerabilities in what is used.
	$(GO) run $(GOVULNCHECK) ./...

test-386: ## Run the tests where an int has 32 bits.
	CGO_ENABLED=0 GOARCH=386 $(GO) test -short ./...

s390x: ## Run the readers' tests on a big-endian CPU under qemu-user.
	@qemu=$$(command -v qemu-s390x || command -v qemu-s390x-static) || { echo "needs qemu-user"; exit 1; }; \
	  CGO_ENABLED=0 GOARCH=s390x $(GO) test -short -exec $$qemu ./hdf5load ./keras ./runtime/npy ./internal/zipdir

fuzz: ## Run each fuzz target for FUZZTIME.
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg || exit 1; done; done

generate: ## Rewrite generated files (docs/LAYERS.md, docs/THIRD_PARTY.md).
	$(GO) generate ./...

clean: ## Remove what the targets built.
	rm -rf build

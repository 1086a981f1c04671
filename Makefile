# Everything that a fresh machine needs is fetched by the targets themselves:
# Go, a C compiler, Python 3 and, for the real broker, Java with Maven.

FUZZTIME ?= 5s
PYTHON ?= python3
SERVICE_DATA ?= ../shared/data
TASK ?= service
BUNDLES = service device intrusion qos service-conn
# The versions that labels name.
VERSION_service = 3
VERSION_device = 2
VERSION_intrusion = 2
VERSION_qos = 2
VERSION_service-conn = 1
FAULTS ?= short
ROWS ?= Faults
# What serveflow version says, also where Go is not allowed to ask git.
COMMIT ?= $(shell git describe --always --abbrev=40 --exclude='*' --dirty=-modified 2>/dev/null)
GOTEST = go run ./scripts/gotest
# Packages without goroutines whose parity tests go over much real traffic, and the
# commands: the race detector would take half an hour there. Of the commands, those
# tests that run whole members in this process have it too.
UNRACED = ./flow ./flow/zeek ./flow/capture ./cascade/nprint ./cmd/serveflow
SKIPPED_LIST = $(CURDIR)/.skipped

.PHONY: help build demo test test-go test-unraced test-raced test-python test-zeek faults live fuzz lint e2e bench bench-micro bench-load bench-latency bench-pauses bench-throughput bench-scale bench-chain mutate golden testdata records train train-conn train-all onnxruntime kafka check clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: ## the one binary, bin/serveflow
	go build -ldflags='-X main.commit=$(COMMIT)' -o bin/serveflow ./cmd/serveflow

demo: build onnxruntime ## the main job on an in-process broker, beside the slow model alone
	bin/serveflow demo

test: ## everything that CI holds the code to, and at the end what was skipped
	@rm -f $(SKIPPED_LIST)
	@for step in lint test-go fuzz test-python test-zeek faults; do \
	  began=$$(date +%s) && $(MAKE) $$step SKIPPED=$(SKIPPED_LIST) && echo "make $$step took $$(($$(date +%s) - began)) s" || exit 1; done
	@SKIPPED=$(SKIPPED_LIST) $(GOTEST)

test-go: build onnxruntime kafka ## unit, golden, parity and integration tests; with the race detector where goroutines are
	$(MAKE) -j2 --output-sync=target test-unraced test-raced # these mostly wait, too

test-unraced:
	$(GOTEST) -timeout 25m $(UNRACED)

test-raced:
	$(GOTEST) -race -timeout 25m -skip '^TestFaults' $(filter-out $(addprefix %,$(UNRACED:.%=%)),$(shell go list ./...))
	$(GOTEST) -race -timeout 25m -run 'HandsOver|TopicToTopic|StartWaits|RunRekeys|StoppedBefore' ./cmd/serveflow

fuzz: ## every fuzz target for FUZZTIME each
	scripts/fuzz.sh $(FUZZTIME)

test-python: .venv/installed build onnxruntime ## the tests of train/ and of the lab
	cd testdata && ../.venv/bin/python -m unittest -q lab.test_lab
	.venv/bin/python -m pytest -q train

test-zeek: ## the Zeek package: layout of its scripts, and its btests where a Zeek is on the PATH
	PYTHON=$(PYTHON) zeek-scripts/testing/check.sh

faults: onnxruntime kafka ## the fault bench: kills, broker faults, floods, hostile input; FAULTS=long for the whole, hours; ROWS=FaultsFlood for a group
	FAULTS=$(FAULTS) $(GOTEST) -count=1 -v -parallel 3 -timeout $(if $(filter long,$(FAULTS)),12h,30m) -run '$(ROWS)' ./bench/faults

live: build onnxruntime kafka ## traffic on a test interface through a real Zeek, ship, Kafka and run; as root
	$(PYTHON) zeek-scripts/live.py

e2e: ## docker-compose.yml as an operator uses it; E2E_IMAGES=local with images made here; RUN=TestCompose for a part
	RUN='$(RUN)' e2e/run.sh

lint: ## formatting, vet and staticcheck, whose version is in go.mod
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt these:" $$unformatted; exit 1; }
	go vet ./...
	go tool staticcheck ./...

bench: ## all tables of speed, one after the other: half an hour, with nothing else on the machine
	@for table in micro throughput scale latency chain pauses load; do $(MAKE) bench-$$table || exit 1; done

bench-micro: onnxruntime ## the cost of each step, per record and per flow, beside the last recorded run; RECORD=--record keeps this one
	scripts/bench.sh $(RECORD)

bench-load: onnxruntime ## ten times the load that the slow stage can take, as a picture: bench/load/load.svg
	go test -count=1 -v -timeout 30m -run TestLoad ./bench/load -args -svg $(CURDIR)/bench/load/load.svg

bench-latency: build onnxruntime kafka ## the busiest minute in real time through a real Kafka, and ten times its load: the cascade beside its first and its last stage alone
	go test -count=1 -v -timeout 30m -run TestLatency ./bench/latency -args -latency $(if $(wildcard ../shared/data),-svg $(CURDIR)/bench/latency/latency.svg) $(LATENCY)

bench-pauses: build onnxruntime kafka ## what garbage collection and batching add at a steady load; PAUSES='-open 1000000' for the memory of open flows
	go test -count=1 -v -timeout 30m -run 'TestPauses|TestOpenFlows' ./bench/pauses -args -pauses $(PAUSES)

bench-throughput: build onnxruntime kafka .venv/bench bench/throughput/java/target/service.jar ## a full Kafka topic to labels: serveflow, its slow stage alone, and services in Python and Java
	go test -count=1 -v -timeout 60m -run TestThroughput ./bench/throughput -args -throughput $(THROUGHPUT)

bench-chain: build onnxruntime kafka ## CPU of each link between Zeek's log and the label, by form of the records and by codec
	go test -count=1 -v -timeout 30m -run TestChain ./bench/chain -args -chain $(CHAIN)

bench-scale: build onnxruntime kafka ## the same by more cores, partitions, processes and tasks, and with other shares deferred; SCALE="-rows partition" for some
	go test -count=1 -v -timeout 60m -run TestScale ./bench/throughput -args -scale $(SCALE)

.venv/bench: bench/throughput/requirements.txt .venv/installed
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r bench/throughput/requirements.txt
	touch $@

# Without Maven there is no jar, and the bench says that it leaves the service in Java out.
bench/throughput/java/target/service.jar: bench/throughput/java/pom.xml $(wildcard bench/throughput/java/src/main/*/* bench/throughput/java/src/main/*/*/*)
	if command -v mvn >/dev/null; then mvn -q -B -f $< package && touch $@; fi

mutate: ## changes in PKG that no test sees, such as PKG=./flow; MUTATE="-sample 50 -j 2"
	go run ./scripts/mutate -pkg $(PKG) $(MUTATE)

golden: build onnxruntime ## rewrite the golden files
	go test ./flow/zeek ./flow/capture ./cascade/nprint ./cascade/gbdt ./cascade/onnx ./cascade/bundle ./sink ./doctor ./workbench/annotate ./workbench/judge ./workbench/summary ./cmd/serveflow -update

testdata: ## capture the lab's traffic anew; Debian, as root, with a Zeek on the PATH
	testdata/lab/make.sh
	$(MAKE) records

records: ## the lab's records and conn.log, by the Zeek on the PATH
	zeek=$$(mktemp -d) && zstd -dcq testdata/captures/lab.pcap.zst >$$zeek/lab.pcap && \
	(cd $$zeek && zeek -D -C -r lab.pcap LogAscii::use_json=T $(CURDIR)/zeek-scripts/scripts) && \
	zstd -19 -q -f $$zeek/serveflow.log -o testdata/records/lab.jsonl.zst && \
	zstd -19 -q -f $$zeek/conn.log -o testdata/records/lab-conn.jsonl.zst && rm -r $$zeek

train: .venv/installed build onnxruntime ## bundles/TASK from labelled captures in SERVICE_DATA; TASK=service by default
	.venv/bin/python -m train $(TASK) --data $(SERVICE_DATA) $(if $(filter service,$(TASK)),--lab train/lab) --out bundles/$(TASK) --version $(VERSION_$(TASK))

train-conn: ## bundles/service-conn from labelled conn.logs in SERVICE_DATA
	$(MAKE) train TASK=service-conn

train-all: ## every bundle that ships, one after the other
	for task in $(BUNDLES); do $(MAKE) train TASK=$$task || exit 1; done

onnxruntime: ## ONNX Runtime's shared library, in .onnxruntime/
	scripts/onnxruntime.sh

kafka: ## Apache Kafka for the integration tests, in .kafka/
	internal/kafkatest/fetch.sh

.venv/installed: train/requirements.lock
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r train/requirements.lock
	touch $@

check: ## what CI runs
	.ci/run

clean: ## remove what the targets made, but for what they fetched
	rm -rf bin .demo .skipped

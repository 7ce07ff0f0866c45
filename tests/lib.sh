# shellcheck shell=bash
# Sourced by the tests in tests/host/, and by the runner: how a test says what it finds.
#   tests/host/TOPIC           NAME, BASE and the like come from the runner; by hand it is the
#                              first base, or that of BASE= in the environment
#   LIST=1 tests/host/TOPIC    prints the names of its tests and runs none
#   TEST=PATTERN ...           runs those whose name has a part that fits, a shell pattern
# The output is KTAP, the status 1 if one has failed. $work is a directory that goes away at the
# end.

. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
. "$TOP/scripts/arch.sh"

BASE=${BASE:-$(base_names | cut -d' ' -f1)}
NAME=${NAME:-$BASE}
# not for what is called from here
TEST=${TEST-} LIST=${LIST-}
export -n TEST LIST
tests=0 failed=0
work=$(mktemp -d)
trap 'end_tests $?' EXIT

# end_tests STATUS: the plan and the status, if all have run
end_tests() {
	[ "$1" != 0 ] || [ "$tests" = 0 ] || echo "1..$tests"
	end_started
	rm -rf "$work"
	[ "$1" != 0 ] || exit "$failed"
}

# selected NAME: is it one of those that TEST asks for?
# shellcheck disable=SC2053
selected() { [[ $1 == *$TEST* ]]; }

# result STATUS NAME: one line of KTAP
result() {
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2"
		failed=1
	fi
}

# check_that NAME COMMAND...: a test that is a command; its output is shown if it fails, or if
# SHOW is set
check_that() {
	local name=$1 status=0
	shift
	if [ -n "$LIST" ]; then
		echo "$name"
		return
	fi
	selected "$name" || return 0
	# not in a condition: set -e has to hold inside of the function
	set +e
	(
		set -e
		"$@"
	) >"$work/out" 2>&1
	status=$?
	set -e
	[ $status = 0 ] && [ -z "${SHOW-}" ] || sed 's/^/# /' "$work/out"
	result $status "$name"
}

# check_relocation NAME COMMAND...: the same, of what a base needs relocation for
check_relocation() {
	if [ -n "$LIST" ] || relocates; then check_that "$@"; else skip "$1" "this kernel cannot relocate BTF"; fi
}

skip() { ! selected "$1" || result 0 "$1 # SKIP $2"; }

# relocates: can the kernel NAME relocate BTF?
relocates() { [ -f "$TOP/build/$NAME/linux/tools/lib/bpf/btf_relocate.c" ]; }

# pahole_that COMMANDS: a pahole in $work whose version is that of $PAHOLE
# shellcheck disable=SC2016
pahole_that() {
	printf '#!/bin/sh\ncase $1 in --version) exec "%s" --version ;; esac\n%s\n' "$PAHOLE" "$1" >"$work/pahole"
	chmod 755 "$work/pahole"
}

# test_module DIR: the source of the test module and its Makefile, alone in there
test_module() {
	rm -rf "$1"
	mkdir "$1"
	cp "$TOP/tools/testing/selftests/bpf/test_kmods/bpf_test_btf_mismatch.c" "$1/"
	echo 'obj-m := bpf_test_btf_mismatch.o' >"$1/Makefile"
}

# fails_with PATTERN COMMAND...: a non-zero status and one clear error line
fails_with() {
	local pattern=$1
	shift
	! "$@" >"$work/fails" 2>&1 </dev/null || die "'$*' does not fail"
	cat "$work/fails"
	[ "$(grep -c 'error:' "$work/fails")" = 1 ] && grep -q "$pattern" < <(tail -n 1 "$work/fails")
}

# headers TREE DIR [ASSIGNMENT]: what a package of headers has of a kernel; the shell's ASSIGNMENT is for
# the script that makes it
headers() {
	TREE=$1
	. "$TOP/scripts/kbuild.sh"
	rm -rf "$2"
	kbuild -s run-command KBUILD_RUN_COMMAND="${3-} \$(srctree)/scripts/package/install-extmod-build $2"
	[ ! -e "$2/vmlinux" ]
}

# has KO SECTION...: KO has these of the sections for BTF and no others
has() {
	local ko=$1
	shift
	objdump -h "$ko" | awk '$2 ~ /^\.BTF(\.base)?$/ { print $2 }' | sort | xargs >"$work/sections"
	echo "$*" | diff - "$work/sections"
}

# has_id KO BTF: it has one base id, that of raw BTF, which a table may follow, and the type of the
# note says what its BTF is split from. No more is in the section: llvm-objcopy would not add it
has_id() {
	local type=102 size endian=little
	! grep -q ' \.BTF\.base ' < <(objdump -h "$1") || type=103
	readelf -n "$1" | tr -d ' \n' | grep -o '(0x0000010[23])descriptiondata:[0-9a-f]\{64\}' >"$work/ids" || true
	echo "(0x00000$type)descriptiondata:$(sha256sum <"$2" | cut -d' ' -f1)" | diff - "$work/ids" ||
		die "$1: $(readelf -n "$1")"
	"${CROSS-}objcopy" -O binary --only-section=.note.BTF "$1" "$work/note"
	! grep -q 'big endian' < <(readelf -h "$1") || endian=big
	size=$(od -An -tu4 -j4 -N4 --endian=$endian "$work/note")
	[ "$(stat -c %s "$work/note")" = $((20 + size)) ] || die "$1: more than a note in .note.BTF"
}

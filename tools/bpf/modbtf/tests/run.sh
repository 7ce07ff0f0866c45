#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tests of modbtf: KTAP, status 0 if none failed.
#   run.sh SRCTREE OUTPUT
# SRCTREE is a composed kernel tree; all that is built goes to OUTPUT. modbtf is built
# with ASan and UBSan, and as it is installed ($PLAIN), for what is measured. Each
# cases/NAME has input, commands of the shell that are run in a copy of the test files, and
# expected, what they print; a case whose script needs fails is skipped. CASE=NAME: only this
# one. FUZZ=N: seconds for the fuzzer (60),
# 0: none; it is built by CLANG. RECORD=1 writes expected instead of comparing. MODBTF=PATH is an
# installed modbtf, which is tested instead of those that are built.
# RUN='qemu-s390x-static -L DIR': modbtf is built for another machine, by the variables of make in
# CROSS, and run so, without sanitizers and the fuzzer: there is no clang-rt of that machine, and
# ASan's shadow does not fit below the memory of QEMU.
set -uo pipefail
export LC_ALL=C NO_COLOR=1
here=$(cd "$(dirname "$0")" && pwd)
srctree=$1
out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

result() { # STATUS NAME
	if [ "$1" = 0 ]; then
		echo "ok - modbtf: $2"
	else
		echo "not ok - modbtf: $2"
		failed=1
	fi
}

build() { # OUTPUT TARGET [VARIABLE=VALUE]...
	local dir=$1 target=$2
	shift 2
	make -s -C "$here/.." srctree="$srctree" OUTPUT="$dir" "$@" "$dir/$target" \
		>"$work/log" 2>&1 || {
		sed 's/^/# /' "$work/log"
		result 1 "$target builds"
		exit 1
	}
	if grep -q 'warning:' "$work/log"; then
		sed 's/^/# /' "$work/log"
		result 1 "$target builds without a warning"
	fi
}

# packages FILES: the same modules as a .deb and as .rpms of either compression
packages() {
	cd "$1" || exit
	local c
	mkdir -p pkg/lib/modules
	xz -c unstamped.ko >pkg/lib/modules/unstamped.ko.xz
	cp stamped.ko pkg/lib/modules/
	tar --sort=name -C pkg -cJf data.tar.xz .
	echo 2.0 >debian-binary
	tar -cJf control.tar.xz -T /dev/null
	ar -rc modules.deb debian-binary control.tar.xz data.tar.xz 2>/dev/null
	printf '%s\n' 'Name: kmod' 'Version: 1' 'Release: 1' 'Summary: modules' 'License: GPL' \
		'%description' '%install' "cp -r $PWD/pkg/lib %{buildroot}/" \
		'%files' '/lib/modules' >kmod.spec
	for c in gzdio zstdio; do
		rpmbuild -bb --quiet -D "_topdir $PWD/rpm" -D "_binary_payload w3.$c" \
			-D 'debug_package %{nil}' -D '__os_install_post %{nil}' kmod.spec \
			>log 2>&1 || cat log
		mv rpm/RPMS/*/kmod-1-1.*.rpm "$c.rpm"
	done
	ar -rc nodata.deb debian-binary 2>/dev/null
	cp control.tar.xz data.tar.xz
	ar -rc nomodules.deb debian-binary data.tar.xz 2>/dev/null
	head -c 700 modules.deb >cut.deb
	rm -rf pkg data.tar.xz debian-binary control.tar.xz rpm kmod.spec log
}

# kernels FILES: vmlinux in every form
kernels() {
	cd "$1" || exit
	local c
	for c in gzip xz zstd lzma lz4 bzip2; do
		case $c in
		gzip) gzip -9c base.elf >payload ;;
		xz) xz --check=crc32 --x86 --lzma2=dict=1MiB -c base.elf >payload ;;
		zstd) zstd -q -c base.elf >payload ;;
		lzma) xz --format=lzma -c base.elf >payload ;;
		lz4) lz4 -q -l -c base.elf >payload ;;
		bzip2) bzip2 -c base.elf >payload ;;
		esac
		"$out/check-asan/gen" bzimage payload "vmlinuz.$c"
		mv payload "kernel.$c"
	done
}

# An answer, or one line that names the file
answers() { # BASE
	local line status=0
	line=$(modbtf audit -k patched --quiet --base "$1" damaged 2>&1 >/dev/null) || status=$?
	[ $status -lt 2 ] && return 0
	[ $status = 2 ] && [[ $line == "modbtf: damaged"* ]] && return 0
	echo "$f, $i: status $status: $line"
	return 1
}

# Files that are cut off, or of which a byte is wrong
damaged() {
	local f size at i b n=0
	for f in stamped.ko distilled.ko base.elf vmlinuz.gzip vmlinuz.xz modules.deb \
		zstdio.rpm unstamped.ko.xz mips/stamped.ko mips/base.elf; do
		size=$(stat -c %s "$f")
		for ((i = 0; i < 24; i++)); do
			cp "$f" damaged
			at=$((size * i / 24))
			if ((i % 2)); then
				truncate -s $at damaged
			else
				printf '\xa5' | dd of=damaged bs=1 seek=$at conv=notrunc status=none
			fi
			for b in base damaged; do
				answers $b || return 1
				n=$((n + 1))
			done
		done
	done
	rm damaged
	[ $n -gt 400 ]
}

# libFuzzer from the test files on; what it finds is left in OUTPUT
# libarchive allocates what a header says, and uses what is there: only the latter is limited
fuzz() {
	local seeds=$work/seeds f n=0 r
	mkdir "$seeds"
	for f in "$work"/files/{.,mips,arm,s390}/*.ko "$work"/files/*.module; do
		for r in 0 1 2 3; do
			{ printf '%b' "\\x0$r" && cat "$f"; } >"$seeds/$((n += 1))"
		done
	done
	for f in "$work"/files/{base,base.elf,mips/base,mips/base.elf,vmlinuz.gzip,vmlinuz.xz}; do
		{ printf '\x04' && cat "$f"; } >"$seeds/$((n += 1))"
	done
	for f in "$work"/files/forms/kernels/{ok/{Image,z,b,u}*,be/*,bad/*}; do
		{ printf '\x04' && cat "$f"; } >"$seeds/$((n += 1))"
	done
	for f in "$work"/files/*.{deb,rpm} "$work"/files/hostile/{exec_filter,links}/*.{deb,rpm} \
		"$work"/files/forms/archives/{ok,linked,bad}/*; do
		{ printf '\x05' && cat "$f"; } >"$seeds/$((n += 1))"
	done
	for f in "$here"/cases/baseline/expected "$here"/cases/suppress/input; do
		{ printf '\x06' && grep -E '^(-|\*|linux-image).* ' "$f"; } >"$seeds/$((n += 1))"
	done
	for f in "$work"/files/hostile/{names/hostile,reports,links/store,other_names/*}/*.ko; do
		for r in 0 1 2 3; do
			{ printf '%b' "\\x0$r" && cat "$f"; } >"$seeds/$((n += 1))"
		done
	done
	mkdir "$work/corpus"
	export BASE=$work/files/reordered BUILT=$work/files/base
	"$out/check-fuzz/fuzz" -max_total_time="${FUZZ:-60}" -timeout=20 \
		-rss_limit_mb=1024 -malloc_limit_mb=8192 -artifact_prefix="$out/" \
		"$work/corpus" "$seeds" >"$work/log" 2>&1
	local status=$?
	grep -E '^(Done|ERROR|SUMMARY|==)|BINGO|Test unit' "$work/log" | sed 's/^/# /'
	return $status
}

# the kernel adds to pointers what may be too much, and looks afterwards
flags='-fno-sanitize-recover=all -fno-sanitize=pointer-overflow'
build "$out/check-asan" gen SANITIZE='-fsanitize=address,undefined'
export OUT=$out PLAIN=$out/modbtf
if [ -n "${RUN-}" ]; then
	read -ra cross <<<"${CROSS-}"
	OUT=$out/cross
	build "$OUT" modbtf "${cross[@]}"
	mkdir "$work/bin"
	PLAIN=$work/bin/modbtf
	printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$RUN" "$OUT/modbtf" >"$PLAIN"
	chmod +x "$PLAIN"
	FUZZ=0
else
	build "$out/check-asan" sandbox_test SANITIZE="-fsanitize=address,undefined $flags"
	if [ -n "${MODBTF-}" ]; then
		PLAIN=$MODBTF
	else
		build "$out/check-asan" modbtf SANITIZE="-fsanitize=address,undefined $flags"
		build "$out" modbtf
	fi
fi
export SRCTREE=$srctree GATE=$here/../../../../Documentation/carrying/gate.md
export MAN=$here/../modbtf.8 COMPLETION=$here/../bash-completion/modbtf
export CARRYING=$here/../../../../Documentation/carrying GATES=$here/../gates TOOL=$here/..
mkdir "$work/files"
# the generator frees nothing
export ASAN_OPTIONS=detect_leaks=0
"$out/check-asan/gen" files "$work/files" || exit 1
(kernels "$work/files")
(packages "$work/files")
export ASAN_OPTIONS=exitcode=99:detect_leaks=1
cd "$work/files" || exit
xz -k unstamped.ko
gzip -k stamped.ko
zstd -q -k distilled.ko
python3 "$here/hostile.py" hostile || exit
python3 "$here/forms.py" forms || exit
export PATH=$out/check-asan:$here:$PATH
[ -z "${MODBTF-}${RUN-}" ] || PATH=$(dirname "$PLAIN"):$PATH

for dir in "$here"/cases/${CASE:-*}/; do
	name=$(basename "$dir")
	case "${RUN-}:$name" in [!:]*:sandbox | [!:]*:bombs | [!:]*:slow | [!:]*:long-loops)
		echo "ok - modbtf: $name # SKIP memory, time and system calls are those of QEMU"
		continue
		;;
	esac
	if [ -f "$dir/needs" ] && ! bash "$dir/needs" >/dev/null 2>&1; then
		echo "ok - modbtf: $name # SKIP $(sed -n '1s/^# //p' "$dir/needs")"
		continue
	fi
	rm -rf "$work/case"
	cp -r "$work/files" "$work/case"
	(cd "$work/case" && bash "$dir/input") >"$work/got" 2>&1
	if [ -n "${RECORD-}" ]; then
		cp "$work/got" "$dir/expected"
	elif ! diff -u "$dir/expected" "$work/got" >"$work/diff"; then
		sed 's/^/# /' "$work/diff"
		result 1 "$name"
		continue
	fi
	result 0 "$name"
done

[ -z "${CASE-}" ] || exit $failed
damaged >"$work/log"
status=$?
sed 's/^/# /' "$work/log"
result $status "damaged files"

if [ "${FUZZ:-60}" != 0 ]; then
	build "$out/check-fuzz" fuzz CC="${CLANG:-clang}" \
		SANITIZE="-fsanitize=address,undefined,fuzzer-no-link $flags -fno-sanitize=function"
	fuzz
	result $? "fuzzer, ${FUZZ:-60} seconds"
fi
exit $failed

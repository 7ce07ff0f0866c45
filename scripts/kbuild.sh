# shellcheck shell=bash
# Sourced after lib.sh: how a kernel is built here. Sets kbuild TARGETS..., which runs make in
# $TREE for the architecture of $NAME, and configure FRAGMENT, which writes to $LOG. The build is
# reproducible: same source, same base id.

# shellcheck source=scripts/arch.sh
. "$TOP/scripts/arch.sh"
use_arch_of "${NAME-}"
export CCACHE_DIR=$CACHE/ccache CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-8G}
# what a file depends on is read from the list that kbuild has gcc write: a miss costs no second
# run of the preprocessor, which is a quarter of a cold build
export CCACHE_DEPEND=1
export KBUILD_BUILD_TIMESTAMP=2026-01-01 KBUILD_BUILD_USER=build KBUILD_BUILD_HOST=host
# in the banner, whose length is part of BTF: the tenth build would be another
export KBUILD_BUILD_VERSION=1
PAHOLE=$("$TOP/scripts/fetch" pahole)
# Older kernels do not see to that: by -j it would be another BTF each time
pahole_flags=()
[ ! -f "$TREE/scripts/pahole-flags.sh" ] ||
	pahole_flags=(PAHOLE_FLAGS="$(PAHOLE=$PAHOLE "$TREE/scripts/pahole-flags.sh" | sed 's/ -j\>//')")

kbuild() {
	make -C "$TREE" ARCH="$KARCH" -j"$(nproc)" ${CROSS:+CROSS_COMPILE="$CROSS"} \
		CC="$TOP/scripts/cc${CROSS:+ ${CROSS}gcc}" HOSTCC="$TOP/scripts/cc" \
		PAHOLE="$PAHOLE" "${pahole_flags[@]}" LOCALVERSION= "$@"
}

# configure FRAGMENT: what it says, and nothing else that can be left out. Each of its symbols that this
# base has must come out so
configure() {
	local sym value
	kbuild -s KCONFIG_ALLCONFIG="$1" allnoconfig >"$LOG" 2>&1 ||
		die "configuring $NAME failed: $(tail -n 1 "$LOG")"
	while IFS="=" read -r sym value; do
		case $sym in CONFIG_*) ;; *) continue ;; esac
		! grep -q "^$sym=$value\$" "$TREE/.config" || continue
		! grep -rqs --include='Kconfig*' "^config ${sym#CONFIG_}\$" "$TREE" ||
			die "configs: $sym=$value does not come out on $NAME"
	done <"$1"
}

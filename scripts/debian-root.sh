# shellcheck shell=bash
# Sourced behind lib.sh by what needs a clean Debian 13: roots by debootstrap, in ROOTS or build/modbtf-deb.
# Packages are kept in the cache. Needs root, and the archive unless all packages are there.

SUITE=trixie
ROOTS=${ROOTS:-$TOP/build/modbtf-deb}
DEBS=$CACHE/$SUITE-debs

[ "$(id -u)" = 0 ] || die "only root can make a root of Debian"
# what is mounted goes with this process
[ -n "${ROOTS_MOUNTS-}" ] || exec env ROOTS_MOUNTS=1 unshare -m "$0" "$@"
need debootstrap flock
mkdir -p "$ROOTS" "$DEBS"
# one at a time: the archives of apt are shared
exec 7>"$DEBS.lock"
flock 7

# new_root NAME [FROM]: a minimal Debian, or a copy of another root, to which nothing will be added
# from the archive
new_root() {
	local root=$ROOTS/$1
	if [ ! -d "$ROOTS/base" ]; then
		say "making a root of Debian $SUITE (log: ${ROOTS#"$TOP"/}/base.log)"
		rm -rf "$ROOTS/base.new"
		debootstrap --variant=minbase --cache-dir="$DEBS" "$SUITE" "$ROOTS/base.new" "${MIRROR:-http://deb.debian.org}/debian" \
			>"$ROOTS/base.log" 2>&1 || die "debootstrap fails, see $ROOTS/base.log: $(tail -n 1 "$ROOTS/base.log")"
		# a root is made anew if the machine dies: no fsync for each file
		echo force-unsafe-io >"$ROOTS/base.new/etc/dpkg/dpkg.cfg.d/unsafe-io"
		mv "$ROOTS/base.new" "$ROOTS/base"
	fi
	rm -rf --one-file-system "$root"
	cp -a "$ROOTS/${2:-base}" "$root"
	cp /etc/resolv.conf "$root/etc/"
	open_root "$1"
	[ -n "${2-}" ] || in_root "$1" apt-get -q update >"$root.log" 2>&1 || die "apt-get update fails, see $root.log: $(grep -m 1 '^[EW]:' "$root.log")"
}

# open_root NAME: mount what its programs need
open_root() {
	local root=$ROOTS/$1
	# on itself: unshare wants / to be a mount point
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --bind "$DEBS" "$root/var/cache/apt/archives"
}

# close_root NAME: it holds files and nothing that is mounted
close_root() { umount -R "$ROOTS/$1"; }

# in_root NAME COMMAND...
in_root() {
	local root=$ROOTS/$1
	shift
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# install_in NAME PACKAGE...
install_in() {
	local name=$1
	shift
	in_root "$name" apt-get -q -y --no-install-recommends install "$@" >"$ROOTS/$name.log" 2>&1 ||
		die "packages are not installed, see $ROOTS/$name.log: $(grep -m 1 '^E:' "$ROOTS/$name.log")"
}

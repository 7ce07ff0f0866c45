# shellcheck shell=bash
# Sourced by every script here: where things are, how to say what is happening,
# how to stop. Needs nothing; sets TOP, CACHE and the functions below.

set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/module-btf
ME=${0##*/}
# what a kernel says when it finds something wrong with itself
# shellcheck disable=SC2034
SPLAT='BUG:|WARNING:|Oops|Call Trace|unreferenced object|UBSAN|stack-protector|general protection|Kernel panic'
export LC_ALL=C

say() { printf '%s: %s\n' "$ME" "$*" >&2; }
die() {
	say "error: $*"
	exit 1
}

# started PID: what that has started and is still running, and what that has
started() {
	local pid
	for pid in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
		echo "$pid"
		started "$pid"
	done
}

# end_started: for a trap at EXIT. When a signal ends a script, what it has started goes on, and
# fails in a directory that is gone
end_started() {
	local pids
	mapfile -t pids < <(started $$)
	kill "${pids[@]}" 2>/dev/null || true
}

# need COMMAND...: stop unless every command is there
need() {
	local c
	for c; do
		command -v "$c" >/dev/null || die "$c is not installed; run scripts/setup or install it"
	done
}

# installed_clang: the newest clang-NN that is there
installed_clang() { compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -t- -k2n | tail -n 1; }

# base_line NAME: the line of the file bases for NAME, without the name
base_line() {
	local line
	line=$(sed -n "s/^${1//./\\.}[[:space:]]\{1,\}//p" "$TOP/bases")
	[ -n "$line" ] || die "unknown BASE '$1'; known: $(base_names)"
	printf '%s\n' "$line"
}

base_names() { sed -n 's/^\([0-9][^[:space:]]*\).*/\1/p' "$TOP/bases" | xargs; }

newest_base() { base_names | xargs -n 1 | sort -V | tail -n 1; }

# free_kb DIR: free space there
free_kb() { df --output=avail -k "$1" | tail -n 1; }

# progress LABEL LOG PATTERN: read lines on standard input into LOG; on a
# terminal keep a counter of those that match PATTERN on one line
progress() {
	if [ -t 2 ]; then
		awk -v label="$1" -v log_="$2" -v pat="$3" '
			{ print > log_; fflush(log_) }
			$0 ~ pat { n++; if (n % 20 == 0) printf "\r%s: %d", label, n > "/dev/stderr" }
			END { if (n >= 20) printf "\r\033[K" > "/dev/stderr" }'
	else
		cat >"$2"
	fi
}

# ours TREE PATTERN [FROM]: the files that the patches, or those behind FROM, add to a composed
# tree, if they match
ours() { git -C "$1" diff --no-renames --diff-filter=A --name-only "${3:-base}" composed -- "$2"; }

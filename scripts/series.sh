# shellcheck shell=bash
# Sourced after lib.sh: how patches/ is laid out.
#   patches/SERIES/cover   the cover letter; its first line is the title
#   patches/SERIES/cover.BASE  that of an older base, if its first paragraph is not true of it
#   patches/SERIES/prefix  of the subjects of its mails; no file: PATCH bpf-next
#   patches/SERIES/needs   the series that this one is composed on, one a line; no file: none
#   patches/SERIES/NNNN-SUBJECT/
#     message              of the commit; its subject gives the directory its name
#     BASE.message         the same for a base of which something else is true
#     files                the new files that it adds. Each is at its path here, in the form that
#                          it has in the end on the newest base
#     bases                the bases that have it, on one line; no file: all of them
#     BASE.diff            what else it changes; a base that has none of its own uses that of
#                          the nearest newer base
# A patch is the path of its directory.

# series [NAME...]: these, or all, each behind those that it needs, otherwise by name
series() {
	local seen=' ' name
	local names=("$@")
	[ $# -gt 0 ] || mapfile -t names < <(find "$TOP/patches" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
	for name in "${names[@]}"; do add_series "$name"; done
}

# add_series NAME [SERIES...]: NAME, which SERIES need, the last because of the one before it
add_series() {
	local name=$1 for=${2:+"patches/$2/needs: "} need
	case $seen in *" $name "*) return ;; esac
	case " ${*:2} " in *" $name "*) die "${for}a circle: $* need each other" ;; esac
	[ -d "$TOP/patches/$name" ] || die "${for}there is no series '$name' in patches/"
	[ -s "$TOP/patches/$name/cover" ] || die "patches/$name has no cover"
	while read -r need; do add_series "$need" "$@"; done < <(sort "$TOP/patches/$name/needs" 2>/dev/null)
	seen="$seen$name "
	echo "$name"
}

# patches_of BASE SERIES...: the patches of these series that BASE has, in order
patches_of() {
	local base=$1 name dir b
	for name in "${@:2}"; do
		while read -r dir; do
			[ -s "$dir/message" ] || die "${dir#"$TOP/"} has no message"
			for b in $(bases_of "$dir"); do
				grep -qwF -e "$b" < <(base_names) || die "${dir#"$TOP/"}/bases: unknown base '$b'"
				if [ "$b" = "$base" ]; then echo "$dir"; fi
			done
		done < <(find "$TOP/patches/$name" -mindepth 1 -maxdepth 1 -name '[0-9]*' | sort)
	done
}

# bases_of PATCH: the names of those that have it
bases_of() { if [ -f "$1/bases" ]; then cat "$1/bases"; else base_names; fi; }

# newer BASE: the bases that are newer, the nearest first
newer() { base_names | xargs -n 1 | sort -V | sed "0,/^${1//./\\.}\$/d"; }

# diff_of PATCH BASE...: the file with the diff of the first of the bases that has one, if any
diff_of() {
	local b
	for b in "${@:2}"; do
		if [ -f "$1/$b.diff" ]; then
			echo "$1/$b.diff"
			return
		fi
	done
}

# cover_of SERIES BASE: the file with its letter
cover_of() {
	local f=$TOP/patches/$1/cover
	if [ -f "$f.$2" ]; then echo "$f.$2"; else echo "$f"; fi
}

# message_of PATCH BASE: the file with its message
message_of() { if [ -f "$1/$2.message" ]; then echo "$1/$2.message"; else echo "$1/message"; fi; }

# apply DIFF DIR: without fuzz; prints what patch says
apply() { (cd "$2" && patch -p1 -F0 --no-backup-if-mismatch -r - <"$1"); }

# paths DIFF...: the files that these change
paths() { sed -n 's,^[-+]\{3\} [ab]/\([^[:space:]]*\).*,\1,p' "$@" | sort -u; }

# forms back|forth DIR: our files in DIR, from what they are behind all patches of the newest base to
# what they are when they are added, or the other way round
forms() {
	local patch diff out only=() reverse=()
	mapfile -t only < <(cat "$TOP"/patches/*/*/files 2>/dev/null)
	[ ${#only[@]} -gt 0 ] || return 0
	patch=$(patches_of "$(newest_base)" $(series))
	[ "$1" = forth ] || reverse=(-R) patch=$(tac <<<"$patch")
	while read -r patch; do
		diff=$(diff_of "$patch" "$(newest_base)")
		[ -z "$diff" ] ||
			out=$(GIT_CEILING_DIRECTORIES=${2%/*} git -C "$2" apply "${reverse[@]}" "${only[@]/#/--include=}" "$diff" 2>&1) ||
			die "${diff#"$TOP/"} does not fit a file of ours: $(sed -n '1s/^error: //p' <<<"$out")"
	done <<<"$patch"
}

# first_forms DIR: our files as the patches add them, to DIR
first_forms() {
	local f
	mkdir "$1"
	while read -r f; do
		[ -f "$TOP/$f" ] || die "$(cd "$TOP" && grep -lxF -- "$f" patches/*/*/files) names $f, which is not here"
		(cd "$TOP" && cp --parents "$f" "$1")
	done < <(cat "$TOP"/patches/*/*/files 2>/dev/null)
	forms back "$1"
}

# slug TREE COMMIT: its subject, as it is in the name of a directory
slug() { git -C "$1" log -1 --format=%f "$2" | tr '[:upper:]' '[:lower:]'; }

# patch_of TREE COMMIT: the patch that it is, by its subject; nothing if it is none yet
patch_of() { find "$TOP/patches" -mindepth 2 -maxdepth 2 -name "[0-9][0-9][0-9][0-9]-$(slug "$1" "$2")"; }

# before TREE [SERIES]: the commit that the patches of a series, or all, come behind
before() {
	local commit
	if [ -z "${2-}" ]; then echo base && return; fi
	for commit in $(git -C "$1" rev-list --reverse base..composed); do
		case $(patch_of "$1" "$commit") in
		"$TOP/patches/$2"/*) git -C "$1" rev-parse "$commit^" && return ;;
		esac
	done
}

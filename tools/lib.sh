# shellcheck shell=bash
#
# tools/lib.sh: what ./quickstart, ./check and bench/run share: packages, users, copies of the tree.
#
# The server refuses to run as root.  So whoever starts a script as root gets a server that runs as "postgres"; anybody
# else gets one that runs as himself and needs sudo for apt-get and "make install" only.

# Sourced by: quickstart, check, bench/run.  Expects ROOT (the source tree) to be set.  PG_CONFIG in the environment, with its
# whole path, chooses another PostgreSQL than Debian's.

PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}
PG_BIN=${PG_CONFIG%/*}
BUILD_PACKAGES=(postgresql-15 postgresql-server-dev-15 libhiredis-dev liblz4-dev libzstd-dev gcc libc6-dev make)

# Settings of the caller's own PostgreSQL or make must not reach ours, and messages that we read must be English.
for name in ${!PG*}; do
	case $name in
		PG_BIN | PG_CONFIG | PGCACHE_*) ;;
		*) unset "$name" ;;
	esac
done
unset MAKEFLAGS MAKELEVEL MFLAGS CDPATH
export LC_ALL=C.UTF-8

die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

require_root_or_sudo() {
	is_root || command -v sudo >/dev/null ||
		die "this needs root for apt-get and 'make install': run it as root, or install sudo"
	is_root || sudo -v || die "sudo does not let you become root"
}

as_root() {
	if is_root; then "$@"; else sudo "$@"; fi
}

# The user who runs the servers and the tests.
server_user() {
	if is_root; then echo postgres; else id -un; fi
}

as_server_user() {
	if is_root; then runuser -u postgres -- env HOME=/tmp "$@"; else "$@"; fi
}

# ---- packages ----

missing_packages() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
	done
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# Installs the packages that are not there.  Debian starts what it installs, which nobody here needs: a line in
# createcluster.d keeps postgresql-15 from making a cluster, and a policy-rc.d keeps services from starting; both are removed
# afterwards.  A machine that has a policy of its own keeps it.
install_packages() {
	local missing no_cluster=/etc/postgresql-common/createcluster.d/pgcache.conf no_start=/usr/sbin/policy-rc.d
	command -v apt-get >/dev/null || die "apt-get not found: this script knows Debian packages only"
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing: ${missing[*]}"
	apt_get update
	(
		if [ -e "$no_start" ]; then no_start=; fi
		trap 'as_root rm -f "$no_cluster" ${no_start:+"$no_start"}' EXIT
		as_root mkdir -p "${no_cluster%/*}"
		echo "create_main_cluster = false" | as_root tee "$no_cluster" >/dev/null
		if [ -n "$no_start" ]; then as_root install -m 755 /dev/stdin "$no_start" <<<$'#!/bin/sh\nexit 101'; fi
		apt_get install --no-install-recommends "${missing[@]}"
	)
}

# ---- the source tree ----

# Names of the files that belong to the project, 0-terminated: tracked ones and new ones that are not ignored.
# To be called in $ROOT.
list_source_files() {
	if command -v git >/dev/null && git -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1; then
		git -c safe.directory='*' ls-files -z --cached --others --exclude-standard
	else
		find . -path ./.git -prune -o -type f -print0
	fi | while IFS= read -r -d '' file; do
		if [ -f "$file" ]; then printf '%s\0' "$file"; fi
	done
}

# Copies the project into an empty folder that the server's user owns; the tree itself may be closed to him.
copy_source() {
	local target=$1
	as_server_user rm -rf "$target"
	as_server_user mkdir -p "$target"
	(cd "$ROOT" && list_source_files | tar --null --files-from=- -cf -) | as_server_user tar -C "$target" -xf -
}

# Changes whenever a source file does.
source_fingerprint() {
	(cd "$ROOT" && list_source_files | sort -z | xargs -0 sha256sum) | sha256sum | cut -d ' ' -f 1
}

# ---- building ----

build() {
	local target=$1
	shift
	as_server_user make -s -C "$target" -j "$(nproc)" PG_CONFIG="$PG_CONFIG" "$@"
}

# install(1) puts a new file in place of the old one, so servers that run keep the library they have loaded.
install_build() {
	local target=$1
	shift
	as_root make -s -C "$target" PG_CONFIG="$PG_CONFIG" "$@" install
}

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Bare Debian roots: made once, kept as tarballs, unpacked fresh for each use.
# What is mounted in one lives in a mount namespace of its own and is gone when
# that ends, and so are the processes, whatever happens. Sourced; calls itself
# as a program inside the namespaces.

# URI of the host's main archive, or of its security archive.
host_archive() { # main|security
	# shellcheck disable=SC2016 # apt-get expands these
	apt-get indextargets \
		--format '$(ORIGIN) $(LABEL) $(REPO_URI)' \
		'Created-By: Packages' |
		awk -v want="$1" '$1 == "Debian" && $NF ~ /^http/ {
			security = $2 == "Debian-Security"
			if (security == (want == "security")) { print $NF; exit }
		}'
}

archive_sources() { # SUITE
	echo "deb $MIRROR $1 main"
	echo "deb $MIRROR $1-updates main"
	[ -z "$SECURITY" ] || echo "deb $SECURITY $1-security main"
}

make_tarball() { # SUITE
	MIRROR=$(host_archive main)
	MIRROR=${MIRROR:-http://deb.debian.org/debian}
	SECURITY=$(host_archive security)
	echo "dev: making a bare Debian $1" >&2
	rm -rf "$ROOTS/$1.new"
	mkdir -p "$ROOTS/$1.new"
	debootstrap --variant=minbase "$1" "$ROOTS/$1.new" "$MIRROR" \
		>"$ROOTS/$1.log" 2>&1 || {
		tail "$ROOTS/$1.log" >&2
		echo "dev: debootstrap failed; all of it: $ROOTS/$1.log" >&2
		exit 1
	}
	archive_sources "$1" >"$ROOTS/$1.new/etc/apt/sources.list"
	# Where the host's apt needs a proxy, the root's needs it too.
	apt-config dump | grep '^Acquire::.*[Pp]roxy' \
		>"$ROOTS/$1.new/etc/apt/apt.conf.d/90host-proxy" || true
	tar -C "$ROOTS/$1.new" -cf "$ROOTS/$1.tar.new" .
	mv "$ROOTS/$1.tar.new" "$ROOTS/$1.tar"
	rm -rf "$ROOTS/$1.new"
}

# make_root SUITE NAME: a fresh root with a clone of HEAD in /srv/libiotsafe;
# sets ROOT.
make_root() {
	mkdir -p "$ROOTS"
	exec 8>"$ROOTS/$2.lock"
	flock -n 8 || {
		echo "dev: $ROOTS/$2 is in use" >&2
		exit 1
	}
	[ -f "$ROOTS/$1.tar" ] || make_tarball "$1"
	ROOT=$ROOTS/$2
	rm -rf "$ROOT"
	mkdir -p "$ROOT" "$ROOTS/$1.packages/partial"
	tar -C "$ROOT" -xf "$ROOTS/$1.tar"
	cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
	# The installer writes this one; debootstrap does not.
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$ROOT/etc/hosts"
	git clone --quiet --depth 1 "file://$TOP" "$ROOT/srv/libiotsafe"
	[ -z "$(git -C "$TOP" status --porcelain)" ] ||
		echo "dev: what is not committed is not in the clone" >&2
}

# in_root SUITE: runs the shell script on standard input as root in ROOT.
# Packages once fetched are kept.
in_root() {
	cat >"$ROOT/srv/start"
	unshare --mount --pid --fork --kill-child --propagation private \
		"$TOP/tests/support/root.sh" --enter "$ROOT" \
		"$ROOTS/$1.packages" </dev/null
}

device() { # PATH TYPE MAJOR MINOR
	mknod -m 666 "$@"
}

# Inside the namespaces: the devices a program may expect, and no others.
enter() { # ROOT PACKAGES
	mount -t tmpfs -o mode=755 tmpfs "$1/dev"
	device "$1/dev/null" c 1 3
	device "$1/dev/zero" c 1 5
	device "$1/dev/full" c 1 7
	device "$1/dev/random" c 1 8
	device "$1/dev/urandom" c 1 9
	device "$1/dev/tty" c 5 0
	mkdir "$1/dev/pts" "$1/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts \
		"$1/dev/pts"
	mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
	ln -s pts/ptmx "$1/dev/ptmx"
	ln -s /proc/self/fd "$1/dev/fd"
	mount -t proc proc "$1/proc"
	mount --bind "$2" "$1/var/cache/apt/archives"
	exec env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb CI=true \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		chroot "$1" /bin/sh -eu /srv/start
}

if [ "${1-}" = --enter ]; then
	set -eu
	enter "$2" "$3"
fi

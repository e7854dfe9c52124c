#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# clean-root.sh SUITE VERB [--user]: makes a bare Debian, puts a clone of HEAD
# in it and gives there the command that the README gives. What is mounted
# lives in a mount namespace of its own and is gone when that ends, and so are
# the processes, whatever happens.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$TOP/build}
ROOTS=$BUILD/roots
. "$TOP/tests/support/packages.sh"

wrong_usage() {
	echo "dev: usage: ./dev clean-root bookworm|trixie demo|test [--user]" >&2
	exit 2
}

# URI of the host's main archive, or of its security archive.
host_archive() { # main|security
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' \
		'Created-By: Packages' |
		awk -v want="$1" '$1 == "Debian" && $NF ~ /^http/ {
			security = /Debian-Security/
			if (security == (want == "security")) { print $NF; exit }
		}'
}

sources() { # SUITE
	echo "deb $MIRROR $1 main"
	echo "deb $MIRROR $1-updates main"
	[ -z "$SECURITY" ] || echo "deb $SECURITY $1-security main"
}

# A pristine root in a tarball; made once. Where the network needs a proxy,
# apt knows it.
make_tarball() { # SUITE
	echo "dev: making a bare Debian $1 from $MIRROR" >&2
	rm -rf "$ROOTS/$1.new"
	mkdir -p "$ROOTS/$1.new"
	debootstrap --variant=minbase "$1" "$ROOTS/$1.new" "$MIRROR" \
		>"$ROOTS/$1.log" 2>&1 || {
		tail "$ROOTS/$1.log" >&2
		exit 1
	}
	sources "$1" >"$ROOTS/$1.new/etc/apt/sources.list"
	apt-config dump | grep '^Acquire::.*[Pp]roxy' \
		>"$ROOTS/$1.new/etc/apt/apt.conf.d/90host-proxy" || true
	tar -C "$ROOTS/$1.new" -cf "$ROOTS/$1.tar.new" .
	mv "$ROOTS/$1.tar.new" "$ROOTS/$1.tar"
	rm -rf "$ROOTS/$1.new"
}

make_root() { # SUITE
	[ -f "$ROOTS/$1.tar" ] || make_tarball "$1"
	ROOT=$ROOTS/$1
	rm -rf "$ROOT"
	mkdir -p "$ROOT" "$ROOTS/$1.packages/partial"
	tar -C "$ROOT" -xf "$ROOTS/$1.tar"
	cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
	git clone --quiet --depth 1 "file://$TOP" "$ROOT/srv/libiotsafe"
	[ -z "$(git -C "$TOP" status --porcelain)" ] ||
		echo "dev: what is not committed is not in the clone" >&2
}

device() { # PATH TYPE MAJOR MINOR
	mknod -m 666 "$@"
}

# Runs inside the namespaces: the devices a program may expect, no others.
enter() { # ROOT CACHE USER VERB
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
	cat >"$1/srv/start" <<END
set -eu
if [ $3 = user ]; then
	apt-get update >/dev/null
	apt-get install -y --no-install-recommends sudo >/dev/null 2>&1
	useradd -m -s /bin/sh somebody
	echo "somebody ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/somebody
	chown -R somebody: /srv/libiotsafe
	exec setpriv --reuid somebody --regid somebody --init-groups \
		env HOME=/home/somebody USER=somebody \
		/srv/libiotsafe/dev $4
fi
exec /srv/libiotsafe/dev $4
END
	exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LC_ALL=C.UTF-8 TERM=dumb CI=true \
		chroot "$1" /bin/sh /srv/start </dev/null
}

if [ "${1-}" = --enter ]; then
	shift
	enter "$@"
fi

suite=${1-} verb=${2-} user=root
case $suite in bookworm | trixie) ;; *) wrong_usage ;; esac
case $verb in demo | test) ;; *) wrong_usage ;; esac
case ${3-} in --user) user=user ;; "") ;; *) wrong_usage ;; esac

if [ "$(id -u)" != 0 ]; then
	echo "dev: clean-root makes a root file system and must be root:" \
		"sudo ./dev clean-root $*" >&2
	exit 1
fi
need "making a bare Debian" $PACKAGES_CLEAN_ROOT

MIRROR=$(host_archive main)
MIRROR=${MIRROR:-http://deb.debian.org/debian}
SECURITY=$(host_archive security)
mkdir -p "$ROOTS"
exec 8>"$ROOTS/$suite.lock"
flock -n 8 || {
	echo "dev: another clean-root uses $ROOTS/$suite" >&2
	exit 1
}
make_root "$suite"
echo "dev: in a bare Debian $suite, as $user: ./dev $verb" >&2
exec unshare --mount --pid --fork --kill-child --propagation private \
	"$0" --enter "$ROOT" "$ROOTS/$suite.packages" "$user" "$verb"

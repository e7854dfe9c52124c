#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# matrix.sh [NAME…]: other compilers here, other machines under QEMU's user
# mode in a bare Debian. s390x is the big-endian one. Outside CI: it takes
# long. What a name does not run is said at its end.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$TOP/build}
ROOTS=$BUILD/roots
. "$TOP/tests/support/packages.sh"
. "$TOP/tests/support/root.sh"

native() { # COMPILER
	need "building with $1" $PACKAGES_BUILD "$1" libcriterion-dev
	tree=$BUILD/matrix-$1
	[ -f "$tree/build.ninja" ] ||
		CC=$1 meson setup -Dwerror=true -Dpython=disabled \
			-Dlua=disabled "$tree" "$TOP"
	ninja -C "$tree"
	meson test -C "$tree" --no-rebuild --print-errorlogs
}

# Debian's main suite alone: a security update that lags for one machine
# blocks the install of both.
foreign() { # ARCHITECTURE TRIPLET CPU ENDIAN
	[ "$(id -u)" = 0 ] || {
		echo "dev: $1 needs a root file system: sudo ./dev matrix $1" >&2
		exit 1
	}
	need "a bare Debian" $PACKAGES_CLEAN_ROOT
	make_root bookworm "matrix-$1"
	in_root bookworm <<END
sed -i '/-updates\\|-security/d' /etc/apt/sources.list
dpkg --add-architecture $1
apt-get update >/dev/null
install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--allow-downgrades --no-install-recommends "\$@" \
		>/srv/install.log 2>&1 || { tail /srv/install.log; exit 1; }
}
install gcc-$2 libc6-dev:$1 meson pkg-config python3-pytest openssl \
	ca-certificates gnutls-bin qemu-user-static libgnutls28-dev:$1 libserialport-dev:$1 \
	libssl-dev:$1 zlib1g-dev:$1
cat >/srv/cross <<CROSS
[binaries]
c = '$2-gcc'
ar = '$2-ar'
strip = '$2-strip'
pkgconfig = 'pkg-config'
exe_wrapper = 'qemu-$3-static'
[properties]
pkg_config_libdir = '/usr/lib/$2/pkgconfig:/usr/share/pkgconfig'
[host_machine]
system = 'linux'
cpu_family = '$3'
cpu = '$3'
endian = '$4'
CROSS
cd /srv/libiotsafe
meson setup --cross-file /srv/cross -Dwerror=true -Dpython=disabled \
	-Dlua=disabled build
ninja -C build
# Debian has Criterion for few machines. The corpora run everything that reads
# bytes, and the programs everything else.
meson test -C build --no-rebuild --print-errorlogs --suite fuzz
# Whole programs: scripts that start the foreign ones stand in their place.
for path in tools/iotsafe sim/iotsafe-sim; do
	mv build/\$path build/\$path.$1
	printf '#!/bin/sh\\nexec qemu-$3-static %s "\$@"\\n' \
		"/srv/libiotsafe/build/\$path.$1" >build/\$path
	chmod +x build/\$path
done
# Left out: what needs a real machine's speed, and the machine's own locales.
BUILD=/srv/libiotsafe/build tests/support/with-build \
	python3 -m pytest -p no:cacheprovider -q -m "not plain_build" \
	-k "not keeps_the_answers and not in_other_letters" tests/integration
END
	echo "dev: $1: not run: Criterion's programs, Python, Lua" >&2
}

one() {
	echo "dev: matrix: $1" >&2
	case $1 in
	gcc | clang) native "$1" ;;
	arm64) foreign arm64 aarch64-linux-gnu aarch64 little ;;
	s390x) foreign s390x s390x-linux-gnu s390x big ;;
	esac
}

if [ "${1-}" = --one ]; then
	one "$2"
	exit
fi
[ $# -gt 0 ] || set -- gcc clang arm64 s390x
for name; do
	case $name in
	gcc | clang | arm64 | s390x) ;;
	*)
		echo "dev: matrix knows gcc, clang, arm64 and s390x," \
			"not \"$name\"" >&2
		exit 2
		;;
	esac
done
failed=""
for name; do
	"$0" --one "$name" || failed="$failed $name"
done
if [ -n "$failed" ]; then
	echo "dev: matrix: failed:$failed" >&2
	exit 1
fi
echo "dev: matrix: all passed: $*"

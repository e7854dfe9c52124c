# SPDX-License-Identifier: LGPL-2.1-or-later
# What Debian and Ubuntu call the things we need, and how they get here.
# Sourced by ./dev. "NAME?" does without where the release has none; the tests
# that want it are skipped then, and say so.

PACKAGES_BUILD="gcc libc6-dev meson pkg-config libgnutls28-dev
	libserialport-dev libpcsclite-dev libmbim-glib-dev libp11-kit-dev
	libssl-dev zlib1g-dev python3"
PACKAGES_DEMO="gnutls-bin"
PACKAGES_PYTHON="swig python3-dev"
PACKAGES_LUA="swig liblua5.1-0-dev lua5.1 liblua5.3-dev lua5.3 liblua5.4-dev
	lua5.4 luajit lua-socket"
PACKAGES_BENCH="$PACKAGES_LUA valgrind binutils"
PACKAGES_BINDINGS="$PACKAGES_PYTHON $PACKAGES_LUA"
PACKAGES_TEST="libcriterion-dev python3-pytest python3-pytest-xdist lua-busted
	valgrind openssl ca-certificates socat mosquitto-clients lua-sec
	pcscd vsmartcard-vpcd opensc
	minicom picocom python3-serial
	clang-format-14? busybox-static cpio libqmi-proxy libmbim-proxy
	openssh-client libnss-wrapper"
# Programs that take the SIM unmodified (docs/python.md).
PACKAGES_TEST="$PACKAGES_TEST python3-requests python3-urllib3 python3-aiohttp
	python3-httpx python3-paho-mqtt"
# And in other ways (docs/programs.md).
PACKAGES_TEST="$PACKAGES_TEST p11-kit p11-kit-modules
	libengine-pkcs11-openssl? pkcs11-provider? openvpn curl wget wget2 git
	python3-pycurl lua-curl? python3-gi glib-networking libcoap3-bin?
	iproute2 openconnect
	aria2 ldap-utils lftp"
# Through the tunnel: a PLC's master, and a clock that hurries (docs/tunnel.md).
PACKAGES_TEST="$PACKAGES_TEST mbpoll faketime"
PACKAGES_FUZZ="clang"
PACKAGES_CLEAN_ROOT="debootstrap git"
if [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ]; then
	PACKAGES_TEST="$PACKAGES_TEST qemu-system-x86"
fi

UNAVAILABLE=""

INSTALLED=""

installed() {
	[ -n "$INSTALLED" ] ||
		INSTALLED=" $(dpkg-query -W \
			-f '${Package} ${db:Status-Status} ' 2>/dev/null)"
	case $INSTALLED in *" $1 installed "*) return 0 ;; esac
	return 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

available() {
	apt-cache show "${1%\?}" >/dev/null 2>&1
}

optional() {
	case $1 in *\?) return 0 ;; esac
	return 1
}

may_install() {
	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null
	then
		echo "dev: please install these packages for $1, here by their" \
			"names in Debian 12: $2" >&2
		exit 1
	fi
	[ "$(id -u)" = 0 ] && return
	if ! command -v sudo >/dev/null ||
		! { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
		echo "dev: packages are missing for $1, and you may not install" \
			"any; ask somebody who may: apt-get install $2" >&2
		exit 1
	fi
}

# What is missing of PACKAGE…, into _missing; what cannot be had, added to
# UNAVAILABLE. Whether it can be had shows once apt has its lists.
find_missing() {
	_missing=""
	for _package; do
		if installed "${_package%\?}"; then
			continue
		elif optional "$_package" && available dpkg &&
			! available "$_package"; then
			UNAVAILABLE="$UNAVAILABLE ${_package%\?}"
		else
			_missing="$_missing ${_package}"
		fi
	done
	_missing=${_missing# }
}

# need WHY PACKAGE… installs what is missing, after saying what and why.
need() {
	_why=$1
	shift
	find_missing "$@"
	[ -n "$_missing" ] || return 0
	may_install "$_why" "$(echo "$_missing" | tr -d '?')"
	echo "dev: packages are missing for $_why; asking apt-get" \
		"which there are" >&2
	apt_quietly apt-get update
	# shellcheck disable=SC2086 # a list of names
	find_missing $_missing
	[ -n "$_missing" ] || return 0
	_missing=$(echo "$_missing" | tr -d '?')
	echo "dev: installing for $_why: $_missing" >&2
	# shellcheck disable=SC2086 # a list of names
	apt_quietly apt-get install -y --no-install-recommends $_missing
	INSTALLED=""
}

apt_quietly() {
	_log=$(mktemp)
	if ! as_root "$@" >"$_log" 2>&1 </dev/null; then
		tail -n 20 "$_log" >&2
		echo "dev: \"$*\" failed; its last words are above" >&2
		rm -f "$_log"
		exit 1
	fi
	rm -f "$_log"
}

# The folder that pcscd wants even if its socket is elsewhere. systemd makes it
# with the system's own; where that never ran, nobody has.
make_pcscd_folder() {
	[ ! -d /run/pcscd ] || return 0
	echo "dev: making /run/pcscd, as systemd would, for the tests" >&2
	as_root mkdir -p /run/pcscd
}

# A kernel whose 8250 driver is built in, for the UART in QEMU. Only
# unpacked, never installed.
fetch_kernel() {
	installed qemu-system-x86 || return 0
	[ ! -e "$BUILD/kernel/vmlinuz" ] || return 0
	for _meta in linux-image-cloud-amd64 linux-image-virtual; do
		apt-cache show "$_meta" >/dev/null 2>&1 && break
	done
	_kernel=$(apt-cache depends "$_meta" 2>/dev/null |
		sed -n 's/.*Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
	if [ -z "$_kernel" ]; then
		echo "dev: no kernel package found for the UART in QEMU" >&2
		return 0
	fi
	echo "dev: fetching $_kernel to run it in QEMU (not installed)" >&2
	rm -rf "$BUILD/kernel.new"
	mkdir -p "$BUILD/kernel.new"
	(
		cd "$BUILD/kernel.new"
		apt-get download "$_kernel" >log 2>&1 || {
			cat log >&2
			echo "dev: the kernel could not be fetched" >&2
			exit 1
		}
		dpkg-deb --fsys-tarfile ./*.deb |
			tar -x --wildcards './boot/vmlinuz-*'
		mv boot/vmlinuz-* vmlinuz
		rm -f ./*.deb
	)
	rm -rf "$BUILD/kernel"
	mv "$BUILD/kernel.new" "$BUILD/kernel"
}

# fetch_daemon PACKAGE PROGRAM: a daemon for the tests that is only unpacked, in
# $BUILD/PROGRAM: the package would start one. Its libraries are installed. Its
# version is in the file of that name; /sbin is /usr/sbin, as in later releases.
fetch_daemon() {
	[ ! -x "/usr/sbin/$2" ] || return 0
	[ ! -x "$BUILD/$2/usr/sbin/$2" ] || return 0
	# shellcheck disable=SC2046 # a list of names
	need "$2" $(apt-cache depends "$1" 2>/dev/null |
		sed -n 's/^ *Depends: \(lib[^ ]*\)$/\1/p')
	echo "dev: fetching $1 to run it in tests (not installed)" >&2
	rm -rf "$BUILD/$2.new"
	mkdir -p "$BUILD/$2.new"
	(
		cd "$BUILD/$2.new"
		apt-get download "$1" >log 2>&1 || {
			cat log >&2
			echo "dev: $1 could not be fetched" >&2
			exit 1
		}
		dpkg-deb -x ./*.deb .
		dpkg-deb -f ./*.deb Version >version
		rm -f ./*.deb
		[ ! -d sbin ] || {
			mkdir -p usr/sbin
			mv sbin/* usr/sbin
		}
	)
	rm -rf "${BUILD:?}/$2"
	mv "$BUILD/$2.new" "$BUILD/$2"
}

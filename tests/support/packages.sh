# SPDX-License-Identifier: LGPL-2.1-or-later
# What Debian and Ubuntu call the things we need, and how they get here.
# Sourced by ./dev. "a|b" takes the first of the two that the release has;
# "a|-" does without where it has none, and the tests that want it are skipped.

PACKAGES_BUILD="gcc libc6-dev meson pkg-config libgnutls28-dev
	libserialport-dev libssl-dev python3"
PACKAGES_DEMO="gnutls-bin"
PACKAGES_PYTHON="swig python3-dev"
PACKAGES_LUA="swig liblua5.1-0-dev lua5.1 liblua5.3-dev lua5.3 liblua5.4-dev
	lua5.4 luajit lua-socket"
PACKAGES_BINDINGS="$PACKAGES_PYTHON $PACKAGES_LUA"
PACKAGES_TEST="libcriterion-dev python3-pytest lua-busted valgrind openssl
	clang-format-14|- busybox-static cpio"
PACKAGES_FUZZ="clang"
PACKAGES_CLEAN_ROOT="debootstrap git"
if [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ]; then
	PACKAGES_TEST="$PACKAGES_TEST qemu-system-x86"
fi

UNAVAILABLE=""

installed() {
	case $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) in
	installed) return 0 ;;
	esac
	return 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

# The first of the alternatives that is installed already.
have_one_of() {
	_rest=$1
	while [ -n "$_rest" ]; do
		if [ "${_rest%%|*}" != - ] && installed "${_rest%%|*}"; then
			return 0
		fi
		case $_rest in
		*"|"*) _rest=${_rest#*|} ;;
		*) _rest="" ;;
		esac
	done
	return 1
}

# Prints the first of the alternatives that this release has, "-" for none.
first_available() {
	_rest=$1
	while [ -n "$_rest" ]; do
		_name=${_rest%%|*}
		if [ "$_name" = - ] ||
			apt-cache show "$_name" >/dev/null 2>&1; then
			echo "$_name"
			return
		fi
		case $_rest in
		*"|"*) _rest=${_rest#*|} ;;
		*) _rest="" ;;
		esac
	done
	echo "${1%%|*}"
}

may_install() {
	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null
	then
		echo "dev: $1 needs these packages, by their names in Debian" \
			"12; please install them: $2" >&2
		exit 1
	fi
	[ "$(id -u)" = 0 ] && return
	if ! command -v sudo >/dev/null ||
		! { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
		echo "dev: $1 needs packages that you may not install;" \
			"ask somebody who may: apt-get install $2" >&2
		exit 1
	fi
}

# need WHY PACKAGE… installs what is missing, after saying what and why.
need() {
	_why=$1
	shift
	_missing=""
	for _package; do
		have_one_of "$_package" || _missing="$_missing $_package"
	done
	_missing=${_missing# }
	[ -n "$_missing" ] || return 0

	may_install "$_why" "$(echo "$_missing" | sed 's/|[^ ]*//g')"
	# Where the lists are empty or old, every name looks unknown.
	if [ "$_missing" != "clang-format-14|-" ]; then
		echo "dev: $_why needs packages; asking apt-get which there" \
			"are" >&2
		apt_quietly apt-get update
	fi
	_install=""
	for _package in $_missing; do
		_name=$(first_available "$_package")
		if [ "$_name" = - ]; then
			UNAVAILABLE="$UNAVAILABLE ${_package%%|*}"
		else
			_install="$_install $_name"
		fi
	done
	[ -n "$_install" ] || return 0
	echo "dev: installing for $_why:$_install" >&2
	# shellcheck disable=SC2086 # a list of names
	apt_quietly apt-get install -y --no-install-recommends $_install
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

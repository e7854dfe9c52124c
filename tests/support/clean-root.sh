#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# clean-root.sh SUITE VERB [--user]: gives the README's command in a bare
# Debian, so that a missing install step shows.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$TOP/build}
ROOTS=$BUILD/roots
. "$TOP/tests/support/packages.sh"
. "$TOP/tests/support/root.sh"

wrong_usage() {
	echo "dev: usage: ./dev clean-root bookworm|trixie demo|test [--user]" >&2
	exit 2
}

case ${1-} in bookworm | trixie) suite=$1 ;; *) wrong_usage ;; esac
case ${2-} in demo | test) verb=$2 ;; *) wrong_usage ;; esac
case ${3-} in --user) user=somebody ;; "") user=root ;; *) wrong_usage ;; esac

if [ "$(id -u)" != 0 ]; then
	echo "dev: a bare Debian is made by root:" \
		"sudo ./dev clean-root $*" >&2
	exit 1
fi
need "a bare Debian" $PACKAGES_CLEAN_ROOT
make_root "$suite" "$suite"
echo "dev: in a bare Debian $suite, as $user: ./dev $verb" >&2

if [ "$user" = root ]; then
	in_root "$suite" <<END
exec /srv/libiotsafe/dev $verb
END
else
	# An ordinary user may install packages by sudo and nothing else.
	in_root "$suite" <<END
apt-get update >/dev/null
apt-get install -y --no-install-recommends sudo >/dev/null 2>&1
useradd -m -s /bin/sh $user
echo "$user ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/$user
chown -R $user: /srv/libiotsafe
exec setpriv --reuid $user --regid $user --init-groups \
	env HOME=/home/$user USER=$user /srv/libiotsafe/dev $verb
END
fi

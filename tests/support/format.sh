#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# format.sh [--check]: every C file in the form of .clang-format. Version 14,
# since each version has its own idea of some lines.
set -eu
cd "$(dirname "$0")/../.."

c_files() {
	find benchmarks bindings core docs sim tests tools \
		\( -name '*.c' -o -name '*.h' \) -print0 | sort -z
}

case "${1-}" in
--check) c_files | xargs -0 clang-format-14 --dry-run --Werror ;;
"") c_files | xargs -0 clang-format-14 -i ;;
*)
	echo "dev: format takes --check or nothing" >&2
	exit 2
	;;
esac

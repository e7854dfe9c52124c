# SPDX-License-Identifier: LGPL-2.1-or-later
# Configures and compiles quietly; sourced by ./dev. The log is shown only
# when something fails.

# Everything whose presence changes what gets built.
installed_versions() {
	# shellcheck disable=SC2046,SC2086 # lists of names
	dpkg-query -W $(echo $PACKAGES_BUILD $PACKAGES_BINDINGS \
		libcriterion-dev) 2>/dev/null || true
}

logged() {
	if ! "$@" >>"$BUILD/logs/build.log" 2>&1 </dev/null; then
		tail -n 40 "$BUILD/logs/build.log" >&2
		echo "dev: the build failed; all of it: $BUILD/logs/build.log" \
			>&2
		exit 1
	fi
}

# build_as OPTION… configures anew where options, defaults or packages are no
# longer those of last time. The lock is for two runs at once.
build_as() {
	mkdir -p "$BUILD/logs"
	exec 9>"$BUILD/.lock"
	flock 9
	: >"$BUILD/logs/build.log"
	_state="$* $(cksum <"$TOP/meson.build") $(installed_versions)"
	if [ ! -f "$BUILD/build.ninja" ] ||
		[ "$_state" != "$(cat "$BUILD/.state" 2>/dev/null)" ]; then
		echo "dev: building in $BUILD" >&2
		# Objects that still fit are kept; old defaults are not.
		rm -rf "$BUILD/meson-private" "$BUILD/build.ninja"
		logged meson setup "$@" "$BUILD" "$TOP"
		echo "$_state" >"$BUILD/.state"
		echo "$*" >"$BUILD/.options"
	fi
	logged ninja -C "$BUILD"
	exec 9>&-
}

# The product without its tests; what is configured already stays so.
build() {
	if [ -f "$BUILD/.options" ]; then
		# shellcheck disable=SC2046 # a list of options
		build_as $(cat "$BUILD/.options")
	else
		build_as -Dtests=disabled -Dbenchmarks=disabled -Ddocs=disabled
	fi
}

# build_with FEATURE: as build, with one feature more.
build_with() {
	_options="-Dtests=disabled -Dbenchmarks=disabled -Ddocs=disabled"
	if [ -f "$BUILD/.options" ]; then
		_options=$(cat "$BUILD/.options")
	fi
	_options=$(echo "$_options" | tr ' ' '\n' | grep -v "^-D$1=" || true)
	# shellcheck disable=SC2086 # a list of options
	build_as $_options "-D$1=enabled"
}

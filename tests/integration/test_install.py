# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where `meson install` puts things."""

import json
import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).parents[2]
LEFT_OUT = ("serial", "pcsc", "mbim", "sim", "python", "lua", "pkcs11", "tests",
            "benchmarks", "docs")
# As Debian has them; a bare one has neither.
PACKAGES = {
    "udev": "udevdir=/lib/udev",
    "systemd": "systemdsystemunitdir=/lib/systemd/system",
}


@pytest.fixture
def installed(tmp_path):
    """The places of a build with this prefix."""
    for name, variable in PACKAGES.items():
        (tmp_path / f"{name}.pc").write_text(
            f"{variable}\nName: {name}\nDescription: x\nVersion: 1\n"
        )
    environment = {**os.environ, "PKG_CONFIG_PATH": str(tmp_path)}

    def configure(prefix):
        build = tmp_path / "build"
        for command in (
            ["meson", "setup", build, TOP, f"--prefix={prefix}",
             *(f"-D{name}=enabled" for name in PACKAGES),
             *(f"-D{name}=disabled" for name in LEFT_OUT)],
            ["meson", "introspect", build, "--installed"],
        ):
            done = subprocess.run(
                command, env=environment, check=False, capture_output=True,
                timeout=120,
            )
            assert done.returncode == 0, done.stdout.decode()
        return sorted(json.loads(done.stdout).values())

    return configure


def test_nothing_is_installed_outside_of_a_prefix_of_ones_own(installed):
    places = installed("/home/somebody/.local")
    front = "/home/somebody/.local/"
    assert all(place.startswith(front) for place in places)
    assert front + "lib/udev/rules.d/78-iotsafe.rules" in places
    assert front + "lib/systemd/system/iotsafe-tunnel@.service" in places


def test_a_package_of_the_system_is_where_the_system_looks(installed):
    places = installed("/usr")
    assert "/lib/udev/rules.d/78-iotsafe.rules" in places
    assert "/lib/systemd/system/iotsafe-tunnel@.socket" in places


def test_what_the_readme_installs_is_not_what_dev_has_configured():
    """Meson leaves a folder that is configured as it is, and ./dev makes its
    own anew."""
    lines = re.findall("meson setup .*", (TOP / "README.md").read_text())
    assert lines
    for line in lines:
        folder = re.match(r"meson setup (\S+) --prefix=\S+ && "
                          r"meson install -C (\S+)$", line)
        assert folder and folder[1] == folder[2] != "build"
        assert folder[1].startswith("build")  # git ignores it

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The udev rule for ModemManager, read as udev(7) has it."""

import pathlib
import re
import shutil
import subprocess

import pytest

RULES = pathlib.Path(__file__).parents[2] / "tools/udev/78-iotsafe.rules"
QUECTEL = {"idVendor": "2c7c", "idProduct": "0125"}

PART = re.compile(r'\s*([A-Z]+)(?:\{([A-Za-z_]+)\})?(==|!=|=)"([^"]*)"\s*(,|$)')


def read_rules():
    """[[(key, attribute, operator, value), …], …]; fails on anything that is
    not wholly a rule."""
    rules = []
    for line in RULES.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        parts, at = [], 0
        while at < len(line):
            found = PART.match(line, at)
            assert found, f"not a rule at {line[at:]!r}"
            parts.append(found.groups()[:4])
            at = found.end()
        assert found.group(5) == "", f"ends with a comma: {line}"
        rules.append(parts)
    return rules


def value_of(key, attribute, device):
    if key in ("ACTION", "SUBSYSTEM"):
        return device[key]
    assert key in ("ATTRS", "ENV"), key
    return device[key].get(attribute, "")


def apply(device):
    """What the rules set for a device."""
    device = {**device, "ENV": dict(device["ENV"])}
    skip_to = None
    for rule in read_rules():
        labels = [value for key, _, _, value in rule if key == "LABEL"]
        if skip_to and skip_to not in labels:
            continue
        skip_to = None
        tests = [part for part in rule if part[2] in ("==", "!=")]
        if not all(
            (value_of(key, attribute, device) == value) == (operator == "==")
            for key, attribute, operator, value in tests
        ):
            continue
        for key, attribute, operator, value in rule:
            if operator == "=" and key == "ENV":
                device["ENV"][attribute] = value
            elif operator == "=" and key == "GOTO":
                skip_to = value
            else:
                assert operator != "=" or key == "LABEL", key
    assert skip_to is None, f"no label {skip_to}"
    return device["ENV"]


def port(interface="03", subsystem="tty", action="add", attributes=QUECTEL):
    return {
        "ACTION": action,
        "SUBSYSTEM": subsystem,
        "ATTRS": attributes,
        "ENV": {"ID_USB_INTERFACE_NUM": interface},
    }


def is_ignored(device):
    return apply(device).get("ID_MM_PORT_IGNORE") == "1"


def test_the_second_at_port_is_left_to_us():
    assert is_ignored(port())
    assert is_ignored(port(action="change"))


@pytest.mark.parametrize(
    "device",
    [
        port(interface="00"),
        port(interface="02"),
        port(interface="04"),
        port(subsystem="net"),
        port(action="remove"),
        port(attributes={"idVendor": "2c7c", "idProduct": "ffff"}),
        port(attributes={"idVendor": "1199", "idProduct": "0125"}),
    ],
)
def test_all_else_stays_modemmanager_s(device):
    assert not is_ignored(device)


def test_its_name_puts_it_between_modemmanager_s_own():
    assert 77 < int(RULES.name.partition("-")[0]) < 80


def test_udev_takes_it_where_it_can_say_so():
    """`udevadm verify` is there since systemd 254; the reading above is what
    counts everywhere."""
    udevadm = shutil.which("udevadm")
    asked = udevadm and subprocess.run(
        [udevadm, "verify", RULES], capture_output=True, text=True
    )
    unknown = asked and "verify" in asked.stderr and asked.returncode != 0
    assert not asked or unknown or asked.returncode == 0, asked.stderr
    assert read_rules()

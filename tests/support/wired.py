# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wired networks that ask who is there (IEEE 802.1X): a cable in a network
namespace of its own, a hostapd with its own EAP server at one end, and at the
other whoever wants in. Nothing of the machine's network comes into it."""

import functools
import os
import shutil
import subprocess

from farside import Failure, Process

REFUSED = "network namespaces with a veth cable are not allowed here"
ROOT = os.geteuid() == 0
# What to make, and later to enter.
NEW = ["--net"] if ROOT else ["--net", "--user"]
UNSHARE = ["unshare", *NEW, *([] if ROOT else ["--map-root-user"])]
# Both ends are in the one namespace; frames go from end to end all the same.
# Without an address, 127.0.0.1 would count as none (AI_ADDRCONFIG).
PLUG = """
ip link add name device type veth peer name switch
ip address add 192.0.2.1/24 dev device
ip link set device up
ip link set switch up
ip link set lo up
python3 -c 'import socket
socket.socket(socket.AF_PACKET, socket.SOCK_RAW).bind(("device", 0))'
"""


class Cable(Process):
    """From the interface `device` to the interface `switch`. The loopback
    there is its own, too."""

    def __init__(self):
        stay = "echo plugged\nexec sleep infinity\n"
        super().__init__(*UNSHARE, "sh", "-ec", PLUG + stay)
        self.name = "the cable"
        try:
            self.wait_line("^plugged$")
        except Failure:
            self.stop()
            raise

    def beside(self, *words):
        """The command line that runs this one where the cable is."""
        keep = [] if ROOT else ["--preserve-credentials"]
        enter = ["nsenter", f"--target={self._child.pid}", *NEW, *keep]
        return [*enter, "--", *words]


@functools.lru_cache(maxsize=None)
def refused():
    """Why there can be no cable here; None if there can."""
    # Else a missing program would look like a missing right.
    for program in ("unshare", "nsenter", "ip"):
        assert shutil.which(program), program
    done = subprocess.run(
        [*UNSHARE, "sh", "-ec", PLUG], capture_output=True, timeout=60
    )
    return REFUSED if done.returncode else None


class Switch(Process):
    """hostapd, which lets in whoever has a certificate that one of `known`
    has issued. `more`: lines of its configuration."""

    def __init__(self, cable, folder, known, more=""):
        users = folder / "users"
        users.write_text("* TLS\n")
        configuration = folder / "hostapd.conf"
        configuration.write_text(
            "interface=switch\n"
            "driver=wired\n"
            "ieee8021x=1\n"
            "use_pae_group_addr=1\n"
            "eap_server=1\n"
            f"eap_user_file={users}\n"
            f"ca_cert={known}\n"
            f"server_cert={folder}/server.pem\n"
            f"private_key={folder}/server-key.pem\n"
            f"tls_flags=[ENABLE-TLSv1.3]\n{more}\n"
        )
        # Only with -d it tells whom it was shown.
        super().__init__(*cable.beside("hostapd", "-d", configuration))
        self.name = "hostapd"
        try:
            self.wait_line("AP-ENABLED")
        except Failure:
            self.stop()
            raise

    def client(self):
        """(name, TLS version) of whom it has let in."""
        name = self.wait_line(
            "peer certificate: depth=0 .* subject=.*/CN=(.*)"
        ).group(1)
        version = self.wait_line(r"Using TLS version TLSv([\d.]+)").group(1)
        self.wait_line("CTRL-EVENT-EAP-SUCCESS")
        self.wait_line("AP-STA-CONNECTED")
        return name, version


class Device(Process):
    """wpa_supplicant, which wants in."""

    def __init__(self, cable, folder, ca, certificate, key, more="", **options):
        self._control = folder / "control"
        configuration = folder / "wpa_supplicant.conf"
        configuration.write_text(
            f"ctrl_interface={self._control}\n"
            "ap_scan=0\n"
            "network={\n"
            "key_mgmt=IEEE8021X\n"
            "eap=TLS\n"
            'identity="device-7"\n'
            f'ca_cert="{ca}"\n'
            'domain_match="localhost"\n'
            f'client_cert="{certificate}"\n'
            f'private_key="{key}"\n'
            "eapol_flags=0\n"
            f"{more}\n"
            "}\n"
        )
        super().__init__(
            *cable.beside("wpa_supplicant", "-D", "wired", "-i", "device"),
            *("-c", configuration),
            **options,
        )
        self.name = "wpa_supplicant"

    def tell(self, command):
        done = subprocess.run(
            ["wpa_cli", "-p", self._control, "-i", "device", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stdout == "OK\n", done.stdout + done.stderr

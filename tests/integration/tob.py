# SPDX-License-Identifier: LGPL-2.1-or-later
"""A SIM with Trust Onboard, its number and its PIN file, for the tests of
programs. PINs and tries stay in its store from one run to the next."""

from command import iotsafe, text

SIGNING, AVAILABLE = "applet=mias;label=signing", "applet=mias;label=available"


class Card:
    def __init__(self, folder, profile="trust-onboard", pin="0000"):
        self.folder = folder
        self.profile = profile
        self.bundle = folder / "trust-onboard-bundle.pem"
        iotsafe("list", card=f"sim:{profile}?store={folder}")
        raw = (folder / profile / "iccid").read_bytes().hex()
        number = "".join(raw[i + 1] + raw[i] for i in range(0, len(raw), 2))
        self.iccid = number.upper().rstrip("F")
        self.pins = self.file("pins", f"{self.iccid} applet=mias {pin}\n"
                              f"{self.iccid} applet=mf 1111\n")

    def file(self, name, content, mode=0o600):
        path = self.folder / name
        path.write_text(content)
        path.chmod(mode)
        return path

    def address(self, pin=True, **attributes):
        words = {"store": self.folder, "timeout": 5000, **attributes}
        if pin:
            words["pin-file"] = self.pins
        query = "&".join(f"{name}={value}" for name, value in words.items())
        return f"sim:{self.profile}?{query}"

    def tries(self, applet="mias"):
        said = text("pin", "tries", "--applet", applet,
                    card=self.address(pin=False))
        return int(said.split()[1])

# SPDX-License-Identifier: LGPL-2.1-or-later
"""wpa_supplicant with the SIM's key, into a network that asks (802.1X): who is
not let in, and what it costs to be asked again. That it is let in at all stands
in docs/programs.md and docs/cookbook.md."""

import os
import pathlib
import re
import subprocess

import pytest
from command import openssl
from farside import Sim, make_server_certificate
from programs.setting import CERTIFICATE, KEY, Setting
from test_pkcs11_trust_onboard import IDS, Tob
from wired import Cable, Device, Switch, refused

# The engine loads the library, and no sanitizer's.
pytestmark = pytest.mark.plain_build

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/pkcs11.md"
SIGNATURE = [
    "COMPUTE SIGNATURE INIT", "COMPUTE SIGNATURE UPDATE", "GET RESPONSE"
]


@pytest.fixture
def cable():
    if "libengine-pkcs11-openssl" in os.environ.get("IOTSAFE_UNAVAILABLE", ""):
        pytest.skip("libengine-pkcs11-openssl is not in this release")
    if refused():
        pytest.skip(refused())
    with Cable() as cable:
        yield cable


@pytest.fixture
def setting(tmp_path):
    with Setting(tmp_path) as setting:
        yield setting


@pytest.fixture
def stranger(tmp_path):
    """A store of another card, and with another authority."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    make_server_certificate(folder)
    return folder


def signatures(setting):
    return sum(1 for each in setting.sim.log if each.get("signature"))


def device(cable, setting, certificate=CERTIFICATE, **options):
    ca = options.pop("ca", setting.ca)
    return Device(
        cable,
        setting.folder,
        *(ca, certificate, KEY),
        env=setting.process_environment,
        **options,
    )


def let_in(switch, supplicant):
    switch.client()
    supplicant.wait_line("CTRL-EVENT-CONNECTED")


def let_in_again(switch, supplicant):
    supplicant.tell("reauthenticate")
    switch.wait_line("CTRL-EVENT-EAP-SUCCESS")
    supplicant.wait_line("CTRL-EVENT-EAP-SUCCESS")


def test_issuers_among_the_authorities_are_shown_too(cable, setting):
    with Switch(cable, setting.folder, setting.ca) as switch:
        with device(cable, setting, ca=setting.authorities):
            assert switch.client()[0] == "iotsafe-sim gsma client"


def test_whose_issuer_the_network_does_not_know_is_not_let_in(
    cable, setting, stranger
):
    known = stranger / "ca.pem"
    with Switch(cable, setting.folder, known) as switch:
        with device(cable, setting) as supplicant:
            found = switch.wait_line("certificate chain failure: .*")
            assert "/CN=iotsafe-sim gsma client" in found.group()
            switch.wait_line("CTRL-EVENT-EAP-FAILURE")
            supplicant.wait_line("CTRL-EVENT-EAP-FAILURE")
    assert not any("EAP-SUCCESS" in line for line in switch.lines)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_network_of_another_authority_gets_no_signature(
    cable, setting, stranger, version
):
    more = 'phase1="tls_disable_tlsv1_3=0"' if version == "1.3" else ""
    with Switch(cable, setting.folder, setting.authorities) as switch:
        ca = stranger / "ca.pem"
        with device(cable, setting, ca=ca, more=more) as supplicant:
            supplicant.wait_line("CTRL-EVENT-EAP-TLS-CERT-ERROR")
            supplicant.wait_line("CTRL-EVENT-EAP-FAILURE")
            switch.wait_line(f"Using TLS version TLSv{version}")
            switch.wait_line("CTRL-EVENT-EAP-FAILURE")
    assert signatures(setting) == 0


def test_a_certificate_of_another_key_is_noticed_before_anything_is_signed(
    cable, setting, stranger
):
    """The network would take it, if the key were its own."""
    other = stranger / "other.pem"
    subprocess.run(
        ["iotsafe", "cert", "--chain", "--out", other],
        env=dict(os.environ, IOTSAFE_CARD=f"sim:?store={stranger}"),
        check=True,
    )
    with Switch(cable, setting.folder, stranger / "ca.pem"):
        with device(cable, setting, other) as supplicant:
            supplicant.wait_line("key values mismatch")
            supplicant.wait_line("Failed to initialize EAP method")
    assert signatures(setting) == 0


@pytest.mark.parametrize(
    "lifetime, count",
    [
        pytest.param(0, 2, id="is one more signature"),
        pytest.param(3600, 1, id="costs nothing while the session lives"),
    ],
)
def test_being_asked_again(cable, setting, lifetime, count):
    more = f"tls_session_lifetime={lifetime}"
    with Switch(cable, setting.folder, setting.authorities, more) as switch:
        with device(cable, setting) as supplicant:
            let_in(switch, supplicant)
            let_in_again(switch, supplicant)
            names = [each["name"] for each in setting.sim.log]
    assert names[names.index(SIGNATURE[0]):] == SIGNATURE * count


def test_a_modem_that_has_restarted_meanwhile_is_used_again(cable, setting):
    with Switch(cable, setting.folder, setting.authorities) as switch:
        with device(cable, setting) as supplicant:
            let_in(switch, supplicant)
            setting.sim.stop()
            setting.sim = Sim(setting.folder)
            let_in_again(switch, supplicant)
    assert signatures(setting) == 2


def test_a_modem_that_is_away_just_then_is_used_once_it_is_back(
    cable, setting
):
    setting.card += "?timeout=1000"
    with Switch(cable, setting.folder, setting.authorities) as switch:
        with device(cable, setting) as supplicant:
            let_in(switch, supplicant)
            setting.sim.stop()
            supplicant.tell("reauthenticate")
            supplicant.wait_line("CTRL-EVENT-EAP-FAILURE")
            setting.sim = Sim(setting.folder)
            switch.wait_line("EAP: Server state machine removed")
            supplicant.tell("reassociate")
            supplicant.wait_line("CTRL-EVENT-CONNECTED")
    assert signatures(setting) == 2


# --- Trust Onboard ---


def openssl_configuration():
    """The one that the page has for the Signing key."""
    [text] = re.findall(r"^    openssl_conf = .*\n(?:    .*\n)+",
                        PAGE.read_text(), re.M)
    return text


@pytest.fixture
def tob(tmp_path):
    with Tob(tmp_path) as setting:
        setting.give_pin()
        yield setting


def name_of(tob, label):
    """Who the card's certificate says it is."""
    pem = tob.folder / f"{label}.pem"
    tob.run("iotsafe", "cert", f"applet=mias;label={label}", "--out", pem)
    text = openssl("x509", "-noout", "-subject", "-in", pem).decode()
    return re.search(r"CN ?= ?(\w+)", text).group(1)


def tob_device(cable, tob, name, more="", **environment):
    octets = re.sub("(..)", r"%\1", IDS[name])
    url = f"pkcs11:token=iotsafe;id={octets};type="
    return Device(
        cable,
        tob.folder,
        *(tob.ca, f"{url}cert", f"{url}private", more),
        env={**tob.process_environment, **environment},
    )


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_available_key_of_trust_onboard(cable, tob, version):
    own = name_of(tob, "available")
    more = 'phase1="tls_disable_tlsv1_3=0"' if version == "1.3" else ""
    with Switch(cable, tob.folder, tob.authorities) as switch:
        with tob_device(cable, tob, "available", more):
            name, found = switch.client()
    assert name == own and found == version


def test_the_signing_key_of_trust_onboard_as_the_page_says(cable, tob):
    configuration = tob.folder / "openssl.cnf"
    configuration.write_text(openssl_configuration())
    own = name_of(tob, "signing")
    with Switch(cable, tob.folder, tob.authorities) as switch:
        with tob_device(
            cable, tob, "signing", OPENSSL_CONF=str(configuration)
        ):
            name, version = switch.client()
    assert name == own and version == "1.2"


def test_the_signing_key_of_trust_onboard_without_that_is_refused(cable, tob):
    with Switch(cable, tob.folder, tob.authorities):
        with tob_device(cable, tob, "signing") as supplicant:
            supplicant.wait_line("Mechanism invalid")
            supplicant.wait_line("CTRL-EVENT-EAP-FAILURE")

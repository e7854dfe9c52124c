# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cards: opening, closing, looking, and using one from many places at once."""

import copy
import gc
import json
import os
import pathlib
import pickle
import re
import subprocess
import sys
import threading
import time

import iotsafe
import pytest

from conftest import SIM, run


def spki_of(certificate):
    """The public key of a certificate, as the openssl command reads it."""
    pem = run("openssl", "x509", "-inform", "DER", "-noout", "-pubkey",
              input=certificate)
    return run("openssl", "pkey", "-pubin", "-outform", "DER", input=pem)


def test_lists_every_object_with_its_type(card):
    found = card.objects()
    types = {each.type for each in found}
    assert {"private", "public", "cert"} <= types
    client = next(
        x for x in found if (x.type, x.label) == ("private", "client")
    )
    assert client.applet == "iotsafe"
    assert client.key_type == "P-256"
    assert client.flags & iotsafe.Flag.SIGN
    assert "ecdsa-sha256" in client.algorithms
    assert client.raw_label == b"client"


def test_lists_only_what_matches_the_name(card):
    assert [x.type for x in card.objects("client;type=private")] == ["private"]
    assert card.objects("label=nobody") == []


def test_the_name_of_an_object_finds_just_it(card):
    for each in card.objects():
        assert card.objects(each.name) == [each]


def test_a_record_is_a_value_that_outlives_its_card(address):
    with iotsafe.open(address()) as card:
        record = card.objects()[0]
    assert copy.copy(record) == record
    assert pickle.loads(pickle.dumps(record)) == record
    with pytest.raises(AttributeError):
        record.label = "other"


def test_finds_the_same_key_by_label_by_id_and_as_identity(card):
    by_label = card.key("client")
    ident = by_label.object.id.hex()
    assert card.key(f"id={ident};type=private").object == by_label.object
    assert card.key().object == by_label.object


@pytest.mark.parametrize("profile", ["gsma", "zariot", "thales", "quantag"])
def test_every_card_has_an_identity_that_fits_together(address, profile):
    with iotsafe.open(address(profile)) as card:
        key = card.key()
        assert key.public_key == spki_of(key.certificate)
        assert card.certificate() == key.certificate
        assert card.public_key() == key.public_key
        assert key.verifies


def test_the_chain_leads_to_the_authority(card, store, tmp_path):
    chain = card.key().chain
    assert len(chain) == 2
    for i, der in enumerate(chain):
        (tmp_path / f"{i}.pem").write_bytes(
            run("openssl", "x509", "-inform", "DER", input=der)
        )
    run("openssl", "verify", "-CAfile", store / "ca.pem",
        "-untrusted", tmp_path / "1.pem", tmp_path / "0.pem")


def test_reads_a_file_by_name(card):
    record = next(x for x in card.objects() if x.type == "cert")
    assert card.certificate(record.name) == card.read(record.name)


def test_a_file_is_named_by_label_id_or_type(full, address, store):
    config = full.read("config")
    assert json.loads(config) == {"url": "localhost", "port": 8883}
    assert full.read("id=08;type=data") == config
    with pytest.raises(iotsafe.AmbiguousError, match="config"):
        full.read("type=data")
    with pytest.raises(iotsafe.AbsentError):
        full.read("no-such-file")
    with pytest.raises(iotsafe.CardError):
        full.read("locked")
    with iotsafe.open(address("psk")) as card:
        assert card.read("type=data")


def test_random_bytes_have_the_size_asked_for_and_differ(card):
    assert len(card.random(1)) == 1
    assert len(card.random(1000)) == 1000
    assert len(card.random(70000)) == 70000
    assert card.random(16) != card.random(16)


def test_info_names_the_applet(card):
    assert card.info["aid"].upper().startswith("A0000005590010")


def test_an_apdu_is_answered_with_its_status_word(card):
    answer = card.apdu(bytes.fromhex("0084000008"))
    assert len(answer) == 10 and answer.endswith(b"\x90\x00")
    assert card.apdu(bytearray.fromhex("00EE000000")) == b"\x6d\x00"


def test_counts_what_went_over_the_link(card):
    before = card.counters
    card.apdu(bytes.fromhex("0084000008"))
    after = card.counters
    assert after["exchanges"] > before["exchanges"]
    assert after["bytes_sent"] > before["bytes_sent"]
    assert after["bytes_received"] > before["bytes_received"]
    assert after["link_time"] > before["link_time"]
    assert after["signatures"] == before["signatures"] == 0


def test_the_same_address_is_the_same_card(card, address):
    with iotsafe.open(address()) as again:
        again.random(1)
        assert again.counters == card.counters


def test_a_card_has_the_number_that_info_tells(card):
    assert re.fullmatch("[0-9]{18,20}", card.iccid)
    assert card.info["iccid"] == card.iccid


def test_the_environment_names_the_card(address, monkeypatch):
    monkeypatch.setenv("IOTSAFE_CARD", address())
    with iotsafe.open() as card:
        assert card.objects()


def test_use_after_close_has_its_own_exception(card):
    key = card.key()
    card.close()
    card.close()
    assert repr(card) == "<iotsafe.Card closed>"
    with pytest.raises(iotsafe.UseAfterCloseError):
        card.random(1)
    with pytest.raises(iotsafe.ClosedError, match="card was closed"):
        card.address
    assert key.sign(bytes(32))  # it holds the card on its own
    key.close()
    key.close()
    with pytest.raises(iotsafe.UseAfterCloseError, match="key was closed"):
        key.sign(bytes(32))


def simulators():
    """The children of this process that run: proc(5), field "ppid"."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            _, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if int(parent) == os.getpid():
            found.append(stat)
    return found


def test_the_link_closes_with_the_last_user_in_any_order(address):
    card = iotsafe.open(address())
    first, second = card.key(), card.key("client")
    assert len(simulators()) == 1
    card.close()
    first.close()
    assert len(simulators()) == 1
    second.close()
    assert not simulators()


def test_collection_in_any_order_closes_everything(address):
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        card = iotsafe.open(address())
        things = [card, card.key(), card.key("client")]
        del card
        things.append(things)  # a cycle: only the collector frees it
        for i in order:
            things[i] = None
        del things
        gc.collect()
        assert not simulators()


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(0)", "cycle()"])
def test_a_program_that_closes_nothing_leaves_no_channel_open(
    address, tmp_path, end
):
    script = f"""
import sys, iotsafe
card = iotsafe.open(sys.argv[1])
key = card.key()
def cycle():
    class Holder:
        pass
    holder = Holder()
    holder.self, holder.key = holder, key
{end}
"""
    log = tmp_path / "log"
    where = address(log=log)
    subprocess.run(
        [sys.executable, "-c", script, where], check=True, timeout=30
    )
    last = json.loads(log.read_text().splitlines()[-1])
    assert last["name"] == "MANAGE CHANNEL"
    assert last["command"].startswith("007080")
    assert last["sw"] == "9000"


def test_eight_threads_share_one_card(card):
    key = card.key()
    failures = []

    def work(number):
        try:
            for i in range(10):
                assert len(key.sign_message(b"%d %d" % (number, i))) == 64
                assert len(card.random(number + 1)) == number + 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    assert card.counters["signatures"] == 80


def test_two_cards_work_side_by_side(address, tmp_path):
    addresses = [address(card_ms=200, log=tmp_path / f"{i}") for i in range(2)]
    cards = [iotsafe.open(each) for each in addresses]
    keys = [each.key() for each in cards]
    for each in keys:
        each.sign(bytes(32))  # the first one also reads the public key
    began = time.monotonic()
    threads = [
        threading.Thread(target=key.sign, args=(bytes(32),)) for key in keys
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    together = time.monotonic() - began
    began = time.monotonic()
    keys[0].sign(bytes(32))
    alone = time.monotonic() - began
    assert together < 1.6 * alone
    for each in cards:
        each.close()


@pytest.mark.parametrize("in_main_thread", [True, False])
def test_other_threads_run_while_the_card_signs(address, in_main_thread):
    with iotsafe.open(address(card_ms="2A:1000")) as card:
        key = card.key()
        steps = []
        signing = threading.Event()

        def sign():
            signing.set()
            key.sign(bytes(32))
            signing.clear()

        def count():
            signing.wait()
            while signing.is_set():
                steps.append(time.monotonic())

        mine, other = (sign, count) if in_main_thread else (count, sign)
        thread = threading.Thread(target=other)
        thread.start()
        mine()
        thread.join()
    gaps = (b - a for a, b in zip(steps, steps[1:]))
    assert steps[-1] - steps[0] > 0.9
    assert max(gaps) < 0.5


def test_cancel_ends_the_wait_of_another_thread(address):
    with iotsafe.open(address(fault="silence=84", timeout=20000)) as card:
        threading.Timer(0.2, card.cancel).start()
        began = time.monotonic()
        with pytest.raises(iotsafe.CancelledError):
            card.random(8)
        assert time.monotonic() - began < 5


def test_ctrl_c_ends_the_wait_for_the_card(address):
    """In a process of its own, whose main thread waits for a silent card."""
    script = """
import os, signal, sys, threading, time, iotsafe
card = iotsafe.open(sys.argv[1])
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
began = time.monotonic()
try:
    card.random(8)
except KeyboardInterrupt:
    assert 0.25 < time.monotonic() - began < 5
    print(card.objects()[0].applet)
"""
    where = address(fault="silence=84@1", timeout=20000)
    done = subprocess.run(
        [sys.executable, "-c", script, where],
        check=True, capture_output=True, text=True, timeout=30,
    )
    assert done.stdout == "iotsafe\n"


def test_the_time_limit_of_a_card_can_be_set(address):
    with iotsafe.Card(address(fault="silence=84"), timeout=0.3) as card:
        began = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            card.random(8)
        assert time.monotonic() - began < 2
        assert caught.value.code == -6 and caught.value.name == "ERR_TIMEOUT"
        card.set_timeout(5)
        assert card.objects()


def test_a_child_of_fork_cannot_use_the_card_but_may_open_its_own(
    card, address, tmp_path
):
    key = card.key()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for use in (key.sign, card.apdu):
                with pytest.raises(iotsafe.ClosedError):
                    use(bytes(32))
            with iotsafe.open(address(log=tmp_path / "log")) as own:
                own.random(1)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert key.sign(bytes(32))


def test_a_label_that_is_no_text_can_still_be_printed():
    from iotsafe import objects as module

    class Fake:
        """Stands for a card whose label was made to hurt."""

        def __getattr__(self, name):
            values = {
                "object_label": b"\xff\x1b[2J\x00",
                "object_id": b"\x01",
                "object_flags": 0x101,
                "object_class": 1,
                "object_algorithms": 1,
                "object_size": 0,
            }
            return lambda *_: values.get(name, "x")

    real, module._core = module._core, Fake()
    try:
        record = module.record(None)
    finally:
        module._core = real
    assert record.raw_label == b"\xff\x1b[2J\x00"
    assert record.label == "\\xff\x1b[2J\x00"
    assert "\x1b" not in repr(record)
    record.label.encode()


def test_arguments_of_the_wrong_kind_are_refused(card):
    with pytest.raises(TypeError):
        card.apdu("00840000")
    with pytest.raises(TypeError):
        card.random("8")
    with pytest.raises(TypeError):
        card.key(7)
    with pytest.raises(ValueError):
        card.key("client\0;type=private")
    with pytest.raises(iotsafe.ArgumentError):
        iotsafe.trace("failure", "everything")


def test_the_trace_tells_each_exchange(address):
    script = """
import sys, iotsafe
iotsafe.trace("apdu")
iotsafe.open(sys.argv[1]).random(8)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, address()],
        check=True, capture_output=True, text=True, timeout=30,
    )
    assert "GET RANDOM" in done.stderr


def test_a_certificate_is_the_first_of_a_file_and_the_rest_its_chain(
    address, store, tmp_path
):
    with iotsafe.open(address()) as card:
        leaf, issuer = card.read("client-cert"), card.read("intermediate")
    both = tmp_path / "both.der"
    both.write_bytes(leaf + issuer)
    run(SIM, "personalise", "--store", store, "--file", both, "--id", "02",
        "--label", "client-cert")
    with iotsafe.open(address()) as card:
        assert card.read("client-cert") == leaf + issuer
        assert card.certificate("client-cert") == leaf
        assert card.certificate() == leaf
        with card.key() as key:
            assert key.chain[:2] == [leaf, issuer]

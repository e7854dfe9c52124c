# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages protected without TLS."""

import os
import stat
import subprocess
import sys

import iotsafe
import pytest

SECRET = bytes(range(32))


@pytest.fixture
def ends(tmp_path):
    """Device and server, with the same secret."""
    with iotsafe.Seal(
        SECRET, b"k1", tmp_path / "device", create=True
    ) as device:
        with iotsafe.Seal(
            SECRET, b"k1", tmp_path / "server", server=True, create=True
        ) as server:
            yield device, server


@pytest.mark.parametrize("size", [0, 1, 100, 65536])
def test_messages_go_both_ways(ends, size):
    device, server = ends
    message = bytes(i & 255 for i in range(size))
    sealed = device.encrypt(message)
    assert size < 8 or message not in sealed
    assert server.decrypt(sealed) == message
    assert device.decrypt(server.encrypt(message, b"aad"), b"aad") == message


def test_no_message_is_like_another(ends):
    assert len({ends[0].encrypt(b"same") for _ in range(100)}) == 100


def refuses(end, *arguments):
    with pytest.raises(iotsafe.VerifyError) as caught:
        end.decrypt(*arguments)
    assert caught.value.code == -15


def test_what_was_seen_changed_or_turned_round_is_refused(ends):
    device, server = ends
    sealed = device.encrypt(b"open the gate", b"aad")
    refuses(server, sealed)
    refuses(server, sealed, b"other")
    refuses(server, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"aad")
    refuses(device, sealed, b"aad")
    assert server.decrypt(sealed, b"aad") == b"open the gate"
    refuses(server, sealed, b"aad")


def test_messages_may_overtake_each_other_but_not_for_long(ends):
    device, server = ends
    sealed = [device.encrypt(b"%d" % i) for i in range(70)]
    assert server.decrypt(sealed[69]) == b"69"
    assert server.decrypt(sealed[20]) == b"20"
    refuses(server, sealed[0])


def test_noise_is_refused_by_name(ends):
    sealed = ends[0].encrypt(b"message")
    noise = [sealed[:size] for size in range(len(sealed))]
    noise += [b"\xd0" * 64, os.urandom(65536), b"\x9b" + b"\xff" * 60]
    for data in noise:
        with pytest.raises((iotsafe.VerifyError, iotsafe.FormatError)):
            ends[1].decrypt(data)


def test_counters_survive_the_end_of_the_program(tmp_path, ends):
    _, server = ends
    iotsafe.Seal(SECRET, b"k1", tmp_path / "own", create=True).close()
    script = (
        "import sys, iotsafe\n"
        "seal = iotsafe.Seal(bytes(range(32)), b'k1', sys.argv[1])\n"
        "print(seal.encrypt(b'hello').hex())\n"
        "import os; os.abort() if sys.argv[2] == 'abort' else None\n"
    )
    seen = set()
    for _ in range(5):
        for how in ("end", "abort"):
            out = subprocess.run(
                [sys.executable, "-u", "-c", script, tmp_path / "own", how],
                capture_output=True, text=True, timeout=30,
            ).stdout
            sealed = bytes.fromhex(out.strip())
            assert server.decrypt(sealed) == b"hello"
            seen.add(sealed)
    assert len(seen) == 10
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o600


def test_one_process_at_a_time(tmp_path, ends):
    with pytest.raises(iotsafe.BusyError):
        iotsafe.Seal(SECRET, b"k1", tmp_path / "device")
    ends[0].close()
    iotsafe.Seal(SECRET, b"k1", tmp_path / "device").close()


def test_what_cannot_be_a_seal_is_refused(tmp_path):
    state = tmp_path / "state"
    for secret, kid in ((b"short", b"k"), (bytes(1025), b"k"),
                        (SECRET, b""), (SECRET, bytes(65))):
        with pytest.raises(iotsafe.ArgumentError):
            iotsafe.Seal(secret, kid, state, create=True)
    assert not state.exists()
    with pytest.raises(iotsafe.Error):
        iotsafe.Seal(SECRET, b"k1", tmp_path / "no/such", create=True)
    with pytest.raises(TypeError):
        iotsafe.Seal("text", b"k1", state, create=True)


def test_the_counters_never_start_over(tmp_path):
    state = tmp_path / "state"
    with pytest.raises(iotsafe.AbsentError):
        iotsafe.Seal(SECRET, b"k1", state)
    with iotsafe.Seal(SECRET, b"k1", state, create=True) as seal:
        seal.encrypt(b"x")
    with pytest.raises(iotsafe.Error):
        iotsafe.Seal(SECRET, b"k1", state, create=True)
    for other in ((bytes(32), b"k1"), (SECRET, b"k2")):
        with pytest.raises(iotsafe.VerifyError):
            iotsafe.Seal(*other, state)
    whole = state.read_bytes()
    state.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(iotsafe.FormatError):
        iotsafe.Seal(SECRET, b"k1", state)


def test_after_close_there_is_no_seal(ends):
    ends[0].close()
    ends[0].close()
    for call in (ends[0].encrypt, ends[0].decrypt):
        with pytest.raises(iotsafe.UseAfterCloseError):
            call(b"x")


def test_the_secret_may_come_from_the_card(full, host_key, tmp_path):
    key = full.generate("ecdh")
    ours, theirs = key.agree(host_key.spki, "peer"), host_key.agree(
        key.public_key
    )
    device = iotsafe.Seal(ours, b"k", tmp_path / "a", create=True)
    server = iotsafe.Seal(theirs, b"k", tmp_path / "b", True, create=True)
    with device, server:
        assert server.decrypt(device.encrypt(b"21.5")) == b"21.5"

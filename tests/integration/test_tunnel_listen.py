# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where `iotsafe tunnel` listens and who may come in; what systemd and procd
are told."""

import grp
import os
import pathlib
import pwd
import shutil
import socket
import stat
import subprocess
import sys

import pytest
from tunnel import TlsServer, Tunnel, echo, refused, says

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture(scope="module")
def server(folder):
    with TlsServer(folder, echo) as server:
        yield server


# --- Who may come in ----------------------------------------------------------


def connect_unix(path):
    plain = socket.socket(socket.AF_UNIX)
    plain.settimeout(20)
    plain.connect(str(path))
    return plain


def permissions(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_a_unix_socket_is_its_owners_alone(folder, server, tmp_path):
    path = tmp_path / "x.sock"
    os.umask(os.umask(0))  # whatever it is
    with Tunnel(folder, server.port, listen=f"unix:{path}") as tunnel:
        assert permissions(path) == 0o600
        with connect_unix(path) as plain:
            assert says(plain, b"hello")
        assert f"pid {os.getpid()}, uid {os.getuid()}" in \
            tunnel.line()["client"]
        tunnel.end()
    assert not path.exists()


def test_a_unix_socket_is_wider_only_if_asked_for(folder, server, tmp_path):
    path = tmp_path / "x.sock"
    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    if os.geteuid() == 0:
        user = "nobody"
    words = ["--mode", "0660", "--owner", f"{user}:{group}"]
    with Tunnel(folder, server.port, *words, listen=f"unix:{path}"):
        assert permissions(path) == 0o660
        assert path.owner() == user and path.group() == group
    for words in (["--mode", "0888"], ["--mode", "1777"], ["--owner", ":none!"],
                  ["--owner", "none!"], ["--dtls"]):
        refused(folder, f"unix:{tmp_path}/y", *words, status=2)
    refused(folder, "127.0.0.1:0", "--mode", "0600", status=2)
    refused(folder, f"unix:{tmp_path}/{'y' * 200}", status=2)
    assert not (tmp_path / "y").exists()


def test_what_a_killed_tunnel_left_is_replaced(folder, server, tmp_path):
    path = tmp_path / "x.sock"
    with Tunnel(folder, server.port, listen=f"unix:{path}"):
        line = refused(folder, f"unix:{path}", status=4)
        assert f"{path}: Address already in use" in line
    assert path.is_socket()  # killed
    with Tunnel(folder, server.port, listen=f"unix:{path}") as tunnel:
        with connect_unix(path) as plain:
            assert says(plain, b"hello")
        # Another one's socket by now.
        path.unlink()
        path.write_text("mine")
        tunnel.end()
    refused(folder, f"unix:{path}", status=4)
    assert path.read_text() == "mine"


def test_a_port_in_use(folder):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refused(folder, f"127.0.0.1:{port}", status=4)
        assert f"127.0.0.1:{port}: Address already in use" in line


def test_other_hosts_come_in_only_if_asked_for(folder, server):
    for listen in ("0.0.0.0:0", "[::]:0"):
        assert "--expose" in refused(folder, listen, status=2)
    with Tunnel(folder, server.port, "--expose",
                listen="0.0.0.0:0") as tunnel:
        assert tunnel.names[0].startswith("0.0.0.0:")
        with tunnel.connect() as plain:
            assert says(plain, b"hello")
    # Whichever of its addresses comes first.
    with Tunnel(folder, server.port, listen="localhost:0") as tunnel:
        with socket.create_connection(("localhost", tunnel.port), 20) as plain:
            assert says(plain, b"hello")


def test_wrong_use(folder):
    refused(folder, "1883", status=2)
    refused(folder, "127.0.0.1:0", "--max", "0", status=2)
    refused(folder, "systemd", status=2)
    refused(folder, "127.0.0.1:0", "--ca", "/nonexistent", status=3)
    refused(folder, "127.0.0.1:0", "--key", "label=none", status=10,
            card=f"sim:?store={folder}")
    line = refused(folder, "127.0.0.1:0", "--max", "100000000", status=2)
    assert "descriptors" in line


# --- systemd and procd --------------------------------------------------------


def test_systemd_is_told_and_hands_over(folder, server, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, \
            socket.create_server(("127.0.0.1", 0)) as handed:
        told.settimeout(20)
        told.bind(str(path))
        # Its process id is the tunnel's, as LISTEN_PID wants it.
        script = tmp_path / "iotsafe"
        script.write_text(
            f"#!{sys.executable}\nimport os, sys\n"
            "os.dup2(int(os.environ['HANDED']), 3)\n"
            "os.environ['LISTEN_PID'] = str(os.getpid())\n"
            f"os.execv({shutil.which('iotsafe')!r}, sys.argv)\n")
        script.chmod(0o755)
        environment = {
            "NOTIFY_SOCKET": str(path), "LISTEN_FDS": "1",
            "HANDED": str(handed.fileno()),
            "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", environment["PATH"])
            with Tunnel(folder, server.port, listen="systemd",
                        environment=environment,
                        pass_fds=[handed.fileno()]) as tunnel:
                assert told.recv(100) == b"READY=1"
                with socket.create_connection(handed.getsockname(), 20) as it:
                    assert says(it, b"hello")
                tunnel.end()
                assert told.recv(100) == b"STOPPING=1"


def test_the_units_are_well_formed(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    for name in ("iotsafe-tunnel@.service", "iotsafe-tunnel@.socket"):
        text = (TOOLS / "systemd" / name).read_text()
        (tmp_path / name).write_text(
            text.replace("@bindir@/iotsafe", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no",
         tmp_path / "iotsafe-tunnel@x.service"],
        capture_output=True, timeout=60,
        env=dict(os.environ, SYSTEMD_UNIT_PATH=f"{tmp_path}:"))
    said = [line for line in done.stderr.decode().splitlines()
            if "iotsafe-tunnel" in line]
    assert said == []


PROCD = """
config_load() { . "$SECTIONS"; }
config_foreach() { for section in $ALL; do "$1" "$section"; done; }
config_get() { eval "$1=\\${${2}_$3:-$4}"; }
config_get_bool() { eval "$1=\\${${2}_$3:-$4}"; }
config_list_foreach() {
	eval "words=\\${${1}_$2:-}"
	for word in $words; do "$3" "$word"; done
}
procd_open_instance() { echo "instance $1"; }
procd_set_param() { echo "$*"; }
procd_append_param() { shift; for word; do echo "word $word"; done; }
procd_close_instance() { echo "end"; }
procd_add_reload_trigger() { echo "reload $*"; }
"""


def test_the_init_script_reads_its_configuration(tmp_path):
    script = TOOLS / "procd" / "iotsafe-tunnel.init"
    subprocess.run(["sh", "-n", script], check=True)
    (tmp_path / "sections").write_text(
        "ALL='on off'\non_enabled=1 on_listen=127.0.0.1:1883\n"
        "on_server=broker:8883 on_card=at:/dev/ttyUSB2 on_ca=/etc/ca.pem\n"
        "on_alpn=mqtt on_dtls=0 on_resume=1 on_idle=9\n"
        "off_enabled=0 off_listen=x off_server=y\n")
    (tmp_path / "run").write_text(
        f"SECTIONS={tmp_path}/sections\n{PROCD}\n"
        f"{script.read_text()}\nstart_service\nservice_triggers\n")
    said = subprocess.run(["sh", "-eu", tmp_path / "run"], check=True,
                          capture_output=True).stdout.decode().splitlines()
    command = [line[5:] for line in said if line.startswith("word ")]
    assert command == [
        "tunnel", "127.0.0.1:1883", "broker:8883", "--card",
        "at:/dev/ttyUSB2", "--ca", "/etc/ca.pem", "--alpn", "mqtt", "--idle",
        "9", "--resume"]
    assert said.count("end") == 1 and "reload iotsafe" in said
    assert "command /usr/bin/iotsafe" in said

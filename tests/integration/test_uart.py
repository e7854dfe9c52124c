# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe` on a real UART driver: in a virtual machine whose /dev/ttyS1 is a
16550 with the software SIM at its other end."""

import os
import pathlib
import platform
import re
import shutil
import socket
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["IOTSAFE_BUILD"])
KERNEL = BUILD / "kernel/vmlinuz"

# What the guest does: no shell script of ours knows the outcome beforehand.
INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
export LD_LIBRARY_PATH=/lib IOTSAFE_CARD=at:/dev/ttyS1 IOTSAFE_TRACE=apdu
part() {
	echo "begin $1"
	shift
	"$@" 2>/errors
	echo "end $?"
	/bin/busybox sed 's/^/errors: /' /errors
}
part driver /bin/busybox cat /proc/tty/driver/serial
part info /bin/iotsafe info
part list /bin/iotsafe list
part public /bin/iotsafe pubkey
part sign /bin/iotsafe sign --der /message
part missing /bin/iotsafe --card at:/dev/ttyS2?timeout=1000 list
/bin/busybox poweroff -f
"""

pytestmark = [
    pytest.mark.plain_build,
    pytest.mark.skipif(
        platform.machine() != "x86_64",
        reason="QEMU runs the UART test on amd64 only",
    ),
]


def libraries(program):
    """What ldd names, the loader included: {name in the guest: path}."""
    output = subprocess.run(
        ["ldd", program], check=True, capture_output=True, text=True
    ).stdout
    found = {}
    for line in output.splitlines():
        match = re.match(r"\s*(?:\S+ => )?(/\S+) \(", line)
        if match:
            found[match.group(1)] = pathlib.Path(match.group(1))
    return found


def make_initramfs(folder):
    root = folder / "root"
    for name in ("bin", "dev", "lib", "proc", "sys", "tmp"):
        (root / name).mkdir(parents=True)
    program = shutil.which("iotsafe")
    shutil.copy(program, root / "bin/iotsafe")
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for name, path in libraries(program).items():
        place = root / "lib" / path.name
        if "ld-linux" in path.name:
            place = root / name.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    (root / "message").write_bytes(b"over a real UART\n")
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    image = folder / "initramfs"
    with open(image, "wb") as output:
        names = subprocess.run(
            ["find", "."], cwd=root, check=True, capture_output=True
        ).stdout
        subprocess.run(
            ["cpio", "--quiet", "-o", "-H", "newc"],
            cwd=root,
            input=names,
            stdout=output,
            check=True,
        )
    return image


def boot(folder, image):
    """Runs the guest with the SIM on its second UART; gives its console."""
    path = folder / "uart"
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-m", "256"]
    command += ["-cpu", "max", "-nodefaults", "-display", "none", "-no-reboot"]
    command += ["-kernel", KERNEL, "-initrd", image]
    command += ["-append", "console=ttyS0 quiet panic=-1"]
    command += ["-serial", "stdio", "-chardev", f"socket,id=u,path={path}"]
    command += ["-serial", "chardev:u"]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(30)
        guest = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        sim = None
        try:
            line, _ = listener.accept()
            with line:
                sim = subprocess.Popen(
                    ["iotsafe-sim", "--stdio", "--log", folder / "log"],
                    stdin=line,
                    stdout=line,
                )
            console, _ = guest.communicate(timeout=120)
        finally:
            guest.kill()
            guest.wait()
            if sim:
                sim.kill()
                sim.wait()
    return console.decode(errors="replace").replace("\r", "")


def part(console, name):
    """Output, exit status and errors of one part of INIT."""
    found = re.search(
        rf"^begin {name}\n(.*?)^end (\d+)\n((?:errors: .*\n)*)",
        console,
        re.M | re.S,
    )
    assert found, f"no {name} on the console:\n{console}"
    return found.group(1), int(found.group(2)), found.group(3)


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    assert KERNEL.exists(), "./dev test fetches a kernel"
    folder = tmp_path_factory.mktemp("uart")
    text = boot(folder, make_initramfs(folder))
    (BUILD / "logs").mkdir(exist_ok=True)
    (BUILD / "logs/uart-console.log").write_text(text)
    return text


def test_the_port_is_a_16550(console):
    output, _, _ = part(console, "driver")
    assert re.search(r"^1: uart:16550A", output, re.M), output


def test_lists_the_objects(console):
    output, status, errors = part(console, "list")
    assert status == 0, errors
    assert "client" in output


def test_signs_and_the_signature_verifies(console, tmp_path):
    public, status, errors = part(console, "public")
    assert status == 0, errors
    signature, status, errors = part(console, "sign")
    assert status == 0, errors
    (tmp_path / "public.pem").write_text(public)
    (tmp_path / "signature").write_bytes(bytes.fromhex(signature.strip()))
    (tmp_path / "message").write_bytes(b"over a real UART\n")
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", "public.pem"]
        + ["-signature", "signature", "message"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "Verified OK\n", done.stdout + done.stderr


def test_a_uart_that_is_not_there_is_told(console):
    _, status, errors = part(console, "missing")
    assert status != 0
    assert "/dev/ttyS2" in errors

# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe` on a real UART driver: in a virtual machine whose /dev/ttyS1 is a
16550 with the software SIM at its other end."""

import contextlib
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
settings() {
	/bin/busybox stty -a -F "$1"
}
part driver /bin/busybox cat /proc/tty/driver/serial
part info /bin/iotsafe info
part list /bin/iotsafe list
part public /bin/iotsafe pubkey
part sign /bin/iotsafe sign --der /message
part missing /bin/iotsafe --card at:/dev/ttyS4?timeout=1000 list
# A name that libserialport does not know: the port by its descriptor.
/bin/busybox mknod /dev/modem c 4 65
for path in ttyS1 modem; do
	for how in baud=9600 baud=115200 baud=921600 flow=none flow=rts flow=xon; do
		part "$path-$how" /bin/iotsafe --card "at:/dev/$path?$how" random 8 --hex
		part "$path-$how-settings" settings /dev/ttyS1
	done
done
part quirks /bin/iotsafe --card at:/dev/ttyS2 random 8 --hex
part silent /bin/iotsafe --card "at:/dev/ttyS3?baud=921600&timeout=600" list
# A port that is taken away while a modem is waited for.
hang_up() {
	# Since Linux 6.5 the port hangs below devices of the serial core's own.
	device=$(/bin/busybox readlink -f /sys/class/tty/ttyS2/device)
	until [ -e "$device/driver/unbind" ]; do device=${device%/*}; done
	/bin/iotsafe --card "at:/dev/ttyS2?timeout=60000" list &
	# GET DATA is never answered there.
	until /bin/busybox ls -l /proc/$!/fd | /bin/busybox grep -q ttyS2; do
		/bin/busybox usleep 20000
	done
	/bin/busybox usleep 500000
	echo "${device##*/}" >"$device/driver/unbind"
	wait $!
}
part hang-up hang_up
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


# What the guest's second and third UART lead to.
MODEMS = {
    "u": (),
    "v": ("--quirk", "echo,urc,urc-after,split=3,late-ok=30,no-csim,pause")
    + ("--fault", "silence=CB"),
}


def boot(folder, image):
    """Runs the guest with SIMs on its second and third UART, and nothing on
    its fourth; gives its console."""
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-m", "256"]
    command += ["-cpu", "max", "-nodefaults", "-display", "none", "-no-reboot"]
    command += ["-kernel", KERNEL, "-initrd", image, "-serial", "stdio"]
    # One UART more than there is hardware for.
    command += ["-append", "console=ttyS0 quiet panic=-1 8250.nr_uarts=5"]
    with contextlib.ExitStack() as stack:
        listeners = []
        for name in MODEMS:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(folder / name))
            listener.listen(1)
            listener.settimeout(30)
            listeners.append(listener)
            command += ["-chardev", f"socket,id={name},path={folder / name}"]
            command += ["-serial", f"chardev:{name}"]
        guest = subprocess.Popen(
            [*command, "-serial", "null"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        stack.callback(end, guest)
        for listener, options in zip(listeners, MODEMS.values()):
            line, _ = listener.accept()
            with line:
                sim = subprocess.Popen(
                    ["iotsafe-sim", "--stdio", *options],
                    stdin=line,
                    stdout=line,
                )
            stack.callback(end, sim)
        console, _ = guest.communicate(timeout=120)
    return console.decode(errors="replace").replace("\r", "")


def end(process):
    process.kill()
    process.wait()


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
    assert "/dev/ttyS4" in errors


# Through libserialport, and by the descriptor alone.
PATHS = ("ttyS1", "modem")


def settings_of(console, name):
    output, status, errors = part(console, name)
    assert status == 0 and re.fullmatch("[0-9a-f]{16}\n", output), errors
    output, _, _ = part(console, f"{name}-settings")
    return output


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "baud, kept",
    [(9600, 9600), (115200, 115200), (921600, 115200)],  # the UART's fastest
)
def test_speeds(console, path, baud, kept):
    settings = settings_of(console, f"{path}-baud={baud}")
    assert f"speed {kept} baud" in settings
    assert "-hupcl" in settings  # DTR stays up


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "flow, words",
    [
        ("none", ("-crtscts", "-ixon", "-ixoff")),
        ("rts", (" crtscts", "-ixon", "-ixoff")),
        ("xon", ("-crtscts", " ixon", " ixoff")),
    ],
)
def test_flow_control(console, path, flow, words):
    settings = settings_of(console, f"{path}-flow={flow}").replace("\n", " ")
    for word in words:
        assert word in settings


def test_a_modem_with_manners_of_its_own(console):
    output, status, errors = part(console, "quirks")
    assert status == 0 and len(output) == 17, errors


def test_a_speed_that_the_port_did_not_take_is_told_where_nothing_answers(
    console,
):
    _, status, errors = part(console, "silent")
    assert status != 0
    assert re.search(r"nothing answers \(the port stays at \d+ baud\)", errors)


def test_a_port_that_is_taken_away_ends_the_wait(console):
    _, status, errors = part(console, "hang-up")
    assert status != 0
    assert "the modem has gone" in errors

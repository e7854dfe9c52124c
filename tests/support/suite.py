# SPDX-License-Identifier: LGPL-2.1-or-later
"""All of `./dev test`: builds, runs every part, adds up what they counted.

Each part leaves its output in build/logs and gives a list of results. The last
line printed is "N passed, N failed, N skipped". A skip whose reason does not
stand in tests/skips.txt counts as failed, so nothing is left out in silence.
"""

import collections
import fnmatch
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ["BUILD"]).resolve()
LOGS = BUILD / "logs"
WITH_BUILD = TOP / "tests/support/with-build"
PYTHON = "/usr/bin/python3"
LUAS = ("lua5.1", "lua5.3", "lua5.4", "luajit")

# Everything that the tests want; each feature is then an error if missing.
FEATURES = "serial tools sim python lua tests benchmarks docs"
OPTIONS = [f"-D{name}=enabled" for name in FEATURES.split()]
NATIVE_ONLY = ["-Dpython=disabled", "-Dlua=disabled", "-Ddocs=disabled"]
SANITIZED = ["-Db_sanitize=address,undefined", "-Db_lundef=false"]

# Set by the tests themselves or not at all.
CLEARED = ("IOTSAFE_CARD", "IOTSAFE_TRACE", "IOTSAFE_SIM")

Result = collections.namedtuple("Result", "name outcome reason")
START = time.monotonic()


class PartFailed(Exception):
    """A part that could not run; counts as one failure."""


def run(command, log, minutes=5, build=BUILD, **environment):
    """Runs to the end or to the limit, all output to the log; gives the exit
    status. The whole process group ends with it."""
    variables = {k: v for k, v in os.environ.items() if k not in CLEARED}
    variables.update(CI="true", BUILD=str(build), **environment)
    with open(LOGS / log, "ab") as output:
        child = subprocess.Popen(
            [str(word) for word in command],
            cwd=TOP,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return child.wait(minutes * 60)
        except subprocess.TimeoutExpired:
            raise PartFailed(f"not done after {minutes} minutes") from None
        finally:
            end_group(child)


def end_group(child):
    """What a test left behind must not outlive it."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def fresh(log):
    (LOGS / log).write_bytes(b"")
    return log


# --- What the frameworks wrote -----------------------------------------------


def junit_results(path):
    """Results of a JUnit file as Meson and pytest write it."""
    if not path.exists():
        return []
    results = []
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}: {case.get('name')}"
        kinds = {child.tag: child for child in case}
        if "failure" in kinds or "error" in kinds:
            results.append(Result(name, "failed", ""))
        elif "skipped" in kinds:
            reason = kinds["skipped"].get("message") or case.findtext(
                "system-out", ""
            )
            results.append(Result(name, "skipped", reason.strip()))
        else:
            results.append(Result(name, "passed", ""))
    return results


TAP = re.compile(
    r"^(not )?ok +\d+ *-? *(?P<name>.*?)( *# *(?P<skip>SKIP\S*) *(?P<reason>.*))?$",
    re.I,
)


def tap_results(text):
    results = []
    for found in filter(None, map(TAP.match, text.splitlines())):
        outcome = "failed" if found.group(1) else "passed"
        if found.group("skip"):
            outcome = "skipped"
        results.append(
            Result(found.group("name"), outcome, found.group("reason") or "")
        )
    return results


def with_status(results, status, what):
    """A program that failed without naming a test failed all the same, and
    one that ran no test has not passed."""
    failed = any(result.outcome == "failed" for result in results)
    if status and not failed:
        return results + [Result(what, "failed", f"exit status {status}")]
    if not results:
        return [Result(what, "failed", "no test was run")]
    return results


# --- Parts -------------------------------------------------------------------


def configure(build, options, log):
    if (build / "build.ninja").exists():
        options = ["--reconfigure", *options]
    command = ["meson", "setup", *options, "-Dwerror=true", build, TOP]
    if run(command, log):
        raise PartFailed("configuring failed")


def compile_in(build, options):
    log = fresh(f"build-{build.name}.log")
    configure(build, options, log)
    if run(["ninja", "-C", build], log, minutes=10):
        raise PartFailed("compiling failed")


def part_build():
    compile_in(BUILD, OPTIONS)
    # ./dev run and ./dev demo keep what is configured here.
    (BUILD / ".options").write_text(" ".join(OPTIONS) + " -Dwerror=true\n")
    (BUILD / ".state").unlink(missing_ok=True)
    return [Result("the tree compiles without a warning", "passed", "")]


def meson_test(build, log, *arguments, **environment):
    name = fresh(log).removesuffix(".log")
    results = build / f"meson-logs/{name}.junit.xml"
    results.unlink(missing_ok=True)
    command = ["meson", "test", "-C", build, "--no-rebuild", "--logbase", name]
    status = run(
        [WITH_BUILD, *command, "--print-errorlogs", *arguments],
        log,
        minutes=10,
        build=build,
        **environment,
    )
    return with_status(junit_results(results), status, f"meson test in {build}")


def pytest(build, log, *arguments, **environment):
    results = LOGS / fresh(log).replace(".log", ".xml")
    results.unlink(missing_ok=True)
    command = [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-v"]
    status = run(
        [WITH_BUILD, *command, f"--junitxml={results}", *arguments],
        log,
        minutes=10,
        build=build,
        PYTHONDONTWRITEBYTECODE="1",
        **environment,
    )
    return with_status(junit_results(results), status, f"pytest {log}")


def part_c():
    return meson_test(BUILD, "c.log")


def part_programs():
    return pytest(BUILD, "programs.log", "tests/integration")


def part_python():
    return pytest(BUILD, "python.log", "python/tests")


def part_lua(interpreter):
    def part():
        log = fresh(f"{interpreter}.log")
        command = ["busted", f"--lua=/usr/bin/{interpreter}", "-o", "TAP"]
        status = run([WITH_BUILD, *command, "lua/tests"], log, minutes=10)
        return with_status(
            tap_results((LOGS / log).read_text(errors="replace")),
            status,
            f"busted under {interpreter}",
        )

    return part


def findings(folder, what):
    """Logs of sanitizers and valgrind: empty ones are good news. What goes
    wrong in a Criterion worker does not reach an exit status."""
    return [
        Result(f"{what}: {path}", "failed", "")
        for path in sorted(folder.iterdir())
        if path.stat().st_size
    ]


def findings_folder(name):
    folder = LOGS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def part_sanitizers():
    build = BUILD / "asan"
    compile_in(build, [*NATIVE_ONLY, *SANITIZED, "-Dbenchmarks=disabled"])
    folder = findings_folder("asan")
    options = {
        "ASAN_OPTIONS": f"log_path={folder}/asan:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": f"log_path={folder}/ubsan:halt_on_error=1"
        ":print_stacktrace=1",
    }
    results = meson_test(
        build, "asan-c.log", "--no-suite", "tree", "-t", "3", **options
    )
    results += pytest(
        build,
        "asan-programs.log",
        "tests/integration",
        "-m",
        "not plain_build",
        **options,
    )
    return results + findings(folder, "sanitizer")


def part_valgrind():
    folder = findings_folder("valgrind")
    wrapper = [
        *("valgrind", "-q", "--trace-children=yes"),
        # Not ours to mend, and slow.
        "--trace-children-skip=*/gnutls-*,*/openssl,*/python3*,*/sh,*/env",
        f"--log-file={folder}/%p",
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect",
        "--errors-for-leak-kinds=definite,indirect",
    ]
    results = meson_test(
        BUILD,
        "valgrind.log",
        *("--wrapper", " ".join(wrapper), "-t", "10"),
        *("--no-suite", "tree", "--no-suite", "children"),
    )
    return results + findings(folder, "valgrind")


def part_format():
    name = "the C files have the form of .clang-format"
    if "clang-format-14" in os.environ.get("IOTSAFE_UNAVAILABLE", ""):
        reason = "clang-format 14 is not in this release"
        return [Result(name, "skipped", reason)]
    script = TOP / "tests/support/format.sh"
    status = run([script, "--check"], fresh("format.log"))
    return [Result(name, "failed" if status else "passed", "")]


def part_size():
    """Only warns: no result."""
    run([PYTHON, TOP / "tests/size.py", TOP], fresh("size.log"))
    lines = (LOGS / "size.log").read_text().splitlines()
    for line in lines:
        if line.startswith("warning"):
            print(f"         {line}")
    return []


PARTS = [
    ("build", "build and warnings", part_build),
    ("c", "C tests, layers, symbols, fuzz corpora", part_c),
    ("programs", "demo, command, serial port, UART", part_programs),
    ("python", "Python", part_python),
    *((name, name, part_lua(name)) for name in LUAS),
    ("sanitizers", "address and undefined sanitizers", part_sanitizers),
    ("valgrind", "valgrind", part_valgrind),
    ("format", "form of the C files", part_format),
    ("size", "sizes", part_size),
]


# --- The sum -----------------------------------------------------------------


def allowed_skips():
    lines = (TOP / "tests/skips.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def judge(results):
    """A skip for a reason that nobody wrote down is a failure."""
    allowed = allowed_skips()
    for result in results:
        if result.outcome == "skipped" and not any(
            fnmatch.fnmatch(result.reason, pattern) for pattern in allowed
        ):
            reason = f'skipped, but not for a listed reason: "{result.reason}"'
            yield result._replace(outcome="failed", reason=reason)
        else:
            yield result


def count(results):
    found = collections.Counter(result.outcome for result in results)
    return ", ".join(f"{found[o]} {o}" for o in ("passed", "failed", "skipped"))


def run_part(title, part):
    begun = time.monotonic()
    print(f"[{begun - START:4.0f} s] {title}", flush=True)
    try:
        results = list(judge(part()))
    except PartFailed as failure:
        results = [Result(title, "failed", str(failure))]
    for result in results:
        if result.outcome == "failed":
            print(f"         FAILED {result.name} {result.reason}")
    taken = time.monotonic() - begun
    if results:
        print(f"         {count(results)} in {taken:.0f} s", flush=True)
    return results


def main():
    LOGS.mkdir(parents=True, exist_ok=True)
    results = []
    for name, title, part in PARTS:
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        results += run_part(title, part)
        if name == "build" and results[-1].outcome == "failed":
            tail = (LOGS / f"build-{BUILD.name}.log").read_text()
            print(tail[-6000:])
            break
    print(f"logs are in {LOGS}")
    print(count(results), flush=True)
    return 1 if any(result.outcome == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())

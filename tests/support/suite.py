# SPDX-License-Identifier: LGPL-2.1-or-later
"""All of `./dev test`: builds, runs every part, adds up what they counted.

Each part leaves its output in build/logs and gives a list of results. The last
line printed is "N passed, N failed, N skipped". A skip whose reason does not
stand in tests/skips.txt counts as failed, so nothing is left out in silence.
"""

import collections
import concurrent.futures
import fnmatch
import json
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
ASAN = BUILD / "asan"
LOGS = BUILD / "logs"
WITH_BUILD = TOP / "tests/support/with-build"
PYTHON = "/usr/bin/python3"
LUAS = ("lua5.1", "lua5.3", "lua5.4", "luajit")

# Everything that the tests want; each feature is then an error if missing.
FEATURES = (
    "serial pcsc mbim pkcs11 qmi trust-onboard zlib seal bundle cache tools sim "
    "python lua tests benchmarks docs"
)
OPTIONS = [f"-D{name}=enabled" for name in FEATURES.split()]
NATIVE_ONLY = ["-Dpython=disabled", "-Dlua=disabled", "-Ddocs=disabled"]
SANITIZED = ["-Db_sanitize=address,undefined", "-Db_lundef=false"]

# Set by the tests themselves or not at all.
CLEARED = ("IOTSAFE_CARD", "IOTSAFE_TRACE", "IOTSAFE_SIM")

Result = collections.namedtuple("Result", "name outcome reason")
# A part takes a third of this on a quiet machine.
PART_MINUTES = 20
START = time.monotonic()
RUNNING = set()


class PartFailed(Exception):
    """A part that could not run; counts as one failure."""


def run(command, log, minutes=5, build=BUILD, **environment):
    """Runs to the end or to the limit, all output to the log; gives the exit
    status. The whole process group ends with it. A shell leads the session:
    the first terminal that a leader opens is its own to hang up with."""
    variables = {k: v for k, v in os.environ.items() if k not in CLEARED}
    variables.update(CI="true", BUILD=str(build), IOTSAFE_DAEMONS=str(BUILD),
                     XDG_CACHE_HOME=str(build / "no-cache"))
    variables.update(environment)
    with open(LOGS / log, "ab") as output:
        child = subprocess.Popen(
            ["sh", "-c", '"$@"; exit $?', "sh", *map(str, command)],
            cwd=TOP,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        RUNNING.add(child)
        try:
            return child.wait(minutes * 60)
        except subprocess.TimeoutExpired:
            raise PartFailed(f"not done after {minutes} minutes") from None
        finally:
            end_group(child)


def end_group(child):
    """What a test left behind must not outlive it."""
    RUNNING.discard(child)
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
    """Results of a JUnit file as pytest writes it."""
    if not path.exists():
        return []
    results = []
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}: {case.get('name')}"
        kinds = {child.tag: child for child in case}
        wrong = kinds.get("failure", kinds.get("error"))
        if wrong is not None:
            reason = " ".join(wrong.get("message", "").split())
            results.append(Result(name, "failed", reason[:500]))
        elif "skipped" in kinds:
            reason = kinds["skipped"].get("message", "")
            results.append(Result(name, "skipped", reason))
        else:
            results.append(Result(name, "passed", ""))
    return results


TAP = re.compile(
    r"^(not )?ok\b *\d* *-? *(?P<name>.*?)"
    r"( *# *(?P<skip>SKIP\S*) *(?P<reason>.*))?$",
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


def meson_results(path):
    """Results of Meson's own log, with those inside each TAP program. One that
    crashes may have said "ok" to all it came to."""
    results = []
    for line in path.read_text().splitlines() if path.exists() else []:
        test = json.loads(line)
        name, outcome = test["name"].partition(":")[2], test["result"]
        inside = [
            result._replace(name=f"{name}: {result.name}")
            for result in tap_results(test.get("stdout", ""))
        ]
        if outcome == "SKIP" and not inside:
            inside = [Result(name, "skipped", "the program skipped itself")]
        elif outcome not in ("OK", "SKIP", "EXPECTEDFAIL"):
            inside = with_status(inside, outcome, name)
        results += inside or [Result(name, "passed", "")]
    return results


def with_status(results, status, what):
    """A program that failed without naming a test failed all the same, and
    one that ran no test has not passed."""
    failed = any(result.outcome == "failed" for result in results)
    if status and not failed:
        return results + [Result(what, "failed", f"ended with {status}")]
    if not results:
        return [Result(what, "failed", "no test was run")]
    return results


# --- Parts -------------------------------------------------------------------


def configure(build, options, log):
    """Anew each time, so that old defaults do not stay; objects do."""
    shutil.rmtree(build / "meson-private", ignore_errors=True)
    (build / "build.ninja").unlink(missing_ok=True)
    command = ["meson", "setup", *options, "-Dwerror=true", build, TOP]
    if run(command, log):
        raise PartFailed("configuring failed")


def compile_in(build, options):
    log = fresh(f"build-{build.name}.log")
    configure(build, options, log)
    if run(["ninja", "-C", build], log, minutes=20):
        raise PartFailed("compiling failed")


def part_build():
    compile_in(BUILD, OPTIONS)
    # ./dev run and ./dev demo keep what is configured here.
    (BUILD / ".options").write_text(" ".join(OPTIONS) + " -Dwerror=true\n")
    (BUILD / ".state").unlink(missing_ok=True)
    return [Result("the tree compiles without a warning", "passed", "")]


def meson_test(build, log, *arguments, **environment):
    name = fresh(log).removesuffix(".log")
    wrapped = "--wrapper" in arguments
    # With a wrapper Meson adds its name.
    results = build / f"meson-logs/{name}{'-valgrind' * wrapped}.json"
    results.unlink(missing_ok=True)
    command = ["meson", "test", "-C", build, "--no-rebuild", "--logbase", name]
    status = run(
        [WITH_BUILD, *command, "--print-errorlogs", *arguments],
        log,
        minutes=PART_MINUTES,
        build=build,
        **environment,
    )
    return with_status(meson_results(results), status, f"meson test in {build}")


def pytest(build, log, *arguments, **environment):
    results = LOGS / fresh(log).replace(".log", ".xml")
    results.unlink(missing_ok=True)
    command = [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-v"]
    # A file is not torn apart: its tests share what they have started.
    beside = ["-n", "2", "--dist", "loadfile"]
    status = run(
        [WITH_BUILD, *command, *beside, f"--junitxml={results}", *arguments],
        log,
        minutes=PART_MINUTES,
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


def part_asan():
    compile_in(ASAN, [*NATIVE_ONLY, *SANITIZED, "-Dbenchmarks=disabled"])
    name = "the tree compiles with sanitizers without a warning"
    return [Result(name, "passed", "")]


def part_sanitizers():
    folder = findings_folder("asan")
    options = {
        "ASAN_OPTIONS": f"log_path={folder}/asan:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": f"log_path={folder}/ubsan:halt_on_error=1"
        ":print_stacktrace=1",
    }
    results = meson_test(
        ASAN, "asan-c.log", "--no-suite", "tree", "-t", "3", **options
    )
    results += pytest(
        ASAN,
        "asan-programs.log",
        "tests/integration",
        "-m",
        "not plain_build",
        **options,
    )
    return results + findings(folder, "sanitizer")


# Under valgrind every Criterion test takes two seconds to start, so only the
# programs where most memory changes hands run there; the sanitizers see all.
VALGRIND_TESTS = "card crypto iotsafe_read key registry tls_record"


def part_valgrind():
    folder = findings_folder("valgrind")
    wrapper = [
        *("valgrind", "-q", "--trace-children=yes"),
        # A forked child may leave what belongs to its parent where it is.
        "--child-silent-after-fork=yes",
        # It does not know TIOCEXCL, and says so.
        "--sim-hints=lax-ioctls",
        # Not ours to mend, and slow.
        "--trace-children-skip=*/gnutls-*,*/certtool,*/openssl,*/python3*,*/sh",
        f"--log-file={folder}/%p",
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect",
        "--errors-for-leak-kinds=definite,indirect",
    ]
    under = ["--wrapper", " ".join(wrapper), "-t", "10"]
    results = meson_test(BUILD, "valgrind-corpora.log", *under, "--suite", "fuzz")
    names = VALGRIND_TESTS.split()
    programs = meson_test(BUILD, "valgrind-c.log", *under, *names)
    # Older versions of Meson pass over a name that no test has.
    ran = {
        result.name.partition(":")[0].rpartition(" / ")[2]
        for result in programs
    }
    results += programs + [
        Result(f"a test called {name}", "failed", "there is none")
        for name in names
        if name not in ran
    ]
    results += demo_under(wrapper)
    return results + findings(folder, "valgrind")


def demo_under(wrapper):
    """The demo with scripts that put the wrapper before both programs."""
    folder = findings_folder("valgrind-programs")
    for name in ("tools/iotsafe", "sim/iotsafe-sim"):
        script = folder / pathlib.Path(name).name
        words = " ".join([*wrapper, str(BUILD / name)])
        script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        script.chmod(0o755)
    status = run(
        [WITH_BUILD, "env", f"FRONT={folder}", "sh", "-c"]
        + ['PATH=$FRONT:$PATH exec "$@"', "sh", PYTHON]
        + [TOP / "tests/integration/demo.py"],
        fresh("valgrind-demo.log"),
    )
    name = "the demo under valgrind"
    return [Result(name, "failed" if status else "passed", "")]


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
            say(line)
    return []


PARTS = [
    ("build", "build and warnings", part_build),
    ("asan", "build with sanitizers", part_asan),
    ("sanitizers", "address and undefined sanitizers", part_sanitizers),
    ("c", "C tests, layers, symbols, fuzz corpora", part_c),
    ("programs", "demo, command, serial port, UART", part_programs),
    ("valgrind", "valgrind", part_valgrind),
    ("python", "Python", part_python),
    *((name, name, part_lua(name)) for name in LUAS),
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


def run_part(part):
    name, title, run_it = part
    begun = time.monotonic()
    say(f"{title} begins")
    try:
        results = list(judge(run_it()))
    except PartFailed as failure:
        results = [Result(title, "failed", str(failure))]
    taken = time.monotonic() - begun
    failures = [
        f"         FAILED {result.name} {result.reason}".rstrip()
        for result in results
        if result.outcome == "failed"
    ]
    say(f"{title}: {count(results)} in {taken:.0f} s", *failures)
    return results


def say(line, *more):
    at = time.monotonic() - START
    print("\n".join([f"[{at:4.0f} s] {line}", *more]), flush=True)


def run_parts(names):
    """The builds first, which keep all processors busy; then three parts at a
    time: most of theirs is spent waiting, for cards that take their time and
    for limits."""
    wanted = [part for part in PARTS if not names or part[0] in names]
    builds = {"build": BUILD, "asan": ASAN}
    results = []
    while wanted and wanted[0][0] in builds:
        name = wanted[0][0]
        results += run_part(wanted.pop(0))
        if results[-1].outcome == "failed":
            log = LOGS / f"build-{builds[name].name}.log"
            print(log.read_text()[-6000:])
            return results
    with concurrent.futures.ThreadPoolExecutor(3) as lanes:
        for more in lanes.map(run_part, wanted):
            results += more
    return results


def stop(*_):
    for child in list(RUNNING):
        end_group(child)
    os._exit(1)


def main():
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    LOGS.mkdir(parents=True, exist_ok=True)
    results = run_parts(sys.argv[1:])
    print(f"the logs are in {LOGS}")
    print(count(results), flush=True)
    return 1 if any(result.outcome == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())

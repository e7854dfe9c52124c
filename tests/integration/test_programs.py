# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/programs.md is made here: programs that never heard of us, each against
a server that takes nobody without the SIM's certificate, which the server's
log shows; and what that costs on the card.

    ./dev run pytest tests/integration/test_programs.py     compares
    ./dev run python3 tests/integration/test_programs.py    writes the page
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
from programs import libraries, tools  # noqa: E402,F401 more rows
from programs.rows import EVERY, PKCS11, ROWS  # noqa: E402
from programs.setting import BUILD, Setting  # noqa: E402

PAGE = HERE.parents[1] / "docs/programs.md"
BEGIN, END = "<!-- made by test_programs.py -->\n", "<!-- end -->\n"
SUBJECT = "iotsafe-sim gsma client"
# Exchanges of one signature on this card: INIT, UPDATE, GET RESPONSE.
SIGNATURE = 3

# They load the library, and no sanitizer's.
pytestmark = pytest.mark.plain_build

CHAIN = {True: "yes", False: "no", None: "—"}

RESULTS = {}


def try_row(row, folder):
    """(exchanges, signatures) on a fresh card."""
    with Setting(folder) as setting:
        setting.sim.counted = 0
        name, version = row.run(setting)
        log = setting.sim.log[setting.sim.counted:]
    assert name == SUBJECT, name
    assert version == row.tls
    return len(log), sum(1 for each in log if each.get("signature"))


def identify(row):
    return f"{row.name} {row.tls}".replace(" ", "-")


def hindrance(row):
    """Why it cannot be run here: a package that ./dev looked for in vain, or
    the machine."""
    missing = os.environ.get("IOTSAFE_UNAVAILABLE", "").split()
    needed = [row.package]
    if "libengine-pkcs11-openssl" in row.how or row.package == "openssl":
        needed.append("libengine-pkcs11-openssl")
    for name in needed:
        if name in missing:
            return f"{name} is not in this release"
    return row.refused()


@pytest.mark.parametrize("row", ROWS, ids=identify)
def test_a_program_shows_the_sims_certificate(row, tmp_path):
    if hindrance(row):
        pytest.skip(hindrance(row))
    RESULTS[identify(row)] = exchanges, signatures = try_row(row, tmp_path)
    assert signatures == 1 + row.test_signatures
    if row.way == PKCS11 and not same_versions(PAGE.read_text()):
        assert exchanges <= most_exchanges(row)
    else:
        assert exchanges == expected_exchanges(row)


def expected_exchanges(row):
    """Those of the library, as the page has them, and what is known to be
    more, unless only the page knows."""
    if row.by_page:
        return documented(row)
    return documented(ROWS[0]) + SIGNATURE * row.test_signatures + row.more


def most_exchanges(row):
    """Of another version, which may ask for more certificates."""
    if row.by_page:
        return documented(row)
    return documented(ROWS[0]) + EVERY


def documented(row):
    head = rf"\| {row.name} \| [^|]+ \| {row.way} \| {row.tls} \|"
    found = re.findall(rf"^{head} \S+ \| (\d+) \| \d+ \|$",
                       PAGE.read_text(), re.M)
    assert len(found) == 1, identify(row)
    return int(found[0])


# --- the page ---


def version_of(row):
    text = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", row.package],
        capture_output=True,
        text=True,
    ).stdout
    unpacked = BUILD / row.name / "version"
    if not text and unpacked.exists():
        text = unpacked.read_text()
    return re.sub(r"^\d+:|[-+].*", "", text.strip()) or "this one"


def table(results):
    yield "| program | version | way | TLS | chain | exchanges | signatures |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in ROWS:
        exchanges, signatures = results[identify(row)]
        yield (
            f"| {row.name} | {version_of(row)} | {row.way} |"
            f" {row.tls} | {CHAIN[row.chain]} | {exchanges} |"
            f" {signatures} |"
        )
    yield ""
    yield "How each is told:"
    yield ""
    for row in ROWS:
        if row.how != "the same":
            yield f"- {row.name}: {row.how}"


def text_of(results):
    return "\n".join(table(results)) + "\n"


def same_versions(page):
    """Another release of Debian may need another exchange or two."""
    return all(
        f"| {row.name} | {version_of(row)} |" in page for row in ROWS
    )


def without_results(text):
    return re.sub(r"^(\| [\w. -]+ \|) [^|]* \|(.*)\| \d+ \| \d+ \|$",
                  r"\1\2", text, flags=re.M)


def test_the_page_says_what_came_of_it():
    tried = [row for row in ROWS if not hindrance(row)]
    if len(RESULTS) < len(tried):
        pytest.fail("only with all the programs")
    for row in ROWS:
        RESULTS.setdefault(identify(row), (0, 0))
    page = PAGE.read_text()
    found = page[page.index(BEGIN) + len(BEGIN):page.index(END)]
    expected = text_of(RESULTS)
    if len(tried) < len(ROWS) or not same_versions(page):
        found, expected = map(without_results, (found, expected))
    assert found == expected


def main():
    results = {}
    for row in ROWS:
        with tempfile.TemporaryDirectory() as name:
            results[identify(row)] = try_row(row, pathlib.Path(name))
        print(identify(row), *results[identify(row)], file=sys.stderr)
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    PAGE.write_text(head + BEGIN + text_of(results) + END + rest.split(END)[1])


if __name__ == "__main__":
    main()

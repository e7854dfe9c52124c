# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables of docs/errors.md, which tests hold to their word."""

import pathlib
import re

PAGE = pathlib.Path(__file__).parent.parent.parent / "docs/errors.md"


def documented(section):
    """What happened -> (code, pattern of the sentence), for the section whose
    title begins so."""
    text = PAGE.read_text().partition(f"## {section}")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\S.*?) \| `(ERR_\w+)` \| `(.*)` \|$", text, re.M)
    assert rows, section
    return {
        what: (code, re.escape(sentence).replace("…", ".*"))
        for what, code, sentence in rows
    }

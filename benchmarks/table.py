# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table: what was measured, what is aimed at, and plainly what is not met.
A target is an aim, not a test: nothing fails by it."""

FORM = "{:<66} {:>10} {:>10}  {}"


class Table:
    def __init__(self):
        self.rows = []

    def head(self):
        print(FORM.format("figure", "measured", "target", ""), flush=True)

    def at_most(self, name, value, target, form, note=""):
        self.put(name, value, target, "<= ", value <= target, form, note)

    def at_least(self, name, value, target, form, note=""):
        self.put(name, value, target, ">= ", value >= target, form, note)

    def plain(self, name, value, form, note=""):
        self.put(name, value, None, "", None, form, note)

    def missing(self, name, why):
        self.rows.append({"figure": name, "measured": None, "why": str(why)})
        print(FORM.format(name, "-", "", f"NOT MEASURED: {why}"), flush=True)

    def put(self, name, value, target, sign, met, form, note):
        self.rows.append({"figure": name, "measured": value, "target": target,
                          "met": met})
        aim = "" if target is None else sign + "{:,}".format(target)
        word = {True: "met", False: "MISSED", None: ""}[met]
        words = ", ".join(filter(None, [word, note]))
        print(FORM.format(name, form.format(value), aim, words).rstrip(),
              flush=True)

    def sum(self):
        met = [row.get("met") for row in self.rows]
        missing = sum(row["measured"] is None for row in self.rows)
        return (f"{met.count(True)} targets met, {met.count(False)} missed, "
                f"{missing} not measured")

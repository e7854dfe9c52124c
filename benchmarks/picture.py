# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures in SVG: where the time of a handshake went, one bar a protocol, and
how samples are distributed, one curve a measurement."""

from xml.sax.saxutils import escape

# Okabe and Ito's palette: told apart by every eye, and in print.
COLOURS = ["#0072B2", "#E69F00", "#D55E00", "#CC79A7", "#009E73"]
WIDTH = 760
LEFT = 150
RIGHT = 90
BAR = 30
STEP = 52
TOP = 74
CURVES = 260  # high


def write(path, picture):
    path.write_text(picture, encoding="utf-8")


def text(x, y, words, anchor="start", size=13, weight="normal"):
    return ('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" font-size="{}" '
            'font-weight="{}">{}</text>').format(
                x, y, anchor, size, weight, escape(words))


def frame(title, height, rows):
    return "\n".join([
        '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" '
        'viewBox="0 0 {0} {1}" font-family="sans-serif">'.format(WIDTH, height),
        '<rect width="100%" height="100%" fill="#fff"/>',
        text(16, 26, title, size=15, weight="bold"),
        *rows,
        "</svg>\n",
    ])


def legend(names, left):
    rows = []
    x = left
    for name, colour in zip(names, COLOURS):
        rows.append('<rect x="{}" y="44" width="12" height="12" '
                    'fill="{}"/>'.format(x, colour))
        rows.append(text(x + 17, 55, name, size=12))
        x += 40 + 7 * len(name)
    return rows


# ---- bars ----


def bar(name, parts, y, scale):
    rows = [text(LEFT - 10, y + 20, name, anchor="end")]
    x = LEFT
    for (part, value), colour in zip(parts, COLOURS):
        width = value * scale
        rows.append(
            '<rect x="{:.1f}" y="{}" width="{:.1f}" height="{}" fill="{}">'
            '<title>{}: {:.2f} ms</title></rect>'.format(
                x, y, width, BAR, colour, escape(part), value))
        if width > 44:
            rows.append('<text x="{:.1f}" y="{}" text-anchor="middle" '
                        'font-size="12" fill="#fff">{:.1f}</text>'.format(
                            x + width / 2, y + 20, value))
        x += width
    total = sum(value for _, value in parts)
    rows.append(text(x + 8, y + 20, "{:.1f} ms".format(total)))
    return rows


def bars(title, rows):
    """`rows`: (name, [(part, milliseconds), …]) each."""
    longest = max(sum(value for _, value in parts) for _, parts in rows)
    scale = (WIDTH - LEFT - RIGHT) / longest
    drawn = legend([part for part, _ in rows[0][1]], LEFT)
    for index, (name, parts) in enumerate(rows):
        drawn += bar(name, parts, TOP + STEP * index, scale)
    return frame(title, TOP + STEP * len(rows) + 12, drawn)


# ---- curves ----


class Axes:
    """Ratios from left to right, the share of samples from bottom to top."""

    def __init__(self, values):
        self.low = min(values)
        self.high = max(values)
        margin = max((self.high - self.low) * 0.05, 0.001)
        self.low -= margin
        self.high += margin

    def x(self, value):
        share = (value - self.low) / (self.high - self.low)
        return 60 + share * (WIDTH - 90)

    @staticmethod
    def y(share):
        return TOP + (1 - share) * CURVES

    def draw(self):
        rows = []
        for share in (0, 0.5, 0.95, 1):
            y = self.y(share)
            rows.append('<path d="M60 {0:.1f}H{1}" stroke="#ccc"/>'.format(
                y, WIDTH - 30))
            rows.append(text(52, y + 4, "{:g} %".format(100 * share), "end",
                             11))
        for step in range(6):
            value = self.low + (self.high - self.low) * step / 5
            rows.append(text(self.x(value), TOP + CURVES + 18,
                             "{:.3f}".format(value), "middle", 11))
        return rows


def steps(axes, values):
    """The share of samples that are not above a value."""
    ordered = sorted(values)
    path = "M{:.1f} {:.1f}".format(axes.x(axes.low), axes.y(0))
    for index, value in enumerate(ordered, 1):
        path += "H{:.1f}V{:.1f}".format(axes.x(value),
                                        axes.y(index / len(ordered)))
    return path + "H{:.1f}".format(axes.x(axes.high))


def curves(title, series, marks):
    """`series`: (name, [ratio, …]) each; `marks`: what is aimed at."""
    axes = Axes([value for _, values in series for value in values] + marks)
    rows = legend([name for name, _ in series], 60) + axes.draw()
    for mark in marks:
        rows.append('<path d="M{:.1f} {}V{}" stroke="#555" '
                    'stroke-dasharray="4 3"><title>{:g}</title></path>'.format(
                        axes.x(mark), TOP, TOP + CURVES, mark))
    for (_, values), colour in zip(series, COLOURS):
        rows.append('<path d="{}" fill="none" stroke="{}" '
                    'stroke-width="2"/>'.format(steps(axes, values), colour))
    return frame(title, TOP + CURVES + 34, rows)

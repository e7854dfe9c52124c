# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws where the time of a handshake went: one bar a protocol, in SVG."""

from xml.sax.saxutils import escape

# Okabe and Ito's palette: told apart by every eye, and in print.
COLOURS = ["#0072B2", "#E69F00", "#D55E00", "#009E73"]
WIDTH = 760
LEFT = 150
RIGHT = 90
BAR = 30
STEP = 52
TOP = 74


def text(x, y, words, anchor="start", size=13, weight="normal"):
    return ('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" font-size="{}" '
            'font-weight="{}">{}</text>').format(
                x, y, anchor, size, weight, escape(words))


def legend(names):
    rows = []
    x = LEFT
    for name, colour in zip(names, COLOURS):
        rows.append('<rect x="{}" y="44" width="12" height="12" '
                    'fill="{}"/>'.format(x, colour))
        rows.append(text(x + 17, 55, name, size=12))
        x += 40 + 7 * len(name)
    return rows


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


def draw(bars, link):
    """`bars`: (name, [(part, milliseconds), …]) each; `link`: its settings."""
    longest = max(sum(value for _, value in parts) for _, parts in bars)
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = TOP + STEP * len(bars) + 12
    title = ("Where the time of a handshake goes: {} baud, signature {:g} ms"
             .format(link["baud"] or "no UART", link["card_ms"]))
    rows = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" '
        'viewBox="0 0 {0} {1}" font-family="sans-serif">'.format(WIDTH, height),
        '<rect width="100%" height="100%" fill="#fff"/>',
        text(16, 26, title, size=15, weight="bold"),
    ]
    rows += legend([part for part, _ in bars[0][1]])
    for index, (name, parts) in enumerate(bars):
        rows += bar(name, parts, TOP + STEP * index, scale)
    rows.append("</svg>\n")
    return "\n".join(rows)

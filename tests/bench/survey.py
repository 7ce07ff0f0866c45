#!/usr/bin/env python3
"""Count what modbtf says, and show the counts.

  survey.py kernel FLAVOUR KERNEL TYPES BYTES REPEATED REPEATED-BYTES
  survey.py pair FLAVOUR SERIES RELEASE MODULES-OF ON refused|dropped STOCK PATCHED
                        an object of JSON from two audits
  survey.py table FILE  Markdown, from a file with such objects, one a line
  survey.py figure FILE the same as SVG
"""
import collections
import json
import sys

# What becomes of a module with BTF, in words, and the colour
STOCK = (("right", "used, right", "#5a9e6f"), ("wrong_only", "used, wrong", "#e8b04a"),
         ("wrong_named", "used, wrong in types with a name", "#c8443c"),
         ("not_used", "dropped or refused", "#c9ccd1"))
PATCHED = (("by_id", "kept: equal id", "#2f6b9a"), ("by_distilled", "kept: distilled base, relocated", "#7fb2d9"),
           ("lost", "dropped", "#c9ccd1"))


def verdicts(path):
    with open(path, encoding="utf-8") as lines:
        return [m for m in map(json.loads, lines) if "verdict" in m]


def kernel(flavour, name, *numbers):
    keys = ("types", "bytes", "repeated", "repeated_bytes")
    return {"flavour": flavour, "kernel": name} | dict(zip(keys, map(int, numbers)))


def pair(flavour, series, release, modules_of, on, other, stock, patched):
    modules = verdicts(stock)
    count = collections.Counter(m["verdict"] for m in modules)
    after = collections.Counter(m["verdict"] for m in verdicts(patched))
    row = {"flavour": flavour, "series": series, "release": release, "modules_of": modules_of, "on": on,
           "modules": len(modules) - count["none"], "none": count["none"], "refused": 0, "dropped": 0,
           "right": count["native"], "wrong": count["wrong"],
           "wrong_named": sum(m.get("wrong_named", 0) > 0 for m in modules),
           "by_id": after["native"], "by_distilled": after["relocated"], "lost": after["dropped"]}
    row[other] = count["dropped"]
    for what in (("right", "wrong", "refused", "dropped"), ("by_id", "by_distilled", "lost")):
        if sum(row[k] for k in what) != row["modules"]:
            sys.exit(f"survey.py: error: {modules_of} on {on}: {what} do not add up: {row}")
    return row


def read(path):
    with open(path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [r for r in rows if "on" in r], [r for r in rows if "kernel" in r]


def add(rows):
    total = collections.Counter()
    for r in rows:
        total.update({k: v for k, v in r.items() if isinstance(v, int)})
    return total


def grouped(rows, *keys):
    groups = {}
    for r in rows:
        groups.setdefault(tuple(r[k] for k in keys), []).append(r)
    return groups


def share(part, whole):
    return f"{part:,} ({100 * part / whole:.1f} %)" if part else "0"


def table_row(name, rows):
    t = add(rows)
    cells = [name, f"{len(rows) // 2}", f"{t['modules']:,}"]
    cells += [share(t[k], t["modules"]) for k in ("refused", "dropped", "right", "wrong", "wrong_named",
                                                 "by_id", "by_distilled", "lost")]
    return "| " + " | ".join(cells) + " |"


def table(path):
    pairs, kernels = read(path)
    print("| kernels | pairs | modules | stock: refused | dropped | used, right | used, wrong | of these named |"
          " patched: kept by id | by distilled base | dropped |")
    print("|---|" + "---:|" * 10)
    for (flavour, series, release), rows in grouped(pairs, "flavour", "series", "release").items():
        print(table_row(f"{series}, {release}, {flavour}", rows))
    print(table_row("all", pairs))
    print()
    t = add(kernels)
    most = max(kernels, key=lambda k: k["repeated_bytes"] / k["bytes"])
    print(f"Repeated types of vmlinux, {len(kernels)} kernels: {t['repeated']} of {t['types']:,}, "
          f"{t['repeated_bytes']:,} bytes of {t['bytes']:,}; most in {most['kernel']}: "
          f"{most['repeated_bytes']:,} of {most['bytes']:,}.")


# Places in the figure
LEFT, TOP, BAR, GAP, HEIGHT, BETWEEN = 60, 102, 6, 4, 110, 24
PANEL = 2 * HEIGHT + BETWEEN + 132


class Svg:
    def __init__(self):
        self.lines = []

    def rect(self, x, y, w, h, colour, title=""):
        inside = f"><title>{title}</title></rect>" if title else "/>"
        self.lines.append(f'<rect x="{x:g}" y="{y:.2f}" width="{w:g}" height="{h:.2f}" fill="{colour}"{inside}')

    def text(self, x, y, words, more=""):
        self.lines.append(f'<text x="{x:g}" y="{y:g}" {more}>{words}</text>')

    def line(self, x1, y1, x2, y2, colour="#888"):
        self.lines.append(f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{colour}"/>')

    def legend(self, x, y, title, what):
        self.text(x, y, title, 'font-weight="bold"')
        x += 150
        for _, words, colour in what:
            self.rect(x, y - 9, 10, 10, colour)
            self.text(x + 15, y, words)
            x += 40 + 6 * len(words)

    def axis(self, y, width, words):
        for part in (0, 50, 100):
            at = y + HEIGHT * (1 - part / 100)
            self.line(LEFT - 4, at, LEFT + width, at, "#ddd")
            self.text(LEFT - 8, at + 4, f"{part} %", 'text-anchor="end"')
        self.text(14, y + HEIGHT / 2, words, f'text-anchor="middle" transform="rotate(-90 14 {y + HEIGHT / 2:g})"')

    def bar(self, x, y, row, what, title):
        at = y
        for key, words, colour in reversed(what):
            if row[key]:
                h = HEIGHT * row[key] / row["modules"]
                self.rect(x, at, BAR, h, colour, f"{title}: {row[key]} of {row['modules']} {words}")
                at += h


def version(name):
    return name.split("~")[0]


def panel(svg, top, flavour, rows):
    width = (2 * BAR + GAP) * len(rows) // 2 + 2 * BAR * len(grouped(rows, "series", "release")) - 2 * BAR - GAP
    lower = top + HEIGHT + BETWEEN
    svg.text(LEFT, top - 10, flavour, 'font-weight="bold" font-size="13"')
    svg.axis(top, width, "stock")
    svg.axis(lower, width, "with the patches")
    x = LEFT
    for (series, release), group in grouped(rows, "series", "release").items():
        start = x
        for i in range(0, len(group), 2):
            for row in group[i:i + 2]:
                row["not_used"] = row["refused"] + row["dropped"]
                row["wrong_only"] = row["wrong"] - row["wrong_named"]
                title = f"modules of {row['modules_of']} on {row['on']}"
                svg.bar(x, top, row, STOCK, title)
                svg.bar(x, lower, row, PATCHED, title)
                x += BAR
            at = f'{x - BAR + 3:g} {lower + HEIGHT + 6:g}'
            svg.text(x - BAR + 3, lower + HEIGHT + 6, version(group[i]["on"]),
                     f'text-anchor="end" font-size="9" transform="rotate(-90 {at})"')
            x += GAP
        svg.line(start, lower + HEIGHT + 66, x - GAP, lower + HEIGHT + 66)
        words = f"{series} {release}"
        steep = x - start < 6 * len(words)
        middle = (start + x - GAP) / 2
        y = lower + HEIGHT + 80
        svg.text(middle, y, words, f'text-anchor="{"end" if steep else "middle"}"' +
                 (f' transform="rotate(-40 {middle:g} {y:g})"' if steep else ""))
        x += 2 * BAR
    return x


def figure(path):
    flavours = grouped(read(path)[0], "flavour")
    svg = Svg()
    svg.text(LEFT, 22, "BTF of modules on the Debian kernel that came before or after their own",
             'font-size="15" font-weight="bold"')
    svg.legend(LEFT, 44, "stock kernel:", STOCK)
    svg.legend(LEFT, 62, "with the patches:", PATCHED)
    width = max(panel(svg, TOP + i * PANEL, flavour[0], rows)
                for i, (flavour, rows) in enumerate(flavours.items()))
    width = max(width + 10, 860)
    height = TOP + len(flavours) * PANEL
    svg.text(LEFT, height - 14, "Per pair two bars: the modules of the older kernel on the newer, whose version is below; "
             "those of the newer on the older.")
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
          f'viewBox="0 0 {width:g} {height:g}" font-family="sans-serif" font-size="11" fill="#222">')
    print(f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>')
    print("\n".join(svg.lines))
    print("</svg>")


def main(command, *args):
    if command in ("kernel", "pair"):
        print(json.dumps(globals()[command](*args)))
    elif command in ("table", "figure"):
        globals()[command](*args)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:] or [""])

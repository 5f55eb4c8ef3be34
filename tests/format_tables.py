#!/usr/bin/env python3
"""The tables of report/FORMAT.md, made from the sources: words, facts, products, words of versions.

`format_tables.py` says whether FORMAT.md has them as the sources do; with `--write` it puts them there.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FORMAT = ROOT / "report/FORMAT.md"
SOURCES = ["zone", "subject", "terms", "payload", "coverage", "machine", "leaf", "receipt"]


def source(name):
    return (ROOT / f"report/src/{name}.rs").read_text()


def words():
    lines = []
    for name in SOURCES:
        for block in re.split(r"^words! \{", source(name), flags=re.M)[1:]:
            body = re.sub(r"///[^\n]*", "", re.split(r"\} \}\n|\n\}\n", block)[0])
            enum = re.search(r"(\w+) \{\s*(\w+ = .*)", body, re.S)
            pairs = re.findall(r'(\w+) = "([^"]+)"', enum.group(2))
            lines.append(f"{enum.group(1)}: " + ", ".join(f"{n} {v}={w}" for n, (v, w) in enumerate(pairs)))
    for name, enum in [("header", "Clock"), ("header", "Codec")]:
        body = re.search(r"pub enum %s \{(.*?)^\}" % enum, source(name), re.S | re.M).group(1)
        variants = re.findall(r"^    (\w+),", body, re.M)
        lines.append(f"{enum}: " + ", ".join(f"{n} {v}={v.lower()}" for n, v in enumerate(variants)))
    return "```words\n" + "\n".join(lines) + "\n```"


def facts():
    body = re.search(r"^facts! \{.*?^    Fact\n(.*?)^\}", source("fact"), re.S | re.M).group(1)
    rows, said = ["| number | fact | what was heard |", "| --- | --- | --- |"], []
    for line in body.splitlines():
        line = line.strip()
        if line.startswith("///"):
            said.append(line[3:].strip())
        elif match := re.match(r"(\w+(?:\(\w+\))?) = (?:times|different|flag)\b", line):
            text = re.sub(r"\[`(?:Fact::)?(\w+)`\]", r"`\1`", " ".join(said)).replace("|", "/")
            rows.append(f"| {len(rows) - 2} | {match.group(1)} | {text} |")
            said = []
    return "\n".join(rows)


def products():
    body = re.search(r"pub const PRODUCTS.*?= &\[(.*?)^\];", source("product"), re.S | re.M).group(1)
    names = re.findall(r'^    \("([^"]+)",', body, re.M)
    return "```products\n" + "\n".join(f"{n} {name}" for n, name in enumerate(names)) + "\n```"


def version_words():
    body = re.search(r"pub const WORDS.*?= &\[(.*?)\];", source("version"), re.S).group(1)
    return "```version-words\n" + " ".join(re.findall(r'"([^"]+)"', body)) + "\n```"


def main():
    text = wanted = FORMAT.read_text()
    for name, table in [("words", words), ("facts", facts), ("products", products), ("version-words", version_words)]:
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, rest = wanted.split(begin)
        _, after = rest.split(end)
        wanted = before + begin + table() + end + after
    if "--write" in sys.argv:
        FORMAT.write_text(wanted)
    elif wanted != text:
        sys.exit("report/FORMAT.md has not the words of the sources: run tests/format_tables.py --write")
    print("the tables of FORMAT.md are those of the sources")


main()

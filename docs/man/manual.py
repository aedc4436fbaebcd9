"""Manual pages from the description of a command line.

usage: slipway --experimental-dump-help | manual.py VERSION EXTRA OUT

Reads swift-argument-parser's JSON and writes OUT/slipway.1 and OUT/slipway-COMMAND.1 in mdoc(7).
EXTRA/PAGE.mdoc holds further sections of a page: one with the heading of a generated section is
put behind it (in DESCRIPTION: before the lists), EXTRA/common.mdoc belongs to every subcommand's page.
"""

import json
import pathlib
import re
import sys

# Of the pages, not of a build: changes with the text, by hand.
DATE = "November 21, 2026"

# Stands where the lists of a description begin; further text goes in front of them.
LISTS = "\0"

# The order that mdoc(7) asks for.
ORDER = [
    "NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES",
    "SEE ALSO", "CAVEATS",
]  # fmt: skip


def escaped(text):
    """Text that mdoc takes as it is."""
    text = text.replace("\\", "\\e")
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in text.split("\n"))


def filled(text):
    """A paragraph, one sentence a line, as mdoc wants it."""
    return re.sub(r"(?<=[.:;]) +(?=[A-Z(])", "\n", escaped(" ".join(text.split())))


def displayed(lines):
    return ".Bd -literal -offset indent\n" + escaped("\n".join(lines)) + "\n.Ed\n"


def paragraphs(text):
    """A discussion: paragraphs, indented lines as displays."""
    parts = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.split("\n")
        plain = [line for line in lines if not line.startswith("  ")]
        literal = [line[2:] for line in lines if line.startswith("  ")]
        part = filled(" ".join(plain)) + "\n" if plain else ""
        parts.append(part + (displayed(literal) if literal else ""))
    return ".Pp\n".join(part for part in parts if part)


def cut(text, heading):
    """Takes the paragraph that starts with a heading out of a discussion; gives both."""
    for block in re.split(r"\n\s*\n", text.strip()):
        if block.startswith(heading):
            return text.replace(block, "").strip(), block.split("\n")[1:]
    return text, []


def flag(name):
    return (("-" if name["kind"] == "short" else "-\\-")) + name["name"]


def shown(arguments):
    return [a for a in arguments if a.get("shouldDisplay", True)]


def synopsis(command, name):
    lines = [f".Nm {name}"]
    for a in shown(command.get("arguments", [])):
        if a["kind"] == "positional":
            word = f"Ar {a['valueName']}" + (" ..." if a["isRepeating"] else "")
        elif a["preferredName"]["name"] in ("help", "version"):
            continue
        else:
            word = f"Fl {flag(a['preferredName'])[1:]}"
            word += f" Ar {a['valueName']}" if a["kind"] == "option" else ""
        lines.append(f".{'Op ' if a['isOptional'] else ''}{word}")
    if command.get("subcommands"):
        lines.append(".Ar subcommand")
        lines.append(".Op Ar argument ...")
    return "\n".join(lines) + "\n"


def options(arguments):
    """The list of options and positional arguments."""
    items = []
    for a in shown(arguments):
        if a["kind"] == "positional":
            head = f"Ar {a['valueName']}" + (" ..." if a["isRepeating"] else "")
        else:
            names = sorted(a["names"], key=lambda n: n["kind"] != "short")
            head = " , ".join(f"Fl {flag(n)[1:]}" for n in names)
            head += f" Ar {a['valueName']}" if a["kind"] == "option" else ""
        text = a.get("abstract", "")
        if a.get("defaultValue"):
            text += f" The default is {a['defaultValue']}."
        items.append(f".It {head}\n{filled(text)}\n")
    return ".Bl -tag -width Ds\n" + "".join(items) + ".El\n"


def described(command):
    """What a command does, and the lines of its examples."""
    text, examples = cut(command.get("discussion", ""), "Examples")
    body = filled(command["abstract"]) + "\n"
    if text:
        body += ".Pp\n" + paragraphs(text)
    return body, examples


def single(command, name):
    """The parts of the page of a command without subcommands."""
    body, examples = described(command)
    return {
        "SYNOPSIS": synopsis(command, name),
        "DESCRIPTION": body + LISTS + ".Pp\nThe options are as follows:\n"
        + options(command.get("arguments", [])),
        "EXAMPLES": displayed([line[2:] for line in examples]) if examples else "",
    }  # fmt: skip


def grouped(command, name):
    """The parts of the page of a command with subcommands: what all of them share is told once."""
    subcommands = [c for c in command["subcommands"] if c["commandName"] != "help"]
    lists = [c.get("arguments", []) for c in subcommands]
    common = [a for a in lists[0] if all(a in arguments for arguments in lists)]
    body, examples = described(command)
    lines, text = "", ""
    for sub in subcommands:
        own = [a for a in sub.get("arguments", []) if a not in common]
        lines += synopsis({"arguments": own}, f"{name} {sub['commandName']}")
        lines += ".Op Ar option ...\n"
        about, further = described(sub)
        examples += [line for line in further if line not in examples]
        text += f".Ss {name} {sub['commandName']}\n" + about + (options(own) if own else "")
    return {
        "SYNOPSIS": lines,
        "DESCRIPTION": body + LISTS + text + ".Ss Options of all of them\n" + options(common),
        "EXAMPLES": displayed([line[2:] for line in examples]) if examples else "",
    }  # fmt: skip


def codes(lines):
    """The list of exit codes of the root command's discussion."""
    items = ""
    for line in lines:
        number, meaning = line.split(None, 1)
        items += f".It {number}\n{escaped(meaning)}\n"
    return ".Bl -tag -width 999 -compact\n" + items + ".El\n"


def sections(text):
    """The sections of a file of further text."""
    found = {}
    for part in re.split(r"(?m)^\.Sh ", text)[1:]:
        heading, body = part.split("\n", 1)
        found[heading.strip()] = body.strip("\n") + "\n"
    return found


def page(name, abstract, parts, version):
    lines = f'.\\" Written by docs/generate: change Sources/Commands or docs/man/extra instead.\n'
    lines += f".Dd {DATE}\n.Dt {name.upper()} 1\n.Os slipway {version}\n"
    lines += f".Sh NAME\n.Nm {name}\n.Nd {escaped(abstract[:1].lower() + abstract[1:].rstrip('.'))}\n"
    unknown = set(parts) - set(ORDER)
    if unknown:
        sys.exit(f"manual.py: {name}: no place for the sections {sorted(unknown)}")
    for heading in ORDER[1:]:
        if parts.get(heading):
            lines += f".Sh {heading}\n" + parts[heading].replace(LISTS, "")
    return lines


def merged(parts, extra):
    for heading, text in extra.items():
        before, _, lists = parts.get(heading, "").partition(LISTS)
        parts[heading] = before + text + lists
    return parts


def main(version, extra, out):
    extra, out = pathlib.Path(extra), pathlib.Path(out)
    root = json.load(sys.stdin)["command"]
    commands = [c for c in root["subcommands"] if c["commandName"] != "help"]

    def further(name):
        file = extra / f"{name}.mdoc"
        return sections(file.read_text()) if file.exists() else {}

    text, statuses = cut(root.get("discussion", ""), "Exit codes")
    listed = "".join(
        f".It Xr slipway-{c['commandName']} 1\n{filled(c['abstract'])}\n" for c in commands)
    parts = {
        "SYNOPSIS": synopsis(root, "slipway"),
        "DESCRIPTION": filled(root["abstract"]) + "\n.Pp\n" + paragraphs(text) + LISTS
        + ".Pp\nThe subcommands are as follows:\n.Bl -tag -width Ds\n" + listed
        + ".El\n.Pp\nThe options are as follows:\n" + options(root.get("arguments", [])),
        "EXIT STATUS": codes(statuses),
    }  # fmt: skip
    (out / "slipway.1").write_text(
        page("slipway", root["abstract"], merged(parts, further("slipway")), version))

    for command in commands:
        name = f"slipway-{command['commandName']}"
        kind = grouped if command.get("subcommands") else single
        parts = kind(command, f"slipway {command['commandName']}")
        merged(merged(parts, further(name)), further("common"))
        (out / f"{name}.1").write_text(page(name, command["abstract"], parts, version))


main(*sys.argv[1:])

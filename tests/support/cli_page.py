"""docs/cli.md, from the grammar of `krakencopy`.

`python -m tests.support.cli_page` writes it anew; tests/repository/test_cli_page.py fails where it is not
what the grammar says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from krakencopy.client.cli.arguments import grammar
from tests.support.command_reference import Command, Entry, by_purpose, common_entries

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
HEAD = """# The command line

All of `krakencopy`, as `krakencopy --help` and `krakencopy help COMMAND` have it. How to run a system with it
is in [operations.md](operations.md). The page is written by `.venv/bin/python -m tests.support.cli_page`, the
manual pages (`man krakencopy`, `man krakencopy-order`) by `make man`, both from the grammar.

## Forms of output

| `-o` | Is | For |
|---|---|---|
| `table` | the default: pages and tables, as wide as the terminal | people |
| `json` | one object for a single answer, else one a line | programs |
| `yaml` | the same objects as documents, each after a line `---` | people who read all of it, and programs |
| `csv` | RFC 4180: a header, then a record for each row | spreadsheets and data frames |

Data has the names of the API (`protos/krakencopy/v1`). Times are RFC 3339 in UTC, amounts and 64-bit numbers
are texts, enums have their whole names, in all three forms alike. What follows (`--follow`, `watch`) goes on
line by line, document by document, record by record.

* CSV has a column for each field, a point before a field of a field (`equity.amount`), JSON in the cell of
  a list. The columns of a command are always the same, also where there are no rows. An answer about several
  accounts (`status`, `report`, `halt`, `flatten`, ...) is a record for each. `watch -o csv` has the columns
  of all that changes, and each record fills its own.
* A record is one line. Characters that steer a terminal are blanks in CSV and numbers (`\\u001b`) in YAML. A
  text that a spreadsheet would calculate, as it begins with `=`, `+`, `-` or `@` and is no number, begins
  with an apostrophe in CSV: a message of an exchange or an account's id must not run as a formula. Programs
  that need such texts to the letter read JSON.
* In YAML every text has quotation marks, so that `no`, `1e3` and `2026-11-29` stay texts.

`--columns a,b,c` chooses columns of tables and CSV, in that order: in tables those of the table (`last_hop`)
and all fields, in CSV fields. `--columns help` names them.

## Colours, progress, questions

States and severities have colours on a terminal, unless `NO_COLOR` is set; `--color always` also in a pipe to
`less -R`. Data never has any.

What takes more than half a second says on a terminal's standard error what is waited for. After Ctrl-C it
says what goes on without the command.

What cannot be undone asks first, on standard error: `flatten` and `resync` always, with their plan; `order`
at the market, `cancel --all`, `copy`, `resume --all`, `reset-limit`, `rename` and `shutdown` where the system
is live, and names the system. `--yes` answers. Where nobody can be asked, as standard input is no terminal,
they are refused without it (exit code 3). `halt` and `exit-only` never ask: what stops must stop at once.

## Contexts

A context is an installation by name: its endpoint, and by which files one is known there.

```sh
krakencopy context add prod --endpoint https://box:7443 --ca ca.pem --certificate me.pem --key me.key
krakencopy context add paper --state-dir /srv/paper/data-paper
krakencopy context use prod          # for commands that name none
krakencopy status --context paper    # for one command
krakencopy context show              # which one holds, and why
```

They are in `~/.config/krakencopy/contexts.toml` (`XDG_CONFIG_HOME`), which only its owner may write; it is
refused otherwise. Tokens and keys stay in their files, and the context has their paths. Which system a
command is about is said by the first of these: `--context`, `--endpoint`; KRAKENCOPY_ENDPOINT; `--state-dir`;
KRAKENCOPY_CONTEXT; the current context; the default folder in which a supervisor listens. Credentials of a
context go to its endpoint alone; what the line says of them comes first, and what the context leaves open the
environment may say. Each question before something that cannot be undone names the context, and whether the
system is LIVE or paper.

## Completion

```sh
source <(krakencopy completion bash)      # in ~/.bashrc
source <(krakencopy completion zsh)       # in ~/.zshrc, after compinit
krakencopy completion fish | source       # in ~/.config/fish/config.fish
```

Accounts, groups and pairs are asked from the system that the line names, for half a second at most; where
none answers, nothing is offered for them.
"""


def cell(text: str) -> str:
    """A text in a table."""
    return text.replace("|", "\\|")


def entries(found: Iterable[Entry]) -> Iterator[str]:
    """A table of arguments."""
    yield "| Argument | What it is |"
    yield "|---|---|"
    for each in found:
        yield f"| `{cell(each.invocation)}` | {cell(each.text)} |"


def section(command: Command) -> Iterator[str]:
    """One command."""
    yield from ("", f"#### {command.words}", "", command.text, "", "```text", command.usage, "```")
    if command.arguments:
        yield from ("", *entries(command.arguments))
    if command.examples:
        yield from ("", "```sh", *(f"krakencopy {line}" for line in command.examples), "```")


def render() -> str:
    """The whole page."""
    root = grammar()
    lines = [HEAD.rstrip("\n"), "", "## Options of every command", "", *entries(common_entries(root))]
    lines += ["", "```text", *(root.epilog or "").rstrip("\n").split("\n"), "```", "", "## Commands"]
    for title, found in by_purpose():
        lines += ["", f"### {title[:1].upper()}{title[1:]}"]
        lines += [line for command in found for line in section(command)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())

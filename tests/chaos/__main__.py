"""``python -m tests.chaos --seed 1 --rounds 50``: exit 0 when clean, 1 when something was found."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.chaos import campaign, plan
from tests.chaos.judge_copies import volumes
from tests.chaos.records import Record
from tests.chaos.situations import ALL, DRAWN
from tests.chaos.validators import judge


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument(
        "--without-faults", action="store_true", help="processes are hit, the exchange is not"
    )
    parser.add_argument(
        "--situations", type=_names, default=DRAWN, metavar="NAME,NAME",
        help=f"what is drawn beside kills and faults, of: {', '.join(ALL)}; default: {', '.join(DRAWN)}",
    )  # fmt: skip
    parser.add_argument(
        "--keep-in", type=Path, help="where failing worlds are kept; default: the folder of temporary files"
    )
    parser.add_argument("--keep-all", action="store_true", help="keep the worlds without findings, too")
    parser.add_argument("--world", type=Path, metavar="FILE", help="play this world.json instead of drawing")
    parser.add_argument("--judge", type=Path, metavar="FOLDER", help="only judge a record that was kept")
    given = parser.parse_args()
    if given.judge is not None:
        return _judge(given.judge)
    if given.world is not None:
        worlds, origin = [plan.from_json(given.world.read_text())], f"--world {given.world}"
    else:
        worlds = plan.campaign(
            given.seed,
            given.rounds,
            given.users,
            faults=not given.without_faults,
            situations=given.situations,
        )
        origin = f"--seed {given.seed} --rounds {given.rounds} --users {given.users}"
        origin += f" --situations {','.join(given.situations)}"
        origin += " --without-faults" if given.without_faults else ""
    keeping = campaign.Keeping(origin=origin, folder=given.keep_in, everything=given.keep_all)
    outcome = campaign.run(worlds, keeping)
    for line in campaign.table(outcome):
        campaign.say(line)
    return 0 if outcome.clean else 1


def _names(text: str) -> tuple[str, ...]:
    names = tuple(filter(None, text.split(",")))
    if unknown := sorted(set(names) - set(ALL)):
        raise argparse.ArgumentTypeError(f"no such situation: {unknown[0]}")
    return names


def _judge(folder: Path) -> int:
    record = Record.read(folder)
    findings = judge(record)
    for finding in findings:
        campaign.say(str(finding))
    checked = volumes(record)
    campaign.say(
        f"{len(findings)} findings; volumes: {checked.exact} exactly, {checked.bounded} against bounds"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

"""`vbs-reaper explain`: the whole story of one backup's deletion, from the deleter's log and the stored plans."""

import argparse
import json
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Final

from rich.console import Console
from rich.text import Text

from vbs_reaper.console.deleter_log import DeleterLog
from vbs_reaper.console.deleter_log import about
from vbs_reaper.console.deleter_log import of_requests
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import Refused
from vbs_reaper.console.sentences import at
from vbs_reaper.console.sentences import beginning
from vbs_reaper.console.sentences import conclusion
from vbs_reaper.console.sentences import heading
from vbs_reaper.console.sentences import of_pass
from vbs_reaper.console.story import RequestStory
from vbs_reaper.console.story import as_json
from vbs_reaper.console.story import find_plan
from vbs_reaper.console.story import tell_apart
from vbs_reaper.deletion.request import refused_backup_id
from vbs_reaper.openstack.fault import printable
from vbs_reaper.purge.time.duration import read_duration

EXIT_TOLD: Final = 0
EXIT_NOTHING_KNOWN: Final = 2
DAYS: Final = {"days": 1, "months": 30, "years": 365}


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    own = commands.add_parser(
        "explain",
        help="tell the whole story of one backup's deletion",
        description="Tells who asked for a backup's deletion, what the cloud answered, what was decided, how it ended.",
        epilog="Exit codes: 0 there is a story, 2 the log knows nothing of this backup, 1 bad input.",
    )
    own.add_argument("backup_id", metavar="BACKUP_ID", help="the backup's id")
    own.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    own.add_argument("--since", default="14d", metavar="AGE", help="how far back: such as 48h; default: %(default)s")
    own.add_argument("--json", action="store_true", help="the story as JSON")
    own.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Find and tell.

    Raises:
        Refused: the id or the age is none, or the stack's log cannot be read.
    """
    wrong = refused_backup_id("BACKUP_ID", chosen.backup_id)
    if wrong:
        raise Refused(wrong)
    since = datetime.now(UTC) - _age(chosen.since)
    stories = find_stories(DeployedStack(chosen.stack), chosen.backup_id, since)
    if chosen.json:
        print(json.dumps(as_json(chosen.backup_id, stories), indent=2))  # noqa: T201  # a command speaks here
    elif stories:
        show(stories, Console(soft_wrap=True))
    else:
        print(f"The log since {at(since)} knows nothing of backup {chosen.backup_id}.")  # noqa: T201
    return EXIT_TOLD if stories else EXIT_NOTHING_KNOWN


def find_stories(stack: DeployedStack, backup_id: str, since: datetime) -> list[RequestStory]:
    """Every request about this backup since then, oldest first.

    Raises:
        Refused: the log cannot be read.
    """
    log = DeleterLog(stack)
    passes = [line for line in log.passes(about(backup_id), since) if line.backup_id == backup_id]
    if not passes:
        return []
    request_ids = {line.request_id for line in passes}
    # A pass that failed before it had read its request does not name the backup.
    unnamed = log.passes(of_requests(sorted(request_ids)), min(line.written_at for line in passes))
    passes += [line for line in unnamed if not line.backup_id and line.request_id in request_ids]
    plans = stack.plans
    return [
        replace(story, planned=find_plan(plans, backup_id, story.said_first.requested_by))
        for story in tell_apart(passes)
    ]


def show(stories: list[RequestStory], console: Console) -> None:
    """Tell every story, oldest first."""
    for number, story in enumerate(stories, 1):
        console.print(Text(heading(story, number, len(stories)), style="bold"))
        for sentence in beginning(story):
            console.print(Text(f"  {sentence}"))
        redrives = 0
        for line in story.passes:
            if line.redrives > redrives:
                redrives = line.redrives
                console.print(Text(f"  It was sent again from the dead letters ({redrives})."))
            for moment, sentence in of_pass(line):
                console.print(Text(f"  {at(moment)}  ", style="cyan").append(sentence, style="default"))
        style = "yellow" if story.end is None else "green" if story.end.is_gone else "red"
        console.print(Text(f"  {conclusion(story)}", style=style))


def _age(text: str) -> timedelta:
    try:
        duration = read_duration(text)
    except ValueError as wrong:
        raise Refused(f'--since "{printable(text[:40])}" {wrong}') from None
    days = sum(getattr(duration, unit) * length for unit, length in DAYS.items())
    return timedelta(days=min(days, 3650), hours=duration.hours)

"""The end of a run: readings from the statistics, verdicts, the HTML report, the exit code."""

from __future__ import annotations

import base64
import gzip
import html
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from locust.env import Environment
from locust.stats import RequestStats, StatsEntry

from catalog.target import Measure
from derive.traffic import Kind
from loadtests.person import JOURNEY
from loadtests.tally import Tally, bottleneck, slack
from loadtests.verdict import PERCENTILE, TIMES, TITLES, Doubt, Exit, Reading, Verdict, cells, exit_code, judge_all
from loadtests.viewer import SEGMENT
from loadtests.watch import Watch, say


def readings(stats: RequestStats, tally: Tally) -> dict[Measure, Reading]:
    """What was measured."""
    requests = [entry for entry in stats.entries.values() if entry.method != JOURNEY]
    asked, failed = (sum(getattr(entry, name) for entry in requests) for name in ("num_requests", "num_failures"))
    return {
        Measure.SIGN_IN_P95_MS: _percentile(stats.entries.get((Kind.SIGN_IN.value, JOURNEY))),
        Measure.SEGMENT_P95_MS: _percentile(stats.entries.get((SEGMENT, "GET"))),
        Measure.STALLED_PLAYS_PERCENT: _share(tally.stalled_plays, tally.plays),
        Measure.FAILED_REQUESTS_PERCENT: _share(failed, asked),
    }


def doubts(found: Mapping[Measure, Reading], tally: Tally) -> Doubt:
    """What of each reading may be the generator's own: lateness of times, every stall, and answers that it may have come too late for."""
    asked = found[Measure.FAILED_REQUESTS_PERCENT].samples
    own = {
        **dict.fromkeys(TIMES, 1000 * slack(tally)),
        Measure.STALLED_PLAYS_PERCENT: 100.0,
        Measure.FAILED_REQUESTS_PERCENT: 100 * tally.unanswered / asked if asked else 0.0,
    }
    return Doubt(bottleneck(tally), own)


def _percentile(entry: StatsEntry | None) -> Reading:
    if entry is None or not entry.num_requests:
        return Reading(value=None, samples=0)
    return Reading(value=float(entry.get_response_time_percentile(PERCENTILE)), samples=entry.num_requests)


def _share(part: int, whole: int) -> Reading:
    return Reading(value=100 * part / whole if whole else None, samples=whole)


def broken(environment: Environment, watch: Watch) -> str:
    """Why the run says nothing about the platform; empty when it does."""
    runner = environment.runner
    if runner is None or not watch.run.begun.is_set():
        return "the run never began"
    if not watch.run.finished:
        return f"the run ended in second {watch.run.second:.0f} of {watch.run.order.plan.seconds:.0f}: stopped, or a worker was lost"
    if runner.exceptions:
        return "; ".join(f"{each['msg']} ({each['count']}x)" for each in runner.exceptions.values())
    return ""


def finish(environment: Environment, watch: Watch) -> None:
    """Judge, write the verdicts down, and set the exit code of Locust."""
    whole, reason = watch.run.whole, broken(environment, watch)
    found = readings(environment.stats, whole)
    doubt = doubts(found, whole)
    verdicts = judge_all(watch.run.order.goals, found, doubt)
    code = Exit.BROKEN if reason else exit_code(verdicts)
    environment.process_exit_code = int(code)
    options: Any = environment.parsed_options
    if options and options.html_file and Path(options.html_file).exists():
        page = Path(options.html_file)
        page.write_text(with_verdicts(page.read_text(encoding="utf-8"), verdicts, reason), encoding="utf-8")
        if watch.run.order.report_in_log:
            say(report=base64.b64encode(gzip.compress(page.read_bytes())).decode())
    say(result={
        "exit": int(code), "broken": reason, "bottleneck": doubt.why, "tally": whole.model_dump(),
        "verdicts": [each.model_dump(mode="json") for each in verdicts],
    })  # fmt: skip


def with_verdicts(page: str, verdicts: Iterable[Verdict], reason: str) -> str:
    """Locust's HTML report with the table of verdicts on top."""
    head = "".join(f"<th>{title}</th>" for title in TITLES)
    rows = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells(each))}</tr>" for each in verdicts)
    note = f"<p><strong>The run is broken: {html.escape(reason)}</strong></p>" if reason else ""
    style = "font-family:sans-serif;margin:1em auto;max-width:1200px"
    table = f'<section id="verdicts" style="{style}"><h1>Targets</h1>{note}<table cellpadding="6"><tr>{head}</tr>{rows}</table></section>'
    return page.replace("<body>", f"<body>{table}", 1)

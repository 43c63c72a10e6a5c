"""The thread of coverage, whole: a school's box, its readings, the verdict, the dashboards and the alert; its link is cut and mended.

`make test` sees alerts that the test makes up itself arrive by webhook and mail, and readings of a box arrive in `test_school_box.py`.
`make proof` provisions a box for this, cuts its link, waits until its alert fires and arrives, and until the ends of all arrive.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import sync_playwright

from catalog import load_named, names
from derive import readers, session_token
from infra.plan import ports
from local import school
from monitoring import rules
from monitoring.coverage import State
from monitoring.dashboards.panels import dashboards
from ops import lesson
from ops.lessons import place
from ops.schools import trial
from tests.integration import all_hours, viewer
from tests.integration.alerting import arrived, query, receiver, told, wait
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
SCHOOL = load_named("tiny").schools[1]
CODE = SCHOOL.code
RATE = 20.0
Campaign = Callable[[int, int], int]
Proof = Callable[[str, str], None]
FAILED = "box_probe_failed"
DRILL = names.ALERT_VOLUME
"""An alert that nothing keeps quiet: tests before this one may have put lessons out of reach, and then no school's alert is sent."""


@dataclass(frozen=True)
class Stage:
    """The platform, judged round the clock, with a receiver of alerts; addresses of its Prometheus and its Alertmanager."""

    platform: Platform
    prometheus: str
    alertmanager: str

    def number(self, expression: str) -> float | None:
        """The one value of a query; None when there is none."""
        found = query(self.prometheus, expression)
        return float(found[0]["value"][1]) if found else None

    def wait_for(self, expression: str, value: float) -> None:
        """Until a query gives this."""
        wait(f"{expression} is {value:.3f}", lambda: self.number(expression) == pytest.approx(value))

    def state(self) -> str:
        """The school's verdict."""
        found = query(self.prometheus, f'{names.METRIC_SCHOOL_STATE}{{school="{CODE}"}} == 1')
        return str(found[0]["metric"]["state"]) if found else ""

    def alert(self) -> str:
        """`pending`, `firing` or nothing."""
        found = query(self.prometheus, f'ALERTS{{alertname="{names.ALERT_SCHOOL}", school="{CODE}"}}')
        return str(found[0]["metric"]["alertstate"]) if found else ""

    def readings(self, since: float, until: float) -> list[tuple[float, float]]:
        """Moment and value of what the box itself told of its tries."""
        found = query(self.prometheus, f'{FAILED}{{school="{CODE}"}}[{int(until - since)}s]', until)
        return [(float(moment), float(value)) for moment, value in found[0]["values"]] if found else []


@pytest.fixture(scope="module")
def stage(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    city = all_hours.city(tmp_path_factory.mktemp("city"))
    with receiver(platform), told(platform, city):
        where = place.of_stack(platform.stack)
        with (
            where.forwarded(names.MONITORING, names.PROMETHEUS, ports.PROMETHEUS) as prometheus,
            where.forwarded(names.MONITORING, names.ALERTMANAGER, ports.ALERTMANAGER) as alertmanager,
        ):
            yield Stage(platform, prometheus, alertmanager)


@pytest.fixture(scope="module")
def box(stage: Stage) -> Iterator[school.Trial]:
    """A school whose box the real playbook provisioned."""
    for left in school.every():
        school.down(left)
    lesson.publish_sample(stage.platform.stack)
    trial.up(CODE, rate=RATE, provision=True, stack=stage.platform.stack)
    yield school.find(CODE)
    trial.down(CODE)


@pytest.fixture(scope="module")
def cut(stage: Stage, box: school.Trial) -> Iterator[float]:
    """The moment at which the school's link was cut."""
    wait("the school is covered first", lambda: stage.state() == State.COVERED, 150)
    trial.link(CODE, "cut")
    yield time.time()
    trial.link(CODE, "mend")


@pytest.mark.slow
def test_a_box_that_fetches_lessons_covers_its_school_up_to_the_city(stage: Stage, box: school.Trial) -> None:
    city = load_named("tiny")
    wait("the school is covered", lambda: stage.state() == State.COVERED, 150)
    wait("the rule of schools", lambda: stage.number(f'{rules.SCHOOL_COVERAGE}{{school="{CODE}"}}') == 1)
    district = f'{rules.DISTRICT_COVERAGE}{{district="{SCHOOL.district}"}}'
    # Groups of rules are evaluated in turn, and the box sends its figures in its own time.
    stage.wait_for(district, 1 / len(city.by_district[SCHOOL.district]))
    stage.wait_for(rules.CITY_COVERAGE, 1 / len(city.schools))
    own = f'{{school="{CODE}", job="{names.BOX_JOB}"}}'
    wait("a real segment", lambda: (stage.number(names.METRIC_FETCH_BYTES + own) or 0) > 0)
    assert wait("its latency", lambda: stage.number(f'{rules.SCHOOL_LATENCY}{{school="{CODE}"}}'))


@pytest.mark.slow
def test_the_dashboard_shows_it(stage: Stage, box: school.Trial) -> None:
    platform, chromium = stage.platform, shutil.which("chromium")
    assert chromium, "apt-get install chromium"
    known = viewer.city(platform)
    token = viewer.session(platform, readers.dashboard_tiers(known)[0].id)
    with sync_playwright() as run:
        browser = run.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(ignore_https_errors=True, locale="en-US")
        context.add_cookies([{"name": session_token.COOKIE, "value": token, "url": platform.url}])
        page = context.new_page()
        page.goto(f"{platform.url.rstrip('/')}/monitoring/?board={dashboards(known)[0].id}")
        row = page.locator("[data-panel=schools] tbody tr", has_text=CODE)
        row.get_by_text("Covered").wait_for()
        browser.close()


def test_alerts_arrive_by_webhook_and_mail_are_silenced_and_clear(stage: Stage, campaign: Campaign) -> None:
    platform, url = stage.platform, stage.alertmanager
    words = ("exec", "-n", names.MONITORING, f"statefulset/{names.ALERTMANAGER}", "--")
    amtool = (*words, "amtool", "--alertmanager.url=http://localhost:9093")
    # Of this run alone: silences outlive restarts, and a kept cluster may still have one.
    loud, quiet = (f"{word}-{time.time_ns()}" for word in ("loud", "quiet"))
    silence = ("silence", "add", "--author=test", "--comment=a day off", "--duration=1h", f'school="{quiet}"')
    identity = platform.cluster.kubectl(*amtool, *silence).strip()
    made_up(url, quiet, 10)
    made_up(url, loud, 10)
    wait("the webhook has it", lambda: arrived(platform, "webhook", '"firing"', loud), 150)
    wait("the mail has it", lambda: arrived(platform, "mail", DRILL, loud))
    assert not arrived(platform, "webhook", quiet), "silenced"
    platform.cluster.kubectl(*amtool, "silence", "expire", identity)
    made_up(url, loud, -1)
    if campaign(0, 1):
        wait("the end arrives", lambda: arrived(platform, "webhook", '"resolved"', loud), 400)
        wait("no longer silenced", lambda: arrived(platform, "webhook", quiet), 400)


def made_up(url: str, label: str, minutes: int) -> None:
    """Tell Alertmanager of an alert that ends in so many minutes, as Prometheus does."""
    labels = {"alertname": DRILL, "severity": "ticket", "district": label, "school": label}
    now = datetime.now(UTC)
    times = {
        "startsAt": (now - timedelta(minutes=5)).isoformat(),
        "endsAt": (now + timedelta(minutes=minutes)).isoformat(),
    }
    body = [{"labels": labels, "annotations": {"summary": f"School {label} is silent", "summary_zh": "学校"}, **times}]
    httpx.post(f"{url}/api/v2/alerts", json=body, timeout=20).raise_for_status()


@pytest.mark.slow
def test_a_cut_link_uncovers_the_school_and_raises_the_alert(stage: Stage, cut: float, proof: Proof) -> None:
    wait("the school is stale", lambda: stage.state() == State.STALE, 240)
    wait("the rule of schools", lambda: stage.number(f'{rules.SCHOOL_COVERAGE}{{school="{CODE}"}}') == 0)
    wait("the alert is raised", stage.alert)
    wait("the alert fires", lambda: stage.alert() == "firing", 240)
    wait("it arrives", lambda: arrived(stage.platform, "webhook", '"firing"', CODE), 180)
    proof("a school's link is cut", f"its alert arrived after {time.time() - cut:.0f} s")
    assert not stage.readings(cut + 2 * all_hours.PROBE_SECONDS, time.time()), "nothing comes through a cut link"


@pytest.mark.slow
def test_a_mended_link_covers_it_clears_the_alert_and_brings_what_the_box_kept(
    stage: Stage, cut: float, proof: Proof
) -> None:
    trial.link(CODE, "mend")
    mended = time.time()
    wait("the school is covered", lambda: stage.state() == State.COVERED, 180)
    wait("the alert is gone", lambda: not stage.alert(), 120)
    cleared = time.time() - mended
    kept = [value for _, value in stage.readings(cut + 2 * all_hours.PROBE_SECONDS, mended)]
    expected = (mended - cut) / all_hours.PROBE_SECONDS - 2
    assert len(kept) >= 0.9 * expected, "one reading every few seconds, kept through the cut"
    assert 1.0 in kept, "tries that failed are told"
    wait("its end arrives", lambda: arrived(stage.platform, "webhook", '"resolved"', CODE), 300)
    proof("a school's link is mended", f"covered and cleared after {cleared:.0f} s, {len(kept)} kept readings came")

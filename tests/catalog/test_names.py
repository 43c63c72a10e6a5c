"""The vocabulary: names that Kubernetes, Prometheus and S3 accept, the same every time."""

from __future__ import annotations

import re

import pytest

from catalog import load_named, named, names

LABEL = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


@pytest.mark.parametrize("city", named())
def test_every_namespace_and_label_is_one_that_kubernetes_takes(city: str) -> None:
    facts = load_named(city)
    spaces = [names.namespace(s.id) for s in facts.services] + [names.edge_namespace(d.id) for d in facts.districts]
    values = [value for service in facts.services for value in names.labels(service.id).values()]
    assert all(LABEL.fullmatch(each) for each in (*spaces, *values))
    assert len(set(spaces)) == len(spaces)


def test_a_selector_is_part_of_the_labels() -> None:
    labels = names.labels(names.VIDEO_LIBRARY, names.SHIELD)
    assert names.selector(names.VIDEO_LIBRARY, names.SHIELD).items() <= labels.items()


def test_the_name_of_a_packaging_job_fits_whatever_the_lessons_id() -> None:
    assert len(names.package_job("x" * 80, "f" * 64)) <= 63
    assert names.package_job("a", "1" * 64) != names.package_job("a", "2" * 64)


def test_metrics_and_alerts_have_their_form() -> None:
    assert re.fullmatch(r"city_[a-z_]+", names.metric("school_uplink", "mbps"))
    assert names.alert("school", "link", "below", "contract") == "SchoolLinkBelowContract"


def test_a_school_answers_to_its_code() -> None:
    assert names.edge_host("2990100001", "example.org") == "2990100001.edge.example.org"

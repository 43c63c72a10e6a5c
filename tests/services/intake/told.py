"""What the tests' intake is told: two schools, and what their boxes may write."""

from __future__ import annotations

CODE, OTHER = "9990100001", "9990100002"
READING, JOB = "city_school_lesson_fetch_seconds", "school-box"
TOLD = {"job": JOB, "metrics": [READING, "up"], "families": ["node_", "scrape_"]}

"""Everything timed: one module per question, with ``TITLE`` and ``run() -> list[dict]``; see ``benchmarks/run.py``."""

"""The caches' own files in the clear: on this machine who asks stands in the gateway's place, and shows no certificate.

How the caches answer by TLS, and whom, is shown where it is asked so: tests/derive/test_cache_tls.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from derive import cache_pod

_ANSWERING = re.compile("|".join(re.escape(f"CONFIG {name} {value}\n") for name, value in cache_pod.MUTUAL.items()))


def plain(files: Mapping[str, str], doors: Mapping[int, int], *, besides: bool = False) -> dict[str, str]:
    """``files`` of a cache with what each port (key) gives by TLS given in the clear on another (value): instead, or ``besides``.

    Raises ValueError for a port that gives nothing by TLS.
    """
    records, rules = files["records.config"], files["remap.config"].splitlines(keepends=True)
    for tls, port in doors.items():
        word, rule = f"{tls}:ssl:proto=http", f"https://.*:{tls}/"
        if word not in records or not any(rule in line for line in rules):
            raise ValueError(f"the files give nothing by TLS on port {tls}")
        records = records.replace(word, f"{word} {port}" if besides else str(port))
        found = [line.replace(rule, f"http://.*:{port}/") for line in rules]
        rules = [*rules, *(line for line in found if line not in rules)] if besides else found
    whole = {**files, "records.config": records, "remap.config": "".join(rules)}
    if besides:
        return whole
    return {**whole, "records.config": _ANSWERING.sub("", records), "ssl_multicert.config": "# not used\n"}

"""Apache Traffic Server's files for the shield: one cache in front of the private buckets `lessons` and `parcels`.

It gives lessons by TLS, on two ports: to the gateway for viewers, who show a token for each lesson; and without one to districts' edges,
and to the gateway for boxes in schools. On a third it has its figures, and on its own loopback what the operator asks. All share one
cache.

The shield signs its own requests to the store (`s3_auth`), collapses the same request of many caches into one, and never asks the store
for anything but the path it was asked for: query strings are dropped, so nothing but plain objects can be read through it.
"""

from __future__ import annotations

from catalog import City, names
from derive import cache_pod, permission, purging, traffic_server, video_token
from derive.cache_tree import CacheLevel

PORT = cache_pod.PORT
VIEWERS_PORT = 8444
"""Where the gateway asks for viewers: a token is looked at for each lesson. Parcels, which are no secret, are there too."""
SIGNING = "/etc/store"
"""Folder with `s3_auth.config`, from a Secret."""
SIGNING_FILE = "s3_auth.config"


def files(city: City, store: str, cache_gib: int, tokens: str) -> dict[str, str]:
    """Path below the configuration folder to content.

    ``store`` is the S3 endpoint, ``cache_gib`` the size of the disk cache in GiB, ``tokens`` what `video_token.configuration` gives.
    """
    chosen = permission.script()
    return {
        **cache_pod.files(cache_gib, tokens + chosen),
        "records.config": _records(city),
        "remap.config": _remap(store),
        video_token.FILE: tokens,
        permission.FILE: chosen,
    }


def signing_file(access: str, secret: str) -> str:
    """`s3_auth.config`: the account that the shield signs with."""
    settings = {
        "access_key": access,
        "secret_key": secret,
        "version": "4",
        "v4-include-headers": "host;x-amz-content-sha256;x-amz-date",
        "v4-region-map": f"{SIGNING}/region.config",
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def region_file(region: str) -> str:
    """`region.config`: one default line; a host with a port would not be found in it."""
    return f": {region}\n"


def _records(city: City) -> str:
    return traffic_server.records(
        {
            **traffic_server.COMMON,
            **traffic_server.collapse(city.packaging.segment_seconds),
            **cache_pod.SETTINGS,
            **cache_pod.MUTUAL,
            "proxy.config.http.server_ports": cache_pod.listening(PORT, VIEWERS_PORT),
            "proxy.config.http.response_via_str": f"STRING {CacheLevel.SHIELD}",
        }
    )


_TO_STORE = (cache_pod.DROPPED, f"@plugin=s3_auth.so @pparam=--config @pparam={SIGNING}/{SIGNING_FILE}")
CHECK = (
    permission.plugin(cache_pod.CONFIGURATION),
    f"@plugin=uri_signing.so @pparam={cache_pod.CONFIGURATION}/{video_token.FILE}",
)
"""First which token it is about and what it is called; then that one, and no other, while it is still in the request."""


def _remap(store: str) -> str:
    """One rule a line, each of one port: nothing is given at any other."""
    lessons, parcels = f"/{names.BUCKET_LESSONS}/", f"/{names.BUCKET_PARCELS}/"
    # `with_recv_port`: the port that the request came in on, never one that a client writes into its Host header. Any host: `.*`,
    # since a rule without a host takes no port.
    known = (cache_pod.WHOLE, *_TO_STORE)
    rules = (
        (PORT, lessons, known),
        (VIEWERS_PORT, lessons, (*CHECK, *known)),
        # Parcels are not asked for whole: who was cut off goes on where it was.
        (VIEWERS_PORT, parcels, _TO_STORE),
    )
    return purging.rule(store, plugins=known) + "".join(
        f"regex_map_with_recv_port https://.*:{port}{path} {store}{path} {' '.join(plugins)}\n"
        for port, path, plugins in rules
    )

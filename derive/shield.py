"""Apache Traffic Server's files for the shield: one cache in front of the private buckets `lessons` and `parcels`.

It listens four times: for viewers, who show a token for each lesson; for the caches in schools, which have shown a certificate to the
gateway; by TLS for the districts' edges, which show one to it; and on its own loopback for who has an object given up. All share one cache.

The shield signs its own requests to the store (`s3_auth`), collapses the same request of many caches into one, and never asks the store
for anything but the path it was asked for: query strings are dropped, so nothing but plain objects can be read through it.
"""

from __future__ import annotations

from catalog import City, names
from derive import cache_pod, cache_tree, permission, purging, traffic_server, video_token
from derive.cache_tree import CacheLevel

PORT = cache_pod.PORT
SCHOOLS_PORT = 8081
"""Where lessons are served to caches in schools; only the gateway reaches it."""
EDGES_PORT = 8443
"""Where lessons are served to districts' edges, by TLS, and only to their certificates; there is none in a city without edges."""
SIGNING = "/etc/store"
"""Folder with `s3_auth.config`, from a Secret."""
SIGNING_FILE = "s3_auth.config"


def files(city: City, store: str, cache_gib: int, tokens: str) -> dict[str, str]:
    """Path below the configuration folder to content.

    ``store`` is the S3 endpoint, ``cache_gib`` the size of the disk cache in GiB, ``tokens`` what `video_token.configuration` gives.
    """
    edges, chosen = bool(cache_tree.edges(city)), permission.script()
    return {
        **cache_pod.files(cache_gib, tokens + chosen),
        "records.config": _records(city, edges=edges),
        "remap.config": _remap(store, edges=edges),
        video_token.FILE: tokens,
        permission.FILE: chosen,
        **({"ssl_multicert.config": _CERTIFICATE} if edges else {}),
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


def _records(city: City, *, edges: bool) -> str:
    return traffic_server.records(
        {
            **traffic_server.COMMON,
            **traffic_server.collapse(city.packaging.segment_seconds),
            **cache_pod.SETTINGS,
            "proxy.config.http.server_ports": _ports(edges=edges),
            "proxy.config.http.response_via_str": f"STRING {CacheLevel.SHIELD}",
            **(_MUTUAL if edges else {}),
        }
    )


def _ports(*, edges: bool) -> str:
    words = (str(PORT), str(SCHOOLS_PORT), *((f"{EDGES_PORT}:ssl",) if edges else ()), purging.listening())
    return f"STRING {' '.join(words)}"


_CERTIFICATE = "dest_ip=* ssl_cert_name=tls.crt ssl_key_name=tls.key\n"
_MUTUAL = {
    **traffic_server.serving(cache_pod.TLS),
    # 2: who has no certificate that is trusted gets no answer at all.
    "proxy.config.ssl.client.certification_level": "INT 2",
    "proxy.config.ssl.CA.cert.path": f"STRING {cache_pod.TLS}",
    "proxy.config.ssl.CA.cert.filename": f"STRING {cache_pod.TRUSTED}",
}
_TO_STORE = (cache_pod.DROPPED, f"@plugin=s3_auth.so @pparam=--config @pparam={SIGNING}/{SIGNING_FILE}")
CHECK = (
    permission.plugin(cache_pod.CONFIGURATION),
    f"@plugin=uri_signing.so @pparam={cache_pod.CONFIGURATION}/{video_token.FILE}",
)
"""First which token it is about and what it is called; then that one, and no other, while it is still in the request."""


def _remap(store: str, *, edges: bool) -> str:
    """One rule a line; those of a receiving port are looked at before all others."""
    lessons, parcels = f"/{names.BUCKET_LESSONS}/", f"/{names.BUCKET_PARCELS}/"
    # `with_recv_port`: the port that the request came in on, never one that a client writes into its Host header. Any host: `.*`,
    # since a rule without a host takes no port.
    doors = (f"http://.*:{SCHOOLS_PORT}", *((f"https://.*:{EDGES_PORT}",) if edges else ()))
    known = (cache_pod.WHOLE, *_TO_STORE)
    rules = (
        *((f"regex_map_with_recv_port {door}{lessons}", lessons, known) for door in doors),
        (f"map {lessons}", lessons, (*CHECK, *known)),
        # Parcels are not asked for whole: who was cut off goes on where it was.
        (f"map {parcels}", parcels, _TO_STORE),
    )
    return purging.rule(store) + "".join(f"{rule} {store}{path} {' '.join(plugins)}\n" for rule, path, plugins in rules)

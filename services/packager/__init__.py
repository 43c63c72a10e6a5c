"""The packager: turns an uploaded recording into a lesson that plays anywhere.

It runs in a Kubernetes Job (``python3 -m packager`` in the folder that holds this package) and stands alone: Python 3.11, boto3 (1.26 of
Debian 12 is enough), ``ffmpeg`` and ``ffprobe``. It reads one request (:mod:`.request`) from ``PACKAGER_REQUEST``, the store's address and
keys from the usual ``AWS_*`` variables, works in ``PACKAGER_WORK`` and prints progress as JSON lines.

What it writes, in this order, so that nothing half-published is ever listed:
segments and small pictures, media playlists, poster, ``master.m3u8`` under ``<id>/<content hash>/``, the file to take away where the
licence allows it, then the record ``<id>/lesson.json``, then ``index.json``.
"""

"""Streams one class live: takes it in by SRT, encodes it in several renditions, and puts it into the bucket of lessons as HLS.

It runs in a Kubernetes Job (``python3 -m services.live``) in the packager's image, beside the packager, whose bucket, boxes and playlists
it shares: Python 3.11, boto3, ``ffmpeg``, ``ffprobe`` and ``libsrt``. It reads one request (:mod:`.request`) from ``LIVE_REQUEST``, the
passphrase from the file ``LIVE_PASSPHRASE_FILE``, the store's address and keys from the usual ``AWS_*`` variables, and works in
``LIVE_WORK``.

What it writes, in this order, so that nothing is listed that is not there::

    <id>/live/<track>/<run>-init.mp4, <run>-<number>.m4s    immutable; a run is one connection of the teacher's
    <id>/live/<track>/index.m3u8                            a sliding window, a second old at most in any cache
    <id>/live/master.m3u8, <id>/lesson.json, index.json     once every track has a segment, and lesson.json again when class ends

Killed at any moment and started again, it goes on from what is in the bucket. When class has ended it packages the recording as a
lesson under the same id: what came in and is on its disk, and for all else what was streamed (:mod:`.covering`).
"""

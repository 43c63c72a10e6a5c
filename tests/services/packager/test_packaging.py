"""The packager as a process, against a real object store: what it publishes, and what it does when something goes wrong."""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from services.packager import index
from services.packager.store import IMMUTABLE, Bucket
from tests.media import Run, Store, digest, download, finish, package, record, start, wanted

Pair = tuple[Bucket, Bucket]


@pytest.fixture(scope="module")
def published(store: Store, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Run, Path]:
    """The clip, packaged in chunks of one segment, and its files."""
    pair, folder = store.pair(), tmp_path_factory.mktemp("published")
    run = package(store, pair, clip, folder / "work", download="v720-3000")
    return pair, run, download(pair[1], "l-test/", folder / "files") / "l-test" / digest(clip)


def _playlists(media: Path) -> list[Path]:
    return sorted(media.glob("*/*/index.m3u8"))


def _keyframes(playlist: Path) -> list[float]:
    command = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v",
        "-show_entries",
        "packet=dts_time,flags",
        "-of",
        "csv=p=0",
        str(playlist),
    ]
    rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [float(row.split(",")[0]) for row in rows if "K" in row]


def test_a_clip_becomes_a_listed_lesson(published: tuple[Pair, Run, Path]) -> None:
    (_, lessons), run, _ = published
    assert (run.code, run.error) == (0, "")
    listed = lessons.read_json(index.KEY)
    assert listed and [row["id"] for row in listed["lessons"]] == ["l-test"]
    assert listed["lessons"][0]["title"] == "分数 <b>$(HOME)</b> \"'"
    assert listed["lessons"][0]["seconds"] == 10.0


def test_progress_only_goes_forward_and_ends_at_100(published: tuple[Pair, Run, Path]) -> None:
    percents = [line["percent"] for line in published[1].lines if "percent" in line]
    assert percents == sorted(set(percents))
    assert percents[-1] == 100


def test_every_rendition_decodes_without_a_single_error(published: tuple[Pair, Run, Path]) -> None:
    playlists = _playlists(published[2])
    assert [path.parent.name for path in playlists] == ["sound", "v234-145", "v360-365"]
    for playlist in playlists:
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-xerror", "-i", str(playlist), "-f", "null", "-"],
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b""), playlist


def test_chunks_join_without_a_lost_or_doubled_frame(published: tuple[Pair, Run, Path], clip: Path) -> None:
    playlist = next(path for path in _playlists(published[2]) if path.parent.name == "v360-365")
    compare = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(playlist),
        "-i",
        str(clip),
        "-lavfi",
        "[0:v][1:v]psnr=stats_file=-",
        "-f",
        "null",
        "-",
    ]
    rows = subprocess.run(compare, check=True, capture_output=True, text=True).stdout.strip().splitlines()
    quality = [float(re.findall(r"psnr_avg:(\S+)", row)[0]) for row in rows]
    assert len(quality) == 250
    assert min(quality) > 25, "a frame shows another moment of the recording"


def test_keyframes_stand_exactly_every_two_seconds(published: tuple[Pair, Run, Path]) -> None:
    for playlist in _playlists(published[2])[1:]:
        assert _keyframes(playlist) == [0, 2, 4, 6, 8]


def test_segments_last_six_seconds(published: tuple[Pair, Run, Path]) -> None:
    for playlist in _playlists(published[2]):
        lengths = [float(row) for row in re.findall(r"#EXTINF:([\d.]+)", playlist.read_text())]
        assert lengths == pytest.approx([6, 4], abs=0.03), playlist


def test_pictures_and_sound_are_apart(published: tuple[Pair, Run, Path]) -> None:
    for playlist in _playlists(published[2]):
        command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", str(playlist)]
        codecs = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        assert set(codecs) == {"aac" if playlist.parent.name == "sound" else "h264"}


def test_the_master_names_codecs_sizes_rates_and_the_sound(published: tuple[Pair, Run, Path]) -> None:
    text = (published[2] / "master.m3u8").read_text()
    rows = [row for row in text.splitlines() if row.startswith("#EXT-X-STREAM-INF")]
    assert len(rows) == 3, "the rung above the source's size is left out"
    for row, size in zip(rows[:-1], ("416x234", "640x360"), strict=True):
        assert re.search(r'CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2"', row)
        assert f"RESOLUTION={size}" in row
        assert "FRAME-RATE=25.000" in row
        assert 'AUDIO="sound"' in row
        peak, mean = (int(found) for found in re.findall(r"BANDWIDTH=(\d+)", row))
        assert 0 < mean <= peak


def _measured(playlist: Path) -> tuple[int, int]:
    """Bits a second of the busiest segment and of the whole, from the files themselves."""
    rows = re.findall(r"#EXTINF:([\d.]+),\n(\S+)", playlist.read_text())
    sizes = [(float(seconds), 8 * (playlist.parent / name).stat().st_size) for seconds, name in rows]
    return math.ceil(max(bits / seconds for seconds, bits in sizes)), math.ceil(
        sum(bits for _, bits in sizes) / sum(seconds for seconds, _ in sizes)
    )


def test_the_smallest_rendition_comes_first_and_the_sound_alone_last_at_the_rates_of_their_files(
    published: tuple[Pair, Run, Path],
) -> None:
    text = (published[2] / "master.m3u8").read_text()
    rows = re.findall(r"#EXT-X-STREAM-INF:BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+),(.*)\n(\S+)", text)
    sound = _measured(published[2] / rows[-1][3])
    for peak, mean, facts, uri in rows:
        alone = "RESOLUTION" not in facts
        own = _measured(published[2] / uri)
        expected = own if alone else tuple(a + b for a, b in zip(own, sound, strict=True))
        assert (int(peak), int(mean)) == pytest.approx(expected, abs=2), uri
    assert rows[0][3].endswith("/v234-145/index.m3u8")
    assert rows[-1][2:] == ('CODECS="mp4a.40.2",AUDIO="sound"', "0123456789ab/sound/index.m3u8")


@pytest.mark.parametrize("name", ["v234-145", "v360-365"])
def test_the_codec_in_the_master_is_what_the_decoder_finds(published: tuple[Pair, Run, Path], name: str) -> None:
    words = ["-select_streams", "v:0", "-show_entries", "stream=profile,level", "-of", "json"]
    playlist = next(path for path in _playlists(published[2]) if path.parent.name == name)
    found = json.loads(
        subprocess.run(["ffprobe", "-v", "error", *words, str(playlist)], check=True, capture_output=True).stdout
    )
    profile = {"High": "64", "Constrained Baseline": "42", "Main": "4d"}[found["streams"][0]["profile"]]
    text = (published[2] / "master.m3u8").read_text()
    codec = re.findall(rf'CODECS="avc1\.(\w\w)\w\w(\w\w),mp4a[^\n]*\n\S+/{name}/', text)
    assert codec == [(profile, f"{found['streams'][0]['level']:02x}")]


def _cues(track: Path) -> list[tuple[str, str, str, list[int]]]:
    rows = re.findall(r"(\S+) --> (\S+)\n(\S+)#xywh=(\S+)", track.read_text())
    return [(begin, end, sheet, [int(n) for n in where.split(",")]) for begin, end, sheet, where in rows]


def test_every_small_picture_shows_its_own_moment(
    published: tuple[Pair, Run, Path], clip: Path, tmp_path: Path
) -> None:
    (_, lessons), _, media = published
    row = lessons.read_json("l-test/lesson.json")["thumbnails"]  # type: ignore[index]
    assert row["vtt"].endswith("/0123456789ab/thumbnails/thumbnails.vtt")
    track = media / "0123456789ab" / "thumbnails" / "thumbnails.vtt"
    cues = _cues(track)
    assert [(begin[6:], end[6:]) for begin, end, _, _ in cues] == [
        (f"{n:02d}.000", f"{n + 2:02d}.000") for n in range(0, 10, 2)
    ]
    for begin, _, sheet, (x, y, width, height) in cues:
        assert (width, height) == (row["width"], row["height"]) == (160, 90)
        second = float(begin[6:])
        # The film's picture at that second, drawn as small, against that place of the sheet.
        graph = (
            f"[0:v]crop={width}:{height}:{x}:{y},format=gray[a];[1:v]select=eq(n\\,{int(second * 25)}),scale={width}:{height},"
            "format=gray[b];[a][b]psnr=stats_file=-"
        )
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            str(track.parent / sheet),
            "-i",
            str(clip),
            "-lavfi",
            graph,
            "-frames:v",
            "1",
        ]
        said = subprocess.run([*command, "-f", "null", "-"], check=True, capture_output=True, text=True).stdout
        assert float(re.findall(r"psnr_avg:(\S+)", said)[0]) > 22, begin


def test_small_pictures_are_small(published: tuple[Pair, Run, Path]) -> None:
    sheets = list((published[2] / "0123456789ab" / "thumbnails").glob("*.jpg"))
    assert len(sheets) == 2, "one for each chunk"
    assert max(each.stat().st_size for each in sheets) < 40_000


def test_what_may_be_taken_away_is_one_whole_film_whose_index_comes_first(
    published: tuple[Pair, Run, Path], tmp_path: Path
) -> None:
    (_, lessons), _, media = published
    row = lessons.read_json("l-test/lesson.json")["download"]  # type: ignore[index]
    assert row["path"].startswith("l-test/~download/")
    assert row["path"].endswith("-v360-365.mp4"), "the largest below the one asked for, which the film is too small for"
    file = media.parents[1] / row["path"]
    assert file.stat().st_size == row["bytes"]
    assert file.read_bytes().index(b"moov") < file.read_bytes().index(b"mdat")
    words = [
        "-count_frames",
        "-show_entries",
        "stream=codec_name,nb_read_frames,start_time:format=duration",
        "-of",
        "json",
    ]
    found = json.loads(
        subprocess.run(["ffprobe", "-v", "error", *words, str(file)], check=True, capture_output=True).stdout
    )
    assert [each["codec_name"] for each in found["streams"]] == ["h264", "aac"]
    assert found["streams"][0]["nb_read_frames"] == "250"
    assert float(found["format"]["duration"]) == pytest.approx(10, abs=0.1)
    assert lessons.s3.head_object(Bucket=lessons.name, Key=row["path"])["ContentDisposition"] == "attachment"


def test_another_licence_gives_and_takes_the_file_without_encoding(store: Store, clip: Path, tmp_path: Path) -> None:
    pair, content = store.pair(), digest(clip)
    package(store, pair, clip, tmp_path / "one")
    assert not list(pair[1].objects("l-test/~download/"))
    pair[0].delete([content])
    first = _versions(pair[1])
    assert finish(start(store, pair, wanted(content, download="v234-145"), tmp_path / "two")).code == 0
    row = pair[1].read_json("l-test/lesson.json")["download"]  # type: ignore[index]
    assert [(key, size) for key, size, _ in pair[1].objects("l-test/~download/")] == [(row["path"], row["bytes"])]
    assert finish(start(store, pair, wanted(content), tmp_path / "three")).code == 0
    assert "download" not in pair[1].read_json("l-test/lesson.json")  # type: ignore[operator]
    assert _versions(pair[1]) == first


def test_a_request_of_an_older_publisher_has_neither_small_pictures_nor_a_file(
    store: Store, clip: Path, tmp_path: Path
) -> None:
    pair, request = store.pair(), wanted(digest(clip))
    del request["ladder"]["thumbnail_seconds"], request["download"]
    pair[0].put(digest(clip), clip.read_bytes(), "no-store")
    assert finish(start(store, pair, request, tmp_path)).code == 0
    made = pair[1].read_json("l-test/lesson.json")
    assert made and not {"thumbnails", "download"} & set(made)


def test_captions_outlive_a_new_recipe(store: Store, clip: Path, tmp_path: Path) -> None:
    pair, content = store.pair(), digest(clip)
    spoken = {"lang": "zh", "name": "中文", "path": f"l-test/{content}/old/captions-zh-1.m3u8", "vtt": "x"}
    old = {"id": "l-test", "published": "2026-01-01T00:00:00Z", "captions": [spoken]}
    pair[1].put("l-test/lesson.json", json.dumps(old).encode(), "")
    assert package(store, pair, clip, tmp_path).code == 0
    made = pair[1].read_json("l-test/lesson.json")
    assert made and made["captions"] == [spoken]
    text = pair[1].get(made["master"])
    assert text and 'URI="old/captions-zh-1.m3u8"' in text[0].decode()


def test_media_never_expire_and_the_list_soon_does(published: tuple[Pair, Run, Path]) -> None:
    (_, lessons), _, _ = published
    kept = {key: lessons.s3.head_object(Bucket=lessons.name, Key=key) for key, _, _ in lessons.objects("")}
    segments = [head for key, head in kept.items() if key.endswith((".m4s", "/init.mp4"))]
    assert segments
    assert all(head["CacheControl"] == IMMUTABLE for head in segments)
    assert "max-age=5" in kept[index.KEY]["CacheControl"]
    assert {head["ContentType"] for key, head in kept.items() if key.endswith(".m3u8")} == {
        "application/vnd.apple.mpegurl"
    }


def test_packaging_again_encodes_nothing_and_changes_nothing(store: Store, clip: Path, tmp_path: Path) -> None:
    pair = store.pair()
    assert package(store, pair, clip, tmp_path / "one").code == 0
    before = {
        (row["Key"], row["VersionId"]) for row in pair[1].s3.list_object_versions(Bucket=pair[1].name)["Versions"]
    }
    assert package(store, pair, clip, tmp_path / "two").code == 0
    after = {(row["Key"], row["VersionId"]) for row in pair[1].s3.list_object_versions(Bucket=pair[1].name)["Versions"]}
    assert after == before


def test_a_new_title_is_published_without_encoding(store: Store, clip: Path, tmp_path: Path) -> None:
    pair = store.pair()
    package(store, pair, clip, tmp_path / "one")
    request = wanted(digest(clip))
    request["about"]["title"] = "新的标题"
    pair[0].delete([digest(clip)])
    assert finish(start(store, pair, request, tmp_path / "two")).code == 0, "it must not need the upload any more"
    listed = pair[1].read_json(index.KEY)
    assert listed and listed["lessons"][0]["title"] == "新的标题"


def test_killed_half_way_it_goes_on_with_the_finished_chunks(store: Store, tmp_path: Path) -> None:
    pair, file = store.pair(), record(tmp_path / "long.mp4", seconds=40)
    content = digest(file)
    pair[0].put(content, file.read_bytes(), "no-store")
    process = start(store, pair, wanted(content), tmp_path / "one")
    _wait_for_receipts(pair[0], 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert pair[1].read_json(index.KEY) is None, "nothing half-published is listed"
    finished = _versions(pair[1])
    assert finish(start(store, pair, wanted(content), tmp_path / "two")).code == 0
    assert _versions(pair[1]) == finished, "a finished chunk was encoded again"
    assert len(pair[1].read_json("l-test/lesson.json")["renditions"]) == 2  # type: ignore[index]
    assert not list(pair[0].objects("work/")), "the notes of work done are dropped at the end"


def _wait_for_receipts(uploads: Bucket, number: int) -> None:
    for _ in range(600):
        if len(list(uploads.objects("work/"))) >= number:
            return
        time.sleep(0.05)
    raise AssertionError("no chunk was finished in half a minute")


def _versions(lessons: Bucket) -> set[tuple[str, str]]:
    """What was written of the first segment, which the first chunk holds."""
    rows = lessons.s3.list_object_versions(Bucket=lessons.name).get("Versions", [])
    return {(row["Key"], row["VersionId"]) for row in rows if row["Key"].endswith("/00000.m4s")}


def test_two_packagers_at_once_publish_both_lessons(store: Store, clip: Path, tmp_path: Path) -> None:
    pair, content = store.pair(), digest(clip)
    pair[0].put(content, clip.read_bytes(), "no-store")
    names = ("l-one", "l-two", "l-one")
    both = [start(store, pair, wanted(content, lesson=name), tmp_path / str(n)) for n, name in enumerate(names)]
    assert [finish(process).code for process in both] == [0, 0, 0]
    listed = pair[1].read_json(index.KEY)
    assert listed and {row["id"] for row in listed["lessons"]} == {"l-one", "l-two"}


@pytest.mark.parametrize(
    "content", [b"", b"plain text, not a video\n" * 100, b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 5000]
)
def test_what_is_no_video_ends_in_one_clear_line(store: Store, tmp_path: Path, content: bytes) -> None:
    pair, file = store.pair(), tmp_path / "lesson.mp4"
    file.write_bytes(content)
    run = package(store, pair, file, tmp_path / "work")
    assert run.code == 64
    assert "not a video" in run.error
    assert "\n" not in run.error
    assert not list(pair[1].objects(""))


def test_a_playlist_as_upload_cannot_read_the_containers_files(store: Store, tmp_path: Path, clip: Path) -> None:
    pair, file = store.pair(), tmp_path / "lesson.mp4"
    file.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{clip}\n#EXT-X-ENDLIST\n")
    run = package(store, pair, file, tmp_path / "work")
    assert (run.code, list(pair[1].objects(""))) == (64, [])


@pytest.fixture
def playable(tmp_path: Path) -> bytes:
    """Ten seconds whose index stands in front, so that a cut copy still begins like a video."""
    record(tmp_path / "a.mp4", sound=False)
    words = ["-i", str(tmp_path / "a.mp4"), "-c", "copy", "-movflags", "faststart", str(tmp_path / "b.mp4")]
    subprocess.run(["ffmpeg", "-v", "error", *words], check=True)
    return (tmp_path / "b.mp4").read_bytes()


def test_half_a_copy_is_refused_with_how_much_could_be_read(store: Store, tmp_path: Path, playable: bytes) -> None:
    pair, file = store.pair(), tmp_path / "half.mp4"
    file.write_bytes(playable[: len(playable) * 6 // 10])
    run = package(store, pair, file, tmp_path / "work")
    assert run.code == 64
    assert re.search(r"[56] of its 10 seconds can be read", run.error)
    assert pair[1].read_json(index.KEY) is None


def test_a_broken_picture_does_not_cost_the_lesson(store: Store, tmp_path: Path, playable: bytes) -> None:
    pair, file = store.pair(), tmp_path / "scratched.mp4"
    file.write_bytes(playable[:150_000] + b" " * 200 + playable[150_200:-300])
    run = package(store, pair, file, tmp_path / "work")
    assert run.code == 0, run.error


def test_a_damaged_upload_is_refused(store: Store, tmp_path: Path, clip: Path) -> None:
    pair, content = store.pair(), digest(clip)
    pair[0].put(content, clip.read_bytes()[:-1], "no-store")
    run = finish(start(store, pair, wanted(content), tmp_path))
    assert run.code == 64
    assert "does not match its hash" in run.error
    assert pair[0].get(content) is None, "or the next publish would take it for uploaded"


def test_a_missing_upload_is_said(store: Store, tmp_path: Path) -> None:
    run = finish(start(store, store.pair(), wanted("0" * 64), tmp_path))
    assert run.code == 64
    assert "hand the file in again" in run.error


def test_too_little_room_is_said_with_figures_before_encoding(store: Store, tmp_path: Path, clip: Path) -> None:
    pair, content = store.pair(), digest(clip)
    pair[0].put(content, clip.read_bytes(), "no-store")
    limit = clip.stat().st_size + (16 << 20) + 100_000
    run = finish(start(store, pair, wanted(content), tmp_path, PACKAGER_WORK_BYTES=str(limit)))
    assert run.code == 74
    assert re.search(r"needs \d+ MiB and \d+ MiB are left", run.error)
    assert not list(pair[1].objects(index.KEY))


def test_a_recording_without_sound_has_no_sound_group(store: Store, tmp_path: Path) -> None:
    pair, file = store.pair(), record(tmp_path / "mute.mp4", seconds=3, sound=False)
    assert package(store, pair, file, tmp_path / "work").code == 0
    master = pair[1].get(f"l-test/{digest(file)}/master.m3u8")
    assert master and b"AUDIO" not in master[0] and b"mp4a" not in master[0]


@pytest.mark.parametrize(("name", "rate"), [("a.ts", "25"), ("a.avi", "25"), ("a.mkv", "30000/1001"), ("a.flv", "15")])
def test_other_containers_and_odd_rates_keep_their_keyframes(
    store: Store, tmp_path: Path, name: str, rate: str
) -> None:
    pair, file = store.pair(), record(tmp_path / name, seconds=14, rate=rate)
    run = package(store, pair, file, tmp_path / "work")
    assert run.code == 0, run.error
    files = download(pair[1], "l-test/", tmp_path / "files")
    playlist = next(path for path in files.rglob("index.m3u8") if path.parent.name == "v234-145")
    assert _keyframes(playlist)[:7] == [0, 2, 4, 6, 8, 10, 12]


def test_the_record_tells_what_was_made(published: tuple[Pair, Run, Path], clip: Path) -> None:
    record_of = published[0][1].read_json("l-test/lesson.json")
    assert record_of
    assert record_of["content_hash"] == digest(clip)
    assert [row["name"] for row in record_of["renditions"]] == ["v234-145", "v360-365"]
    assert json.dumps(record_of).count("0123456789ab") >= 2

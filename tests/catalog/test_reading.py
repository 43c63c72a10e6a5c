"""Files that are not what they should be: each is refused by one sentence that names it, without hanging, crashing or following it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import CatalogError, load
from catalog.nodes import MAX_DEPTH
from catalog.reading import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES

LAUGHS = "a0: &a0 [ha]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


def text(content: str | bytes) -> Callable[[Path], object]:
    """Put ``content`` into one more file of the city."""
    return lambda file: file.write_bytes(content if isinstance(content, bytes) else content.encode())


SPOILT: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "too large": (text(b"# " + b"x" * MAX_FILE_BYTES), 1, "larger than 4 MiB: split it"),
    "50 MB": (text(b"- {}\n" * 10_000_000), 1, "larger than 4 MiB: split it"),
    "billion laughs": (text(LAUGHS), 1, "anchors and aliases"),
    "an alias to itself": (text("schools: &a [*a]\n"), 1, "anchors and aliases"),
    "an alias to nothing": (text("schools: [*a]\n"), 1, "undefined alias"),
    "a million brackets": (text("[" * 1_000_000), 1, f"nested more than {MAX_DEPTH} deep"),
    "a million keys of keys": (text("? " * 1_000_000), 1, f"nested more than {MAX_DEPTH} deep"),
    "a million dashes": (text("- " * 1_000_000), 1, f"nested more than {MAX_DEPTH} deep"),
    "one level too deep": (text("schools: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH), 1, "nested more than"),
    "Latin-1": (text("alliances: []\n# caf\xe9\n".encode("latin-1")), 2, "is not UTF-8 text (byte 19)"),
    "UTF-16": (text("alliances: []".encode("utf-16")), 1, "is not UTF-8 text"),
    "a null byte": (text(b"alliances: []\n# \x00\n"), 2, "control characters are not allowed"),
    "half a surrogate": (text('alliances: ["\\ud800"]'), 1, "invalid Unicode character"),
    "empty": (text(""), 1, "is empty"),
    "only a comment": (text("# to do\n"), 1, "is empty"),
    "only a word": (text("schools\n"), 1, "must hold keys"),
    "a list": (text("- code: x\n"), 1, "must hold keys"),
    "two documents": (text("alliances: []\n---\nalliances: []\n"), 2, "a second document"),
    "an open bracket": (text("alliances: []\nwaves: [\n"), 2, "closing bracket is missing"),
    "a tab": (text("alliances:\n\t- a\n"), 2, "not tabs"),
    "a key that is a list": (text("? [a]\n: b\n"), 1, "a key must be one plain word"),
    "a link to itself": (lambda file: file.symlink_to(file.name), 1, "symbolic links"),
    "a link to nothing": (lambda file: file.symlink_to("nothing"), 1, "No such file"),
    "a link to a device": (lambda file: file.symlink_to("/dev/zero"), 1, "not a plain file"),
    "a pipe": (os.mkfifo, 1, "not a plain file"),
}


@pytest.mark.parametrize("why", SPOILT)
def test_a_spoilt_file_is_refused_in_one_sentence(why: str, tiny: Path) -> None:
    spoil, line, said = SPOILT[why]
    spoil(tiny / "more.yaml")
    with pytest.raises(CatalogError) as refused:
        load(tiny)
    [problem] = refused.value.problems
    assert (problem.file, problem.line) == (tiny / "more.yaml", line)
    assert said in problem.message


def test_a_file_of_the_largest_size_is_read(tiny: Path) -> None:
    filler = b"#" + b"x" * 98 + b"\n"
    sections = (tiny / "access.yaml").read_bytes()
    room = MAX_FILE_BYTES - len(sections)
    (tiny / "access.yaml").write_bytes(sections + (filler * (room // 100 + 1))[:room])
    assert load(tiny)


def test_a_value_of_the_deepest_nesting_is_judged_as_a_value(tiny: Path) -> None:
    (tiny / "more.yaml").write_text("waves: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    with pytest.raises(CatalogError, match="must be a group of keys"):
        load(tiny)


def test_files_that_are_too_large_together_are_refused(tiny: Path) -> None:
    for number in range(MAX_TOTAL_BYTES // MAX_FILE_BYTES + 1):
        (tiny / f"more-{number}.yaml").write_bytes(b"waves: []\n#" + b"x" * (MAX_FILE_BYTES - 11))
    with pytest.raises(CatalogError, match="larger than 32 MiB together"):
        load(tiny)


def test_too_many_files_are_refused(tiny: Path) -> None:
    for number in range(MAX_FILES):
        (tiny / f"more-{number}.yaml").touch()
    with pytest.raises(CatalogError, match=f"more than {MAX_FILES}") as refused:
        load(tiny)
    assert len(refused.value.problems) == 1


def test_a_folder_that_links_to_itself_is_not_followed(tiny: Path) -> None:
    (tiny / "again").symlink_to(".")
    with pytest.raises(CatalogError, match="links to folders are not followed"):
        load(tiny)


def test_a_file_with_the_other_ending_is_not_silently_left_out(tiny: Path) -> None:
    (tiny / "more.yml").write_text("waves: []\n")
    with pytest.raises(CatalogError, match=r"rename it to \.yaml"):
        load(tiny)


def test_hidden_files_and_other_files_are_left_alone(tiny: Path) -> None:
    before = load(tiny)
    (tiny / ".schools.yaml.swp").write_bytes(b"\xff")
    (tiny / ".draft.yaml").write_bytes(b"\xff")
    (tiny / "README.md").write_bytes(b"\xff")
    assert load(tiny) == before


@pytest.mark.parametrize(("name", "said"), [("nowhere", "no such folder"), ("city.yaml", "is a file, not a folder")])
def test_a_folder_that_is_none_is_refused(name: str, said: str, tiny: Path) -> None:
    with pytest.raises(CatalogError, match=said):
        load(tiny / name)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"holds no \*.yaml file"):
        load(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tiny: Path) -> None:
    before = load(tiny)
    for file in tiny.glob("*.yaml"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert load(tiny) == before


def test_a_name_of_a_file_cannot_speak_to_the_terminal(tiny: Path) -> None:
    (tiny / "\x1b[31mred\n.yaml").write_text("")
    with pytest.raises(CatalogError) as refused:
        load(tiny)
    assert str(refused.value).count("\n") == 1
    assert "\x1b" not in str(refused.value)


@pytest.mark.skipif(os.name != "posix", reason="resource limits are POSIX")
def test_a_hostile_file_needs_little_memory(tiny: Path) -> None:
    (tiny / "more.yaml").write_text(LAUGHS)
    limited = (
        "import resource, sys, pathlib; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30));"
        "import catalog; catalog.load(pathlib.Path(sys.argv[1]))"
    )
    run = subprocess.run([sys.executable, "-c", limited, str(tiny)], capture_output=True, text=True, check=False)
    assert "anchors and aliases" in run.stderr

"""Archives over HTTP, from a server of our own: progress, going on, checksums, room on the disk."""

import hashlib
import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ai_mixer.data import download
from ai_mixer.data.download import fetch, unpack
from ai_mixer.utils import progress

CONTENT = bytes(range(256)) * 40_000  # 10 MB
SHA1 = f"sha1:{hashlib.sha1(CONTENT).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT from the byte asked for; `server.breaks_at` ends a connection early."""

    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range", "") if server.ranges else ""
        server.asked.append(self.headers.get("Range"))
        if self.path != "/songs.zip":
            return self.send_error(404)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        with suppress(ConnectionError):  # who has no room for it hangs up
            self.wfile.write(CONTENT[start : server.breaks_at])
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.breaks_at, server.ranges = [], None, True
        server.url = f"http://127.0.0.1:{server.server_port}/songs.zip"
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_file_arrives_with_progress(server, tmp_path, capsys):
    file = fetch(server.url, SHA1, tmp_path / "new folder")
    assert file.read_bytes() == CONTENT
    assert [one.name for one in file.parent.iterdir()] == ["songs.zip"]
    first, *tenths = capsys.readouterr().err.splitlines()
    assert first == f"fetching {server.url} (10.2 MB) …"
    shares = [int(line.removesuffix("%")) for line in tenths]
    assert len(shares) == 10
    assert shares == sorted(shares)
    assert shares[-1] == 100


def test_whoever_watches_a_terminal_sees_a_bar(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "shows_progress", lambda: True)
    (tmp_path / "songs.zip.part").write_bytes(CONTENT[:1000])
    assert fetch(server.url, SHA1, tmp_path).is_file()
    shown = capsys.readouterr().err
    assert "10.2/10.2 MB" in shown
    assert "%\n" not in shown


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_other_checksums(server, tmp_path, kind):
    digest = hashlib.new(kind, CONTENT).hexdigest()
    assert fetch(server.url, f"{kind}:{digest}", tmp_path).is_file()


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    fetch(server.url, SHA1, tmp_path)
    fetch(server.url, SHA1, tmp_path)
    assert server.asked == [None]


def test_it_goes_on_where_it_broke_off(server, tmp_path):
    server.breaks_at = 4_000_000
    with pytest.raises(ValueError, match=r"ended early; 4 MB are kept, and the same command"):
        fetch(server.url, SHA1, tmp_path)
    assert not (tmp_path / "songs.zip").exists()
    kept = (tmp_path / "songs.zip.part").stat().st_size
    assert kept == 4_000_000
    server.breaks_at = None
    assert fetch(server.url, SHA1, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={kept}-"]


def test_complete_but_not_yet_checked(server, tmp_path):
    (tmp_path / "songs.zip.part").write_bytes(CONTENT)
    assert fetch(server.url, SHA1, tmp_path).read_bytes() == CONTENT


def test_a_server_that_cannot_go_on_begins_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "songs.zip.part").write_bytes(b"something else")
    assert fetch(server.url, SHA1, tmp_path).read_bytes() == CONTENT


def test_two_at_a_time_fetch_it_once(server, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        files = list(pool.map(lambda _: fetch(server.url, SHA1, tmp_path), range(2)))
    assert [file.read_bytes() == CONTENT for file in files] == [True, True]
    assert server.asked == [None]


def test_a_wrong_checksum_keeps_nothing(server, tmp_path):
    with pytest.raises(ValueError, match=rf"has the checksum {SHA1}, not sha1:0+: it was thrown"):
        fetch(server.url, f"sha1:{'0' * 40}", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_such_file_and_no_such_server(server, tmp_path):
    with pytest.raises(ValueError, match=r"other\.zip: HTTP Error 404: Not Found$"):
        fetch(server.url.replace("songs", "other"), SHA1, tmp_path)
    with pytest.raises(ValueError, match=r"^http://127\.0\.0\.1:9/a\.zip: .*refused"):
        fetch("http://127.0.0.1:9/a.zip", SHA1, tmp_path)


def test_a_disk_without_room_is_said_before(server, tmp_path, monkeypatch):
    usage = type("usage", (), {"free": 1_000_000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ValueError, match=r"needs 10 MB of disk, 1 MB are free"):
        fetch(server.url, SHA1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_unpacking_goes_on_too(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"x/one.txt": "one", "x/y/two.txt": "two"})
    unpack(archive, tmp_path / "out")
    (tmp_path / "out/x/one.txt").write_text("own")  # as long as the true one: left alone
    (tmp_path / "out/x/y/two.txt").write_text("t")  # cut off: written again
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/x/one.txt").read_text() == "own"
    assert (tmp_path / "out/x/y/two.txt").read_text() == "two"


def test_nothing_is_unpacked_outside(tmp_path):
    unpack(zipped(tmp_path / "a.zip", {"../../evil.txt": "evil"}), tmp_path / "in" / "out")
    assert (tmp_path / "in" / "out" / "evil.txt").is_file()
    assert not (tmp_path / "evil.txt").exists()


def test_no_archive_is_named(tmp_path):
    (tmp_path / "a.zip").write_bytes(io.BytesIO(b"no zip").read())
    with pytest.raises(ValueError, match=r"a\.zip: cannot be unpacked"):
        unpack(tmp_path / "a.zip", tmp_path)

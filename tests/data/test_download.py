"""Downloads from a local server: progress, resuming, checksums, disk space."""

import hashlib
import logging
import re
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
    """Serves CONTENT and supports ranges; `server.stop_at` closes the connection early."""

    def do_GET(self):
        server = self.server
        byte_range = self.headers.get("Range", "") if server.ranges else ""
        server.requests.append(self.headers.get("Range"))
        if self.path != "/songs.zip":
            return self.send_error(404)
        start = int(byte_range.removeprefix("bytes=").removesuffix("-")) if byte_range else 0
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if byte_range else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        with suppress(ConnectionError):  # the client may close the connection
            self.wfile.write(CONTENT[start : server.stop_at])
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests, server.stop_at, server.ranges = [], None, True
        server.url = f"http://127.0.0.1:{server.server_port}/songs.zip"
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_download_logs_progress(server, tmp_path, log):
    log.set_level(logging.DEBUG, "ai_mixer")
    file = fetch(server.url, SHA1, tmp_path / "new folder")
    assert file.read_bytes() == CONTENT
    assert [one.name for one in file.parent.iterdir()] == ["songs.zip"]
    first, *tenths = log.messages
    assert server.url in first
    assert "10.2 MB" in first
    percent = [int(re.search(r"(\d+) %", message)[1]) for message in tenths]
    assert len(percent) == 10
    assert percent == sorted(percent)
    assert percent[-1] == 100


def test_terminals_show_a_progress_bar(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "shows_progress", lambda: True)
    (tmp_path / "songs.zip.part").write_bytes(CONTENT[:1000])
    assert fetch(server.url, SHA1, tmp_path).is_file()
    shown = capsys.readouterr().err
    assert "10.2/10.2 MB" in shown
    assert "%\n" not in shown


@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_md5_and_sha256_checksums(server, tmp_path, kind):
    digest = hashlib.new(kind, CONTENT).hexdigest()
    assert fetch(server.url, f"{kind}:{digest}", tmp_path).is_file()


def test_existing_files_are_not_downloaded_again(server, tmp_path):
    fetch(server.url, SHA1, tmp_path)
    fetch(server.url, SHA1, tmp_path)
    assert server.requests == [None]


def test_interrupted_download_resumes(server, tmp_path):
    server.stop_at = 4_000_000
    with pytest.raises(ValueError, match=r"songs\.zip: .*4 MB"):
        fetch(server.url, SHA1, tmp_path)
    assert not (tmp_path / "songs.zip").exists()
    assert (tmp_path / "songs.zip.part").stat().st_size == 4_000_000
    server.stop_at = None
    assert fetch(server.url, SHA1, tmp_path).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=4000000-"]


def test_complete_part_file_is_verified(server, tmp_path):
    (tmp_path / "songs.zip.part").write_bytes(CONTENT)
    assert fetch(server.url, SHA1, tmp_path).read_bytes() == CONTENT


def test_download_restarts_if_the_server_ignores_ranges(server, tmp_path):
    server.ranges = False
    (tmp_path / "songs.zip.part").write_bytes(b"something else")
    assert fetch(server.url, SHA1, tmp_path).read_bytes() == CONTENT


def test_concurrent_downloads_send_one_request(server, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        files = list(pool.map(lambda _: fetch(server.url, SHA1, tmp_path), range(2)))
    assert [file.read_bytes() == CONTENT for file in files] == [True, True]
    assert server.requests == [None]


def test_file_with_wrong_checksum_is_deleted(server, tmp_path):
    with pytest.raises(ValueError, match=rf"songs\.zip: .*{SHA1}.*sha1:0+"):
        fetch(server.url, f"sha1:{'0' * 40}", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_missing_file_and_server_are_errors(server, tmp_path):
    with pytest.raises(ValueError, match=r"other\.zip: HTTP Error 404: Not Found$"):
        fetch(server.url.replace("songs", "other"), SHA1, tmp_path)
    with pytest.raises(ValueError, match=r"^http://127\.0\.0\.1:9/a\.zip: .*refused"):
        fetch("http://127.0.0.1:9/a.zip", SHA1, tmp_path)


def test_full_disk_is_an_error_before_the_download(server, tmp_path, monkeypatch):
    usage = type("usage", (), {"free": 1_000_000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ValueError, match=r"10 MB.*1 MB"):
        fetch(server.url, SHA1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_unpacking_resumes(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"x/one.txt": "one", "x/y/two.txt": "two"})
    unpack(archive, tmp_path / "out")
    (tmp_path / "out/x/one.txt").write_text("abc")  # of the same size: not overwritten
    (tmp_path / "out/x/y/two.txt").write_text("t")  # truncated: written again
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/x/one.txt").read_text() == "abc"
    assert (tmp_path / "out/x/y/two.txt").read_text() == "two"


def test_paths_outside_the_folder_are_unpacked_inside(tmp_path):
    unpack(zipped(tmp_path / "a.zip", {"../../evil.txt": "evil"}), tmp_path / "in" / "out")
    assert (tmp_path / "in" / "out" / "evil.txt").is_file()
    assert not (tmp_path / "evil.txt").exists()


def test_other_files_are_not_unpacked(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with pytest.raises(ValueError, match=r"a\.zip"):
        unpack(tmp_path / "a.zip", tmp_path)

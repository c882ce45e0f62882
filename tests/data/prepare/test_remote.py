"""Bags and outputs at URLs: the memory of fsspec, and local HTTP and FTP servers."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import two_cameras
from small_streams import SIZE, record, stream

from aassl_ros.cli.main import main
from aassl_ros.data.bags.labels import write_labels
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import BagError, ConfigError, DataError

fsspec = pytest.importorskip("fsspec")
SMALL = PrepareSettings(image_size=SIZE, workers=1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two bags."""
    folder = tmp_path_factory.mktemp("bags") / "bags"
    for number, storage in enumerate(("mcap", "sqlite3")):
        record(folder / f"b{number}", stream(1.0, first_episode=number), storage=storage)
    return folder


@pytest.fixture(scope="module")
def expected(bags: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("expected") / "data"
    prepare([bags], out, SMALL)
    return arrays(out)


def arrays(out: Path) -> dict[str, bytes]:
    """All files but the table, which names sources and output."""
    return {file.name: file.read_bytes() for file in out.iterdir() if file.suffix != ".json"}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def http(bags: Path) -> Iterator[str]:
    pytest.importorskip("aiohttp")
    with web_server(bags.parent) as url:
        yield url


@pytest.fixture
def ftp(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """URL and folder of an FTP server that anyone may write to."""
    pytest.importorskip("pyftpdlib")
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

    folder = tmp_path / "server"
    folder.mkdir()
    authorizer = DummyAuthorizer()
    authorizer.add_user("robot", "secret", str(folder), perm="elradfmwMT")
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer})
    server = FTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop())
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            server.serve_forever(timeout=0.05, blocking=False)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"ftp://robot:secret@127.0.0.1:{server.address[1]}", folder
    stop.set()
    thread.join()
    server.close_all()


def put_in_memory(bags: Path, url: str) -> None:
    memory = fsspec.filesystem("memory")
    if memory.exists(url):
        memory.rm(url, recursive=True)
    memory.put(str(bags), url, recursive=True)


def test_bags_and_output_in_memory_give_the_data_of_local_ones(
    bags: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    put_in_memory(bags, "memory://lab/bags")

    report = prepare(["memory://lab/bags"], "memory://lab/data", SMALL)
    again = prepare(["memory://lab/bags"], "memory://lab/data", SMALL)

    fsspec.filesystem("memory").get("memory://lab/data", str(tmp_path / "data"), recursive=True)
    assert arrays(tmp_path / "data") == expected
    assert report.path == "memory://lab/data"
    assert report.bags == ("memory://lab/bags/b0", "memory://lab/bags/b1")
    assert (report.already_there, again.already_there) == (False, True)
    assert not list(tmp_path.glob("cache/aassl_ros/prepare/*"))


def test_bags_of_a_web_server_are_read(http: str, expected: dict[str, bytes], tmp_path: Path) -> None:
    report = prepare([f"{http}/bags"], tmp_path / "data", SMALL)

    assert arrays(tmp_path / "data") == expected
    assert report.bags == (f"{http}/bags/b0", f"{http}/bags/b1")


def test_one_file_at_a_url_is_a_bag_and_a_local_copy_is_the_same_bag(http: str, bags: Path, tmp_path: Path) -> None:
    prepare([f"{http}/bags/b0/b0_0.mcap"], tmp_path / "data", SMALL)
    assert prepare([bags / "b0" / "b0_0.mcap"], tmp_path / "data", SMALL).already_there
    with pytest.raises(DataError, match="hold the same recording"):
        prepare([bags, f"{http}/bags/b0"], tmp_path / "two", SMALL)


def test_an_output_on_an_ftp_server_is_written_and_bags_are_added_to_it(
    ftp: tuple[str, Path], bags: Path, expected: dict[str, bytes]
) -> None:
    url, folder = ftp
    read: list[int] = []

    prepare([bags / "b0"], f"{url}/sets/data", SMALL)
    assert len(PreparedData.open(folder / "sets" / "data")) > 0
    prepare([bags], f"{url}/sets/data", SMALL, progress=lambda done, total: read.append(total))

    assert arrays(folder / "sets" / "data") == expected
    assert max(read) == 29  # frames of the bag that was added


def test_bags_of_an_ftp_server_are_read(
    ftp: tuple[str, Path], bags: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    url, folder = ftp
    shutil.copytree(bags, folder / "bags")
    report = prepare([f"{url}/bags"], tmp_path / "data", SMALL)
    assert arrays(tmp_path / "data") == expected
    assert "secret" not in (tmp_path / "data" / "prepared.json").read_text()
    assert report.bags[0].startswith("ftp://robot:***@127.0.0.1:")


def label(bag: Path, category: str) -> None:
    """Label a bag: its episodes, with another category."""
    with BagReader(bag) as reader:
        recorded = reader.recorded_episodes()
    write_labels(bag, [replace(episode, category=category) for episode in recorded if episode.stop_ns])


def categories(out: Path) -> set[str]:
    return {episode.category for episode in PreparedData.open(out).episodes}


@pytest.mark.parametrize("one_file", [False, True])
def test_labels_beside_a_bag_are_used_and_their_change_is_seen(one_file: bool, bags: Path, tmp_path: Path) -> None:
    shutil.copytree(bags / "b0", tmp_path / "b0")
    bag = tmp_path / "b0" / "b0_0.mcap" if one_file else tmp_path / "b0"
    url = f"memory://{tmp_path.name}/{'b0/b0_0.mcap' if one_file else 'b0'}"
    label(bag, "cup")
    put_in_memory(tmp_path / "b0", f"memory://{tmp_path.name}/b0")

    prepare([url], tmp_path / "data", SMALL)
    again = prepare([bag], tmp_path / "data", SMALL)

    assert categories(tmp_path / "data") == {"cup"}
    assert again.already_there  # the fingerprint is that of the local bag
    label(bag, "glass")
    put_in_memory(tmp_path / "b0", f"memory://{tmp_path.name}/b0")
    prepare([url], tmp_path / "data", SMALL)
    assert categories(tmp_path / "data") == {"glass"}


def test_labels_on_servers_are_used(ftp: tuple[str, Path], bags: Path, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    ftp_url, folder = ftp
    shutil.copytree(bags / "b0", folder / "b0")
    label(folder / "b0", "cup")
    label(folder / "b0" / "b0_0.mcap", "glass")
    with web_server(folder) as http_url:
        for number, url in enumerate((ftp_url, http_url)):
            for bag, category in (("b0", "cup"), ("b0/b0_0.mcap", "glass")):
                out = tmp_path / f"{number}-{category}"
                prepare([f"{url}/{bag}"], out, SMALL)
                assert categories(out) == {category}


@pytest.mark.parametrize("one_file", [False, True])
def test_videos_beside_a_bag_are_used_if_they_have_stamps(one_file: bool, tmp_path: Path) -> None:
    pytest.importorskip("av")
    two_cameras.record_with_video(tmp_path, frames=20)
    bag = tmp_path / "bag"
    shutil.copy(tmp_path / "side.mp4", bag)
    shutil.copy(tmp_path / "stamps.json", bag / "side.json")
    shutil.copy(tmp_path / "side.mp4", bag / "without_stamps.mp4")
    bag = bag / "bag_0.mcap" if one_file else bag
    put_in_memory(tmp_path / "bag", f"memory://{tmp_path.name}/bag")

    prepare([f"memory://{tmp_path.name}/{bag.relative_to(tmp_path)}"], tmp_path / "data", SMALL)

    assert prepare([bag], tmp_path / "data", SMALL).already_there
    prepare([bag], tmp_path / "local", SMALL)
    assert arrays(tmp_path / "data") == arrays(tmp_path / "local")
    (tmp_path / "bag" / "side.json").write_text("[1, 2]")
    put_in_memory(tmp_path / "bag", f"memory://{tmp_path.name}/bag")
    with pytest.raises(DataError, match=r"^memory://.*/side\.mp4 .*20") as raised:
        prepare([f"memory://{tmp_path.name}/{bag.relative_to(tmp_path)}"], tmp_path / "data", SMALL)
    assert "aassl-remote" not in str(raised.value)


def test_a_video_that_is_named_for_a_bag_at_a_url_is_used(tmp_path: Path) -> None:
    pytest.importorskip("av")
    two_cameras.record_with_video(tmp_path, frames=20)
    put_in_memory(tmp_path / "bag", f"memory://{tmp_path.name}/named")
    named = replace(SMALL, video=(f"side={tmp_path / 'side.mp4'}:{tmp_path / 'stamps.json'}",))

    prepare([f"memory://{tmp_path.name}/named"], tmp_path / "data", named)

    assert prepare([tmp_path / "bag"], tmp_path / "data", named).already_there
    (tmp_path / "stamps.json").write_text("[1, 2]")
    with pytest.raises(DataError, match="20"):
        prepare([f"memory://{tmp_path.name}/named"], tmp_path / "data", named)


def test_a_damaged_bag_at_a_url_is_named_by_its_url(bags: Path, tmp_path: Path) -> None:
    put_in_memory(bags / "b0", "memory://broken/b0")
    memory = fsspec.filesystem("memory")
    data = memory.cat_file("memory://broken/b0/b0_0.mcap")
    memory.pipe_file("memory://broken/b0/b0_0.mcap", data[:3000])

    with pytest.raises(BagError, match=r"^memory://broken/b0.*") as raised:
        prepare(["memory://broken/b0"], tmp_path / "data", SMALL)
    assert "aassl-remote" not in str(raised.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("memory://nothing/here", "memory://nothing/here does not exist"),
        ("memory://nothing/bag.mcap", "memory://nothing/bag.mcap does not exist"),
        ("http://127.0.0.1:1/bags", "http://127.0.0.1:1/bags cannot be read or written"),
    ],
)
def test_a_url_that_cannot_be_read_is_one_line(
    source: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", source, "-o", str(tmp_path / "data")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"aassl: {message}")
    assert said.count("\n") == 1


def test_an_unknown_kind_of_url_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tape://lab/bags cannot be opened: Protocol not known: tape"):
        prepare(["tape://lab/bags"], tmp_path / "data", SMALL)

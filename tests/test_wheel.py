"""The wheel is whole: whoever installs it has the page, and needs no Node.js."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from server.gateways.assets import BUILD
from tests.support.server import ServerProcess, started

ROOT = Path(__file__).resolve().parent.parent


class Installed(ServerProcess):
    """What was unpacked from the wheel, with the dependencies that are there."""

    def __init__(self, data: Path, packages: Path) -> None:
        self._packages = packages
        super().__init__(data, PYTHONPATH=str(packages), PATH="")

    def command(self) -> list[str]:
        """What starts it."""
        code = (
            "import server; from pathlib import Path; from server.cli import main;"
            f"assert Path(server.__file__).is_relative_to({str(self._packages)!r}); main()"
        )
        return [sys.executable, "-P", "-c", code, *super().command()[1:]]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a wheel that was built just now."""
    if not (BUILD / "index.html").is_file():
        pytest.skip("the page is not built: make test builds it")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(ROOT)], check=True, timeout=100)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as file:
        file.extractall(folder / "packages")
    return folder / "packages"


def test_it_has_what_runs_and_nothing_else(packages: Path) -> None:
    files = {path.relative_to(packages).as_posix() for path in packages.rglob("*")}
    assert {"server/web/dist/index.html", "server/web/dist/sw.js", "server/demo/team.ics"} <= files
    assert any(name.endswith(".js.br") for name in files)
    assert not any("node_modules" in name or name.startswith("server/web/src") for name in files)
    assert not any(name.startswith(("tests", "benchmarks")) for name in files)


def test_it_serves_the_page_without_node(packages: Path, tmp_path: Path) -> None:
    with started(Installed(tmp_path / "data", packages)) as server:
        status, page = server.get("/")
        assert (status, b'<div id="root">' in page) == (200, True)
        script = page.decode().split('src="')[1].split('"')[0]
        assert server.get(script)[0] == 200

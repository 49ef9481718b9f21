"""The notebooks among the examples run from top to bottom, on the shared traces and on generated ones."""

import pathlib

import pytest
from conftest import ROOT, TRACES, skip

NOTEBOOKS = sorted((ROOT / "bindings/python/examples").glob("*.ipynb"))


def read(path):
    return pytest.importorskip("nbformat").read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_its_outputs(path):
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert cells and all(cell.outputs == [] and cell.execution_count is None for cell in cells)


@pytest.mark.parametrize("traces", ["shared", "generated"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_pages_and_pictures(path, traces, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    folder = TRACES if traces == "shared" else tmp_path
    if traces == "shared" and not list(folder.glob("*.csv.zst")):
        skip(f"there are no traces in {TRACES}")
    monkeypatch.setenv("KEYVIZ_TRACES", str(folder.resolve()))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    document = read(path)
    resources = {"metadata": {"path": str(path.parent)}}
    before = sorted(pathlib.Path(path.parent).iterdir())
    nbclient.NotebookClient(document, timeout=120, kernel_name="python3", resources=resources).execute()
    data = [output.data for cell in document.cells for output in cell.get("outputs", []) if "data" in output]
    assert sum("image/png" in each for each in data) >= 3
    assert any("<iframe srcdoc=" in each.get("text/html", "") for each in data)
    assert sorted(pathlib.Path(path.parent).iterdir()) == before

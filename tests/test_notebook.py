"""The notebook in examples/ runs from top to bottom, and what it shows is there."""

import shutil
from ast import literal_eval
from html import unescape
from pathlib import Path

import nbclient
import nbformat
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.fluidsynth
def test_the_notebook_scores_shows_generates_and_plays(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    for path in EXAMPLES.glob("bridal_chorus*.mid"):
        shutil.copy(path, tmp_path)
    notebook = nbformat.read(EXAMPLES / "losscal.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # as it is shipped
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": tmp_path}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    pages = [unescape(output.data["text/html"]) for output in shown if "text/html" in output.data]
    frames = [page for page in pages if page.startswith("<iframe")]
    assert ['"is_item":true' in page for page in frames] == [True, False, True]
    assert "bridal_chorus_wrong_notes.mid" in frames[0] and 'id="item-0"' in frames[0]
    (player,) = (page for page in pages if "<audio" in page)
    assert "base64" in player and len(player) > 100_000
    (figures,) = (output.data["text/plain"] for output in shown if "bridal_chorus.mid'" in output.data["text/plain"])
    right, wrong = literal_eval(figures).values()
    assert right < wrong

"""The SoundFonts that training renders are made with: those that data_manifest.yaml names and this machine has."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from bridge.synthesis.synthesiser import default_soundfont
from losscal.errors import InputError
from symbolic.data.manifest import manifest_path


def named_soundfonts() -> dict[str, Path]:
    """Where each SoundFont of the manifest usually lies, by name; those without a folder lie beside the default one."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one, where built, is ten times as fast
    entries = yaml.load(manifest_path().read_text(encoding="utf-8"), Loader=loader)["soundfonts"]
    beside_default = default_soundfont().parent
    return {name: Path(entry.get("folder", beside_default)) / entry["file"] for name, entry in entries.items()}


def find_soundfonts(given: Sequence[str] | None) -> tuple[Path, ...]:
    """The files `given`, by default those of the manifest that are installed; raises InputError for a missing one."""
    if given is None:
        return tuple(path for path in named_soundfonts().values() if path.is_file())
    missing = [name for name in given if not Path(name).is_file()]
    if missing or not given:
        raise InputError(f"--soundfonts {', '.join(missing)}: no such file; give the paths of .sf2 or .sf3 files.")
    return tuple(map(Path, given))

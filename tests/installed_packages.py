"""Packages that look as if pip had installed them, for what LossCal finds by entry points."""

from pathlib import Path


def put_package(site: Path, name, version, entries, group="losscal.scorers", **modules):
    """An installed package: its modules, and the metadata that name its entry points of a group."""
    metadata = site / f"{name}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{entry} = {target}" for entry, target in entries.items()]
    (metadata / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]) + "\n")
    for module, code in modules.items():
        (site / f"{module}.py").write_text(code)

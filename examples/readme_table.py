"""Put the table of `make score` into the README, stamped with the weights it was made with."""

import json
import re
import sys
from pathlib import Path

from bridge.report.files import table
from losscal.files import atomic_path

ROOT = Path(__file__).parent.parent
BETWEEN_MARKERS = re.compile(r"(<!-- table:begin -->\n).*?(<!-- table:end -->)", re.DOTALL)


def main() -> int:
    """Read build/score/report.json, rewrite README.md."""
    report = json.loads((ROOT / "build/score/report.json").read_text(encoding="utf-8"))
    stamp = " ".join(f"{view}={sha256[:12]}" for view, sha256 in report["weights"].items())
    block = f"<!-- table of weights {stamp} -->\n```text\n{table(report)}\n```\n"
    readme = ROOT / "README.md"
    text = BETWEEN_MARKERS.sub(lambda match: match[1] + block + match[2], readme.read_text(encoding="utf-8"))
    with atomic_path(readme) as path:
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

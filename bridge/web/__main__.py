"""What `python -m bridge.web` runs."""

from bridge.web import main
from losscal.cli import run

if __name__ == "__main__":
    run(main)

"""What `python -m bridge.listen` runs."""

from bridge.listen import main
from losscal.cli import run

if __name__ == "__main__":
    run(main)

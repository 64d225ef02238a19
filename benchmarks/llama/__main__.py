"""`python -m benchmarks.llama train`: see `benchmarks.llama.peer`."""

from benchmarks.llama.peer import main
from losscal.cli import run

if __name__ == "__main__":
    run(main)

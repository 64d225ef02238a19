"""The machine that tests run on, and the machines that it is made to look like.

`python tests/machine.py` runs the tests that depend on the processor's kernels, its threads and its rounding, or on
libfluidsynth, under each of CONDITIONS, and tells how many passed.
"""

import functools
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "FBGEMM_ENABLE_INSTRUCTIONS": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
"""ATEN_CPU_CAPABILITY chooses torch's own kernels, the others those of the libraries that multiply matrices for it."""
CONDITIONS: dict[str, tuple[str, dict[str, str]]] = {
    "as it is": ("processor or fluidsynth", ONE_THREAD),
    "AVX2": ("processor", {**AVX2, **ONE_THREAD}),
    "no vectors": (
        "processor",
        {
            "ATEN_CPU_CAPABILITY": "default",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            **ONE_THREAD,
        },
    ),
    # Threads that wait without spinning do not stand in each other's way where other programs keep the cores busy.
    "two threads": ("processor", {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"}),
    "no FBGEMM": ("processor", {"PYTHONPATH": str(TESTS / "without" / "fbgemm"), **ONE_THREAD}),
    "no libfluidsynth": ("fluidsynth", {"PYTHONPATH": str(TESTS / "without" / "fluidsynth"), **ONE_THREAD}),
}
"""Name -> the tests it is run with, the environment that makes this machine look like it."""


@functools.cache
def has_fluidsynth() -> bool:
    """Whether MIDI files can be rendered here."""
    from bridge.synthesis.synthesiser import fluidsynth_version
    from losscal.errors import InputError

    try:
        return bool(fluidsynth_version())
    except InputError:
        return False


def described() -> str:
    """The processor and what this process uses of it."""
    import torch

    fbgemm = hasattr(torch, "fbgemm_pack_gemm_matrix_fp16")
    return ", ".join(
        (
            processor_name(),
            f"kernels {torch.backends.cpu.get_cpu_capability()}",
            f"threads {torch.get_num_threads()}",
            f"torch {torch.__version__}",
            "FBGEMM" if fbgemm else "no FBGEMM",
            "libfluidsynth" if has_fluidsynth() else "no libfluidsynth",
        )
    )


def processor_name() -> str:
    """The name that the processor gives itself, where Linux tells it."""
    information = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", information.read_text(), re.MULTILINE) if information.exists() else None
    return named[1] if named else platform.machine()


def main() -> int:
    """Run the tests under every condition; 1 where one of them fails."""
    failed = False
    for name, (marked, environment) in CONDITIONS.items():
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-v", "-m", marked, "-p", "no:cacheprovider"],
            cwd=TESTS.parent,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        machine = re.search(r"^machine: (.+)$", run.stdout, re.MULTILINE)
        sys.stdout.write(f"{name}: {run.stdout.splitlines()[-1]} ({machine[1] if machine else 'no machine told'})\n")
        if run.returncode:
            failed = True
            sys.stdout.write(run.stdout)
        sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

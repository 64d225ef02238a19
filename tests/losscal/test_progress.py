"""A command shows its loops on the terminal, or to whoever is watching it."""

from tqdm import tqdm

from losscal.processes.progress import bar, watching


def test_a_bar_is_tqdms_where_nobody_watches():
    loop = bar(desc="scoring", unit="item")(range(3), total=3)
    assert isinstance(loop, tqdm) and list(loop) == [0, 1, 2]


def test_who_is_watching_sees_the_loop_instead_with_all_that_is_told_of_it():
    seen = []

    def progress(steps, **told):
        seen.append(told)
        return steps

    with watching(progress):
        assert list(bar(desc="scoring", unit="item")(range(3), total=3)) == [0, 1, 2]
    assert seen == [{"desc": "scoring", "unit": "item", "total": 3}]

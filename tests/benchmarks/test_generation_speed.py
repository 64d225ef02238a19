"""The generation benchmarks run on tiny models and print what they promise."""

from benchmarks import generation_speed


def test_rates_stand_beside_the_peers_at_each_batch(tiny_weights, monkeypatch):
    monkeypatch.setattr(generation_speed, "READ_FLOATS", 1000)
    monkeypatch.setattr(generation_speed, "which", lambda _: None)  # compiling takes half a minute
    rows = generation_speed.rate_rows(tiny_weights, notes=5, rounds=1)
    assert [row[:2] for row in rows] == [[name, batch] for name in ("llama", "events", "vqvae") for batch in "18"]
    assert [row[3] for row in rows[:2]] == ["1.0", "1.0"]
    assert [row[4] == "" for row in rows] == [False] * 4 + [True] * 2

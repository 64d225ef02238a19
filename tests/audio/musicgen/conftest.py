"""A checkpoint of the tiny MusicGen on disk."""

import pytest
from tiny_musicgen import random_model, save_tokenizer


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    random_model().save_pretrained(folder)
    save_tokenizer(folder)
    return folder

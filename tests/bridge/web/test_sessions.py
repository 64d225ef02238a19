"""Sessions: folders apart, and gone when the person goes."""

import stat

from bridge.web.sessions import Sessions


def test_sessions_have_private_folders_that_cannot_be_guessed(tmp_path):
    sessions = Sessions(tmp_path)
    ann, ben = sessions.of("ann"), sessions.of("ben")
    assert sessions.of("ann") is ann and ann.folder != ben.folder
    for session in (ann, ben):
        assert stat.S_IMODE(session.folder.stat().st_mode) == 0o700
        assert len(session.folder.name) > 20 and "ann" not in session.folder.name


def test_what_was_a_persons_goes_with_her_and_what_others_share_stays(tmp_path):
    sessions = Sessions(tmp_path)
    example = tmp_path / "example.mid"
    example.touch()
    sessions.protect_uploads()
    hers, shared = tmp_path / "hers.mid", tmp_path / "shared.mid"
    for path in (hers, shared):
        path.touch()
    sessions.keep_uploads("ann", [hers, shared, example])
    sessions.keep_uploads("ben", [shared])
    folder = sessions.of("ann").folder
    (folder / "result.json").touch()
    with sessions.of("ann").job() as stop, sessions.of("ben").job() as other:
        sessions.end("ann")
        assert stop.is_set() and not other.is_set()
    assert not folder.exists() and not hers.exists() and shared.exists() and example.exists()
    sessions.close()
    assert not shared.exists() and sorted(tmp_path.iterdir()) == [example]

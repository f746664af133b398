"""What streaming services do to the level of a song."""

from ai_mixer.mixing.streaming_preview import SERVICES, describe_preview, preview


def test_loud_songs_are_turned_down_to_the_target_by_all():
    for name, values in preview(-8.0, 0.3).items():
        assert values["loudness_lufs"] == SERVICES[name].target_lufs
        assert values["true_peak_db"] == round(0.3 + values["gain_db"], 1)


def test_quiet_songs_are_turned_up_by_some_as_far_as_peaks_allow():
    quiet = preview(-24.0, -4.0)
    assert quiet["YouTube"]["gain_db"] == 0
    assert quiet["Spotify"]["gain_db"] == 3.0
    assert quiet["Spotify"]["true_peak_db"] == -1.0
    assert preview(-24.0, 0.5)["Spotify"]["gain_db"] == 0


def test_services_that_do_the_same_share_a_line():
    lines = describe_preview(preview(-10.0, 0.0))
    assert lines[0] == (
        "Spotify, YouTube, Tidal, Amazon Music: −4.0 dB → −14.0 LUFS, peak −4.0 dBTP"
    )
    assert len(lines) == 3

from ai_mixer.models.toy import Toy


def test_one_layer():
    assert len(list(Toy(10, 44100).parameters())) == 2

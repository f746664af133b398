"""The plug-in listens: a bare CLAP host, with a service in the test or none."""

import re
import shutil
import socket
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from ai_mixer.app.plugin_service import SOCKET, PluginService
from ai_mixer.plugin.identity import parameter_id
from helpers.engine import Job, expected, music
from helpers.listen import running, short_home
from helpers.measures import residual_db
from helpers.plugins import Host

pytestmark = pytest.mark.slow  # the plug-in is compiled: 50 s
RATE, FRAMES = 8000, 20 * 8000
IDLE, LISTENING, ASKING, DONE, NO_SERVICE, NO_ANSWER, REFUSED, UNSUPPORTED, UNCHANGED = range(9)
LISTEN, STATUS = parameter_id("listen"), parameter_id("listen_status")
ANSWER = {"input_gain": 2.0, "low_eq": 3.0, "reverb": 0.25, "compressor_ratio": 3.0}
BLOCKS = ["process 8000", "sleep 25"] * 20
START = [f"event 0 {LISTEN} 1", "process 800", "main"]
END_MS = 30_000  # of a loaded machine


@pytest.fixture
def home(monkeypatch):
    with short_home() as folder:
        monkeypatch.setenv("HOME", str(folder))
        yield folder


@pytest.fixture
def host(plugin_build, host_programs, tmp_path):
    plugin, folder = plugin_build("classic")
    library = folder / "clap" / f"{plugin.name}.clap"
    return Host([host_programs["clap"], library], plugin, "clap", tmp_path)


def serving(home, predict):
    return running(PluginService(home, predict))


@contextmanager
def raw_service(home, answer):
    """A service that takes the whole request, sends bytes and closes."""
    path = home / SOCKET
    path.parent.mkdir(parents=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve():
        connection, _ = server.accept()
        with connection:
            left = 4 * FRAMES * 2
            while left > 0 and (data := connection.recv(1 << 16)):
                left -= len(data)
            connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield
    thread.join(5)
    server.close()


def song():
    return music(Job(RATE, 2, 128, [("p", FRAMES + 16_000)]), 1)


def listen(host, before=(), after=(), audio=None, status=DONE, blocks=BLOCKS):
    """Listen until a status; returns the output and what the host printed after that."""
    commands = [*before, *START, *blocks, f"until {STATUS} {status} {END_MS}", *after]
    played, printed = host.play(song() if audio is None else audio, 2, commands, RATE)
    assert printed[0] == "reached", printed
    return played, printed[1:]


def value(host, name, number):
    return f"value {parameter_id(name)} {host.number(name, number):.17g}"


def test_an_answer_that_moves_no_knob_has_a_status_of_its_own(host, home):
    with serving(home, lambda request: {}):
        _, printed = listen(host, after=["process 800", "events"], status=UNCHANGED)
    assert not [line for line in printed if line.startswith("begin")]


def test_answer_sets_knobs_with_gestures(host, home):
    received = []

    def predict(request):
        received.append(request)
        return ANSWER

    audio = song()
    with serving(home, predict):
        after = ["process 800", f"get {LISTEN}", "allocations", "events", "thread"]
        _, printed = listen(host, after=after, audio=audio)
    assert printed[:2] == ["0", "0"]
    assert printed[-1] == "1"
    events = [line for line in printed[2:-1] if "unrecorded" not in line]
    wanted = []
    for name in host.plugin.chain.names:
        if name in ANSWER:
            number = parameter_id(name)
            wanted += [f"begin {number}", value(host, name, ANSWER[name]), f"end {number}"]
    assert events == wanted
    shown = [line for line in printed if "unrecorded" in line]
    assert f"value {STATUS} {DONE} unrecorded" in shown
    assert f"value {LISTEN} 0 unrecorded" in shown
    (request,) = received
    assert (request.plugin.console, request.sample_rate, request.locked) == ("classic", RATE, {})
    assert np.array_equal(request.audio.T, audio[:, 800 : 800 + FRAMES])


def test_sound_is_that_of_the_answer(host, home):
    """Null with the stream, the knobs set where the host got the answer."""
    audio, index = song(), host.plugin.chain.names.index
    with serving(home, lambda request: ANSWER):
        played, _ = listen(host, after=["process 8000"], audio=audio)
    received = audio[:, : played.shape[1]]
    commands = [("k", index(name), number) for name, number in ANSWER.items()]
    job = Job(RATE, 2, 128, [("p", 800 + FRAMES), *commands, ("p", 8000)])
    assert residual_db(played, expected(host.plugin.chain, job, received)) <= -110


def test_locked_knobs_stay_and_are_told_to_the_service(host, home, tmp_path):
    lock, asked = parameter_id("lock_low_eq"), {}
    state = tmp_path / "state"

    def predict(request):
        asked.update(request.locked)
        return ANSWER

    with serving(home, predict):
        before = [host.event("low_eq", -2.0), f"event 0 {lock} 1", "process 8"]
        after = ["events", f"get {parameter_id('low_eq')}", f"save {state}"]
        _, printed = listen(host, before, after)
    assert asked == {"low_eq": -2.0}
    assert not [line for line in printed if f" {parameter_id('low_eq')} " in f"{line} "]
    assert value(host, "reverb", 0.25) in printed
    assert float(printed[-1]) == host.number("low_eq", -2.0)
    saved = state.read_text()
    assert "lock_low_eq 1\n" in saved
    assert "listen" not in saved
    fresh = host.run([f"load {state}", f"get {lock}", f"get {LISTEN}", f"get {STATUS}"])
    assert fresh == ["loaded", "1", "0", "0"]


def test_full_queue_of_the_host_gets_the_rest_later(host, home):
    with serving(home, lambda request: ANSWER):
        after = [*["process 8"] * 12, "events"]
        _, printed = listen(host, ["queue 2"], after)
    events = [line.split()[0] for line in printed if "unrecorded" not in line]
    assert events == ["begin", "value", "end"] * len(ANSWER)


def test_silence_is_waited_out(host, home):
    received = []

    def predict(request):
        received.append(request.audio)
        return {}

    audio = song()
    audio[:, :4000] = 0.0
    first = np.abs(audio).max(axis=0).__ge__(1e-3).argmax()
    with serving(home, predict):
        listen(host, ["process 1"], audio=audio, blocks=[*BLOCKS, *BLOCKS[:2]], status=UNCHANGED)
    assert np.array_equal(received[0].T, audio[:, first : first + FRAMES])


def test_without_a_service_the_status_says_so(host, home):
    listened = listen(host, status=NO_SERVICE, after=[f"get {LISTEN}", f"text {STATUS} 4"])[1]
    assert listened == ["0", "Service not found: start ai-mixer listen"]


def test_refusal(host, home):
    def predict(request):
        raise ValueError("no")

    with serving(home, predict):
        listen(host, status=REFUSED)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"settings 200\nai_mixer 1 classic\nlow_eq 3\n",  # ended in between
        b"settings 20\nai_mixer 1 mastering\n",
        b"settings 28\nai_mixer 1 classic\nlow_eq nan\n",
        b"settings 9999999999999999999999\n",
        b"HTTP/1.1 200 OK\n\n",
        b"x" * 200_000,
        bytes(range(256)),
    ],
)
def test_answers_that_are_not_valid_change_nothing(host, home, answer):
    with raw_service(home, answer):
        after = ["events", f"get {parameter_id('low_eq')}"]
        printed = listen(host, status=NO_ANSWER, after=after)[1]
    assert not [line for line in printed if re.match("begin|end", line)]
    assert float(printed[-1]) == host.number("low_eq", 0.0)


def test_values_out_of_range_are_set_to_the_ends(host, home):
    state = b"ai_mixer 1 classic\nlow_eq 99\nunknown 3\n"
    with raw_service(home, b"settings %d\n%s" % (len(state), state)):
        printed = listen(host, after=[f"get {parameter_id('low_eq')}"])[1]
    assert float(printed[-1]) == host.number("low_eq", 6.0)


def test_two_instances_ask_at_once(host, home, tmp_path):
    answers = iter([{"low_eq": 1.0}, {"low_eq": 2.0}])
    both = threading.Barrier(2, timeout=20)

    class Service(PluginService):
        def answer(self, request):
            both.wait()
            return super().answer(request)

    found = []

    def play(name):
        folder = tmp_path / name
        folder.mkdir()
        own = Host(host.command, host.plugin, "clap", folder)
        printed = listen(own, after=[f"get {parameter_id('low_eq')}"])[1]
        found.append(float(printed[-1]))

    with running(Service(home, lambda request: next(answers))):
        threads = [threading.Thread(target=play, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [host.number("low_eq", 1.0), host.number("low_eq", 2.0)]


@pytest.mark.parametrize("end", ["close", "cancel", "rate"])
def test_asking_ends_at_once(host, home, end):
    """Closed while the service takes long: no hang, no leak, no answer later."""
    waiting, release = threading.Event(), threading.Event()

    def predict(request):
        waiting.set()
        release.wait(20)
        return ANSWER

    commands = [*START, *BLOCKS, f"until {STATUS} {ASKING} {END_MS}"]
    if end == "cancel":
        commands += [f"event 0 {LISTEN} 0", "process 8", f"until {STATUS} {IDLE} 300"]
    if end == "rate":
        commands += ["stop", "start 16000 8192", "process 8", f"get {STATUS}"]
    if shutil.which("valgrind"):
        host.command = [
            *("valgrind", "-q", "--leak-check=full", "--error-exitcode=9"),
            *("--errors-for-leak-kinds=definite,possible", *host.command),
        ]
        commands = [re.sub("sleep 25", "sleep 200", line) for line in commands]
    with serving(home, predict):
        _, printed = host.play(song(), 2, commands, RATE)
        assert waiting.is_set()
        release.set()
    after = {"close": [], "cancel": ["reached"], "rate": [str(ASKING)]}[end]
    assert printed == ["reached", *after]


def test_listening_stops_when_it_is_turned_off(host, home):
    commands = [*START, *BLOCKS[:6], f"event 0 {LISTEN} 0", "process 8"]
    commands += [f"until {STATUS} {IDLE} 500", *START, f"get {STATUS}", f"get {LISTEN}"]
    _, printed = host.play(song(), 2, commands, RATE)
    assert printed == ["reached", str(LISTENING), "1"]


def test_engine_is_as_without_listening(host, home):
    """In place, while it listens: the output is that of the same blocks."""
    audio = song()
    played, _ = listen(host, audio=audio, status=NO_SERVICE)
    job = Job(RATE, 2, 128, [("p", played.shape[1])])
    wanted = expected(host.plugin.chain, job, audio[:, : played.shape[1]])
    assert residual_db(played, wanted) <= -110


def test_strip_has_nothing_to_listen_for(plugin_build, host_programs, tmp_path):
    plugin, folder = plugin_build("strip")
    library = folder / "clap" / f"{plugin.name}.clap"
    printed = Host([host_programs["clap"], library], plugin, "clap", tmp_path).run(["list"])
    assert len(printed) == 2 + len(plugin.labels) + 1

"""README of a built engine."""

from ai_mixer.plugin.targets import TARGETS

_USE = {
    "elf": "cc program.c -I. -L. -lai_mixer_engine -Wl,-rpath,'$ORIGIN' -o program",
    "coff": "cc program.c -I. ai_mixer_engine.lib -o program.exe",
    "macho": "cc program.c -I. -L. -lai_mixer_engine -Wl,-rpath,@loader_path -o program",
}
_WASM = """\
The module has no imports. In JavaScript:

```js
const {instance} = await WebAssembly.instantiateStreaming(fetch("ai_mixer_engine.wasm"));
const engine = instance.exports;
engine._initialize();
const mixer = engine.ai_mixer_create(44100, 128, 2);
const samples = engine.malloc(4 * 2 * 128), rows = engine.malloc(4 * 2);
new Uint32Array(engine.memory.buffer, rows, 2).set([samples, samples + 4 * 128]);
engine.ai_mixer_set_knob(mixer, 2, 3.0);                       // knobs.json has names and units
new Float32Array(engine.memory.buffer, samples, 2 * 128).set(input);
engine.ai_mixer_process(mixer, rows, rows, 128);               // in place
```

`engine.memory.buffer` is another object after the memory has grown (`ai_mixer_create`, `malloc`).
"""


def readme(console: str, ranges: str, target: str) -> str:
    """Page of use of the console for a target."""
    kind = TARGETS[target].kind
    use = _WASM if kind == "wasm" else f"```sh\n{_USE[kind]}\n```\n"
    untried = "\nThis target is linked but was never run.\n" if kind == "macho" else ""
    return (
        f"# ai_mixer engine: console {console}, ranges {ranges}, {target}\n\n"
        "- `ai_mixer_engine.h`: the interface, with all units and limits\n"
        f"- `{TARGETS[target].library}`: shared library; `libai_mixer_engine.a`: static library\n"
        "- `knobs.json`: knobs with their units and ranges\n\n"
        f"{use}{untried}\n"
        "Neither Python nor numba is needed. Apache-2.0, as ai_mixer.\n"
    )

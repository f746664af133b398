"""README and licences beside built plug-ins."""

from collections.abc import Sequence
from pathlib import Path

from ai_mixer.plugin.targets import TARGETS

_FOLDERS = {
    "elf": ("~/.vst3", "~/.clap", "~/.lv2"),
    "coff": (
        r"C:\Program Files\Common Files\VST3",
        r"C:\Program Files\Common Files\CLAP",
        r"C:\Program Files\Common Files\LV2",
    ),
    "macho": (
        "~/Library/Audio/Plug-Ins/VST3",
        "~/Library/Audio/Plug-Ins/CLAP",
        "~/Library/Audio/Plug-Ins/LV2",
    ),
}


def plugin_readme(names: Sequence[str], target: str) -> str:
    """Page about the plug-ins of a target."""
    kind = TARGETS[target].kind
    vst3, clap, lv2 = _FOLDERS[kind]
    untried = "\nThese plug-ins are linked but were never run.\n" if kind == "macho" else ""
    return (
        f"# ai_mixer plug-ins: {target}\n\n"
        f"{', '.join(names)}. Copy each to the folder of its format, then scan for plug-ins in the "
        "DAW:\n\n"
        "| files | folder |\n|---|---|\n"
        f"| `vst3/*` | `{vst3}` |\n| `clap/*` | `{clap}` |\n| `lv2/*` | `{lv2}` |\n\n"
        "They need neither Python nor another library. The window is the generic one of the DAW. "
        "Licences: LICENSES.txt.\n"
        f"{untried}"
    )


def licences(dpf: Path) -> str:
    """Licences of the plug-ins: ours and those of the headers."""
    text = (dpf / "LICENSE").read_text(encoding="utf-8") if (dpf / "LICENSE").is_file() else _ISC
    return (
        "ai_mixer: Apache-2.0, https://www.apache.org/licenses/LICENSE-2.0\n\n"
        "The plug-ins are compiled with these headers:\n\n"
        "VST3 (travesty, of DPF, the DISTRHO Plugin Framework): ISC\n"
        "Copyright (C) 2012-2022 Filipe Coelho <falktx@falktx.com>\n\n"
        "LV2: ISC\n"
        "Copyright 2006-2020 Steve Harris, David Robillard; based on LADSPA, copyright 2000-2002 "
        "Richard W.E. Furse, Paul Barton-Davis, Stefan Westerfeld\n\n"
        f"{text}\n"
        "CLAP: MIT\nCopyright (c) 2014-2022 Alexandre BIQUE\n\n"
        f"{_MIT}"
    )


_ISC = """\
Permission to use, copy, modify, and/or distribute this software for any purpose with or without
fee is hereby granted, provided that the above copyright notice and this permission notice appear
in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS
SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE
AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT,
NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE
OF THIS SOFTWARE.
"""
_MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

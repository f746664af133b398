"""C source of what `c/plugin.h` declares for each console."""

from collections.abc import Sequence

from ai_mixer.plugin.build import c_string
from ai_mixer.plugin.identity import BYPASS, URL, Plugin
from ai_mixer.plugin.labels import Label


def plugin_table(plugin: Plugin) -> str:
    """C source with the names and identifiers of a plug-in."""
    own = [*plugin.labels, Label(BYPASS, "Bypass", "", "unit")]
    rows = [
        f"    {{{c_string(label.name)}, {c_string(label.title)}, {c_string(label.group)}, "
        f"SHOW_{label.display.upper()}}},\n"
        for label in own
    ]
    words = ", ".join(f"0x{plugin.uid[at : at + 8]}" for at in range(0, 32, 8))
    return (
        "#include <travesty/base.h>\n\n"
        '#include "plugin.h"\n\n'
        f"static const plugin_label labels[] = {{\n{''.join(rows)}}};\n"
        f"static const char *const features[] = {_strings(plugin.clap_features)};\n"
        f"static const char *const groups[] = {_strings(plugin.groups)};\n"
        "const plugin_info ai_mixer_plugin = {\n"
        f"    .name = {c_string(plugin.name)},\n"
        f"    .id = {c_string(plugin.id)},\n"
        f"    .uri = {c_string(plugin.uri)},\n"
        f"    .version = {c_string(plugin.version)},\n"
        f"    .url = {c_string(URL)},\n"
        f"    .vst3_categories = {c_string(plugin.vst3_categories)},\n"
        "    .clap_features = features,\n"
        "    .groups = groups,\n"
        f"    .vst3_class = V3_ID({words}),\n"
        f"    .listens = {str(plugin.listens).lower()},\n"
        "    .labels = labels};\n"
    )


def _strings(texts: Sequence[str]) -> str:
    """Initialiser of an array of strings that ends with NULL."""
    return "{" + "".join(f"{c_string(text)}, " for text in texts) + "NULL}"

/* CLAP: the state, with locks of knobs behind the values. */
#include <stdlib.h>

#include "clap_plugin.h"

static bool save(const clap_plugin_t *clap, const clap_ostream_t *stream) {
    char *state = malloc(STATE_BYTES);
    size_t length = state ? plugin_save(self_of(clap)->plugin, state, STATE_BYTES) : 0, at = 0;
    if (length) length = clap_listen_save(self_of(clap), state, length);
    while (at < length) {
        int64_t written = stream->write(stream, state + at, length - at);
        if (written <= 0) break;
        at += (size_t)written;
    }
    free(state);
    return length > 0 && at == length;
}

static bool load(const clap_plugin_t *clap, const clap_istream_t *stream) {
    char *state = malloc(STATE_BYTES);
    int64_t length = 0, got = 1;
    while (state && length < STATE_BYTES &&
           (got = stream->read(stream, state + length, (uint64_t)(STATE_BYTES - length))) > 0)
        length += got;
    bool loaded = state && got == 0 && plugin_load(self_of(clap)->plugin, state, (size_t)length);
    if (loaded) clap_listen_load(self_of(clap), state, (size_t)length);
    free(state);
    return loaded;
}

const clap_plugin_state_t clap_state = {save, load};

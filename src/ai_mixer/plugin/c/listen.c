/* Listen: the ring, and what the audio thread and the main thread do. */
#include <math.h>
#include <stdlib.h>

#include "listen_state.h"

#define ROUNDING 1e-5 /* of a position: values of an answer have four decimals */

const char *const listen_status_names[LISTEN_STATUS_COUNT] = {
    "Idle",
    "Listening",
    "Asking",
    "Done",
    "Service not found: start ai-mixer listen",
    "No valid answer: see ai-mixer listen",
    "Refused: see ai-mixer listen",
    "Not on Windows",
    "Done, nothing to change"};

listener *listen_create(const plugin *p, void (*changed)(void *), void *context) {
    listener *l = calloc(1, sizeof *l + (size_t)ai_mixer_knob_count() * sizeof l->knobs[0]);
    if (!l) return NULL;
    l->plugin = p;
    l->changed = changed;
    l->context = context;
    return l;
}

void listen_destroy(listener *l) {
    if (!l) return;
    listen_stop_worker(l);
    free(l->ring);
    free(l);
}

bool listen_prepare(listener *l, double rate, int32_t channels) {
    bool again = atomic_load(&l->status) == LISTEN_LISTENING;
    if (again) listen_stop_worker(l);
    if (!l->ring) l->ring = calloc((size_t)RING_FRAMES * 2, sizeof *l->ring);
    l->rate = rate;
    l->channels = channels;
    atomic_store(&l->wanted, again || listen_get(l));
    if (again && l->ring) listen_start_worker(l);
    return l->ring != NULL;
}

void listen_take(listener *l, const float *const *in, int32_t samples) {
    if (atomic_load(&l->status) != LISTEN_LISTENING) return;
    uint32_t written = atomic_load(&l->written);
    uint32_t space = RING_FRAMES - (written - atomic_load(&l->read));
    uint32_t count = (uint32_t)samples < space ? (uint32_t)samples : space; /* others are left out */
    for (uint32_t i = 0; i < count; i++)
        for (int32_t c = 0; c < l->channels; c++)
            l->ring[(written + i) % RING_FRAMES * l->channels + c] = in[c][i];
    atomic_store(&l->written, written + count);
}

bool listen_set(listener *l, bool on) {
    if (on == atomic_load(&l->wanted)) return false;
    atomic_store(&l->wanted, on);
    atomic_store(&l->started, on);
    return on;
}

void listen_run(listener *l) {
    if (!atomic_exchange(&l->started, false)) return;
    listen_stop_worker(l); /* the one of an earlier time */
    atomic_store(&l->wanted, true);
    listen_start_worker(l);
}

bool listen_get(const listener *l) { return atomic_load(&l->wanted); }

listen_status listen_get_status(const listener *l) {
    return (listen_status)atomic_load(&l->status);
}

bool listen_locked(const listener *l, int32_t knob) { return atomic_load(&l->knobs[knob].locked); }

void listen_lock(listener *l, int32_t knob, bool locked) {
    atomic_store(&l->knobs[knob].locked, locked);
}

bool listen_moves(const listener *l, int32_t knob, double value) {
    double move = plugin_position(knob, value) - plugin_position(knob, plugin_get(l->plugin, knob));
    return fabs(move) > ROUNDING && !listen_locked(l, knob);
}

bool listen_answered(listener *l, double *values) {
    if (!atomic_exchange(&l->answered, false)) return false;
    for (int32_t k = 0; k < ai_mixer_knob_count(); k++) values[k] = atomic_load(&l->knobs[k].answer);
    return true;
}

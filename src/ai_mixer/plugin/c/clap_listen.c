/* CLAP: parameters that lock knobs, start listening and show its status; the events of an answer.
 * A lock is for an effect: a group of knobs, or the only one. */
#include "clap_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "Listen"
#define LOCK_BYTES 128
#define EVENTS_PER_KNOB 3 /* begin of a gesture, value, end */

static bool same_effect(int32_t knob, int32_t other) {
    const plugin_label *labels = ai_mixer_plugin.labels;
    return knob == other || (*labels[knob].group && !strcmp(labels[knob].group, labels[other].group));
}

/* First knob of the effect of a lock; -1: there is no such lock. */
static int32_t first_knob(int32_t lock) {
    for (int32_t k = 0; k < ai_mixer_knob_count(); k++)
        if ((k == 0 || !same_effect(k, k - 1)) && lock-- == 0) return k;
    return -1;
}

static int32_t lock_count(void) {
    int32_t count = 0;
    while (first_knob(count) >= 0) count++;
    return count;
}

static void lock_name(int32_t lock, char name[LOCK_BYTES]) {
    snprintf(name, LOCK_BYTES, "lock_%s", ai_mixer_plugin.labels[first_knob(lock)].name);
}

static void changed(void *context) {
    const instance *self = context;
    const clap_host_params_t *params = self->host->get_extension(self->host, CLAP_EXT_PARAMS);
    if (params) params->request_flush(self->host);
}

bool clap_listen_create(instance *self) {
    if (!ai_mixer_plugin.listens) return true;
    int32_t knobs = ai_mixer_knob_count();
    self->locks = lock_count();
    self->send_at = EVENTS_PER_KNOB * knobs;
    self->send = calloc(knobs, sizeof *self->send);
    self->values = calloc(knobs, sizeof *self->values);
    self->listener = listen_create(self->plugin, changed, self);
    return self->send && self->values && self->listener;
}

void clap_listen_destroy(instance *self) {
    listen_destroy(self->listener);
    free(self->send);
    free(self->values);
}

int32_t clap_listen_count(const instance *self) { return self->listener ? self->locks + 2 : 0; }

static clap_id id_of(int32_t index, int32_t locks) {
    char name[LOCK_BYTES];
    if (index >= locks) return plugin_name_id(index == locks ? "listen" : "listen_status");
    lock_name(index, name);
    return plugin_name_id(name);
}

int32_t clap_listen_index(const instance *self, clap_id id) {
    int32_t count = clap_listen_count(self);
    for (int32_t i = 0; i < count; i++)
        if (id_of(i, self->locks) == id) return i;
    return -1;
}

void clap_listen_info(const instance *self, int32_t index, clap_param_info_t *info) {
    int32_t locks = self->locks;
    const plugin_label *label = index < locks ? &ai_mixer_plugin.labels[first_knob(index)] : NULL;
    memset(info, 0, sizeof *info);
    info->id = id_of(index, locks);
    info->flags = CLAP_PARAM_IS_STEPPED;
    if (index > locks) info->flags |= CLAP_PARAM_IS_READONLY;
    info->max_value = index > locks ? LISTEN_STATUS_COUNT - 1 : 1;
    snprintf(info->module, sizeof info->module, GROUP);
    if (label)
        snprintf(info->name, sizeof info->name, "Lock %s",
                 *label->group ? label->group : label->title);
    else
        snprintf(info->name, sizeof info->name, index == locks ? "Listen" : "Status");
}

double clap_listen_get(const instance *self, int32_t index) {
    int32_t locks = self->locks;
    if (index < locks) return listen_locked(self->listener, first_knob(index));
    return index == locks ? listen_get(self->listener) : listen_get_status(self->listener);
}

static void lock_effect(instance *self, int32_t lock, bool on) {
    for (int32_t k = 0, first = first_knob(lock); k < ai_mixer_knob_count(); k++)
        if (same_effect(first, k)) listen_lock(self->listener, k, on);
}

void clap_listen_set(instance *self, int32_t index, double value) {
    int32_t locks = self->locks;
    bool on = value >= 0.5;
    if (index < locks) lock_effect(self, index, on);
    if (index != locks) return; /* the status is read only */
    self->sent[0] = on;
    if (listen_set(self->listener, on)) self->host->request_callback(self->host);
}

const char *clap_listen_text(const instance *self, int32_t index, double value) {
    if (index <= self->locks) return value >= 0.5 ? "On" : "Off";
    bool valid = value >= 0.0 && value < LISTEN_STATUS_COUNT;
    return listen_status_names[valid ? (int)value : LISTEN_IDLE];
}

/* ---- events ---- */

static bool push_value(const clap_output_events_t *out, clap_id id, double number, uint32_t flags) {
    clap_event_param_value_t event = {
        .header = {sizeof event, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, flags},
        .param_id = id, .note_id = -1, .port_index = -1, .channel = -1, .key = -1,
        .value = number};
    return out->try_push(out, &event.header);
}

static bool push_gesture(const clap_output_events_t *out, clap_id id, uint16_t type) {
    clap_event_param_gesture_t event = {
        .header = {sizeof event, 0, CLAP_CORE_EVENT_SPACE_ID, type, 0}, .param_id = id};
    return out->try_push(out, &event.header);
}

static bool push_knob(const instance *self, const clap_output_events_t *out, int32_t event) {
    int32_t knob = event / EVENTS_PER_KNOB;
    clap_id id = plugin_parameter_id(knob);
    switch (event % EVENTS_PER_KNOB) {
    case 0: return push_gesture(out, id, CLAP_EVENT_PARAM_GESTURE_BEGIN);
    case 1: return push_value(out, id, clap_number(knob, plugin_get(self->plugin, knob)), 0);
    default: return push_gesture(out, id, CLAP_EVENT_PARAM_GESTURE_END);
    }
}

static void apply_answer(instance *self) {
    if (!listen_answered(self->listener, self->values)) return;
    for (int32_t k = 0; k < ai_mixer_knob_count(); k++) {
        self->send[k] = listen_moves(self->listener, k, self->values[k]);
        if (self->send[k]) plugin_set(self->plugin, k, self->values[k]);
    }
    self->send_at = 0;
}

void clap_listen_send(instance *self, const clap_output_events_t *out) {
    if (!self->listener) return;
    apply_answer(self);
    if (!out) return;
    int32_t end = EVENTS_PER_KNOB * ai_mixer_knob_count(), locks = self->locks;
    for (; self->send_at < end; self->send_at++) /* a full queue: the rest in the next block */
        if (self->send[self->send_at / EVENTS_PER_KNOB] && !push_knob(self, out, self->send_at))
            return;
    for (int32_t i = 0; i < 2; i++) {
        double now = clap_listen_get(self, locks + i);
        if (now != self->sent[i] &&
            push_value(out, id_of(locks + i, locks), now, CLAP_EVENT_DONT_RECORD))
            self->sent[i] = now;
    }
}

/* ---- state ---- */

size_t clap_listen_save(const instance *self, char *state, size_t length) {
    char name[LOCK_BYTES];
    for (int32_t i = 0; length && i < self->locks; i++) {
        if (clap_listen_get(self, i) < 0.5) continue;
        lock_name(i, name);
        length += (size_t)snprintf(state + length, STATE_BYTES - length, "%s 1\n", name);
        if (length >= STATE_BYTES) return 0;
    }
    return length;
}

void clap_listen_load(instance *self, const char *state, size_t length) {
    char line[LOCK_BYTES + 8], name[LOCK_BYTES];
    for (int32_t i = 0; i < self->locks; i++) {
        lock_name(i, name);
        size_t bytes = (size_t)snprintf(line, sizeof line, "\n%s 1\n", name);
        bool on = false;
        for (size_t at = 0; !on && at + bytes <= length; at++) on = !memcmp(state + at, line, bytes);
        lock_effect(self, i, on);
    }
}

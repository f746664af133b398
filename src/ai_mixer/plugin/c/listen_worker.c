/* Listen: the worker thread. It reads the ring, asks the service and keeps the answer. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "listen_state.h"

#if defined(_WIN32)

void listen_start_worker(listener *l) {
    atomic_store(&l->wanted, false);
    atomic_store(&l->status, LISTEN_UNSUPPORTED);
}

void listen_stop_worker(listener *l) { (void)l; }

#else

#include <signal.h>

/* Input as it was taken: the plug-in may get another rate while the service is asked. */
typedef struct {
    float *audio; /* [frames, channels] */
    size_t frames;
    int32_t channels;
    double rate;
} recording;

static bool audible(const float *frame, int32_t channels) {
    for (int32_t c = 0; c < channels; c++)
        if (fabsf(frame[c]) >= LISTEN_THRESHOLD) return true;
    return false;
}

/* Read frames of input from the first audible one on; false if stopped before. */
static bool capture(listener *l, const recording *r) {
    const struct timespec pause = {0, 10 * 1000 * 1000};
    int32_t channels = r->channels;
    size_t done = 0;
    while (done < r->frames && !listen_stopped(l)) {
        uint32_t read = atomic_load(&l->read), written = atomic_load(&l->written);
        for (; read != written && done < r->frames; read++) {
            const float *frame = l->ring + read % RING_FRAMES * channels;
            if (done == 0 && !audible(frame, channels)) continue;
            for (int32_t c = 0; c < channels; c++)
                r->audio[done * channels + c] = isfinite(frame[c]) ? frame[c] : 0.0f;
            done++;
        }
        atomic_store(&l->read, read);
        if (done < r->frames) nanosleep(&pause, NULL);
    }
    return done == r->frames && !listen_stopped(l);
}

/* Head of the request: what is sent, and the values of locked knobs. */
static char *request_head(const listener *l, const recording *r) {
    char *head = malloc(STATE_BYTES), number[64];
    if (!head) return NULL;
    size_t length = (size_t)snprintf(
        head, STATE_BYTES, "ai_mixer 1 %s\nrate %.0f\nchannels %d\nframes %zu\n",
        ai_mixer_console(), r->rate, (int)r->channels, r->frames);
    for (int32_t k = 0; k < ai_mixer_knob_count(); k++) {
        if (!listen_locked(l, k)) continue;
        plugin_print_number(number, sizeof number, "%.*g", 17, plugin_get(l->plugin, k));
        length += (size_t)snprintf(head + length, STATE_BYTES - length, "locked.%s %s\n",
                                   ai_mixer_plugin.labels[k].name, number);
        if (length >= STATE_BYTES - 1) break;
    }
    snprintf(head + length, STATE_BYTES - length, "\n");
    return head;
}

/* Knobs that the answer leaves out keep their value. */
static listen_status keep_answer(listener *l, const char *answer, size_t length) {
    int32_t count = plugin_parameter_count();
    double *values = calloc(count, sizeof *values);
    for (int32_t k = 0; values && k < count; k++) values[k] = plugin_get(l->plugin, k);
    bool valid = values && plugin_read_state(answer, length, values);
    bool moves = false;
    for (int32_t k = 0; valid && k < ai_mixer_knob_count(); k++) {
        atomic_store(&l->knobs[k].answer, values[k]);
        moves |= listen_moves(l, k, values[k]);
    }
    free(values);
    if (valid) atomic_store(&l->answered, true);
    return !valid ? LISTEN_NO_ANSWER : moves ? LISTEN_DONE : LISTEN_UNCHANGED;
}

static listen_status ask(listener *l, const recording *r) {
    char *head = request_head(l, r), *answer = malloc(STATE_BYTES);
    size_t length = 0;
    listen_status status = LISTEN_NO_ANSWER;
    if (head && answer)
        status = listen_ask(l, head, r->audio, r->frames * (size_t)r->channels, answer, &length);
    if (status == LISTEN_DONE && !listen_stopped(l)) status = keep_answer(l, answer, length);
    free(head);
    free(answer);
    return listen_stopped(l) ? LISTEN_IDLE : status;
}

static void *work(void *context) {
    listener *l = context;
    recording r = {NULL, (size_t)(LISTEN_S * l->rate), l->channels, l->rate};
    r.audio = malloc(r.frames * (size_t)r.channels * sizeof *r.audio);
    listen_status status = r.audio ? LISTEN_IDLE : LISTEN_NO_ANSWER;
    if (r.audio && capture(l, &r)) {
        atomic_store(&l->status, LISTEN_ASKING);
        l->changed(l->context);
        status = ask(l, &r);
    }
    free(r.audio);
    atomic_store(&l->status, status);
    atomic_store(&l->wanted, false);
    l->changed(l->context);
    return NULL;
}

void listen_start_worker(listener *l) {
    sigset_t all, before;
    const char *home = getenv("HOME");
    int length = snprintf(l->path, sizeof l->path, "%s%s", home ? home : "", SOCKET_PATH);
    if (!home || length >= (int)sizeof l->path) l->path[0] = 0;
    atomic_store(&l->cancelled, false);
    atomic_store(&l->answered, false);
    atomic_store(&l->read, atomic_load(&l->written));
    atomic_store(&l->status, LISTEN_LISTENING);
    if (!l->ring) return; /* listen_prepare starts again */
    sigfillset(&all); /* signals are those of the host's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    l->has_thread = pthread_create(&l->thread, NULL, work, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (l->has_thread) return;
    atomic_store(&l->wanted, false);
    atomic_store(&l->status, LISTEN_NO_ANSWER);
}

void listen_stop_worker(listener *l) {
    if (!l->has_thread) return;
    atomic_store(&l->cancelled, true);
    pthread_join(l->thread, NULL);
    l->has_thread = false;
}

#endif

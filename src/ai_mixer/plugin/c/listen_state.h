/* The listener inside: what the audio thread, the main thread and the worker share. */
#ifndef AI_MIXER_LISTEN_STATE_H
#define AI_MIXER_LISTEN_STATE_H

#include "listen.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif

#define RING_FRAMES 65536u /* 0.3 s at 192 kHz; the worker reads each 10 ms */
#define SOCKET_PATH "/.cache/ai_mixer/listen.sock" /* below the home folder */
#define SOCKET_PATH_BYTES 108                      /* of Linux, with its end */

struct listener {
    const plugin *plugin;
    void (*changed)(void *);
    void *context;
    double rate;
    int32_t channels;
    float *ring; /* [RING_FRAMES, channels] */
    atomic_uint written, read; /* frames since the start, modulo 2^32 */
    atomic_bool wanted, started, cancelled, answered;
    atomic_int status;
#if !defined(_WIN32)
    pthread_t thread;
    bool has_thread;
    char path[SOCKET_PATH_BYTES];
#endif
    struct {
        _Atomic double answer;
        atomic_bool locked;
    } knobs[];
};

static inline bool listen_stopped(const listener *l) {
    return atomic_load(&l->cancelled) || !atomic_load(&l->wanted);
}

/* Ask the service: `header`, then audio; DONE with the settings as text, or why not. */
listen_status listen_ask(const listener *, const char *header, const float *audio, size_t count,
                         char answer[STATE_BYTES], size_t *length);

/* The worker thread. */
void listen_start_worker(listener *);
void listen_stop_worker(listener *);

#endif

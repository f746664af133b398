/* Listen: some seconds of the input go to the service `ai-mixer listen`, which answers with settings.
 *
 * The audio thread writes to a ring; a worker thread reads it, asks the service over a Unix socket
 * and keeps the answer until listen_answered takes it. No function waits for the worker except
 * listen_destroy, listen_run and listen_prepare, which wait 0.1 s at most. */
#ifndef AI_MIXER_LISTEN_H
#define AI_MIXER_LISTEN_H

#include "plugin.h"

#define LISTEN_S 20          /* length of the input that is sent */
#define LISTEN_THRESHOLD 1e-3f /* -60 dBFS: quieter input in front of it is left out */

typedef enum {
    LISTEN_IDLE,
    LISTEN_LISTENING,
    LISTEN_ASKING,
    LISTEN_DONE,
    LISTEN_NO_SERVICE,
    LISTEN_NO_ANSWER, /* or one that is not valid */
    LISTEN_REFUSED,
    LISTEN_UNSUPPORTED,
    LISTEN_UNCHANGED, /* done, and no knob moves */
    LISTEN_STATUS_COUNT
} listen_status;
extern const char *const listen_status_names[LISTEN_STATUS_COUNT];

typedef struct listener listener;

/* changed: called on the worker thread after its last change. NULL: not enough memory. */
listener *listen_create(const plugin *, void (*changed)(void *context), void *context);
void listen_destroy(listener *); /* main thread */

/* Rate and channels of the input; listening starts again. Not while processing. Main thread. */
bool listen_prepare(listener *, double rate, int32_t channels);
/* The input of a block. Audio thread. */
void listen_take(listener *, const float *const *in, int32_t samples);

/* Start, or stop without an answer; true if listen_run is to be called. Any thread. */
bool listen_set(listener *, bool on);
void listen_run(listener *); /* main thread */
bool listen_get(const listener *);  /* whether it listens or asks */
listen_status listen_get_status(const listener *);

/* Knobs that keep their value. Any thread. */
bool listen_locked(const listener *, int32_t knob);
void listen_lock(listener *, int32_t knob, bool locked);

/* Whether a value of an answer moves a knob: it is not locked, and not there already. */
bool listen_moves(const listener *, int32_t knob, double value);
/* Take an answer, [knobs], in their units; false if there is none. Audio thread. */
bool listen_answered(listener *, double *values);

#endif

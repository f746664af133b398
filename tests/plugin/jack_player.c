/* Play a file through another JACK client, faster than real time, and record what it puts out:
 *
 *     jack_player CLIENT IN OUT CHANNELS INPUT_PORT... OUTPUT_PORT...
 *
 * IN and OUT are planar float32. Source and sink are two clients, so that the graph has no loop and
 * both see the same cycle. Declared here, as the test needs only the library of JACK. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_CHANNELS = 2, IS_INPUT = 1, IS_OUTPUT = 2, WAIT_MS = 20000 };
typedef struct _jack_client jack_client_t;
typedef struct _jack_port jack_port_t;
typedef int (*callback)(uint32_t frames, void *context);
jack_client_t *jack_client_open(const char *name, int options, int *status, ...);
int jack_client_close(jack_client_t *);
int jack_set_process_callback(jack_client_t *, callback, void *context);
jack_port_t *jack_port_register(jack_client_t *, const char *name, const char *type,
                                unsigned long flags, unsigned long size);
void *jack_port_get_buffer(jack_port_t *, uint32_t frames);
const char *jack_port_name(const jack_port_t *);
int jack_activate(jack_client_t *);
int jack_connect(jack_client_t *, const char *from, const char *to);
int jack_set_freewheel(jack_client_t *, int on);
int jack_set_freewheel_callback(jack_client_t *, void (*)(int on, void *), void *context);
uint32_t jack_last_frame_time(const jack_client_t *);

static jack_client_t *source, *sink;
static jack_port_t *sources[MAX_CHANNELS], *sinks[MAX_CHANNELS];
static float *input, *output;
static int channels;
static long frames;
static volatile int freewheeling, playing, done;
static volatile uint32_t start;

static void pause_ms(long ms) {
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static int play(uint32_t count, void *context) {
    (void)context;
    uint32_t now = jack_last_frame_time(source);
    if (playing == 1) start = now, playing = 2;
    for (int c = 0; c < channels; c++) {
        float *to = jack_port_get_buffer(sources[c], count);
        long at = (long)(now - start);
        for (uint32_t i = 0; i < count; i++, at++)
            to[i] = playing == 2 && at < frames ? input[c * frames + at] : 0.0f;
    }
    return 0;
}

static int record(uint32_t count, void *context) {
    (void)context;
    if (playing != 2) return 0;
    long at = (long)(jack_last_frame_time(sink) - start);
    for (int c = 0; c < channels; c++) {
        const float *from = jack_port_get_buffer(sinks[c], count);
        for (uint32_t i = 0; i < count && at + i < frames; i++)
            output[c * frames + at + i] = from[i];
    }
    done = at + count >= frames;
    return 0;
}

static void freewheel(int on, void *context) {
    (void)context;
    freewheeling = on;
}

static jack_client_t *client(const char *name, callback process, jack_port_t **ports, int kind) {
    int status;
    jack_client_t *opened = jack_client_open(name, 1, &status); /* starts no server */
    if (!opened) exit(3);
    for (int c = 0; c < channels; c++) {
        char port[24];
        snprintf(port, sizeof port, "port_%d", c);
        ports[c] = jack_port_register(opened, port, "32 bit float mono audio", kind, 0);
    }
    jack_set_process_callback(opened, process, NULL);
    jack_set_freewheel_callback(opened, freewheel, NULL);
    if (jack_activate(opened)) exit(4);
    return opened;
}

/* A client that starts may have its port before it can be connected. */
static void connect_ports(const char *from, const char *to) {
    for (long ms = 0; jack_connect(source, from, to); ms += 20) {
        if (ms > WAIT_MS) exit(5);
        pause_ms(20);
    }
}

int main(int count, char **arguments) {
    if (count < 5 || count != 5 + 2 * (channels = atoi(arguments[4]))) return 2;
    FILE *file = fopen(arguments[2], "rb");
    fseek(file, 0, SEEK_END);
    frames = ftell(file) / (long)sizeof(float) / channels;
    rewind(file);
    input = malloc(sizeof(float) * frames * channels);
    output = calloc(frames * channels, sizeof(float));
    if (fread(input, sizeof(float) * channels, frames, file) != (size_t)frames) return 2;
    fclose(file);
    source = client("source", play, sources, IS_OUTPUT);
    sink = client("sink", record, sinks, IS_INPUT);
    for (int c = 0; c < 2 * channels; c++) {
        char port[256];
        snprintf(port, sizeof port, "%s:%s", arguments[1], arguments[5 + c]);
        if (c < channels)
            connect_ports(jack_port_name(sources[c]), port);
        else
            connect_ports(port, jack_port_name(sinks[c - channels]));
    }
    pause_ms(200);
    jack_set_freewheel(sink, 1);
    for (long ms = 0; !freewheeling && ms < WAIT_MS; ms += 10) pause_ms(10);
    playing = 1;
    for (long ms = 0; !done && ms < WAIT_MS; ms += 10) pause_ms(10);
    jack_set_freewheel(sink, 0);
    jack_client_close(source);
    jack_client_close(sink);
    file = fopen(arguments[3], "wb");
    fwrite(output, sizeof(float) * channels, frames, file);
    fclose(file);
    return done ? 0 : 7;
}

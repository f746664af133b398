/* Commands of the bare hosts of the tests, one a line from standard input:
 *
 *   channels CONFIG          choose stereo (0), mono (1), mono to stereo (2) while inactive
 *   start RATE BLOCK         activate and start processing; prints "not active" if refused
 *   stop                     stop processing and deactivate
 *   audio IN OUT C D         files of planar float32, C channels of input and D of output
 *   event TIME ID NUMBER     change a parameter at a sample of the next block
 *   process SAMPLES          process a block
 *   reset
 *   save FILE, load FILE     state; load prints "loaded" or "refused"
 *   text ID NUMBER           print the text of a value
 *   value ID TEXT            print the value of a text, or "refused"
 *   get ID                   print the value of a parameter
 *   reopen TIMES             create and destroy so many instances
 *   allocations              print how often memory was allocated or freed in blocks (Linux)
 *   memory                   print the largest resident memory so far in KiB (Linux)
 *   list                     print latency, ports, parameters
 *
 * CLAP only:
 *   sleep MS
 *   queue EVENTS             accept so many events of a plug-in per block (default: all)
 *   main                     run what the plug-in has requested of the main thread
 *   until ID NUMBER MS       flush until a parameter has a value; prints "reached" or "late"
 *   events                   print the events that the plug-in sent
 *   thread                   print the number of threads (Linux)
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#include <sys/resource.h>
#endif

enum { MAX_EVENTS = 4096, MAX_CHANNELS = 2 };

typedef struct {
    long time;
    uint32_t id;
    double number;
} host_event;

static host_event events[MAX_EVENTS]; /* of the next block */
static uint32_t event_count;
static float *input, *output;
static long frames, at;
static int in_channels = 2, out_channels = 2;

static _Thread_local bool in_block;
static long allocations; /* in blocks */

#if defined(__GLIBC__)
/* The plug-in calls these, because the program exports them (-rdynamic). */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

void *malloc(size_t size) {
    allocations += in_block;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    allocations += in_block;
    return __libc_calloc(count, size);
}
void *realloc(void *memory, size_t size) {
    allocations += in_block;
    return __libc_realloc(memory, size);
}
void free(void *memory) {
    allocations += in_block;
    __libc_free(memory);
}
#endif

/* What a format implements. */
static void host_open(void *entry, const char *path);
static void host_close(void);
static bool host_channels(int config);
static bool host_start(double rate, long block);
static void host_stop(void);
static void host_process(float **in, float **out, long samples);
static void host_reset(void);
static void host_save(FILE *file);
static bool host_load(FILE *file);
static bool host_text(uint32_t id, double number, char text[256]);
static bool host_value(uint32_t id, const char *text, double *number);
static double host_get(uint32_t id);
static void host_reopen(long times);
static void host_list(void);
static bool host_command(const char *line); /* of this format only */

static void fail(const char *what) {
    fprintf(stderr, "host: %s\n", what);
    exit(2);
}

static void *open_library(const char *path, const char *symbol) {
#if defined(_WIN32)
    HMODULE library = LoadLibraryA(path);
    return library ? (void *)GetProcAddress(library, symbol) : NULL;
#else
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* the worst for equal symbols */
    if (!library) fail(dlerror());
    return dlsym(library, symbol);
#endif
}

static void open_audio(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail("no input");
    fseek(file, 0, SEEK_END);
    frames = ftell(file) / (long)sizeof(float) / in_channels;
    rewind(file);
    input = malloc(sizeof(float) * (frames * in_channels + 1));
    output = malloc(sizeof(float) * (frames * out_channels + 1));
    if (fread(input, sizeof(float) * in_channels, frames, file) != (size_t)frames) fail("short");
    fclose(file);
    at = 0;
}

static void process(long samples) {
    float *in[MAX_CHANNELS], *out[MAX_CHANNELS];
    if (at + samples > frames) fail("not enough input");
    for (int c = 0; c < in_channels; c++) in[c] = input + c * frames + at;
    for (int c = 0; c < out_channels; c++) out[c] = output + c * frames + at;
    in_block = true;
    host_process(in, out, samples);
    in_block = false;
    event_count = 0;
    at += samples;
}

static long peak_memory(void) {
#if defined(_WIN32)
    return 0;
#else
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_maxrss;
#endif
}

static void with_state(const char *path, bool save) {
    FILE *file = fopen(path, save ? "wb" : "rb");
    if (!file) fail(path);
    if (save)
        host_save(file);
    else
        puts(host_load(file) ? "loaded" : "refused");
    fclose(file);
}

static void convert(const char *line) {
    unsigned id;
    double number;
    char text[256];
    if (sscanf(line, "text %u %lf", &id, &number) == 2)
        puts(host_text(id, number, text) ? text : "refused");
    else if (sscanf(line, "value %u %255[^\n]", &id, text) == 2 && !host_value(id, text, &number))
        puts("refused");
    else if (sscanf(line, "value %u %255[^\n]", &id, text) == 2)
        printf("%.17g\n", number);
    else if (sscanf(line, "get %u", &id) == 1)
        printf("%.17g\n", host_get(id));
    else
        fail(line);
}

static void obey(const char *line, char *result) {
    char a[2048];
    long n;
    unsigned id;
    double value;
    if (host_command(line)) {
        return;
    } else if (sscanf(line, "channels %ld", &n) == 1) {
        if (!host_channels((int)n)) fail("no such configuration");
    } else if (sscanf(line, "start %lf %ld", &value, &n) == 2) {
        if (!host_start(value, n)) puts("not active");
    } else if (sscanf(line, "audio %2047s %2047s %d %d", a, result, &in_channels,
                      &out_channels) == 4) {
        open_audio(a);
    } else if (sscanf(line, "event %ld %u %lf", &n, &id, &value) == 3) {
        if (event_count == MAX_EVENTS) fail("too many events");
        events[event_count++] = (host_event){n, id, value};
    } else if (sscanf(line, "process %ld", &n) == 1) {
        process(n);
    } else if (sscanf(line, "save %2047s", a) == 1) {
        with_state(a, true);
    } else if (sscanf(line, "load %2047s", a) == 1) {
        with_state(a, false);
    } else if (sscanf(line, "reopen %ld", &n) == 1) {
        host_reopen(n);
    } else if (!strcmp(line, "reset\n")) {
        host_reset();
    } else if (!strcmp(line, "stop\n")) {
        host_stop();
    } else if (!strcmp(line, "memory\n")) {
        printf("%ld\n", peak_memory());
    } else if (!strcmp(line, "allocations\n")) {
        printf("%ld\n", allocations);
    } else if (!strcmp(line, "list\n")) {
        host_list();
    } else {
        convert(line);
    }
}

static int run(int count, char **arguments, const char *symbol) {
    char line[4096], result[2048] = "";
    void *entry = count == 2 ? open_library(arguments[1], symbol) : NULL;
    if (!entry) fail("no plug-in");
    host_open(entry, arguments[1]);
    while (fgets(line, sizeof line, stdin)) obey(line, result);
    host_close();
    FILE *file = *result ? fopen(result, "wb") : NULL;
    for (int c = 0; file && c < out_channels; c++)
        fwrite(output + c * frames, sizeof(float), at, file);
    if (file) fclose(file);
    free(input);
    free(output);
    return 0;
}

/* What the three plug-in formats share: parameters, state, bypass, channels.
 *
 * Functions marked "audio thread" allocate no memory, take no lock and open no file. Parameters are
 * the knobs of the console in its order, then bypass. Values are in the knob's unit. */
#ifndef AI_MIXER_PLUGIN_H
#define AI_MIXER_PLUGIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ai_mixer_engine.h"

#if defined(_WIN32)
#define PLUGIN_EXPORT __declspec(dllexport)
#else
#define PLUGIN_EXPORT __attribute__((visibility("default")))
#endif

#define EVENT_GRID 32        /* samples: changes of parameters apply at its multiples */
#define STATE_BYTES 65536    /* the largest state */
#define TEXT_BYTES 64        /* the longest text of a value, with its end */
#define TAIL_S 10            /* reverb and delay are below -60 dB then */
#define PRIVATE_BLOCK 128    /* samples that the engine processes together */

/* How a value is shown: with its unit, as 20 log10(value) dB, or as 100 value %. */
typedef enum { SHOW_UNIT, SHOW_DECIBELS, SHOW_PERCENT } plugin_display;

typedef struct {
    const char *name;  /* of the knob, in states and presets */
    const char *title; /* for people */
    const char *group; /* "" if none */
    plugin_display display;
} plugin_label;

/* Generated for each console. */
typedef struct {
    const char *name, *id, *uri, *version, *url, *vst3_categories;
    const char *const *clap_features; /* ends with NULL */
    const char *const *groups;        /* ends with NULL */
    uint8_t vst3_class[16];
    const plugin_label *labels; /* [parameters] */
    bool listens;               /* whether `ai-mixer listen` answers this console */
} plugin_info;
extern const plugin_info ai_mixer_plugin;

typedef struct {
    int32_t inputs, outputs;
} plugin_channels;

/* Stereo, mono, mono to stereo; the first is the default. */
enum { CHANNEL_CONFIGS = 3 };
extern const plugin_channels plugin_configs[CHANNEL_CONFIGS];
extern const char *const plugin_config_names[CHANNEL_CONFIGS];

typedef struct plugin plugin;

plugin *plugin_create(void); /* NULL: not enough memory */
void plugin_destroy(plugin *);

/* Start with silence at a rate; false if the engine refuses it. Not for the audio thread. */
bool plugin_prepare(plugin *, double rate, plugin_channels);
bool plugin_prepared(const plugin *);
int32_t plugin_latency(const plugin *); /* samples, 0 before the first plugin_prepare */
void plugin_reset(plugin *);            /* audio thread */

int32_t plugin_parameter_count(void);
int32_t plugin_bypass(void);                     /* index of this parameter */
uint32_t plugin_name_id(const char *name);
uint32_t plugin_parameter_id(int32_t parameter); /* of its name */
int32_t plugin_parameter_index(uint32_t id);     /* -1: none */
double plugin_neutral(int32_t parameter);
double plugin_position(int32_t parameter, double value); /* 0-1 on the knob's scale */
double plugin_value(int32_t parameter, double position);

/* The newest value, from any thread. */
double plugin_get(const plugin *, int32_t parameter);
/* Set a value from the next sample on; NaN is ignored. Audio thread, or while not processing. */
void plugin_set(plugin *, int32_t parameter, double value);
/* As the host shows it; does not change the sound. Main thread. */
void plugin_show(plugin *, int32_t parameter, double value);
/* Values of plugin_load, which runs on another thread: call before each block. Audio thread. */
void plugin_begin(plugin *);
/* Any number of samples; in place too. Audio thread. */
void plugin_process(plugin *, const float *const *in, float *const *out, int32_t samples);

/* State as text; returns its length, at most `bytes`, or 0. */
size_t plugin_save(const plugin *, char *state, size_t bytes);
/* false, and nothing changes, for anything that is not a state of this console. Main thread. */
bool plugin_load(plugin *, const char *state, size_t bytes);
/* Values of a state, [parameters]; those that it leaves out stay. false as above, values are then
 * undefined. */
bool plugin_read_state(const char *state, size_t bytes, double *values);
/* Take values, [parameters], from the next block on. Main thread. */
void plugin_take(plugin *, const double *values);

/* Values in the unit that people see: dB for amplitude ratios, percent for shares. */
double plugin_displayed(int32_t parameter, double value);
double plugin_from_displayed(int32_t parameter, double displayed);
void plugin_to_text(int32_t parameter, double value, char text[TEXT_BYTES]);
bool plugin_from_text(int32_t parameter, const char *text, double *value);
/* Numbers with a decimal point in every locale. Returns false if `text` does not start with one. */
void plugin_print_number(char *text, size_t bytes, const char *format, int digits, double value);
bool plugin_read_number(const char *text, double *value, const char **end);

#endif

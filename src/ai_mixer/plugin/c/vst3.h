/* The plug-in as VST3, by the C interface of DPF's headers: one object is component, processor and
 * controller. Each interface is a pointer to its functions; `self` points to that pointer. */
#ifndef AI_MIXER_VST3_H
#define AI_MIXER_VST3_H

typedef struct v3_event_handler v3_event_handler; /* the headers use the names of C++ */
typedef struct v3_timer_handler v3_timer_handler;
typedef struct v3_unit_info v3_unit_info;
typedef struct v3_program_list_info v3_program_list_info;

#include <travesty/audio_processor.h>
#include <travesty/base.h>
#include <travesty/bstream.h>
#include <travesty/component.h>
#include <travesty/edit_controller.h>
#include <travesty/unit.h>

#include "plugin.h"

typedef struct {
    const struct v3_component *component;
    const struct v3_audio_processor *processor;
    const struct v3_edit_controller *controller;
    const struct v3_unit_information *units;
    plugin *plugin;
    double rate;
    plugin_channels channels;
    atomic_int references;
} vst3;

#define SELF(member, self) ((vst3 *)((char *)(self)-offsetof(vst3, member)))

/* The functions of v3_funknown for an interface of the object. */
#define FUNKNOWN(member)                                                                         \
    static v3_result V3_API member##_query(void *self, const v3_tuid id, void **found) {         \
        return vst3_query(SELF(member, self), id, found);                                        \
    }                                                                                            \
    static uint32_t V3_API member##_ref(void *self) {                                            \
        return (uint32_t)(atomic_fetch_add(&SELF(member, self)->references, 1) + 1);             \
    }                                                                                            \
    static uint32_t V3_API member##_unref(void *self) { return vst3_unref(SELF(member, self)); }

v3_result vst3_query(vst3 *, const v3_tuid id, void **found);
uint32_t vst3_unref(vst3 *);
void vst3_text(int16_t *out, size_t size, const char *ascii);
v3_result vst3_load(vst3 *, struct v3_bstream **);

extern const struct v3_component vst3_component;
extern const struct v3_audio_processor vst3_processor;
extern const struct v3_edit_controller vst3_controller;
extern const struct v3_unit_information vst3_units;

#endif

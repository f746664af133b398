/* Entry points and factory of the VST3 plug-in. */
#include <travesty/factory.h>

#include <stdio.h>
#include <stdlib.h>

#include "vst3.h"

static bool is(const v3_tuid a, const v3_tuid b) { return v3_tuid_match(a, b); }

v3_result vst3_query(vst3 *self, const v3_tuid id, void **found) {
    *found = NULL;
    if (is(id, v3_funknown_iid) || is(id, v3_plugin_base_iid) || is(id, v3_component_iid))
        *found = &self->component;
    else if (is(id, v3_audio_processor_iid))
        *found = &self->processor;
    else if (is(id, v3_edit_controller_iid))
        *found = &self->controller;
    else if (is(id, v3_unit_information_iid))
        *found = &self->units;
    if (!*found) return V3_NO_INTERFACE;
    atomic_fetch_add(&self->references, 1);
    return V3_OK;
}

uint32_t vst3_unref(vst3 *self) {
    int left = atomic_fetch_sub(&self->references, 1) - 1;
    if (left > 0) return (uint32_t)left;
    plugin_destroy(self->plugin);
    free(self);
    return 0;
}

void vst3_text(int16_t *out, size_t size, const char *ascii) {
    size_t i = 0;
    for (; ascii[i] && i + 1 < size; i++) out[i] = (unsigned char)ascii[i];
    out[i] = 0;
}

static v3_result V3_API query(void *self, const v3_tuid id, void **found) {
    bool known = is(id, v3_funknown_iid) || is(id, v3_plugin_factory_iid) ||
                 is(id, v3_plugin_factory_2_iid);
    *found = known ? self : NULL;
    return known ? V3_OK : V3_NO_INTERFACE;
}

static uint32_t V3_API keep(void *self) { /* the factory is static */
    (void)self;
    return 1;
}

static v3_result V3_API get_factory_info(void *self, struct v3_factory_info *info) {
    (void)self;
    memset(info, 0, sizeof *info);
    snprintf(info->vendor, sizeof info->vendor, "ai_mixer");
    snprintf(info->url, sizeof info->url, "%s", ai_mixer_plugin.url);
    info->flags = 0x10; /* Unicode */
    return V3_OK;
}

static int32_t V3_API num_classes(void *self) {
    (void)self;
    return 1;
}

static v3_result V3_API get_class_info_2(void *self, int32_t index,
                                         struct v3_class_info_2 *info) {
    (void)self;
    if (index != 0) return V3_INVALID_ARG;
    memset(info, 0, sizeof *info);
    memcpy(info->class_id, ai_mixer_plugin.vst3_class, sizeof info->class_id);
    info->cardinality = 0x7FFFFFFF;
    snprintf(info->category, sizeof info->category, "Audio Module Class");
    snprintf(info->name, sizeof info->name, "%s", ai_mixer_plugin.name);
    snprintf(info->sub_categories, sizeof info->sub_categories, "%s",
             ai_mixer_plugin.vst3_categories);
    snprintf(info->vendor, sizeof info->vendor, "ai_mixer");
    snprintf(info->version, sizeof info->version, "%s", ai_mixer_plugin.version);
    snprintf(info->sdk_version, sizeof info->sdk_version, "VST 3.7.4");
    return V3_OK;
}

static v3_result V3_API get_class_info(void *self, int32_t index, struct v3_class_info *info) {
    struct v3_class_info_2 all;
    v3_result result = get_class_info_2(self, index, &all);
    if (result == V3_OK) memcpy(info, &all, sizeof *info); /* its first fields */
    return result;
}

static v3_result V3_API create_instance(void *self, const v3_tuid class_id, const v3_tuid id,
                                        void **created) {
    (void)self;
    *created = NULL;
    if (!is(class_id, ai_mixer_plugin.vst3_class)) return V3_NO_INTERFACE;
    vst3 *object = calloc(1, sizeof *object);
    if (!object || !(object->plugin = plugin_create())) {
        free(object);
        return V3_NOMEM;
    }
    object->component = &vst3_component;
    object->processor = &vst3_processor;
    object->controller = &vst3_controller;
    object->units = &vst3_units;
    object->channels = plugin_configs[0];
    atomic_store(&object->references, 1);
    v3_result result = vst3_query(object, id, created);
    vst3_unref(object);
    return result;
}

static const struct v3_plugin_factory_2 functions = {.query_interface = query,
                                                     .ref = keep,
                                                     .unref = keep,
                                                     .get_factory_info = get_factory_info,
                                                     .num_classes = num_classes,
                                                     .get_class_info = get_class_info,
                                                     .create_instance = create_instance,
                                                     .get_class_info_2 = get_class_info_2};
static const struct v3_plugin_factory_2 *factory = &functions;

PLUGIN_EXPORT const void *V3_API GetPluginFactory(void) { return &factory; }

#if defined(_WIN32)
PLUGIN_EXPORT bool InitDll(void) { return true; }
PLUGIN_EXPORT bool ExitDll(void) { return true; }
#elif defined(__APPLE__)
PLUGIN_EXPORT bool bundleEntry(void *bundle) { return bundle != NULL; }
PLUGIN_EXPORT bool bundleExit(void) { return true; }
#else
PLUGIN_EXPORT bool ModuleEntry(void *library) { return library != NULL; }
PLUGIN_EXPORT bool ModuleExit(void) { return true; }
#endif

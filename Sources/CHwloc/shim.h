#include <hwloc.h>

// hwloc 2.x keeps an object's infos as an array and a count, 3.x in a structure of its own.
static inline unsigned slipway_info_count(hwloc_obj_t object) {
#if HWLOC_API_VERSION >= 0x00030000
  return object->infos.count;
#else
  return object->infos_count;
#endif
}

static inline const char *slipway_info_name(hwloc_obj_t object, unsigned index) {
#if HWLOC_API_VERSION >= 0x00030000
  return object->infos.array[index].name;
#else
  return object->infos[index].name;
#endif
}

static inline const char *slipway_info_value(hwloc_obj_t object, unsigned index) {
#if HWLOC_API_VERSION >= 0x00030000
  return object->infos.array[index].value;
#else
  return object->infos[index].value;
#endif
}

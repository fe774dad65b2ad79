#pragma once

#include <cstddef>

#include "engine/device.h"
#include "kernels/export.h"

namespace wasserkern {

/// Copies `bytes` bytes in the device's order; `host` may be reused at return. Both throw inside a phase.
WASSERKERN_API void copy_from_host(Device& device, const void* host, void* data, size_t bytes);
WASSERKERN_API void copy_to_host(Device& device, const void* data, void* host, size_t bytes);

}  // namespace wasserkern

#pragma once

#include "bench/harness/flags.h"
#include "engine/device.h"

namespace wasserkern::bench {

/// --device, --threads and --tf32.
DeviceOptions device_flags(Flags& flags);

}  // namespace wasserkern::bench

#pragma once

#include <cstdint>

namespace wasserkern::testing {

/// How often this process asked the system for more than 4 KiB at once, through malloc and its relatives; -1 when a
/// sanitizer owns them.
int64_t large_allocations();

}  // namespace wasserkern::testing

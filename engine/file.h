#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/export.h"

namespace wasserkern {

/// The whole of a regular file. Throws DataError when it is missing, unreadable, a folder, a pipe or a device.
WASSERKERN_API std::vector<std::byte> read_file(const std::filesystem::path& path);

/// Text from outside, made fit for a one-line message: control characters become \xNN, and what is longer than a path
/// can be is cut.
WASSERKERN_API std::string printable(std::string_view text);

}  // namespace wasserkern

#pragma once

#include <filesystem>
#include <string_view>

namespace wasserkern::bench {

/// Opens a file, made if it is missing, for append(); the caller closes it. Throws DataError.
int open_to_append(const std::filesystem::path& path);

/// Adds all of `text` to the end of the file; throws DataError, naming `path`, when the system does not take it.
void append(int descriptor, const std::filesystem::path& path, std::string_view text);

/// Returns once what was appended outlives a power failure; throws DataError.
void sync(int descriptor, const std::filesystem::path& path);

}  // namespace wasserkern::bench

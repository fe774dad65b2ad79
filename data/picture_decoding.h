#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/picture_files.h"

namespace wasserkern::data {

/// Told, some times a second and in the caller's thread, how many pictures of all are done. What it throws ends that.
using PictureProgress = std::function<void(int64_t done, int64_t count)>;

/// Gets images `[side, side, 3]` in their order, some at a time.
using KeepImages = std::function<void(std::span<const uint8_t> images)>;

/// Reads pictures below `folder` in `threads` threads, 0 for all, and makes centre_square (centre_square.h) of each.
/// Returns what cannot be read: a line with path and reason for each. The results do not depend on the threads.
std::string decode_pictures(const std::filesystem::path& folder, const std::vector<PictureFile>& pictures, int64_t side,
                            int threads, const PictureProgress& progress, const KeepImages& keep);

}  // namespace wasserkern::data

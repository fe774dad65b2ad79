#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "data/images.h"
#include "data/picture_decoding.h"
#include "kernels/export.h"

namespace wasserkern::data {

/// How a folder of images is read, and who hears of it.
struct ImageFolderOptions {
  int threads = 0;  // 0 for all
  /// Takes a line at a time: what is packed or read, and warnings.
  std::function<void(const std::string& line)> say = {};
  /// Called while pictures are decoded. What it throws comes out of load_image_folder, and nothing is left behind.
  PictureProgress progress = {};
};

/// Every picture in `folder` and below, each the middle square of it with the shorter side resized to `side`
/// (centre_square.h): `[count, side, side, 3]`, in the order of their paths, whatever the threads.
///
/// Pictures are what is named .jpg, .jpeg or .png, in any case. Names that start with a dot are left out, folders
/// included; other links are followed, and a folder that is met again is not entered again. What is named as a picture
/// and cannot be read is left out as well, and said with its name and the reason: damaged and truncated files, files of
/// another format, files without permission, folders and broken links.
///
/// The first time the images are packed into packed_images_file(folder, side). Afterwards that file is mapped, as long
/// as it is whole and the names, sizes and times of all pictures are what they were; if not it is made anew. Where it
/// cannot be written that is said, and the images are in memory only.
///
/// Throws DataError when there is no such folder, it has no pictures, or more than half of them cannot be read;
/// UsageError for a side below 1 or above 4096.
WASSERKERN_API Images load_image_folder(const std::filesystem::path& folder, int64_t side,
                                        const ImageFolderOptions& options = {});

/// FOLDER-64x64.cache.npy, beside the folder. Its format is in packed_images.h; it can be removed at any time.
WASSERKERN_API std::filesystem::path packed_images_file(const std::filesystem::path& folder, int64_t side);

}  // namespace wasserkern::data

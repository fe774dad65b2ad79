#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace wasserkern::data {

/// What is named as a picture: .jpg, .jpeg or .png, in any case.
struct PictureFile {
  std::string path;  // below the folder that it was found in
  int64_t size = 0;
  int64_t seconds = 0, nanoseconds = 0;  // when it was last changed
};

/// The pictures in `folder` and below, ordered by path, without names that start with a dot. Links are followed; a
/// folder that is met again is not entered again. A folder that cannot be listed is among the pictures, for it cannot
/// be read either. Throws DataError when there are none.
std::vector<PictureFile> find_pictures(const std::filesystem::path& folder);

}  // namespace wasserkern::data

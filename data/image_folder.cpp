#include "data/image_folder.h"

#include <omp.h>

#include <algorithm>
#include <string>
#include <vector>

#include "data/image_file.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::data {
namespace {

bool is_image_name(const std::filesystem::path& path) {
  std::string ending = path.extension().native();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

}  // namespace

Images load_image_folder(const std::filesystem::path& folder, int64_t side) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_image_name(entry.path())) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  if (files.empty()) throw DataError("data: no .jpg, .jpeg or .png in " + printable(folder.native()));
  Images images{
      .count = static_cast<int64_t>(files.size()), .height = side, .width = side, .channels = 3, .pixels = {}};
  images.pixels.resize(static_cast<size_t>(images.count * images.features()));
  std::string failure;
#pragma omp parallel for num_threads(omp_get_num_procs()) schedule(dynamic, 16)
  for (int64_t i = 0; i < images.count; ++i) {
    try {
      const RgbImage image = decode_image(read_file(files[i]), files[i].native());
      centre_square(image, side, std::span(images.pixels).subspan(i * images.features(), images.features()));
    } catch (const std::exception& error) {
#pragma omp critical
      failure = error.what();
    }
  }
  if (!failure.empty()) throw DataError(failure);
  return images;
}

}  // namespace wasserkern::data

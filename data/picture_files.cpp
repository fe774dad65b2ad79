#include "data/picture_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>
#include <utility>

#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::data {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& name) {
  std::string ending = name.extension().native();
  for (char& letter : ending) letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

class Search {
 public:
  explicit Search(const fs::path& folder) : folder_(folder) {
    if (const std::error_code error = enter("")) {
      throw DataError(printable(folder.native()) + ": cannot be listed: " + error.message() +
                      "; name a folder of pictures");
    }
    if (found_.empty()) {
      throw DataError(printable(folder.native()) +
                      ": has no .jpg, .jpeg or .png, nor has a folder in it; put pictures there (the faces of " +
                      "CelebA: tools/fetch-data celeba), or name another folder");
    }
  }

  std::vector<PictureFile> found() && { return std::move(found_); }

 private:
  /// Adds what is in `folder_ / below`, unless that was entered before.
  std::error_code enter(const fs::path& below) {
    struct stat status = {};
    if (::stat((folder_ / below).c_str(), &status) != 0) return {errno, std::generic_category()};
    if (!entered_.insert({status.st_dev, status.st_ino}).second) return {};

    std::error_code error;
    std::vector<fs::directory_entry> entries;
    fs::directory_iterator entry(folder_ / below, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (!entry->path().filename().native().starts_with('.')) entries.push_back(*entry);
    }
    if (error) return error;
    // They differ in their last part only: no need to take paths apart.
    std::ranges::sort(entries, [](const auto& a, const auto& b) { return a.path().native() < b.path().native(); });
    for (const fs::directory_entry& one : entries) add(one, below / one.path().filename());
    return {};
  }

  void add(const fs::directory_entry& entry, const fs::path& below) {
    std::error_code ignored;
    if (is_picture(below)) {
      struct stat status = {};
      if (::stat(entry.path().c_str(), &status) != 0) status = {};  // It cannot be read either, and is left out.
      found_.push_back({below.native(), status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec});
    } else if (entry.is_directory(ignored) && enter(below)) {
      found_.push_back({.path = below.native()});  // Reading it says that it cannot be read.
    }
  }

  fs::path folder_;
  std::set<std::pair<dev_t, ino_t>> entered_;
  std::vector<PictureFile> found_;
};

}  // namespace

std::vector<PictureFile> find_pictures(const fs::path& folder) { return Search(folder).found(); }

}  // namespace wasserkern::data

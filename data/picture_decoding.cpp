#include "data/picture_decoding.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>

#include "data/centre_square.h"
#include "data/image_file.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::data {
namespace {

constexpr int64_t kChannels = 3;
constexpr int64_t kBytesAtOnce = 1 << 25;
constexpr int64_t kLargestFile = 1 << 30;
constexpr std::chrono::milliseconds kProgressPause(100);

class Decoding {
 public:
  Decoding(const std::filesystem::path& folder, const std::vector<PictureFile>& pictures, int64_t side, int threads,
           const PictureProgress& progress)
      : folder_(folder),
        pictures_(pictures),
        side_(side),
        threads_(threads > 0 ? threads : omp_get_num_procs()),
        progress_(progress) {}

  std::string run(const KeepImages& keep) {
    const auto count = static_cast<int64_t>(pictures_.size());
    const int64_t features = side_ * side_ * kChannels;
    const int64_t at_once = std::min(count, std::max<int64_t>(kBytesAtOnce / features, 4 * threads_));
    std::vector<uint8_t> images(static_cast<size_t>(at_once * features));
    std::vector<std::string> problems(static_cast<size_t>(at_once));
    std::string left_out;
    done_ = 0;
    for (int64_t first = 0; first < count; first += at_once) {
      const int64_t rows = std::min(at_once, count - first);
      const auto image = [&](int64_t row) { return std::span(images).subspan(row * features, features); };
#pragma omp parallel for num_threads(threads_) schedule(dynamic)
      for (int64_t row = 0; row < rows; ++row) {
        guarded([&] {
          problems[row] = decode(pictures_[first + row], image(row));
          ++done_;
          if (omp_get_thread_num() == 0 && is_time()) say_progress();  // the caller's thread
        });
      }
      if (failure_) std::rethrow_exception(failure_);
      say_progress();

      int64_t kept = 0;
      for (int64_t row = 0; row < rows; ++row) {
        if (problems[row].empty()) {
          if (kept < row) std::ranges::copy(image(row), image(kept).begin());
          ++kept;
        } else {
          left_out += problems[row] + "\n";
        }
      }
      keep(std::span(images).first(static_cast<size_t>(kept * features)));
    }
    return left_out;
  }

 private:
  /// Why the picture cannot be read; empty when it could.
  std::string decode(const PictureFile& picture, std::span<uint8_t> image) const {
    try {
      if (picture.size > kLargestFile) throw DataError(printable(picture.path) + ": is larger than 1 GiB");
      centre_square(decode_image(read_file(folder_ / picture.path), picture.path), side_, image);
      return {};
    } catch (const DataError& error) {
      const std::string message = error.what(), parent = printable((folder_ / "").native());
      return message.starts_with(parent) ? message.substr(parent.size()) : message;
    }
  }

  bool is_time() {
    const auto now = std::chrono::steady_clock::now();
    if (now - said_ < kProgressPause) return false;
    said_ = now;
    return true;
  }

  void say_progress() const {
    if (progress_) progress_(done_, static_cast<int64_t>(pictures_.size()));
  }

  /// Nothing may be thrown out of a parallel loop: the first failure is kept, and the rest of the loop is skipped.
  template <class Body>
  void guarded(const Body& body) {
    if (failed_) return;
    try {
      body();
    } catch (...) {
      if (!failed_.exchange(true)) failure_ = std::current_exception();
    }
  }

  const std::filesystem::path& folder_;
  const std::vector<PictureFile>& pictures_;
  int64_t side_;
  int threads_;
  const PictureProgress& progress_;
  std::atomic<int64_t> done_ = 0;
  std::chrono::steady_clock::time_point said_{};
  std::atomic<bool> failed_ = false;
  std::exception_ptr failure_;
};

}  // namespace

std::string decode_pictures(const std::filesystem::path& folder, const std::vector<PictureFile>& pictures, int64_t side,
                            int threads, const PictureProgress& progress, const KeepImages& keep) {
  return Decoding(folder, pictures, side, threads, progress).run(keep);
}

}  // namespace wasserkern::data

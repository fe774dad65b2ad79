#include "data/batches.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "data/prefetch.h"
#include "kernels/error.h"

namespace wasserkern::data {
namespace {

/// Word number `counter` of the SplitMix64 stream that starts at `key`.
uint64_t splitmix64(uint64_t key, uint64_t counter) {
  uint64_t word = key + (counter + 1) * 0x9e3779b97f4a7c15;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

/// Nearly uniform in 0 .. bound-1: off by less than bound / 2^64. The standard library's distributions differ from
/// implementation to implementation, this does not.
uint64_t choose(uint64_t word, uint64_t bound) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(word) * bound) >> 64);
}

/// Everything up to the division is a whole number, so that its rounding is the only one. Faster than a table of 256
/// values, because it runs in vectors.
void convert(const uint8_t* pixels, int64_t count, PixelRange range, float* values) {
  const float slope = range == PixelRange::ZeroToOne ? 1.0f : 2.0f;
  const float black = range == PixelRange::ZeroToOne ? 0.0f : -255.0f;
  for (int64_t k = 0; k < count; ++k) values[k] = (slope * static_cast<float>(pixels[k]) + black) / 255.0f;
}

/// Throws ShapeError unless the extents multiply to the number of values that come with them.
void check_sizes(const char* what, std::initializer_list<int64_t> extents, size_t values) {
  int64_t size = 1;
  bool valid = true;
  std::string text;
  for (const int64_t extent : extents) {
    valid = valid && extent >= 0 && !__builtin_mul_overflow(size, extent, &size);
    text += (text.empty() ? "" : ",") + std::to_string(extent);
  }
  if (!valid || size != static_cast<int64_t>(values)) {
    throw ShapeError(std::string("batches: ") + what + " [" + text + "] come with " + std::to_string(values) +
                     " values");
  }
}

/// A batch that is made sooner than a thread is woken is not worth one.
constexpr int64_t kLeastValuesAhead = 16'384;

}  // namespace

void shuffled_order(uint64_t seed, uint64_t epoch, std::vector<int64_t>& order) {
  std::iota(order.begin(), order.end(), 0);
  const uint64_t key = splitmix64(splitmix64(seed, 0), epoch);
  for (uint64_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[choose(splitmix64(key, left), left)]);
  }
}

/// The data and how it is cut into batches. Only make() changes anything, the order at hand, and one thread calls it.
class Batches::Maker {
 public:
  Maker(Images images, int64_t batch_size, uint64_t seed, PixelRange range, Remainder remainder)
      : count_(images.count), batch_size_(batch_size), seed_(seed), remainder_(remainder), range_(range) {
    check_sizes("images", {images.count, images.height, images.width, images.channels}, images.pixels.size());
    features_ = images.features();
    rows_ = std::move(images);
    check_batches();
  }

  Maker(Points points, int64_t batch_size, uint64_t seed, Remainder remainder)
      : count_(points.count), batch_size_(batch_size), seed_(seed), remainder_(remainder) {
    check_sizes("points", {points.count, points.features}, points.values.size());
    features_ = points.features;
    rows_ = std::move(points);
    check_batches();
  }

  Maker(std::vector<Cluster> mixture, int64_t batch_size, uint64_t seed)
      : count_(batch_size), batch_size_(batch_size), seed_(seed), remainder_(Remainder::LeftOut) {
    features_ = mixture_sample(mixture, 0, seed, 0).features;
    rows_ = std::move(mixture);
    check_batches();
  }

  int64_t batch_size() const { return batch_size_; }
  int64_t features() const { return features_; }

  int64_t batches_per_epoch() const {
    const bool shorter_batch = remainder_ == Remainder::ShorterBatch && count_ % batch_size_ != 0;
    return count_ / batch_size_ + (shorter_batch ? 1 : 0);
  }

  int64_t rows_at(uint64_t position) const {
    const auto place = static_cast<int64_t>(position % static_cast<uint64_t>(batches_per_epoch()));
    return std::min(batch_size_, count_ - place * batch_size_);
  }

  /// Overwrites `values` with the batch at `position`.
  void make(uint64_t position, std::vector<float>& values) {
    if (const auto* mixture = std::get_if<std::vector<Cluster>>(&rows_)) {
      values = mixture_sample(*mixture, batch_size_, seed_, position).values;
      return;
    }
    const auto per_epoch = static_cast<uint64_t>(batches_per_epoch());
    prepare_epoch(position / per_epoch);
    const int64_t* chosen = order_.data() + position % per_epoch * static_cast<uint64_t>(batch_size_);
    const int64_t rows = rows_at(position);
    values.resize(static_cast<size_t>(rows * features_));
    for (int64_t row = 0; row < rows; ++row) {
      float* to = values.data() + row * features_;
      if (const auto* images = std::get_if<Images>(&rows_)) {
        convert(images->pixels.data() + chosen[row] * features_, features_, range_, to);
      } else {
        std::copy_n(std::get<Points>(rows_).values.data() + chosen[row] * features_, features_, to);
      }
    }
  }

 private:
  void check_batches() const {
    if (batch_size_ < 1) {
      throw UsageError("batches: a batch of " + std::to_string(batch_size_) + " makes no sense; use 1 or more");
    }
    if (batches_per_epoch() < 1) {
      throw DataError("batches: " + std::to_string(count_) + (rows_.index() == 0 ? " images" : " points") +
                      " are fewer than one batch of " + std::to_string(batch_size_) +
                      "; use smaller batches or more data");
    }
  }

  void prepare_epoch(uint64_t epoch) {
    if (ordered_epoch_ == epoch) return;
    order_.resize(static_cast<size_t>(count_));
    shuffled_order(seed_, epoch, order_);
    ordered_epoch_ = epoch;
  }

  std::variant<Images, Points, std::vector<Cluster>> rows_;
  int64_t count_;
  int64_t features_;
  int64_t batch_size_;
  uint64_t seed_;
  Remainder remainder_;
  PixelRange range_ = PixelRange::MinusOneToOne;  // of images
  std::optional<uint64_t> ordered_epoch_;         // the epoch that order_ is of
  std::vector<int64_t> order_;
};

Batches::Batches(Images images, int64_t batch_size, uint64_t seed, PixelRange range, Remainder remainder)
    : Batches(std::make_unique<Maker>(std::move(images), batch_size, seed, range, remainder)) {}

Batches::Batches(Points points, int64_t batch_size, uint64_t seed, Remainder remainder)
    : Batches(std::make_unique<Maker>(std::move(points), batch_size, seed, remainder)) {}

Batches::Batches(std::vector<Cluster> mixture, int64_t batch_size, uint64_t seed)
    : Batches(std::make_unique<Maker>(std::move(mixture), batch_size, seed)) {}

Batches::Batches(std::unique_ptr<Maker> maker) : maker_(std::move(maker)) {
  if (next_rows() * features() < kLeastValuesAhead) return;
  ahead_ = std::make_unique<Prefetch>(
      [maker = maker_.get()](uint64_t position, std::vector<float>& values) { maker->make(position, values); });
}

Batches::~Batches() = default;

int64_t Batches::batch_size() const { return maker_->batch_size(); }
int64_t Batches::features() const { return maker_->features(); }
int64_t Batches::batches_per_epoch() const { return maker_->batches_per_epoch(); }
int64_t Batches::next_rows() const { return maker_->rows_at(position_); }

std::span<const float> Batches::next() {
  std::span<const float> batch;
  if (ahead_) {
    batch = ahead_->take(position_);
  } else {
    maker_->make(position_, batch_);
    batch = batch_;
  }
  ++position_;
  return batch;
}

std::vector<float> to_floats(const Images& images, PixelRange range) {
  std::vector<float> values(images.pixels.size());
  convert(images.pixels.data(), static_cast<int64_t>(values.size()), range, values.data());
  return values;
}

}  // namespace wasserkern::data

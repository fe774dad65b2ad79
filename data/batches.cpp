#include "data/batches.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

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

}  // namespace

void shuffled_order(uint64_t seed, uint64_t epoch, std::vector<int64_t>& order) {
  std::iota(order.begin(), order.end(), 0);
  const uint64_t key = splitmix64(splitmix64(seed, 0), epoch);
  for (uint64_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[choose(splitmix64(key, left), left)]);
  }
}

Batches::Batches(Images images, int64_t batch_size, uint64_t seed, PixelRange range, Remainder remainder)
    : count_(images.count), batch_size_(batch_size), seed_(seed), remainder_(remainder), range_(range) {
  check_sizes("images", {images.count, images.height, images.width, images.channels}, images.pixels.size());
  features_ = images.features();
  rows_ = std::move(images);
  check_batches();
  prepare_epoch(0);
}

Batches::Batches(Points points, int64_t batch_size, uint64_t seed, Remainder remainder)
    : count_(points.count), batch_size_(batch_size), seed_(seed), remainder_(remainder) {
  check_sizes("points", {points.count, points.features}, points.values.size());
  features_ = points.features;
  rows_ = std::move(points);
  check_batches();
  prepare_epoch(0);
}

void Batches::check_batches() const {
  if (batch_size_ < 1) {
    throw UsageError("batches: a batch of " + std::to_string(batch_size_) + " makes no sense; use 1 or more");
  }
  if (batches_per_epoch() < 1) {
    throw DataError("batches: " + std::to_string(count_) + (rows_.index() == 0 ? " images" : " points") +
                    " are fewer than one batch of " + std::to_string(batch_size_) +
                    "; use smaller batches or more data");
  }
}

int64_t Batches::batches_per_epoch() const {
  const bool shorter_batch = remainder_ == Remainder::ShorterBatch && count_ % batch_size_ != 0;
  return count_ / batch_size_ + (shorter_batch ? 1 : 0);
}

int64_t Batches::next_rows() const {
  const auto place = static_cast<int64_t>(position_ % static_cast<uint64_t>(batches_per_epoch()));
  return std::min(batch_size_, count_ - place * batch_size_);
}

void Batches::prepare_epoch(uint64_t epoch) {
  order_.resize(static_cast<size_t>(count_));
  shuffled_order(seed_, epoch, order_);
  ordered_epoch_ = epoch;
}

void Batches::next_into(Matrix<float> out) {
  if (out.rows != next_rows() || out.columns != features_) {
    throw ShapeError("batches: the next batch is [" + std::to_string(next_rows()) + "," + std::to_string(features_) +
                     "], not [" + std::to_string(out.rows) + "," + std::to_string(out.columns) + "]");
  }
  const auto per_epoch = static_cast<uint64_t>(batches_per_epoch());
  const uint64_t epoch = position_ / per_epoch;
  if (epoch != ordered_epoch_) prepare_epoch(epoch);

  const int64_t* chosen = order_.data() + position_ % per_epoch * static_cast<uint64_t>(batch_size_);
  for (int64_t row = 0; row < out.rows; ++row) {
    float* to = out.data + row * out.stride;
    if (const auto* images = std::get_if<Images>(&rows_)) {
      convert(images->pixels.data() + chosen[row] * features_, features_, range_, to);
    } else {
      std::copy_n(std::get<Points>(rows_).values.data() + chosen[row] * features_, features_, to);
    }
  }
  ++position_;
}

}  // namespace wasserkern::data

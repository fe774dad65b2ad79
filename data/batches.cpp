#include "data/batches.h"

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

void check_sizes(const Images& images) {
  int64_t bytes = 1;
  bool valid = true;
  for (const int64_t size : {images.count, images.height, images.width, images.channels}) {
    valid = valid && size >= 0 && !__builtin_mul_overflow(bytes, size, &bytes);
  }
  if (!valid || bytes != static_cast<int64_t>(images.pixels.size())) {
    throw ShapeError("batches: images [" + std::to_string(images.count) + "," + std::to_string(images.height) + "," +
                     std::to_string(images.width) + "," + std::to_string(images.channels) + "] come with " +
                     std::to_string(images.pixels.size()) + " bytes");
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

Batches::Batches(Images images, int64_t batch_size, uint64_t seed, PixelRange range)
    : images_(std::move(images)), batch_size_(batch_size), seed_(seed), range_(range) {
  check_sizes(images_);
  if (batch_size < 1) {
    throw UsageError("batches: a batch of " + std::to_string(batch_size) + " images makes no sense; use 1 or more");
  }
  if (images_.count < batch_size) {
    throw DataError("batches: " + std::to_string(images_.count) + " images are fewer than one batch of " +
                    std::to_string(batch_size) + "; use smaller batches or more data");
  }
  order_.resize(static_cast<size_t>(images_.count));
  prepare_epoch(0);
}

void Batches::prepare_epoch(uint64_t epoch) {
  shuffled_order(seed_, epoch, order_);
  ordered_epoch_ = epoch;
}

void Batches::next_into(Matrix<float> out) {
  if (out.rows != batch_size_ || out.columns != features()) {
    throw ShapeError("batches: a batch is [" + std::to_string(batch_size_) + "," + std::to_string(features()) +
                     "], not [" + std::to_string(out.rows) + "," + std::to_string(out.columns) + "]");
  }
  const auto per_epoch = static_cast<uint64_t>(batches_per_epoch());
  const uint64_t epoch = position_ / per_epoch;
  if (epoch != ordered_epoch_) prepare_epoch(epoch);

  const int64_t* chosen = order_.data() + position_ % per_epoch * batch_size_;
  for (int64_t row = 0; row < out.rows; ++row) {
    convert(images_.pixels.data() + chosen[row] * out.columns, out.columns, range_, out.data + row * out.stride);
  }
  ++position_;
}

}  // namespace wasserkern::data

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/images.h"
#include "data/mixture.h"
#include "data/points.h"
#include "kernels/export.h"

namespace wasserkern::data {

class Prefetch;

/// What a pixel of 0 .. 255 becomes: [0, 1], or [-1, 1] as for a generator that ends in tanh.
enum class PixelRange { ZeroToOne, MinusOneToOne };

/// What becomes of the `count mod batch_size` rows at the end of an epoch's order.
enum class Remainder { LeftOut, ShorterBatch };

/// Images or points as batches of floats in an order that is drawn anew for every epoch, or points that are drawn
/// themselves. The order of epoch e is a function of (seed, e) alone, the same on every machine, so that the whole
/// state is the number of batches drawn. A thread makes the next batches, orders included, while the last is used;
/// small ones are made when they are asked for.
class WASSERKERN_API Batches {
 public:
  /// Throw UsageError for a batch size below 1, DataError when there is no batch (fewer rows than one whole batch, or
  /// none at all), ShapeError when the sizes do not multiply to the number of values.
  Batches(Images images, int64_t batch_size, uint64_t seed, PixelRange range = PixelRange::MinusOneToOne,
          Remainder remainder = Remainder::LeftOut);
  Batches(Points points, int64_t batch_size, uint64_t seed, Remainder remainder = Remainder::ShorterBatch);
  /// Of fresh points for ever: batch b is mixture_sample(mixture, batch_size, seed, b), and each an epoch of its own.
  /// Throws UsageError as that, and for a batch size below 1.
  Batches(std::vector<Cluster> mixture, int64_t batch_size, uint64_t seed);
  ~Batches();

  int64_t batch_size() const;
  int64_t features() const;
  int64_t batches_per_epoch() const;

  /// The number of batches drawn so far. After seek(position()) the same batches follow; any position is valid.
  uint64_t position() const { return position_; }
  void seek(uint64_t position) { position_ = position; }

  /// Rows of the next batch: batch_size, or fewer if it is an epoch's last.
  int64_t next_rows() const;
  /// Draws the next batch, `[next_rows, features]`. It stays until the next call.
  std::span<const float> next();

 private:
  class Maker;
  explicit Batches(std::unique_ptr<Maker> maker);

  std::unique_ptr<Maker> maker_;
  std::unique_ptr<Prefetch> ahead_;  // none for small batches
  std::vector<float> batch_;         // a small one
  uint64_t position_ = 0;
};

/// All images in their order, `[count, features]`.
WASSERKERN_API std::vector<float> to_floats(const Images& images, PixelRange range);

/// The order of epoch `epoch`: a permutation of 0 .. count-1 by Fisher and Yates. Its words are SplitMix64's (Steele,
/// Lea and Flood 2014) with the stream's key taken from (seed, epoch); a word w chooses among n by floor(w n / 2^64).
WASSERKERN_API void shuffled_order(uint64_t seed, uint64_t epoch, std::vector<int64_t>& order);

}  // namespace wasserkern::data

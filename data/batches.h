#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "data/images.h"
#include "data/points.h"
#include "kernels/export.h"
#include "kernels/view.h"

namespace wasserkern::data {

/// What a pixel of 0 .. 255 becomes: [0, 1], or [-1, 1] as for a generator that ends in tanh.
enum class PixelRange { ZeroToOne, MinusOneToOne };

/// What becomes of the `count mod batch_size` rows at the end of an epoch's order.
enum class Remainder { LeftOut, ShorterBatch };

/// Images or points as batches of floats in an order that is drawn anew for every epoch. The order of epoch e is a
/// function of (seed, e) alone, the same on every machine, so that the whole state is the number of batches drawn.
class WASSERKERN_API Batches {
 public:
  /// Throw UsageError for a batch size below 1, DataError when there is no batch (fewer rows than one whole batch, or
  /// none at all), ShapeError when the sizes do not multiply to the number of values.
  Batches(Images images, int64_t batch_size, uint64_t seed, PixelRange range = PixelRange::MinusOneToOne,
          Remainder remainder = Remainder::LeftOut);
  Batches(Points points, int64_t batch_size, uint64_t seed, Remainder remainder = Remainder::ShorterBatch);

  int64_t batch_size() const { return batch_size_; }
  int64_t features() const { return features_; }
  int64_t batches_per_epoch() const;

  /// The number of batches drawn so far. After seek(position()) the same batches follow; any position is valid.
  uint64_t position() const { return position_; }
  void seek(uint64_t position) { position_ = position; }

  /// Rows of the next batch: batch_size, or fewer if it is an epoch's last.
  int64_t next_rows() const;
  /// Overwrites out `[next_rows, features]`, in host memory, with the next batch. Throws ShapeError.
  void next_into(Matrix<float> out);

 private:
  void check_batches() const;
  void prepare_epoch(uint64_t epoch);

  std::variant<Images, Points> rows_;
  int64_t count_;
  int64_t features_;
  int64_t batch_size_;
  uint64_t seed_;
  Remainder remainder_;
  PixelRange range_ = PixelRange::MinusOneToOne;  // of images
  uint64_t position_ = 0;
  uint64_t ordered_epoch_;  // the epoch that order_ is of
  std::vector<int64_t> order_;
};

/// The order of epoch `epoch`: a permutation of 0 .. count-1 by Fisher and Yates. Its words are SplitMix64's (Steele,
/// Lea and Flood 2014) with the stream's key taken from (seed, epoch); a word w chooses among n by floor(w n / 2^64).
WASSERKERN_API void shuffled_order(uint64_t seed, uint64_t epoch, std::vector<int64_t>& order);

}  // namespace wasserkern::data

#pragma once

#include <functional>
#include <optional>

#include "bench/games/game.h"
#include "bench/harness/image_grid.h"
#include "data/batches.h"
#include "engine/exponential_average.h"
#include "models/model.h"

namespace wasserkern::bench {

struct SampleSettings {
  float average;  // decay of the generator's moving average; 0: there is none
  int64_t saved;  // images that are written at the end
};

/// --average and --save-images; throws UsageError.
SampleSettings sample_flags(Flags& flags);

/// The images that a generator makes while it learns: grids in the run's samples/, of its moving average too if
/// there is one, and at the end an array. Each image depends on its own noise alone, by the running statistics.
class ImageSamples {
 public:
  /// Before the run is trained. `make_generator` makes another network like this one, which takes `latent` values.
  ImageSamples(Experiment& run, const models::Model& generator, int64_t latent, const SampleSettings& settings,
               const ImageShape& shape, data::PixelRange range, const std::function<models::Model()>& make_generator);
  /// Of a game's.
  ImageSamples(Experiment& run, const Game& game, const SampleSettings& settings, const ImageShape& shape,
               data::PixelRange range, const std::function<models::Model()>& make_generator)
      : ImageSamples(run, game.generator, game.latent, settings, shape, range, make_generator) {}
  ImageSamples(const ImageSamples&) = delete;  // the run calls back
  ImageSamples& operator=(const ImageSamples&) = delete;

  /// After a step of the generator, in its phase.
  void follow();

 private:
  struct Average {
    models::Model network;
    ExponentialAverage parameters, statistics;

    Average(const models::Model& generator, models::Model average, float decay);
    void visit(Checkpoint& checkpoint, const std::string& name);
  };

  std::optional<Average> average_;
};

}  // namespace wasserkern::bench

#include "bench/wgan_fail/pair_training.h"

#include <algorithm>

#include "engine/tape.h"

namespace wasserkern::bench {

void train_on_pair(Experiment& run, const ImagePair& pair, const models::Model& critic, const PairTraining& training) {
  const int64_t batch = std::min(training.batch, pair.count());
  data::Batches x_batches(pair.x, batch, run.seed(), pair.kRange), y_batches(pair.y, batch, ~run.seed(), pair.kRange);
  const Tensor x = run.slot(pair.shape().batch_of(batch)), y = run.slot(pair.shape().batch_of(batch));
  Adam adam(critic.parameters(), training.adam);
  run.keep("critic", critic.parameters());
  run.keep("critic_optimizer", adam);
  run.keep("x_batches", x_batches);
  run.keep("y_batches", y_batches);

  run.train([&] {
    run.fill(x, x_batches);
    run.fill(y, y_batches);
    run.phase("critic", [&] {
      adam.descend(grad(training.loss(x, y), critic.parameters()));
      if (training.stepped) training.stepped();
    });
    if (training.measured && run.step() % static_cast<uint64_t>(training.measure_every) == 0) training.measured();
  });
}

}  // namespace wasserkern::bench

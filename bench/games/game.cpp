#include "bench/games/game.h"

namespace wasserkern::bench {

void keep(Experiment& run, Game& game) {
  run.keep("critic", game.critic.parameters());
  run.keep("generator", game.generator.parameters());
  if (game.generator.statistics().count() > 0) run.keep("generator_statistics", game.generator.statistics());
  run.keep("batches", game.batches);
}

Tensor generate(Experiment& run, const Game& game, int64_t count) {
  return game.generator(run.noise({count, game.latent}));
}

}  // namespace wasserkern::bench

#include <optional>
#include <string>

#include "bench/games/image_measures.h"
#include "bench/games/image_samples.h"
#include "bench/games/wgan.h"
#include "bench/harness/image_data.h"
#include "bench/wwgan/networks.h"
#include "kernels/error.h"
#include "losses/objectives/wasserstein_metric.h"

// Papers 001 and 002, section 4 and figure 6: WWGAN, whose critic is Lipschitz in the Wasserstein-2 metric between
// images, beside WGAN-GP, where it is so in l2. Their figure is a score that needs a network that judges images:
// --save-images writes what such a program reads.
//
// The paper's form of the metric and that of its authors' code differ in how they treat gradients that are nearly
// constant over an image, where the edges of the graph see nothing. The default is the code's: its norm is never below
// l2's, so that the critic's slope in l2 is bounded as WGAN-GP bounds it, on top of what the edges ask for. The paper's
// leaves slow changes over the image all but free.
//
// Watch `spread`, the generated pixels' standard deviation over the batch: near 0 all images are the same.

using namespace wasserkern;

namespace {

using Sides = losses::GradientPenalty::Sides;

float number(bench::Flags& flags, const bench::Flag& flag, double value) {
  return static_cast<float>(flags.number(flag, value));
}

PixelGraph graph_flag(bench::Flags& flags) {
  const std::string name = flags.choice({"graph", "", "wwgan: pixels that are neighbours: 12, 4 or 8 of them"},
                                        {"diamond", "four", "eight"});
  return name == "diamond" ? PixelGraph::diamond()
         : name == "four"  ? PixelGraph::four_neighbours()
                           : PixelGraph::eight_neighbours();
}

std::optional<Stencil> metric_flags(bench::Flags& flags, const std::string& model, int64_t values) {
  const PixelGraph graph = graph_flag(flags);
  const std::string form =
      flags.choice({"metric", "", "wwgan: as in the authors' code, or as in the paper"}, {"code", "paper"});
  const float gamma = number(flags, {"gamma", "NUMBER", "wwgan, code: weight of the squared l2 norm"}, 1);
  const float alpha = number(flags, {"alpha", "NUMBER", "wwgan, paper: weight of the graph that joins all pixels"}, 1);
  const float beta = number(flags, {"beta", "NUMBER", "wwgan, paper: weight of the total intensity"}, 50);
  const auto only = [&](const std::string& name, bool applies, const std::string& of) {
    if (flags.given(name) && !applies) throw UsageError("--" + name + " is of " + of);
  };
  const bool wasserstein = model == "wwgan";
  for (const char* name : {"graph", "metric"}) only(name, wasserstein, "--model wwgan");
  only("gamma", wasserstein && form == "code", "--model wwgan --metric code");
  for (const char* name : {"alpha", "beta"}) only(name, wasserstein && form == "paper", "--model wwgan --metric paper");
  if (!wasserstein) return std::nullopt;
  return form == "code" ? losses::ridge_metric(graph, gamma) : losses::intensity_metric(graph, alpha, beta, values);
}

bench::PenalisedWgan settings_flags(bench::Flags& flags, int64_t values) {
  const std::string model = flags.choice({"model", "", "what is trained"}, {"wwgan", "wgan-gp"});
  bench::PenalisedWgan settings;
  settings.penalty.metric = metric_flags(flags, model, values);
  settings.penalty.sides =
      flags.choice({"penalty-sides", "", "slopes below 1 cost too, or not"}, {"two", "one"}) == "two" ? Sides::Two
                                                                                                      : Sides::One;
  settings.weight = number(flags, {"penalty", "NUMBER", "lambda, the weight of the gradient penalty"}, 10);
  settings.critic_steps = flags.integer({"critic-steps", "STEPS", "of the critic per iteration"}, 5, 1);
  settings.critic.rate = number(flags, {"rate", "NUMBER", "Adam's step size"}, 1e-4);
  settings.critic.beta1 = number(flags, {"adam-beta1", "NUMBER", "Adam's decay of the mean gradient"}, 0);
  settings.critic.beta2 = number(flags, {"adam-beta2", "NUMBER", "Adam's decay of the mean square"}, 0.9);
  settings.generator = settings.critic;
  if (settings.weight < 0) throw UsageError("--penalty must not be negative");
  return settings;
}

void train(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const bench::WwganNetworks networks = bench::network_flags(flags);
  const bench::ImageShape shape = networks.image();
  const bench::PenalisedWgan settings = settings_flags(flags, shape.values());
  const bench::SampleSettings sampled = bench::sample_flags(flags);

  const auto range = data::PixelRange::MinusOneToOne;
  bench::Game game{.critic = networks.critic(run.random()),
                   .generator = networks.generator(run.random()),
                   .batches = data::Batches(bench::load_images(run, networks.dataset, data::Split::Training),
                                            run.batch_size(), run.seed(), range),
                   .x = run.slot({run.batch_size(), shape.height, shape.width, shape.channels}),
                   .latent = networks.latent};
  bench::ImageSamples samples(run, game, sampled, shape, range, [&] { return networks.generator(run.random()); });
  bench::train_game(run, game, settings, {.generated = [&](const Tensor& y) {
                      samples.follow();
                      run.record({{"spread", bench::spread(y)}});
                    }});
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "wwgan/train",
                           .summary = "WWGAN and WGAN-GP on the colour images of CIFAR-10 and the faces of CelebA",
                           .iterations = 20'000,
                           .batch = 64,
                           .samples_every = 500};
  return bench::run_experiment(about, argc, argv, train);
}

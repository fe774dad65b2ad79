#include "bench/wwgan/trained_critic.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/harness/run_folder.h"
#include "engine/checkpoint.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

constexpr char kProgram[] = "wwgan/train";

WwganNetworks networks_of(const RunFolder& folder) {
  const nlohmann::json flags = folder.read_config(kProgram)["flags"];
  try {
    const WwganNetworks networks{.dataset = flags.at("dataset"),
                                 .width = flags.at("width"),
                                 .hidden_layers = flags.at("hidden-layers"),
                                 .latent = flags.at("latent")};
    networks.check();
    return networks;
  } catch (const nlohmann::json::exception&) {
    throw DataError(folder.text() + "/config.json: does not say what was trained; name another run of " + kProgram);
  }
}

}  // namespace

std::vector<float> TrainedCritic::potentials(std::span<const float> images) const {
  constexpr size_t kAtOnce = 100;
  const TapeOff constant;
  const ImageShape shape = networks.image();
  const auto values = static_cast<size_t>(shape.values());
  std::vector<float> potentials;
  for (size_t from = 0; from < images.size(); from += kAtOnce * values) {
    const std::span some = images.subspan(from, std::min(kAtOnce * values, images.size() - from));
    const auto count = static_cast<int64_t>(some.size() / values);
    const Tensor x = Tensor::from_host(network.parameters().flat().device(),
                                       {count, shape.height, shape.width, shape.channels}, some);
    const std::vector<float> more = network(x).to_host();
    potentials.insert(potentials.end(), more.begin(), more.end());
  }
  return potentials;
}

std::string critic_flag(Flags& flags) {
  return flags.text({"critic", "FOLDER", "the run of wwgan/train whose critic is looked at"}, "");
}

TrainedCritic trained_critic(Experiment& run, const std::string& folder) {
  if (folder.empty()) throw UsageError("--critic FOLDER is missing: the run of wwgan/train whose critic is looked at");
  const RunFolder trained(folder, kProgram);
  const WwganNetworks networks = networks_of(trained);
  TrainedCritic critic{networks, networks.critic(run.random())};
  Checkpoint(trained.checkpoint()).visit("critic", critic.network.parameters());
  return critic;
}

}  // namespace wasserkern::bench

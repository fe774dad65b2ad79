#include <optional>

#include "bench/harness/experiment_state.h"
#include "bench/harness/interrupts.h"
#include "bench/harness/progress.h"
#include "data/image_folder.h"

namespace wasserkern::bench {

data::Images Experiment::pictures(const std::string& name, int64_t side) {
  const std::filesystem::path folder = data(name);
  Log& log = running().log;
  const Interrupts interrupts;
  std::optional<Progress> progress;
  const auto report = [&](int64_t done, int64_t count) {
    if (interrupts.signal() != 0) throw Interrupted{interrupts.signal()};
    if (!progress) progress.emplace(log, 0, static_cast<uint64_t>(count), "images");
    progress->update(static_cast<uint64_t>(done), {});
  };
  data::Images images =
      data::load_image_folder(folder, side,
                              {.threads = common_->device.threads,
                               .say = [&](const std::string& line) { log.line("data        " + line); },
                               .progress = report});
  log.bar("");
  return images;
}

}  // namespace wasserkern::bench

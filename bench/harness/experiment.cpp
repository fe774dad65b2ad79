#include "bench/harness/experiment.h"

#include <nlohmann/json.hpp>

#include "bench/harness/cost_flags.h"
#include "bench/harness/device_flags.h"
#include "bench/harness/experiment_state.h"
#include "bench/harness/interrupts.h"
#include "bench/harness/metrics_file.h"
#include "bench/harness/progress.h"
#include "data/image_folder.h"
#include "engine/file.h"
#include "engine/npy.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

/// 1460225 as 1,460,225.
std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<size_t>(at), ",");
  return text;
}

}  // namespace

Experiment::Common::Common(const About& what, const std::string& program, std::vector<std::string> arguments)
    : about(what),
      program(program),
      flags(std::filesystem::path(program).filename(), what.name + ": " + what.summary, std::move(arguments)) {
  constexpr auto free = OnResume::MayDiffer;
  resume = flags.text({"resume", "FOLDER", "go on with the run in FOLDER, from its last checkpoint", free}, "");
  out = flags.text({"out", "FOLDER", "new folder for what the run makes (default: runs/NAME-DATE-TIME)", free}, "");
  if (!resume.empty() && flags.given("out")) {
    throw UsageError("--resume goes on in the run's own folder; leave out --out");
  }
  folder.emplace(resume.empty() ? out : resume, about.name);
  if (!resume.empty()) flags.resume(resume, folder->read_config(about.name)["flags"]);

  iterations = flags.integer({"iterations", "STEPS", about.iteration, free}, about.iterations, 1);
  batch = about.batch == 0 ? 0 : flags.integer({"batch", "COUNT", about.batch_counts}, about.batch, 1);
  seed = static_cast<uint64_t>(flags.integer({"seed", "NUMBER", "of all random numbers"}, 1, 0));
  device = device_flags(flags);
  eager = flags.toggle({"eager", "", "never replay recorded steps, for profilers and debuggers; same results", free});
  data = flags.text({"data", "FOLDER", "where the data sets are", free}, "datasets");
  samples_every =
      flags.integer({"samples-every", "STEPS", "iterations between two sets of samples", free}, about.samples_every, 1);
  checkpoint_every = flags.integer({"checkpoint-every", "STEPS", "iterations between two checkpoints", free}, 1000, 1);
  json_lines = flags.toggle({"json-lines", "", "write metrics.jsonl too, an object per iteration", free});
}

Experiment::Running::Running(const Common& common)
    : device(common.device), random(device, common.seed), phases(device, random, common.eager), metrics(device) {}

Experiment::Experiment(const About& about, const std::string& program, std::vector<std::string> arguments)
    : common_(std::make_unique<Common>(about, program, std::move(arguments))) {}

Experiment::~Experiment() = default;

Flags& Experiment::flags() { return common_->flags; }
int64_t Experiment::batch_size() const { return common_->batch; }
int64_t Experiment::iterations() const { return common_->iterations; }
uint64_t Experiment::seed() const { return common_->seed; }
int64_t Experiment::samples_every() const { return common_->samples_every; }
uint64_t Experiment::step() const { return running_ ? running_->step : 0; }

LqCost Experiment::option(const LqCost& cost) { return lq_flags(flags(), cost); }

Experiment::Running& Experiment::running() {
  if (running_) return *running_;
  common_->flags.finish();
  if (common_->resume.empty()) common_->folder->check_unused();
  running_ = std::make_unique<Running>(*common_);
  running_->log.line("experiment  " + common_->about.name);
  running_->log.line("device      " + running_->device.choice() + "; " + running_->device.description());
  return *running_;
}

std::filesystem::path Experiment::data(const std::string& name) {
  Running& run = running();
  const std::filesystem::path folder = std::filesystem::path(common_->data) / name;
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw DataError("data set " + name + " is not in " + printable(folder.native()) + "; run tools/fetch-data " + name +
                    ", or name the folder that holds " + name + "/ with --data");
  }
  run.log.line("data        " + printable(folder.native()));
  return folder;
}

data::Images Experiment::images(const std::string& name, int64_t side) {
  const std::filesystem::path folder = data(name);
  Log& log = running().log;
  const auto note_progress = preparation("pictures");
  data::Images images = data::load_image_folder(folder, side,
                                                {.threads = common_->device.threads,
                                                 .say = [&](const std::string& line) { log.line(line); },
                                                 .progress = note_progress});
  note_progress(images.count, images.count);
  return images;
}

std::function<void(int64_t, int64_t)> Experiment::preparation(const std::string& unit) {
  Log& log = running().log;
  const auto interrupts = std::make_shared<const Interrupts>();
  const auto progress = std::make_shared<std::optional<Progress>>();
  return [&log, unit, interrupts, progress](int64_t done, int64_t count) {
    if (interrupts->signal() != 0) {
      log.line("stopped by a signal before training; nothing is lost but the " + unit + " so far");
      throw Interrupted{interrupts->signal()};
    }
    if (!*progress) progress->emplace(log, 0, static_cast<uint64_t>(count), unit);
    (*progress)->update(static_cast<uint64_t>(done), {});
  };
}

Device& Experiment::device() { return running().device; }
Random& Experiment::random() { return running().random; }
Tensor Experiment::noise(const Shape& shape) { return running().random.normal(shape); }
Tensor Experiment::slot(const Shape& shape) { return running().phases.slot(shape); }

void Experiment::fill(const Tensor& slot, data::Batches& batches) {
  slot.use_rows(batches.next_rows());
  slot.copy_from_host(batches.next());
}

void Experiment::keep(const std::string& name, const Parameters& parameters) {
  running().log.line("network     " + name + ", " + grouped(parameters.count()) + " parameters");
  keep_state([name, parameters](Checkpoint& checkpoint) { checkpoint.visit(name, parameters); });
}

void Experiment::keep(const std::string& name, data::Batches& batches) {
  keep_state([name, &batches](Checkpoint& checkpoint) {
    uint64_t position = batches.position();
    checkpoint.visit(name + ".position", position);
    batches.seek(position);
  });
}

void Experiment::keep_state(std::function<void(Checkpoint&)> visit) { running().state.push_back(std::move(visit)); }

void Experiment::every(int64_t steps, std::function<void()> body) {
  running().callbacks.emplace_back(steps, std::move(body));
}

void Experiment::phase(const std::string& name, const std::function<void()>& body) { running().phases.run(name, body); }

void Experiment::record(std::initializer_list<std::pair<std::string, Tensor>> values) {
  for (const auto& [name, value] : values) running().metrics.record(name, value);
}

void Experiment::measure(std::initializer_list<std::pair<std::string, double>> values) {
  for (const auto& [name, value] : values) record({{name, Tensor::full(device(), {}, static_cast<float>(value))}});
}

std::vector<std::pair<uint64_t, double>> Experiment::measured(const std::string& column) {
  return read_metric(common_->folder->metrics(), column);
}

void Experiment::results(const ResultTable& table) {
  for (const std::string& line : text_lines(table)) running().log.line(line);
  write_csv(common_->folder->results(), table);
}

void Experiment::save_grid(const Tensor& images, const ImageShape& shape, data::PixelRange range,
                           const std::string& name) {
  const float low = range == data::PixelRange::MinusOneToOne ? -1.0f : 0.0f;
  write_png(common_->folder->samples(step(), name, ".png"), image_grid(images.to_host(), shape, low, 1));
}

void Experiment::save_points(const std::string& name, const Tensor& points) {
  write_npy(common_->folder->samples(step(), name, ".npy"), points.shape(), points.to_host());
}

}  // namespace wasserkern::bench

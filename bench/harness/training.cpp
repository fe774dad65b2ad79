#include <nlohmann/json.hpp>

#include "bench/harness/experiment_state.h"
#include "bench/harness/interrupts.h"
#include "bench/harness/progress.h"
#include "engine/file.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

constexpr char kDeviceNote[] = "device";

nlohmann::json config_of(const About& about, const Flags& flags) {
  nlohmann::json values = flags.values();
  for (const char* where : {"out", "resume"}) values.erase(where);
  return {{"experiment", about.name}, {"flags", values}};
}

}  // namespace

void Experiment::train(const std::function<void()>& body) {
  const Interrupts interrupts;
  open_folder();
  try {
    train_until(interrupts, body);
  } catch (const std::exception& error) {
    running().log.note_failure(error.what());
    throw;
  }
}

void Experiment::train_until(const Interrupts& interrupts, const std::function<void()>& body) {
  Running& run = running();
  const auto last_step = static_cast<uint64_t>(iterations());
  if (run.step >= last_step) {
    run.log.line("nothing to do: it has done " + std::to_string(run.step) + " iterations; give more with --iterations");
    return;
  }

  Progress progress(run.log, run.step, last_step);
  while (run.step < last_step && interrupts.signal() == 0) {
    run.metrics.begin_step(++run.step);
    body();
    run.recorder->after_step();
    stop_at_bad_value();
    call_back();
    if (run.step % static_cast<uint64_t>(common_->checkpoint_every) == 0) save();
    progress.update(run.step, run.recorder->latest());
  }
  if (run.saved_step != run.step) save();

  run.log.line(progress_text(run.step, last_step, progress.mean_rate(run.step), run.recorder->latest()));
  if (run.step < last_step) {
    run.log.line("stopped by a signal and saved; go on with: " + printable(common_->program) + " --resume " +
                 common_->folder->text());
    throw Interrupted{interrupts.signal()};
  }
  run.log.line("done; curves: tools/figures " + common_->folder->text());
}

/// The folder is made, or taken over from the run that is resumed.
void Experiment::open_folder() {
  Running& run = running();
  const RunFolder& folder = *common_->folder;
  const nlohmann::json config = config_of(common_->about, common_->flags);
  run.log.line("run folder  " + folder.text());
  if (common_->resume.empty()) {
    folder.check_unused();
    folder.create(config);
    run.log.open(folder.log());
  } else {
    run.log.open(folder.log());  // Locks it, before anything is changed.
    restore();
  }
  run.recorder.emplace(run.metrics, folder.metrics(), run.step, common_->json_lines);
  if (folder.read_config(common_->about.name) != config) folder.write_config(config);
}

void Experiment::restore() {
  Running& run = running();
  std::error_code ignored;
  if (!std::filesystem::exists(common_->folder->checkpoint(), ignored)) {
    run.log.line("resume      no checkpoint yet, starting from the beginning");
    return;
  }
  Checkpoint checkpoint(common_->folder->checkpoint());
  visit_state(checkpoint);
  run.saved_step = run.step;
  run.log.line("resume      after iteration " + std::to_string(run.step));
  if (const std::string made_on = checkpoint.note(kDeviceNote); made_on != run.device.description()) {
    run.log.line("warning: the run so far was on \"" + printable(made_on) + "\", this is \"" +
                 run.device.description() + "\"; it goes on, but not bit for bit as without a stop");
  }
}

/// Everything that the rest of the run depends on.
void Experiment::visit_state(Checkpoint& checkpoint) {
  Running& run = running();
  checkpoint.visit("run.iteration", run.step);
  uint64_t calls = run.phases.calls();
  checkpoint.visit("run.phase_calls", calls);
  run.phases.set_calls(calls);
  for (const auto& visit : run.state) visit(checkpoint);
}

void Experiment::call_back() {
  Running& run = running();
  const TapeOff off;
  for (const auto& [steps, body] : run.callbacks) {
    if (run.step % static_cast<uint64_t>(steps) == 0 || run.step == static_cast<uint64_t>(iterations())) body();
  }
}

void Experiment::stop_at_bad_value() {
  Running& run = running();
  const auto bad_step = run.metrics.first_bad_step();
  if (!bad_step) return;
  const std::string last_good = run.saved_step == 0
                                    ? "nothing was saved before"
                                    : "the checkpoint of iteration " + std::to_string(run.saved_step) + " is untouched";
  throw Error("iteration " + std::to_string(*bad_step) + ": a recorded value is not finite, training stops; " +
              last_good + "; see " + printable(common_->folder->metrics().native()) +
              ", and try a smaller step size or another --seed");
}

void Experiment::save() {
  Running& run = running();
  run.recorder->finish();
  stop_at_bad_value();
  Checkpoint checkpoint;
  visit_state(checkpoint);
  checkpoint.set_note(kDeviceNote, run.device.description());
  checkpoint.commit(common_->folder->checkpoint());
  run.saved_step = run.step;
}

}  // namespace wasserkern::bench

#include "bench/harness/metrics_recorder.h"

namespace wasserkern::bench {
namespace {

constexpr std::chrono::milliseconds kPause(500);
constexpr int64_t kMostSteps = Metrics::kSteps / 4;

}  // namespace

MetricsRecorder::MetricsRecorder(Metrics& metrics, const std::filesystem::path& path, uint64_t last_step,
                                 bool json_lines)
    : metrics_(metrics), file_(path, last_step, json_lines) {}

void MetricsRecorder::after_step() {
  ++steps_since_request_;
  // The device's ring forgets: a reading that is still on its way when the next is due is waited for.
  const bool full = steps_since_request_ >= kMostSteps;
  if (requested_) take(full);
  if (!requested_ && (full || Clock::now() - request_time_ >= kPause)) request();
}

void MetricsRecorder::finish() {
  if (requested_) take(true);
  request();
  take(true);
  file_.sync();
}

void MetricsRecorder::request() {
  metrics_.request();
  requested_ = true;
  steps_since_request_ = 0;
  request_time_ = Clock::now();
}

void MetricsRecorder::take(bool wait) {
  const std::vector<Metrics::Row> rows = metrics_.collect(wait);
  if (wait || !rows.empty()) requested_ = false;
  if (rows.empty()) return;
  const std::vector<std::string>& names = metrics_.names();
  for (const Metrics::Row& row : rows) file_.append(row.step, names, row.values);
  file_.flush();
  latest_.clear();
  for (size_t i = 0; i < rows.back().values.size(); ++i) latest_.emplace_back(names[i], rows.back().values[i]);
}

}  // namespace wasserkern::bench

#include "bench/harness/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "bench/harness/printed.h"

namespace wasserkern::bench {
namespace {

constexpr std::chrono::milliseconds kBarPause(250);
constexpr std::chrono::seconds kLongestLinePause(30);
constexpr double kSmoothing = 0.1;  // of the rate, which makes a window of ten updates

double seconds(std::chrono::steady_clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string bar_of(double share) {
  constexpr int width = 24;
  const int filled = static_cast<int>(share * width);
  return "[" + std::string(static_cast<size_t>(filled), '#') + std::string(static_cast<size_t>(width - filled), '.') +
         "] ";
}

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = static_cast<long long>(std::llround(std::max(seconds, 0.0)));
  char text[48];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  }
  return text;
}

std::string progress_text(uint64_t step, uint64_t last_step, double steps_per_second, const Values& values,
                          const std::string& unit) {
  std::string total = std::to_string(last_step);
  std::string done = std::to_string(step);
  done.insert(0, total.size() - std::min(total.size(), done.size()), ' ');
  const double percent =
      last_step == 0 ? 100 : std::floor(100.0 * static_cast<double>(step) / static_cast<double>(last_step));
  std::string text = done + "/" + total + printed("  %3.0f%%", percent);
  if (steps_per_second > 0) {
    text += printed(steps_per_second < 999.5 ? "  %.3g " : "  %.0f ", steps_per_second) + unit + "/s  ";
    text += clock_text(static_cast<double>(last_step - std::min(step, last_step)) / steps_per_second) + " left";
  }
  for (const auto& [name, value] : values) {
    if (!std::isnan(value)) text += "  " + name + " " + printed("%.4g", value);
  }
  return text;
}

Progress::Progress(Log& log, uint64_t first_step, uint64_t last_step, std::string unit)
    : log_(log),
      first_step_(first_step),
      last_step_(last_step),
      unit_(std::move(unit)),
      bar_step_(first_step),
      start_(Clock::now()),
      bar_time_(start_),
      line_time_(start_) {}

void Progress::update(uint64_t step, const Values& values) {
  const auto now = Clock::now();
  if (now - bar_time_ < kBarPause) return;

  const double rate_now = static_cast<double>(step - bar_step_) / seconds(now - bar_time_);
  rate_ = rate_ == 0 ? rate_now : rate_ + kSmoothing * (rate_now - rate_);
  bar_step_ = step;
  const std::string text = progress_text(step, last_step_, rate_, values, unit_);
  if (now - line_time_ >= line_pause_) {
    log_.on_terminal() ? log_.file_line(text) : log_.line(text);
    line_time_ = now;
    line_pause_ = std::min(2 * line_pause_, kLongestLinePause);
  }
  log_.bar(bar_of(last_step_ == 0 ? 1.0 : static_cast<double>(step) / static_cast<double>(last_step_)) + text);
  bar_time_ = now;
}

double Progress::mean_rate(uint64_t step) const {
  const double elapsed = seconds(Clock::now() - start_);
  return elapsed > 0 ? static_cast<double>(step - first_step_) / elapsed : 0;
}

}  // namespace wasserkern::bench

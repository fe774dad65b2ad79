#include "engine/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "engine/stream.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"
#include "kernels/metric_ring.h"

namespace wasserkern {
namespace {

constexpr size_t kRingBytes = Metrics::kSteps * Metrics::kColumns * sizeof(float);
constexpr float kNever = std::numeric_limits<float>::quiet_NaN();

}  // namespace

/// A copy of the ring on its way to the host.
struct Metrics::Reading {
  Device& device;
  float* ring;
  uint64_t* bad_step;
  std::unique_ptr<Event> arrived;
  uint64_t up_to = 0;
  bool pending = false;

  explicit Reading(Device& on) : device(on) {
    device.stream().visit([this](auto& stream) {
      ring = static_cast<float*>(stream.allocate_staging(kRingBytes));
      bad_step = static_cast<uint64_t*>(stream.allocate_staging(sizeof(uint64_t)));
    });
  }
  ~Reading() {
    device.stream().visit([this](auto& stream) {
      stream.synchronize();
      stream.release_staging(ring);
      stream.release_staging(bad_step);
    });
  }
};

Metrics::Metrics(Device& device)
    : device_(device),
      step_(device, std::array<uint64_t, 1>{0}),
      ring_(device, std::span<const float>(std::vector<float>(kSteps * kColumns, kNever))),
      bad_step_(device, std::array<uint64_t, 1>{0}),
      reading_(std::make_unique<Reading>(device)) {}

Metrics::~Metrics() = default;

void Metrics::begin_step(uint64_t step) {
  if (current_ == 0) delivered_ = step - 1;
  current_ = step;
  const Vector<float> row{ring_.data() + static_cast<int64_t>((step - 1) % kSteps) * kColumns, kColumns};
  submit(device_, [step, row, out = step_.vector()](auto& stream) {
    set_counter(stream, step, out);
    fill(stream, kNever, row);  // what was written kSteps ago is not of this step
  });
}

void Metrics::record(const std::string& name, const Tensor& value) {
  auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    if (names_.size() == kColumns)
      throw UsageError("metric \"" + name + "\": at most " + std::to_string(kColumns) + " metrics can be recorded");
    found = names_.insert(names_.end(), name);
  }
  submit(device_, [step = step_.data(), column = found - names_.begin(), view = value.vector(),
                   ring = Matrix<float>{ring_.data(), kSteps, kColumns},
                   bad = bad_step_.vector()](auto& stream) { record_metric(stream, step, column, view, ring, bad); });
}

void Metrics::request() {
  device_.stream().visit([this](auto& stream) {
    stream.copy_to_staging(ring_.data(), reading_->ring, kRingBytes);
    stream.copy_to_staging(bad_step_.data(), reading_->bad_step, sizeof(uint64_t));
    reading_->arrived = stream.mark();
  });
  reading_->up_to = current_;
  reading_->pending = true;
}

std::vector<Metrics::Row> Metrics::collect(bool wait) {
  if (!reading_->pending) return {};
  if (!reading_->arrived->reached()) {
    if (!wait) return {};
    device_.synchronize();
  }
  reading_->pending = false;
  if (*reading_->bad_step != 0) first_bad_step_ = *reading_->bad_step;
  std::vector<Row> rows;
  for (uint64_t step = delivered_ + 1; step <= reading_->up_to; ++step) {
    const float* values = reading_->ring + static_cast<int64_t>((step - 1) % kSteps) * kColumns;
    rows.push_back({step, {values, values + names_.size()}});
  }
  delivered_ = reading_->up_to;
  return rows;
}

}  // namespace wasserkern

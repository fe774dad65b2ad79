#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/array.h"
#include "engine/tensor.h"
#include "kernels/export.h"
#include "kernels/stream.h"

namespace wasserkern {

/// Scalars that phases write and the host reads later without stopping the device: a ring of the last kSteps steps.
class WASSERKERN_API Metrics {
 public:
  static constexpr int64_t kSteps = 1024;
  static constexpr int64_t kColumns = 32;

  struct Row {
    uint64_t step;
    std::vector<float> values;  // one per name; those never written are NaN
  };

  explicit Metrics(Device& device);
  ~Metrics();

  /// Between phases: the step, from 1, that what follows belongs to. Submits two small kernels.
  void begin_step(uint64_t step);
  /// Anywhere: the value of `name`, a tensor of size 1, at the current step. Throws UsageError past kColumns names.
  void record(const std::string& name, const Tensor& value);
  const std::vector<std::string>& names() const { return names_; }

  /// Starts reading what was written so far. At most kSteps steps may lie between two calls.
  void request();
  /// What the last request found, once it has arrived; rows come once each, in order. With `wait` it always arrives.
  std::vector<Row> collect(bool wait);
  /// The first step with a value that was not finite, as of the last collected request.
  std::optional<uint64_t> first_bad_step() const { return first_bad_step_; }

 private:
  struct Reading;
  Device& device_;
  Array<uint64_t> step_;
  Array<float> ring_;
  Array<uint64_t> bad_step_;
  std::vector<std::string> names_;
  uint64_t current_ = 0;
  uint64_t delivered_ = 0;
  std::optional<uint64_t> first_bad_step_;
  std::unique_ptr<Reading> reading_;
};

}  // namespace wasserkern

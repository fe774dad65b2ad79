#include "engine/phases.h"

#include "engine/stream.h"

namespace wasserkern {

Phases::Phases(Device& device, Random& random, bool eager) : device_(device), random_(random), eager_(eager) {}

Tensor Phases::slot(const Shape& shape) { return slots_.emplace_back(Tensor::full(device_, shape, 0)); }

std::string Phases::key(const std::string& name) const {
  std::string key = name;
  for (const Tensor& slot : slots_) key += " " + std::to_string(slot.shape().rows());
  return key;
}

void Phases::run(const std::string& name, const std::function<void()>& body) {
  Entry& entry = entries_[key(name)];
  if (!entry.pool) entry.pool = device_.make_pool();
  const ProfilerRange range(device_, name.c_str());

  struct Scope {
    Phases& phases;
    Scope(Phases& of, const std::string& name, const Entry& entry) : phases(of) {
      phases.device_.enter_phase(name.c_str(), entry.pool);
      phases.random_.begin_step(++phases.calls_);
    }
    ~Scope() {
      phases.random_.end_step();
      phases.device_.leave_phase();
    }
  };
  const Scope scope(*this, name, entry);
  if (entry.recording) return entry.recording->replay();
  if (eager_ || !entry.has_run)
    body();
  else
    record(entry, body);
  entry.has_run = true;
}

void Phases::record(Entry& entry, const std::function<void()>& body) {
  // What escaped the first run is still out, and asking for memory is not possible during a capture.
  entry.pool->spare_what_is_out();
  device_.stream().visit([&](auto& stream) {
    stream.begin_recording();
    try {
      body();
    } catch (...) {
      stream.abandon_recording();
      throw;
    }
    entry.recording = stream.end_recording();
  });
}

}  // namespace wasserkern

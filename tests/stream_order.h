#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wasserkern::testing {

/// What orders asynchronous copies, and which of them share memory without an order: the races that show only where
/// streams truly run beside each other. It is told every call; streams and events are their handles.
class StreamOrder {
 public:
  void copied(void* to, const void* from, size_t bytes, bool from_host, const void* stream) {
    Clock before = joined(streams_[stream], host_);
    const Copy copy{range(to, bytes), range(from, bytes), stream, before[stream] + 1};
    for (const Copy& earlier : copies_) {
      const bool conflict =
          overlap(earlier.to, copy.to) || overlap(earlier.to, copy.from) || overlap(earlier.from, copy.to);
      if (conflict && !happened(earlier, before)) races_.push_back("a copy");
      // What a copy takes from the host, the host has written before it.
      if (from_host && overlap(earlier.from, copy.from) && !happened(earlier, host_)) races_.push_back("the host");
    }
    copies_.push_back(copy);
    before[stream] = copy.place;
    streams_[stream] = before;
  }
  void recorded(const void* event, const void* stream) { events_[event] = joined(streams_[stream], host_); }
  void waited(const void* stream, const void* event) { streams_[stream] = joined(streams_[stream], events_[event]); }
  void seen_by_host(const void* event) { host_ = joined(host_, events_[event]); }

  int64_t copies() const { return static_cast<int64_t>(copies_.size()); }
  /// Who touched memory that an earlier copy may still have been at.
  const std::vector<std::string>& races() const { return races_; }

 private:
  using Clock = std::map<const void*, int64_t>;  // copies of each stream that are known to be done
  struct Range {
    uintptr_t begin, end;
  };
  struct Copy {
    Range to, from;
    const void* stream;
    int64_t place;
  };

  static Range range(const void* begin, size_t bytes) {
    const auto address = reinterpret_cast<uintptr_t>(begin);
    return {address, address + bytes};
  }
  static bool overlap(Range a, Range b) { return a.begin < b.end && b.begin < a.end; }
  static bool happened(const Copy& copy, Clock& clock) { return clock[copy.stream] >= copy.place; }
  static Clock joined(Clock a, const Clock& b) {
    for (const auto& [stream, place] : b) a[stream] = std::max(a[stream], place);
    return a;
  }

  Clock host_;
  std::map<const void*, Clock> streams_, events_;
  std::vector<Copy> copies_;
  std::vector<std::string> races_;
};

/// Told of this process's calls while it is set.
extern StreamOrder* watched_order;

}  // namespace wasserkern::testing

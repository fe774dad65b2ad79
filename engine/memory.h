#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/intrusive.h"
#include "kernels/export.h"

namespace wasserkern {

/// A caching allocator over one stream's memory. Blocks come back to it and are handed out again in the order of the
/// stream, so that a recording that owns a pool finds the same addresses at every replay.
class WASSERKERN_API Pool {
 public:
  using Allocate = std::function<void*(size_t)>;
  using Release = std::function<void(void*)>;
  Pool(Allocate allocate, Release release) : allocate_(std::move(allocate)), release_(std::move(release)) {}
  /// Every block must have come back.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// At least `bytes` bytes; throws DeviceError when the device has no more.
  void* take(size_t bytes);
  void give_back(void* block, size_t bytes) noexcept;
  /// Makes a spare for every block that is out, so that the same work can run again before they come back.
  void spare_what_is_out();

  /// How often the pool asked the system for memory, and how much it holds.
  int64_t growths() const { return growths_; }
  size_t bytes() const { return bytes_; }

 private:
  struct Class {
    std::vector<void*> free;
    int64_t out = 0;
  };
  void grow(Class& size_class, size_t bytes);

  Allocate allocate_;
  Release release_;
  std::map<size_t, Class> classes_;
  int64_t growths_ = 0;
  size_t bytes_ = 0;
};

/// A block of a pool, shared by tensors. In-place writes raise its version, so that a backward sees stale values.
class WASSERKERN_API Storage : public Counted {
 public:
  Storage(std::shared_ptr<Pool> pool, size_t bytes)
      : pool_(std::move(pool)), bytes_(bytes), data_(pool_->take(bytes)) {}
  ~Storage() { pool_->give_back(data_, bytes_); }

  void* data() const { return data_; }
  uint64_t version() const { return version_; }
  void bump_version() { ++version_; }

 private:
  std::shared_ptr<Pool> pool_;
  size_t bytes_;
  void* data_;
  uint64_t version_ = 0;
};

inline void retain(Storage* storage) { storage->add_reference(); }
inline void release(Storage* storage) {
  if (storage->drop_reference()) delete storage;
}

}  // namespace wasserkern

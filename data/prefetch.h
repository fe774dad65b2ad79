#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "kernels/export.h"

namespace wasserkern::data {

/// Makes numbered items in a thread of its own, ahead of who takes them one after another. Which item has which values
/// depends on its number alone, never on the threads.
class WASSERKERN_API Prefetch {
 public:
  /// Overwrites `values` with item `index`. Only ever called by the thread.
  using Make = std::function<void(uint64_t index, std::vector<float>& values)>;

  /// The thread starts with the first take().
  explicit Prefetch(Make make);
  ~Prefetch();
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  /// Item `index`, waited for if need be; it stays until the next call. What is made ahead are the items that follow:
  /// after any other the next is waited for. Rethrows what `make` threw for it; the next call tries again.
  std::span<const float> take(uint64_t index);

 private:
  // One is in the taker's hands, the others are made ahead. Numbers may wrap around: it is a power of two.
  static constexpr uint64_t kItems = 4;

  void run();

  Make make_;
  std::vector<float> items_[kItems];  // item i lies at i mod kItems

  std::mutex mutex_;
  std::condition_variable made_, wanted_;
  uint64_t first_ = 0;          // the next to be taken, if they are taken in order
  uint64_t ready_ = 0;          // so many from there on are made
  uint64_t seeks_ = 0;          // tells the thread that what it is making is not wanted any more
  std::exception_ptr failure_;  // of the next item to be made
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace wasserkern::data

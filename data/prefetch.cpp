#include "data/prefetch.h"

#include <utility>

namespace wasserkern::data {

Prefetch::Prefetch(Make make) : make_(std::move(make)) {}

Prefetch::~Prefetch() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_one();
  thread_.join();
}

std::span<const float> Prefetch::take(uint64_t index) {
  std::unique_lock lock(mutex_);
  if (index != first_) {
    first_ = index;
    ready_ = 0;
    ++seeks_;
    failure_ = nullptr;
    wanted_.notify_one();
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  made_.wait(lock, [&] { return ready_ > 0 || failure_; });
  if (ready_ == 0) {
    const std::exception_ptr failure = std::exchange(failure_, nullptr);
    wanted_.notify_one();
    std::rethrow_exception(failure);
  }
  ++first_;
  --ready_;
  lock.unlock();
  wanted_.notify_one();
  return items_[index % kItems];
}

void Prefetch::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wanted_.wait(lock, [&] { return stopping_ || (ready_ < kItems - 1 && !failure_); });
    if (stopping_) return;
    const uint64_t index = first_ + ready_, seeks = seeks_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      make_(index, items_[index % kItems]);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (seeks != seeks_) continue;
    if (failure) {
      failure_ = failure;
    } else {
      ++ready_;
    }
    made_.notify_one();
  }
}

}  // namespace wasserkern::data

#include "engine/memory.h"

#include <bit>

namespace wasserkern {
namespace {

/// Blocks are handed out in four sizes per power of two, so that at most a fifth of one is unused.
size_t class_of(size_t bytes) {
  constexpr size_t kSmallest = 256;
  if (bytes <= kSmallest) return kSmallest;
  const size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

}  // namespace

Pool::~Pool() {
  for (auto& [bytes, size_class] : classes_)
    for (void* block : size_class.free) release_(block);
}

void* Pool::take(size_t bytes) {
  Class& size_class = classes_[class_of(bytes)];
  if (size_class.free.empty()) grow(size_class, class_of(bytes));
  void* block = size_class.free.back();
  size_class.free.pop_back();
  ++size_class.out;
  return block;
}

void Pool::give_back(void* block, size_t bytes) noexcept {
  Class& size_class = classes_.find(class_of(bytes))->second;
  size_class.free.push_back(block);  // never allocates: grow reserved the room
  --size_class.out;
}

void Pool::spare_what_is_out() {
  for (auto& [bytes, size_class] : classes_)
    for (int64_t spare = 0; spare < size_class.out; ++spare) grow(size_class, bytes);
}

void Pool::grow(Class& size_class, size_t bytes) {
  size_class.free.reserve(size_class.free.size() + static_cast<size_t>(size_class.out) + 1);
  size_class.free.push_back(allocate_(bytes));
  ++growths_;
  bytes_ += bytes;
}

}  // namespace wasserkern

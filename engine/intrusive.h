#pragma once

#include <cstdint>
#include <utility>

namespace wasserkern {

/// Base of what `Ref` counts. Not atomic: one thread owns a Device and everything on it.
class Counted {
 public:
  Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  void add_reference() { ++references_; }
  /// Whether it was the last.
  bool drop_reference() { return --references_ == 0; }

 private:
  int64_t references_ = 0;
};

/// A counted pointer, also to types that are incomplete here: `retain(T*)` and `release(T*)` are found beside T.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* target) : target_(target) {
    if (target_) retain(target_);
  }
  Ref(const Ref& other) : Ref(other.target_) {}
  Ref(Ref&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~Ref() {
    if (target_) release(target_);
  }

  T* get() const { return target_; }
  T* operator->() const { return target_; }
  T& operator*() const { return *target_; }
  explicit operator bool() const { return target_ != nullptr; }

 private:
  T* target_ = nullptr;
};

}  // namespace wasserkern

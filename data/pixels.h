#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace wasserkern::data {

/// Bytes that do not change any more, in memory or in a mapped file. Copies share them.
class Pixels {
 public:
  Pixels() = default;
  Pixels(std::vector<uint8_t> bytes) {
    auto owner = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
    bytes_ = *owner;
    owner_ = std::move(owner);
  }
  /// `bytes` are there as long as `owner`.
  Pixels(std::shared_ptr<const void> owner, std::span<const uint8_t> bytes) : owner_(std::move(owner)), bytes_(bytes) {}

  const uint8_t* data() const { return bytes_.data(); }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  const uint8_t* begin() const { return data(); }
  const uint8_t* end() const { return data() + size(); }
  const uint8_t& operator[](size_t place) const { return bytes_[place]; }

  bool operator==(const Pixels& other) const { return std::ranges::equal(bytes_, other.bytes_); }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const uint8_t> bytes_;
};

}  // namespace wasserkern::data

#pragma once

#include "tests/data/idx_bytes.h"

/// CIFAR-10's binary version made by hand.
namespace wasserkern::testing {

inline constexpr size_t kCifar10Record = 3073;

/// `count` images with the labels first, first + 1, ... modulo 10, and pixels that count from image to image.
inline Bytes cifar10_images(size_t count, uint8_t first = 0) {
  Bytes bytes = counting_bytes(count * kCifar10Record);
  for (size_t i = 0; i < count; ++i) bytes[i * kCifar10Record] = static_cast<std::byte>((first + i) % 10);
  return bytes;
}

}  // namespace wasserkern::testing

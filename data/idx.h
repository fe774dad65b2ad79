#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "data/images.h"
#include "kernels/export.h"

namespace wasserkern::data {

// The IDX format of MNIST (LeCun, Cortes, Burges): two zero bytes, the element type, the number of dimensions, each
// size as 32 bits big-endian, the elements. Unsigned bytes are read, raw or gzipped. Whatever is wrong with a file is a
// DataError with its name, found before memory is allocated for what it promises.

/// Grey images, `[count, height, width]`.
WASSERKERN_API Images load_idx(const std::filesystem::path& file);
/// The same from memory; `name` stands for the file in messages.
WASSERKERN_API Images parse_idx(std::span<const std::byte> bytes, std::string_view name);

/// Labels, `[count]`.
WASSERKERN_API std::vector<uint8_t> load_idx_labels(const std::filesystem::path& file);
WASSERKERN_API std::vector<uint8_t> parse_idx_labels(std::span<const std::byte> bytes, std::string_view name);

/// The images of a folder laid out like MNIST's: train-images-idx3-ubyte or t10k-images-idx3-ubyte, with .gz or
/// without. When they are not there the DataError names the command that fetches them.
WASSERKERN_API Images load_mnist_like(const std::filesystem::path& folder, Split split = Split::Training);

}  // namespace wasserkern::data

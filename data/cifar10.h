#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "data/images.h"
#include "kernels/export.h"

namespace wasserkern::data {

// CIFAR-10 (Krizhevsky 2009) in its binary version: images of 32 x 32 in colour, each a label of 0 .. 9 and then its
// red, green and blue pixels, 3073 bytes in all; at most 10,000 to a file. Files are read raw or gzipped. Whatever is
// wrong with one is a DataError with its name.

/// Those of data_batch_1.bin .. data_batch_5.bin that are in a folder, in their order, or its test_batch.bin; each with
/// .gz or without. Throws DataError, with the command that fetches them, when there is none.
WASSERKERN_API Images load_cifar10(const std::filesystem::path& folder, Split split = Split::Training);

/// One of these files, from memory; `name` stands for it in messages.
WASSERKERN_API Images parse_cifar10(std::span<const std::byte> bytes, std::string_view name);

}  // namespace wasserkern::data

#pragma once

#include <filesystem>
#include <span>

#include "engine/shape.h"
#include "kernels/export.h"

namespace wasserkern {

/// Replaces `path` by an array in NumPy's format (version 1.0, float32, row-major), atomically. Throws ShapeError when
/// the values are not as many as the shape says, DataError when the file cannot be written.
WASSERKERN_API void write_npy(const std::filesystem::path& path, const Shape& shape, std::span<const float> values);

}  // namespace wasserkern

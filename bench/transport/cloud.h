#pragma once

#include <string>
#include <vector>

#include "engine/device.h"
#include "losses/transport/exact.h"

namespace wasserkern::bench {

/// Points of a NumPy file, float32 or float64 rounded to it: an array [n], [n, d], or images [n, ...]; and the masses
/// of a file [n], unless `masses` is empty. Throws DataError, with the file's name, for arrays without points, of
/// another shape, or with values that are not finite, and for masses that are negative or all zero.
losses::Measure read_cloud(Device& device, const std::string& points, const std::string& masses);

/// Of a measure without masses, 1.
double total_mass(const losses::Measure& measure);

}  // namespace wasserkern::bench

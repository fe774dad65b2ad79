#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "kernels/error.h"
#include "kernels/stream.h"
#include "kernels/view.h"

/// What kernel tests share. The whole suite runs on the device that WASSERKERN_TEST_DEVICE names (cpu or cuda), so
/// that one command tests either, under any runner.
namespace wasserkern::testing {

inline bool on_cuda() {
  const char* name = std::getenv("WASSERKERN_TEST_DEVICE");
  return name && std::string(name) == "cuda";
}

/// Calls `body(stream)` with a stream of the device under test.
template <class Body>
void with_stream(Body&& body) {
  if (on_cuda()) {
#if WASSERKERN_CUDA
    static CudaStream stream({});
    body(stream);
#else
    throw DeviceError("WASSERKERN_TEST_DEVICE=cuda, but this build has no CUDA");
#endif
  } else {
    static CpuStream stream(2);
    body(stream);
  }
}

/// A copy of host values in a stream's memory, for the length of a test.
template <class T, class Stream>
class OnStream {
 public:
  OnStream(Stream& stream, std::vector<T> host) : stream_(stream), size_(static_cast<int64_t>(host.size())) {
    data_ = static_cast<T*>(stream.allocate(host.size() * sizeof(T) + 1));
    stream.copy_from_host(host.data(), data_, host.size() * sizeof(T));
  }
  OnStream(Stream& stream, int64_t size) : OnStream(stream, std::vector<T>(static_cast<size_t>(size))) {}
  ~OnStream() { stream_.release(data_); }
  OnStream(const OnStream&) = delete;
  OnStream& operator=(const OnStream&) = delete;

  Vector<T> vector() const { return {data_, size_}; }
  /// As rows of `columns` elements; with no columns the rows must be given.
  Matrix<T> matrix(int64_t rows, int64_t columns) const { return {data_, rows, columns, columns}; }
  T* data() const { return data_; }

  std::vector<T> host() const {
    std::vector<T> result(static_cast<size_t>(size_));
    stream_.copy_to_host(data_, result.data(), result.size() * sizeof(T));
    return result;
  }

 private:
  Stream& stream_;
  int64_t size_;
  T* data_;
};

inline std::vector<float> random_normals(std::mt19937_64& source, int64_t count, float scale = 1) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = scale * normal(source);
  return values;
}

/// A size in [0, most], of one digit as often as of four.
inline int64_t random_size(std::mt19937_64& source, int64_t most) {
  std::uniform_real_distribution<double> exponent(0, std::log(static_cast<double>(most + 1)));
  return std::min(most, static_cast<int64_t>(std::exp(exponent(source))) - static_cast<int64_t>(source() % 2));
}

/// The seed of a randomised test: WASSERKERN_TEST_SEED, or a fixed one. Tests print it with INFO.
inline uint64_t test_seed() {
  const char* text = std::getenv("WASSERKERN_TEST_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 20261121;
}

}  // namespace wasserkern::testing

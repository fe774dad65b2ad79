#include "kernels/layer_norm.h"

#include "kernels/cuda/lane_fold.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/warp.cuh"
#include "kernels/norm_contracts.h"

namespace wasserkern {
namespace {

// A row is as long as an image and there are few: chunks of rows are summed by a block each, and the blocks that need
// the sums of a row join them in one order. What bounds all of it is memory.

using cuda::Moments;
using Pack = cuda::Pack<4>;

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / cuda::kWarp;
constexpr int kPacksPerThread = 4;
constexpr int kChunk = 4 * kPacksPerThread * kThreads;

/// Sums of a gradient, and of its products with x - mean.
struct GradientSums {
  float g, g_x;

  __device__ __forceinline__ void join(const GradientSums& more) {
    g += more.g;
    g_x += more.g_x;
  }
};

/// The same of a gradient and a direction, and of their products.
struct HessianSums {
  float g, h, g_x, h_x, g_h;

  __device__ __forceinline__ void join(const HessianSums& more) {
    g += more.g;
    h += more.h;
    g_x += more.g_x;
    h_x += more.h_x;
    g_h += more.g_h;
  }
};

/// Rows and what is known of them.
struct Rows {
  Matrix<const float> x;
  const float *mean, *inverse_deviation;
};

/// A row's mean, and factors of what is summed to a result: x - mean, a gradient and a direction.
struct Factors {
  float mean, by_x, by_g, by_h, offset;
};

/// y from x, by packs of four or one by one.
struct Forward {
  using State = Moments;
  Matrix<const float> x;
  Vector<const float> gain;
  const float* shift;
  float epsilon, slope;
  float *mean, *inverse_deviation;

  /// About the row's first value, for which see batch_norm.cu, by two passes over what a thread holds.
  __device__ __forceinline__ State take(int64_t row, int first, int end, bool aligned) const {
    const float* from = x.data + row * x.stride;
    const float about = *from;
    Pack held[kPacksPerThread];
    float count = 0, sum = 0, squares = 0;
#pragma unroll
    for (int k = 0; k < kPacksPerThread; ++k) {
      const int at = first + 4 * kThreads * k;
      held[k] = Pack::load_up_to(from + at, end - at, aligned);
      for (int i = 0; i < 4; ++i)
        if (at + i < end) {
          held[k][i] -= about;
          sum += held[k][i];
          ++count;
        }
    }
    const float middle = count > 0 ? sum / count : 0;
#pragma unroll
    for (int k = 0; k < kPacksPerThread; ++k)
      for (int i = 0; i < 4; ++i)
        if (first + 4 * kThreads * k + i < end) squares += (held[k][i] - middle) * (held[k][i] - middle);
    return {count, middle, squares};
  }
  __device__ __forceinline__ Factors finish(int64_t row, const State& all, bool speaks) const {
    const float middle = x.data[row * x.stride] + all.mean, inverse = 1 / sqrtf(all.squares / all.count + epsilon);
    if (speaks) {
      mean[row] = middle;
      inverse_deviation[row] = inverse;
    }
    return {middle, inverse};
  }
  template <int N>
  __device__ __forceinline__ cuda::Pack<N> value(const Factors& by, int64_t row, int column) const {
    const auto place = static_cast<unsigned>(column) % static_cast<unsigned>(gain.size);
    auto y = cuda::Pack<N>::load(x.data + row * x.stride + column);
    const auto scale = cuda::Pack<N>::load(gain.data + place), to = cuda::Pack<N>::load(shift + place);
    for (int i = 0; i < N; ++i) {
      y[i] = (y[i] - by.mean) * by.by_x * scale[i] + to[i];
      y[i] = y[i] > 0 ? y[i] : slope * y[i];
    }
    return y;
  }
};

struct Gradient {
  using State = GradientSums;
  Rows rows;
  Matrix<const float> gradient;

  __device__ __forceinline__ State take(int64_t row, int first, int end, bool aligned) const {
    State sums = {};
    const float mean = rows.mean[row];
#pragma unroll
    for (int k = 0; k < kPacksPerThread; ++k) {
      const int at = first + 4 * kThreads * k;
      const Pack x = Pack::load_up_to(rows.x.data + row * rows.x.stride + at, end - at, aligned);
      const Pack g = Pack::load_up_to(gradient.data + row * gradient.stride + at, end - at, aligned);
      for (int i = 0; i < 4; ++i)
        if (at + i < end) sums.join({g[i], g[i] * (x[i] - mean)});
    }
    return sums;
  }
  __device__ __forceinline__ Factors finish(int64_t row, const State& all, bool) const {
    const float inverse = rows.inverse_deviation[row], share = inverse / static_cast<float>(rows.x.columns);
    return {rows.mean[row], -share * inverse * inverse * all.g_x, inverse, 0, -share * all.g};
  }
  template <int N>
  __device__ __forceinline__ cuda::Pack<N> value(const Factors& by, int64_t row, int column) const {
    const auto x = cuda::Pack<N>::load(rows.x.data + row * rows.x.stride + column);
    auto g = cuda::Pack<N>::load(gradient.data + row * gradient.stride + column);
    for (int i = 0; i < N; ++i) g[i] = by.by_g * g[i] + (by.by_x * (x[i] - by.mean) + by.offset);
    return g;
  }
};

struct Hessian {
  using State = HessianSums;
  Rows rows;
  Matrix<const float> gradient, direction;

  __device__ __forceinline__ State take(int64_t row, int first, int end, bool aligned) const {
    State sums = {};
    const float mean = rows.mean[row];
#pragma unroll
    for (int k = 0; k < kPacksPerThread; ++k) {
      const int at = first + 4 * kThreads * k;
      const Pack x = Pack::load_up_to(rows.x.data + row * rows.x.stride + at, end - at, aligned);
      const Pack g = Pack::load_up_to(gradient.data + row * gradient.stride + at, end - at, aligned);
      const Pack h = Pack::load_up_to(direction.data + row * direction.stride + at, end - at, aligned);
      for (int i = 0; i < 4; ++i)
        if (at + i < end) sums.join({g[i], h[i], g[i] * (x[i] - mean), h[i] * (x[i] - mean), g[i] * h[i]});
    }
    return sums;
  }
  __device__ __forceinline__ Factors finish(int64_t row, const State& all, bool) const {
    const float inverse = rows.inverse_deviation[row], share = 1 / static_cast<float>(rows.x.columns);
    const float mean_g = share * all.g, mean_h = share * all.h;
    const float a = share * inverse * all.g_x, b = share * inverse * all.h_x, c = share * all.g_h - mean_g * mean_h;
    const float scale = -inverse * inverse;
    return {rows.mean[row], scale * inverse * (c - 3 * a * b), scale * b, scale * a,
            -scale * (a * mean_h + b * mean_g)};
  }
  template <int N>
  __device__ __forceinline__ cuda::Pack<N> value(const Factors& by, int64_t row, int column) const {
    const auto x = cuda::Pack<N>::load(rows.x.data + row * rows.x.stride + column);
    const auto g = cuda::Pack<N>::load(gradient.data + row * gradient.stride + column);
    auto h = cuda::Pack<N>::load(direction.data + row * direction.stride + column);
    for (int i = 0; i < N; ++i) h[i] = by.by_x * (x[i] - by.mean) + (by.by_h * h[i] + (by.by_g * g[i] + by.offset));
    return h;
  }
};

/// Every lane's state joined with the others' in lane 0.
template <class State>
__device__ __forceinline__ void join_lanes(State& state) {
  for (int apart = 1; apart < cuda::kWarp; apart *= 2) state.join(cuda::of_lane(state, apart));
}

/// out[row, chunk] = what `op` takes from a chunk of a row; one block each.
template <class Op>
__global__ void __launch_bounds__(kThreads)
    chunks_kernel(Op op, int columns, bool aligned, Matrix<typename Op::State> out) {
  using State = typename Op::State;
  __shared__ State of_warps[kWarps];
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t item = blockIdx.x; item < out.rows * out.columns; item += gridDim.x) {
    const int first = static_cast<int>(item % out.columns) * kChunk + 4 * thread;
    State own = op.take(item / out.columns, first, columns, aligned);
    join_lanes(own);
    if (thread % cuda::kWarp == 0) of_warps[thread / cuda::kWarp] = own;
    __syncthreads();
    if (thread == 0) {
      for (int warp = 1; warp < kWarps; ++warp) own.join(of_warps[warp]);
      out.data[item] = own;
    }
    __syncthreads();
  }
}

/// A row's chunks joined, in all lanes of a warp that calls this together.
template <class State>
__device__ __forceinline__ State whole_row(const State* chunks, int64_t count) {
  State all = {};
  for (int64_t chunk = threadIdx.x % cuda::kWarp; chunk < count; chunk += cuda::kWarp) all.join(chunks[chunk]);
  join_lanes(all);
  struct Words {
    float word[sizeof(State) / sizeof(float)];
  };
  auto words = __builtin_bit_cast(Words, all);
  for (float& word : words.word) word = __shfl_sync(0xFFFFFFFF, word, 0);
  return __builtin_bit_cast(State, words);
}

/// out = op's value, a chunk of a row per block.
template <int N, class Op>
__global__ void __launch_bounds__(kThreads)
    values_kernel(Op op, Matrix<const typename Op::State> chunks, Matrix<float> out) {
  for (int64_t item = blockIdx.x; item < chunks.rows * chunks.columns; item += gridDim.x) {
    const int64_t row = item / chunks.columns;
    const int begin = static_cast<int>(item % chunks.columns) * kChunk;
    const int count = static_cast<int>(min(out.columns - begin, int64_t{kChunk}));
    const auto all = whole_row(chunks.data + row * chunks.columns, chunks.columns);
    const Factors by = op.finish(row, all, begin == 0 && threadIdx.x == 0);
    cuda::for_each_pack<N>(count, threadIdx.x, kThreads, [&]<int W>(cuda::Width<W>, int64_t at) {
      const int column = begin + static_cast<int>(at);
      op.template value<W>(by, row, column).store(out.data + row * out.stride + column);
    });
  }
}

/// `aligned`: whether packs of what op reads can be loaded; `wide`: of all it reads and writes.
template <class Op>
void run(CudaStream& stream, const Op& op, bool aligned, bool wide, Matrix<float> out) {
  using State = typename Op::State;
  if (out.rows == 0 || out.columns == 0) return;
  const int64_t count = cuda::ceil_div(out.columns, kChunk);
  auto* memory = static_cast<State*>(stream.workspace(static_cast<size_t>(out.rows * count) * sizeof(State)));
  const Matrix<State> chunks{memory, out.rows, count};
  const unsigned blocks = cuda::blocks_for(stream, chunks.rows * count * kThreads, kThreads);
  cuda::launch(stream, chunks_kernel<Op>, blocks, kThreads, op, static_cast<int>(out.columns), aligned, chunks);
  cuda::launch(stream, wide ? values_kernel<4, Op> : values_kernel<1, Op>, blocks, kThreads, op, chunks, out);
}

}  // namespace

void layer_norm(CudaStream& stream, const LayerNorm& rule, Matrix<const float> x, Vector<const float> gain,
                Vector<const float> shift, Matrix<float> y, Vector<float> mean, Vector<float> inverse_deviation) {
  check_layer_norm(rule, x, gain, shift, y, mean, inverse_deviation);
  const bool aligned = cuda::packable(x);
  const bool wide = aligned && cuda::packable(y) && cuda::packable(gain.data, shift.data) && gain.size % 4 == 0;
  run(stream, Forward{x, gain, shift.data, rule.epsilon, slope_of(rule), mean.data, inverse_deviation.data}, aligned,
      wide, y);
}

void layer_norm_gradient(CudaStream& stream, Matrix<const float> x, Vector<const float> mean,
                         Vector<const float> inverse_deviation, Matrix<const float> gradient, Matrix<float> out) {
  check_layer_norm_gradient(x, mean, inverse_deviation, gradient, gradient, out);
  const bool aligned = cuda::packable(x, gradient);
  run(stream, Gradient{{x, mean.data, inverse_deviation.data}, gradient}, aligned, aligned && cuda::packable(out), out);
}

void layer_norm_hessian(CudaStream& stream, Matrix<const float> x, Vector<const float> mean,
                        Vector<const float> inverse_deviation, Matrix<const float> gradient,
                        Matrix<const float> direction, Matrix<float> out) {
  check_layer_norm_gradient(x, mean, inverse_deviation, gradient, direction, out);
  const bool aligned = cuda::packable(x, gradient, direction);
  run(stream, Hessian{{x, mean.data, inverse_deviation.data}, gradient, direction}, aligned,
      aligned && cuda::packable(out), out);
}

}  // namespace wasserkern

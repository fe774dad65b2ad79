#include "kernels/batch_norm.h"

#include "kernels/cuda/column_chunks.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/norm_contracts.h"

namespace wasserkern {
namespace {

// Our own rather than cuDNN's, which does not promise the same bits twice. Law 6. What bounds all of it is memory.

using cuda::Moments;
using Chunks = cuda::ColumnChunks;
using Pack = cuda::Pack<4>;

constexpr int kThreads = 256;

/// A gradient summed, and its products with x - mean.
struct GradientSums {
  float sum, product;

  __device__ __forceinline__ void join(const GradientSums& more) {
    sum += more.sum;
    product += more.product;
  }
};

/// The moments of columns of x about the first row, by two passes over what a thread holds of them. As one of the rows
/// it is at most sqrt(rows) deviations away, so that a large mean takes no digits from the differences.
struct TakeMoments {
  using State = Moments;
  Matrix<const float> x;
  bool aligned;

  __device__ __forceinline__ void operator()(int64_t, int64_t first, int64_t end, int64_t column,
                                             State (&states)[4]) const {
    const int64_t left = x.columns - column;
    const Pack about = Pack::load_up_to(x.data + column, left, aligned);
    Pack rows[Chunks::kRowsPerThread], sum = {}, squares = {};
#pragma unroll
    for (int k = 0; k < Chunks::kRowsPerThread; ++k) {
      const int64_t i = first + k * Chunks::kDown;
      rows[k] = i < end ? Pack::load_up_to(x.data + i * x.stride + column, left, aligned) : about;
      for (int c = 0; c < 4; ++c) sum[c] += rows[k][c] -= about[c];
    }
    const auto count = static_cast<float>(max((end - first + Chunks::kDown - 1) / Chunks::kDown, int64_t{0}));
    const float share = count > 0 ? 1 / count : 0;
#pragma unroll
    for (int k = 0; k < Chunks::kRowsPerThread; ++k)
      for (int c = 0; c < 4; ++c) {
        const float apart = first + k * Chunks::kDown < end ? rows[k][c] - sum[c] * share : 0;
        squares[c] += apart * apart;
      }
    for (int c = 0; c < 4; ++c) states[c] = {count, sum[c] * share, squares[c]};
  }
};

/// y = activation((x - mean) scale + shift) in columns that a thread keeps.
template <int N>
struct Normalised {
  cuda::Pack<N> mean, scale, shift;
  float slope;

  __device__ __forceinline__ float apart(int c, float x) const { return x - mean[c]; }
  __device__ __forceinline__ float value(int c, float x) const { return apart(c, x) * scale[c] + shift[c]; }
  __device__ __forceinline__ float activated(int c, float x) const {
    const float y = value(c, x);
    return y > 0 ? y : slope * y;
  }
  /// The gradient before the activation.
  __device__ __forceinline__ float before(int c, float x, float gradient) const {
    return value(c, x) > 0 ? gradient : slope * gradient;
  }
};

/// The statistics of a normalisation with its gain and shift, one value per column.
struct Columns {
  const float *gain, *shift, *mean, *inverse_deviation;
  float slope;

  template <int N>
  __device__ __forceinline__ Normalised<N> load_up_to(int64_t column, int64_t left, bool aligned) const {
    const auto at = [&](const float* of) { return cuda::Pack<N>::load_up_to(of + column, left, aligned); };
    Normalised<N> of{at(mean), at(inverse_deviation), at(shift), slope};
    const auto gains = at(gain);
    for (int c = 0; c < N; ++c) of.scale[c] *= gains[c];
    return of;
  }
};

bool packable(const Columns& of) { return cuda::packable(of.gain, of.shift, of.mean, of.inverse_deviation); }

struct TakeGradientSums {
  using State = GradientSums;
  Columns columns;
  Matrix<const float> x, gradient;
  bool aligned;

  __device__ __forceinline__ void operator()(int64_t, int64_t first, int64_t end, int64_t column,
                                             State (&states)[4]) const {
    for (State& state : states) state = {};
    const int64_t left = x.columns - column;
    const auto of = columns.load_up_to<4>(column, left, aligned);
#pragma unroll 2
    for (int64_t i = first; i < end; i += Chunks::kDown) {
      const Pack value = Pack::load_up_to(x.data + i * x.stride + column, left, aligned);
      const Pack slope = Pack::load_up_to(gradient.data + i * gradient.stride + column, left, aligned);
      for (int c = 0; c < 4; ++c) {
        const float g = of.before(c, value[c], slope[c]);
        states[c].sum += g;
        states[c].product += g * of.apart(c, value[c]);
      }
    }
  }
};

struct FinishMoments {
  const float* about;
  float epsilon, momentum;
  float *running_mean, *running_variance, *mean, *inverse_deviation;

  __device__ __forceinline__ void operator()(int64_t j, const Moments& all) const {
    const float unbiased = all.squares / (all.count - 1);
    mean[j] = about[j] + all.mean;
    inverse_deviation[j] = 1 / sqrtf(all.squares / all.count + epsilon);
    running_mean[j] = (1 - momentum) * running_mean[j] + momentum * mean[j];
    running_variance[j] = (1 - momentum) * running_variance[j] + momentum * unbiased;
  }
};

/// x's gradient is scale g + along (x - mean) + offset, g being the gradient before the activation.
struct FinishGradient {
  Columns columns;
  float share;  // 1 / rows
  float *gain_gradient, *shift_gradient, *along, *offset;

  __device__ __forceinline__ void operator()(int64_t j, const GradientSums& all) const {
    const float inverse = columns.inverse_deviation[j], by = -share * columns.gain[j] * inverse;
    gain_gradient[j] = all.product * inverse;
    shift_gradient[j] = all.sum;
    along[j] = by * all.product * inverse * inverse;
    offset[j] = by * all.sum;
  }
};

/// The x dimension of blocks and grid runs along packs of columns, which a thread keeps, y along rows.
template <int N>
__global__ void __launch_bounds__(kThreads) normalise_kernel(Columns columns, Matrix<const float> x, Matrix<float> y) {
  const int64_t row_step = static_cast<int64_t>(gridDim.y) * blockDim.y;
  const int64_t first = static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
  cuda::for_each_pack<N>(y.columns, cuda::grid_thread(), cuda::grid_threads(),
                         [&]<int W>(cuda::Width<W>, int64_t column) {
                           const auto of = columns.load_up_to<W>(column, W, true);
#pragma unroll 2
                           for (int64_t i = first; i < y.rows; i += row_step) {
                             auto pack = cuda::Pack<W>::load(x.data + i * x.stride + column);
                             for (int c = 0; c < W; ++c) pack[c] = of.activated(c, pack[c]);
                             pack.store(y.data + i * y.stride + column);
                           }
                         });
}

template <int N>
__global__ void __launch_bounds__(kThreads)
    input_gradient_kernel(Columns columns, const float* along, const float* offset, Matrix<const float> x,
                          Matrix<const float> gradient, Matrix<float> out) {
  const int64_t row_step = static_cast<int64_t>(gridDim.y) * blockDim.y;
  const int64_t first = static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
  cuda::for_each_pack<N>(
      out.columns, cuda::grid_thread(), cuda::grid_threads(), [&]<int W>(cuda::Width<W>, int64_t column) {
        const auto of = columns.load_up_to<W>(column, W, true);
        const auto slopes = cuda::Pack<W>::load(along + column), offsets = cuda::Pack<W>::load(offset + column);
#pragma unroll 2
        for (int64_t i = first; i < out.rows; i += row_step) {
          const auto value = cuda::Pack<W>::load(x.data + i * x.stride + column);
          auto pack = cuda::Pack<W>::load(gradient.data + i * gradient.stride + column);
          for (int c = 0; c < W; ++c)
            pack[c] = of.scale[c] * of.before(c, value[c], pack[c]) + (slopes[c] * of.apart(c, value[c]) + offsets[c]);
          pack.store(out.data + i * out.stride + column);
        }
      });
}

/// Starts a kernel over all elements of `of`, wide or not.
template <class... Parameters, class... Arguments>
void over_elements(CudaStream& stream, bool wide, void (*by_packs)(Parameters...), void (*by_floats)(Parameters...),
                   Matrix<const float> of, const Arguments&... arguments) {
  if (of.rows == 0) return;
  const int64_t packs = cuda::ceil_div(of.columns, wide ? 4 : 1);
  const dim3 threads = cuda::row_block(packs, kThreads);
  const auto across = static_cast<unsigned>(cuda::ceil_div(packs, threads.x));
  const unsigned all = cuda::blocks_for(stream, cuda::ceil_div(of.rows, threads.y) * across * kThreads, kThreads);
  const dim3 blocks(across, std::clamp(all / across, 1u, 65535u));
  cuda::launch(stream, wide ? by_packs : by_floats, blocks, threads, arguments...);
}

void normalise(CudaStream& stream, const Columns& columns, Matrix<const float> x, Matrix<float> y) {
  over_elements(stream, packable(columns) && cuda::packable<const float>(x, y), normalise_kernel<4>,
                normalise_kernel<1>, y, columns, x, y);
}

__global__ void take_running_statistics_kernel(float epsilon, const float* running_mean, const float* running_variance,
                                               Vector<float> mean, float* inverse_deviation) {
  for (int64_t j = cuda::grid_thread(); j < mean.size; j += cuda::grid_threads()) {
    mean.data[j] = running_mean[j];
    inverse_deviation[j] = 1 / sqrtf(running_variance[j] + epsilon);
  }
}

}  // namespace

void batch_norm(CudaStream& stream, const BatchNorm& rule, Matrix<const float> x, Vector<const float> gain,
                Vector<const float> shift, Vector<float> running_mean, Vector<float> running_variance, Matrix<float> y,
                Vector<float> mean, Vector<float> inverse_deviation) {
  check_batch(x);
  check_batch_norm(rule, x, gain, shift, mean, inverse_deviation, y);
  check_running_statistics(x, running_mean, running_variance);
  if (x.columns == 0) return;
  void* chunks = stream.workspace(Chunks::bytes<Moments>(x));
  cuda::fold_columns(stream, TakeMoments{x, cuda::packable(x)}, x, chunks,
                     FinishMoments{x.data, rule.epsilon, rule.momentum, running_mean.data, running_variance.data,
                                   mean.data, inverse_deviation.data});
  normalise(stream, {gain.data, shift.data, mean.data, inverse_deviation.data, slope_of(rule)}, x, y);
}

void batch_norm_inference(CudaStream& stream, const BatchNorm& rule, Matrix<const float> x, Vector<const float> gain,
                          Vector<const float> shift, Vector<const float> running_mean,
                          Vector<const float> running_variance, Matrix<float> y, Vector<float> mean,
                          Vector<float> inverse_deviation) {
  check_batch_norm(rule, x, gain, shift, mean, inverse_deviation, y);
  check_running_statistics(x, running_mean, running_variance);
  if (x.columns == 0) return;
  cuda::launch(stream, take_running_statistics_kernel, cuda::blocks_for(stream, x.columns, kThreads), kThreads,
               rule.epsilon, running_mean.data, running_variance.data, mean, inverse_deviation.data);
  normalise(stream, {gain.data, shift.data, mean.data, inverse_deviation.data, slope_of(rule)}, x, y);
}

void batch_norm_gradient(CudaStream& stream, const BatchNorm& rule, Matrix<const float> x, Vector<const float> gain,
                         Vector<const float> shift, Vector<const float> mean, Vector<const float> inverse_deviation,
                         Matrix<const float> gradient, Matrix<float> x_gradient, Vector<float> gain_gradient,
                         Vector<float> shift_gradient) {
  check_batch_norm_gradient(rule, x, gain, shift, mean, inverse_deviation, gradient, x_gradient, gain_gradient,
                            shift_gradient);
  if (x.columns == 0) return;
  const Columns columns{gain.data, shift.data, mean.data, inverse_deviation.data, slope_of(rule)};
  const int64_t room = cuda::ceil_div(x.columns, 4) * 4;  // so that packs stay aligned
  auto* along = static_cast<float*>(
      stream.workspace(static_cast<size_t>(2 * room) * sizeof(float) + Chunks::bytes<GradientSums>(x)));
  float* offset = along + room;
  const bool aligned = packable(columns) && cuda::packable(x, gradient);
  cuda::fold_columns(
      stream, TakeGradientSums{columns, x, gradient, aligned}, x, offset + room,
      FinishGradient{columns, 1 / static_cast<float>(x.rows), gain_gradient.data, shift_gradient.data, along, offset});
  over_elements(stream, aligned && cuda::packable(x_gradient), input_gradient_kernel<4>, input_gradient_kernel<1>,
                x_gradient, columns, along, offset, x, gradient, x_gradient);
}

}  // namespace wasserkern

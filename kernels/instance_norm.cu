#include "kernels/instance_norm.h"

#include "kernels/cuda/column_chunks.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/moments.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/norm_contracts.h"

namespace wasserkern {
namespace {

// As batch normalisation, an image at a time. What bounds all of it is memory: noise, bias and activation are done anew
// wherever x is read.

using cuda::Moments;
using Chunks = cuda::ColumnChunks;
using Pack = cuda::Pack<4>;

constexpr int kThreads = 256;
constexpr int kPixelsPerThread = 8;  // of the pass that writes y

/// Two sums over pixels: of a gradient, and of its products with something else.
struct Sums {
  float sum, product;

  __device__ __forceinline__ void join(const Sums& more) {
    sum += more.sum;
    product += more.product;
  }
};

/// The additions to N channels, with the activation.
template <int N>
struct Added {
  cuda::Pack<N> bias, strength;
  float slope;

  __device__ __forceinline__ float before(int c, float x, float noise) const {
    return x + bias[c] + strength[c] * noise;
  }
  __device__ __forceinline__ float activated(float before) const { return before > 0 ? before : slope * before; }
};

/// Images' pixels as rows, and what is added to them.
struct Inputs {
  Matrix<const float> x;
  int64_t pixels;  // of an image
  const float *bias, *strength, *noise;
  int64_t noise_stride;  // from an image to the next; 0 where they share it
  float slope;

  template <int N>
  __device__ __forceinline__ Added<N> added(int64_t channel, int64_t left, bool aligned) const {
    const auto at = [&](const float* of) {
      return of ? cuda::Pack<N>::load_up_to(of + channel, left, aligned) : cuda::Pack<N>{};
    };
    return {at(bias), at(strength), slope};
  }
  __device__ __forceinline__ float noise_at(int64_t image, int64_t row) const {
    return noise ? noise[image * noise_stride + (row - image * pixels)] : 0.0f;
  }
};

Inputs inputs_of(const InstanceNorm& rule, ImageView<const float> x, const PixelAdditions& added) {
  return {x.pixels(),          x.height * x.width, added.bias.data,
          added.strength.data, added.noise.data,   added.noise.rows > 1 ? added.noise.stride : 0,
          slope_of(rule)};
}

bool packable(const Inputs& of) { return cuda::packable(of.x) && cuda::packable(of.bias, of.strength); }

/// The moments of an image's channels about its first pixel, by two passes over what a thread holds of them.
struct TakeMoments {
  using State = Moments;
  Inputs inputs;
  bool aligned;

  __device__ __forceinline__ void operator()(int64_t image, int64_t first, int64_t end, int64_t channel,
                                             State (&states)[4]) const {
    const int64_t left = inputs.x.columns - channel, top = image * inputs.pixels;
    const auto added = inputs.added<4>(channel, left, aligned);
    const auto value = [&](int64_t i) {
      Pack pack = Pack::load_up_to(inputs.x.data + i * inputs.x.stride + channel, left, aligned);
      const float noise = inputs.noise_at(image, i);
      for (int c = 0; c < 4; ++c) pack[c] = added.activated(added.before(c, pack[c], noise));
      return pack;
    };
    const Pack about = value(top);
    Pack rows[Chunks::kRowsPerThread], sum = {}, squares = {};
#pragma unroll
    for (int k = 0; k < Chunks::kRowsPerThread; ++k) {
      const int64_t i = first + k * Chunks::kDown;
      rows[k] = i < end ? value(i) : about;
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

struct FinishMoments {
  Inputs inputs;
  float epsilon;
  Matrix<float> mean, inverse_deviation;

  __device__ __forceinline__ void operator()(int64_t place, const Moments& all) const {
    const int64_t image = place / mean.columns, channel = place % mean.columns, top = image * inputs.pixels;
    const auto added = inputs.added<1>(channel, 1, true);
    const float about =
        added.activated(added.before(0, inputs.x.data[top * inputs.x.stride + channel], inputs.noise_at(image, top)));
    mean.data[image * mean.stride + channel] = about + all.mean;
    inverse_deviation.data[image * inverse_deviation.stride + channel] = 1 / sqrtf(all.squares / all.count + epsilon);
  }
};

/// y of chunks of `rows_per_block` pixels, a chunk per grid row; the x dimension of blocks and grid runs along packs of
/// channels. Four blocks of a multiprocessor: for more the compiler would spill.
template <int N>
__global__ void __launch_bounds__(kThreads, 4)
    normalise_kernel(Inputs inputs, Matrix<const float> gain, Matrix<const float> shift, Matrix<const float> mean,
                     Matrix<const float> inverse_deviation, int rows_per_block, Matrix<float> y) {
  const int64_t per_image = (inputs.pixels + rows_per_block - 1) / rows_per_block;
  for (int64_t chunk = blockIdx.y; chunk < gain.rows * per_image; chunk += gridDim.y) {
    const int64_t image = chunk / per_image, begin = chunk % per_image * rows_per_block;
    const int64_t top = image * inputs.pixels + begin;
    const int count = static_cast<int>(min(inputs.pixels - begin, int64_t{rows_per_block}));
    const float* noise = inputs.noise ? inputs.noise + image * inputs.noise_stride + begin : nullptr;
    cuda::for_each_pack<N>(
        y.columns, cuda::grid_thread(), cuda::grid_threads(), [&]<int W>(cuda::Width<W>, int64_t channel) {
          using Channels = cuda::Pack<W>;
          const auto at = [&](Matrix<const float> of) { return Channels::load(of.data + image * of.stride + channel); };
          const auto added = inputs.added<W>(channel, W, true);
          const Channels middle = at(mean), to = at(shift), inverse = at(inverse_deviation);
          Channels by = at(gain);
          for (int c = 0; c < W; ++c) by[c] *= inverse[c];
          const float* from = inputs.x.data + top * y.columns + channel;
          float* out = y.data + top * y.columns + channel;
#pragma unroll 2
          for (int i = static_cast<int>(threadIdx.y); i < count; i += static_cast<int>(blockDim.y)) {
            auto pack = Channels::load(from + i * y.columns);
            const float more = noise ? noise[i] : 0.0f;
            for (int c = 0; c < W; ++c)
              pack[c] = (added.activated(added.before(c, pack[c], more)) - middle[c]) * by[c] + to[c];
            pack.store(out + i * y.columns);
          }
        });
  }
}

/// Sums of y's gradient, and of its products with what was normalised, before the division by the deviation.
struct TakeGradientSums {
  using State = Sums;
  Inputs inputs;
  Matrix<const float> mean, gradient;
  bool aligned;

  __device__ __forceinline__ void operator()(int64_t image, int64_t first, int64_t end, int64_t channel,
                                             State (&states)[4]) const {
    for (State& state : states) state = {};
    const int64_t left = inputs.x.columns - channel;
    const auto added = inputs.added<4>(channel, left, aligned);
    const Pack middle = Pack::load_up_to(mean.data + image * mean.stride + channel, left, aligned);
#pragma unroll 2
    for (int64_t i = first; i < end; i += Chunks::kDown) {
      const Pack x = Pack::load_up_to(inputs.x.data + i * inputs.x.stride + channel, left, aligned);
      const Pack g = Pack::load_up_to(gradient.data + i * gradient.stride + channel, left, aligned);
      const float noise = inputs.noise_at(image, i);
      for (int c = 0; c < 4; ++c) {
        states[c].sum += g[c];
        states[c].product += g[c] * (added.activated(added.before(c, x[c], noise)) - middle[c]);
      }
    }
  }
};

struct FinishStyleGradients {
  Matrix<const float> inverse_deviation;
  Matrix<float> gain_gradient, shift_gradient;

  __device__ __forceinline__ void operator()(int64_t place, const Sums& all) const {
    const int64_t image = place / gain_gradient.columns, channel = place % gain_gradient.columns;
    gain_gradient.data[image * gain_gradient.stride + channel] =
        all.product * inverse_deviation.data[image * inverse_deviation.stride + channel];
    shift_gradient.data[image * shift_gradient.stride + channel] = all.sum;
  }
};

/// Writes x's gradient; sums of it, and of its products with the noise.
struct TakeInputGradient {
  using State = Sums;
  Inputs inputs;
  Matrix<const float> gain, mean, inverse_deviation, gain_gradient, shift_gradient, gradient;
  Matrix<float> x_gradient;
  bool aligned;

  __device__ __forceinline__ void operator()(int64_t image, int64_t first, int64_t end, int64_t channel,
                                             State (&states)[4]) const {
    for (State& state : states) state = {};
    const int64_t left = inputs.x.columns - channel;
    const auto at = [&](Matrix<const float> of) {
      return Pack::load_up_to(of.data + image * of.stride + channel, left, aligned);
    };
    const auto added = inputs.added<4>(channel, left, aligned);
    const float share = 1 / static_cast<float>(inputs.pixels);
    const Pack middle = at(mean), inverse = at(inverse_deviation);
    Pack by = at(gain), along = at(gain_gradient), offset = at(shift_gradient);
    for (int c = 0; c < 4; ++c) {
      by[c] *= inverse[c];
      along[c] *= -share * by[c] * inverse[c];
      offset[c] *= -share * by[c];
    }
#pragma unroll 2
    for (int64_t i = first; i < end; i += Chunks::kDown) {
      const Pack x = Pack::load_up_to(inputs.x.data + i * inputs.x.stride + channel, left, aligned);
      Pack g = Pack::load_up_to(gradient.data + i * gradient.stride + channel, left, aligned);
      const float noise = inputs.noise_at(image, i);
      for (int c = 0; c < 4; ++c) {
        const float before = added.before(c, x[c], noise);
        const float d = by[c] * g[c] + (along[c] * (added.activated(before) - middle[c]) + offset[c]);
        g[c] = before > 0 ? d : added.slope * d;
        states[c].sum += g[c];
        states[c].product += g[c] * noise;
      }
      g.store_up_to(x_gradient.data + i * x_gradient.stride + channel, left, aligned);
    }
  }
};

/// Gradients of bias and strength, where somebody asks.
struct FinishAdditions {
  float *bias_gradient, *strength_gradient;

  __device__ __forceinline__ void operator()(int64_t channel, const Sums& all) const {
    if (bias_gradient) bias_gradient[channel] = all.sum;
    if (strength_gradient) strength_gradient[channel] = all.product;
  }
};

}  // namespace

void instance_norm(CudaStream& stream, const InstanceNorm& rule, ImageView<const float> x, const PixelAdditions& added,
                   Matrix<const float> gain, Matrix<const float> shift, ImageView<float> y, Matrix<float> mean,
                   Matrix<float> inverse_deviation) {
  check_instance_norm(rule, x, added, gain, shift, mean, inverse_deviation, y);
  if (x.size() == 0) return;
  const Inputs inputs = inputs_of(rule, x, added);
  void* chunks = stream.workspace(Chunks::bytes<Moments>(inputs.x, x.count));
  cuda::fold_columns(stream, TakeMoments{inputs, packable(inputs)}, inputs.x, chunks,
                     FinishMoments{inputs, rule.epsilon, mean, inverse_deviation}, x.count);
  const bool wide = packable(inputs) && cuda::packable(y.pixels()) &&
                    cuda::packable<const float>(gain, shift, mean, inverse_deviation);
  const int64_t packs = cuda::ceil_div(x.channels, wide ? 4 : 1);
  const dim3 threads = cuda::row_block(packs, kThreads);
  const int rows_per_block = static_cast<int>(threads.y) * kPixelsPerThread;
  const int64_t rows = x.count * cuda::ceil_div(inputs.pixels, rows_per_block);
  const dim3 blocks(static_cast<unsigned>(cuda::ceil_div(packs, threads.x)),
                    static_cast<unsigned>(std::min<int64_t>(rows, 65535)));
  cuda::launch(stream, wide ? normalise_kernel<4> : normalise_kernel<1>, blocks, threads, inputs, gain, shift, mean,
               inverse_deviation, rows_per_block, y.pixels());
}

void instance_norm_gradient(CudaStream& stream, const InstanceNorm& rule, ImageView<const float> x,
                            const PixelAdditions& added, Matrix<const float> gain, Matrix<const float> mean,
                            Matrix<const float> inverse_deviation, ImageView<const float> gradient,
                            const InstanceNormGradients& to) {
  check_instance_norm_gradient(rule, x, added, gain, mean, inverse_deviation, gradient, to);
  if (x.channels == 0) return;
  const Inputs inputs = inputs_of(rule, x, added);
  const Matrix<const float> above = gradient.pixels();
  const bool aligned = packable(inputs) && cuda::packable(above) && cuda::packable<const float>(mean);
  void* chunks = stream.workspace(Chunks::bytes<Sums>(inputs.x, x.count));
  cuda::fold_columns(stream, TakeGradientSums{inputs, mean, above, aligned}, inputs.x, chunks,
                     FinishStyleGradients{inverse_deviation, to.gain, to.shift}, x.count);
  const bool wide = aligned && cuda::packable(to.x.pixels(), to.gain, to.shift) &&
                    cuda::packable<const float>(gain, inverse_deviation);
  cuda::fold_columns(
      stream, TakeInputGradient{inputs, gain, mean, inverse_deviation, to.gain, to.shift, above, to.x.pixels(), wide},
      inputs.x, chunks, FinishAdditions{to.bias.data, to.strength.data}, x.count, cuda::Join::All);
}

}  // namespace wasserkern

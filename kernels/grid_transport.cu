#include "kernels/grid_transport.h"

#include "kernels/cuda/launch.cuh"
#include "kernels/grid_contracts.h"
#include "kernels/soft_sum.h"

namespace wasserkern {
namespace {

constexpr float kLog2E = 1.44269504f;

/// A pass over lines side by side, of all images: from [places, lines] to [lines, places]. An image of
/// [y, (x, channel)] becomes one of [(x, channel), y], whose rows for one x are the lines (channel, y) of the second
/// pass, and comes back by turning the result over the same way.
struct Pass {
  int64_t places, lines, turned;  // turned: what is a row of the turned image
  float scale;
  const float* values;
  const float* costs;  // null: zeros
  float* out;
  float* out_costs;
};

/// What the first pass makes of potentials and masses.
struct Start {
  const float* log_mass;  // null: a later pass
  bool hard;

  __device__ __forceinline__ float operator()(const Pass& pass, int64_t at) const {
    const float value = pass.values[at];
    if (!log_mass) return value;
    const float mass = log_mass[at];
    float v = ::fmaf(value, pass.scale, mass * kLog2E);
    if (hard) v = mass > -HUGE_VALF ? value : mass;
    return v > kGridFar ? kGridFar : v < -kGridFar ? -kGridFar : v;  // NaN stays
  }
};

/// What the last pass makes of what it folded.
struct End {
  bool last;
  float unscale, epsilon, beyond;

  __device__ __forceinline__ float operator()(float value, const float& before) const {
    if (!last) return value;
    const float far = value > kGridFar / 2 ? -HUGE_VALF : value < -kGridFar / 2 ? HUGE_VALF : value * unscale;
    if (beyond == 0) return far;
    return ::fmaf(beyond, ::fmaxf(-epsilon, ::fminf(epsilon, far - before)), far);
  }
};

/// A tile of lines in shared memory, a column each.
template <int kLines>
struct Tile {
  const float* column;
  __device__ __forceinline__ float operator[](int64_t place) const { return column[place * (kLines + 1)]; }
};

/// The logarithm of the sum, as kernels/grid_blocks.h says. Limit: for a pair of blocks B^2 FFMA, 2 B MUFU and some 8 B
/// instructions beside them.
template <int kSide>
struct SoftFold {
  static constexpr int kBlock = kSide, kPlanes = 1, kLines = 32;

  template <class AnyTile>
  static __device__ __forceinline__ void fold(const AnyTile& v, const AnyTile&, const Pass& pass, int64_t first,
                                              float (&values)[kBlock], float (&)[kBlock]) {
    const float s = pass.scale;
    float near[2 * kBlock - 1];
#pragma unroll
    for (int t = 1 - kBlock; t < kBlock; ++t) near[t + kBlock - 1] = exp2(-s * static_cast<float>(t * t));

    const auto cost = [s](int64_t distance) { return s * static_cast<float>(distance * distance); };
    const auto top = [&v](int64_t from, float& nan) {
      float most = v[from];
      nan = ::fmaf(most, 0.0f, nan);
#pragma unroll
      for (int a = 1; a < kBlock; ++a) {
        most = max(most, v[from + a]);
        nan = ::fmaf(v[from + a], 0.0f, nan);  // a maximum would lose a NaN
      }
      return most;
    };
    const auto apart = [first](int64_t from) { return from < first ? first - from : from - first; };
    float least = -2 * kGridFar, nan = 0;
    for (int64_t from = 0; from < pass.places; from += kBlock)
      least = max(least, top(from, nan) - cost(apart(from) + kBlock - 1));
    least -= kGridNegligible;

    // Twice over the blocks with terms that count: for every place's largest exponent, and for the sums.
    float bases[kBlock], sums[kBlock];
#pragma unroll
    for (int b = 0; b < kBlock; ++b) {
      bases[b] = -2 * kGridFar;
      sums[b] = 0;
    }
    const auto over_blocks = [&](auto body) {
#pragma unroll 1
      for (int64_t from = 0; from < pass.places; from += kBlock) {
        float unused = 0;
        if (top(from, unused) - cost(apart(from) == 0 ? 0 : apart(from) - kBlock + 1) < least) continue;
        const float distance = static_cast<float>(from - first), slope = 2 * s * distance;
        float tilted[kBlock], largest = v[from];
#pragma unroll
        for (int a = 0; a < kBlock; ++a) {
          tilted[a] = ::fmaf(slope, static_cast<float>(-a), v[from + a]);
          largest = max(largest, tilted[a]);
        }
        body(tilted, largest, [=](int b) { return s * distance * (static_cast<float>(2 * b) - distance); });
      }
    };
    over_blocks([&](const float(&)[kBlock], float largest, auto shift) {
#pragma unroll
      for (int b = 0; b < kBlock; ++b) bases[b] = max(bases[b], largest + shift(b));
    });
    over_blocks([&](const float(&tilted)[kBlock], float largest, auto shift) {
      float powers[kBlock];
#pragma unroll
      for (int a = 0; a < kBlock; ++a) powers[a] = exp2(tilted[a] - largest);
#pragma unroll
      for (int b = 0; b < kBlock; ++b) {
        float sum = 0;
#pragma unroll
        for (int a = 0; a < kBlock; ++a) sum = ::fmaf(powers[a], near[kBlock - 1 + a - b], sum);
        sums[b] = ::fmaf(sum, exp2((largest + shift(b)) - bases[b]), sums[b]);
      }
    });
#pragma unroll
    for (int b = 0; b < kBlock; ++b) values[b] = (bases[b] + nan) + log2(sums[b]);
  }
};

/// The largest of v_i - s (i - j)^2.
struct HardFold {
  static constexpr int kBlock = 1, kPlanes = 1, kLines = 32;

  template <class AnyTile>
  static __device__ __forceinline__ float term(const AnyTile& v, const Pass& pass, int64_t i, int64_t j) {
    return v[i] - pass.scale * static_cast<float>((i - j) * (i - j));
  }
  template <class AnyTile>
  static __device__ __forceinline__ void fold(const AnyTile& v, const AnyTile&, const Pass& pass, int64_t j,
                                              float (&value)[1], float (&)[1]) {
    float largest = term(v, pass, 0, j), nan = 0;
    for (int64_t i = 0; i < pass.places; ++i) {
      largest = max(largest, term(v, pass, i, j));
      nan = ::fmaf(v[i], 0.0f, nan);
    }
    value[0] = largest + nan;
  }
};

/// The logarithm of the sum, and the mean of cost + (i - j)^2 by its terms; an exponential for each, being rarely used.
struct CostFold {
  static constexpr int kBlock = 1, kPlanes = 2, kLines = 16;

  template <class AnyTile>
  static __device__ __forceinline__ void fold(const AnyTile& v, const AnyTile& costs, const Pass& pass, int64_t j,
                                              float (&value)[1], float (&cost)[1]) {
    HardFold::fold(v, v, pass, j, value, cost);
    const float largest = value[0];
    float sum = 0, total = 0;
    for (int64_t i = 0; i < pass.places; ++i) {
      const float power = exp2(HardFold::term(v, pass, i, j) - largest);
      sum += power;
      total = ::fmaf(power, costs[i] + static_cast<float>((i - j) * (i - j)), total);
    }
    value[0] = largest + log2(sum);
    cost[0] = total / sum;
  }
};

/// A block has kLines lines of an image in shared memory; a thread takes blocks of places of one of them.
template <class Fold>
__global__ void pass_kernel(Pass pass, Start start, End end) {
  constexpr int kLines = Fold::kLines, kBlock = Fold::kBlock;
  extern __shared__ float memory[];
  const int64_t tiles = (pass.lines + kLines - 1) / kLines, image = blockIdx.x / tiles;
  const int64_t first_line = blockIdx.x % tiles * kLines, line = first_line + threadIdx.x;
  const int64_t origin = image * pass.places * pass.lines;
  const int64_t rows = (pass.places + kBlock - 1) / kBlock * kBlock;
  float* const column = memory + threadIdx.x;
  float* const cost_column = column + (Fold::kPlanes - 1) * rows * (kLines + 1);
  for (int64_t place = threadIdx.y; place < rows; place += blockDim.y) {
    const bool present = place < pass.places && line < pass.lines;
    const int64_t at = origin + place * pass.lines + line;
    if (Fold::kPlanes > 1) cost_column[place * (kLines + 1)] = present && pass.costs ? pass.costs[at] : 0.0f;
    column[place * (kLines + 1)] = present ? start(pass, at) : -kGridFar;
  }
  __syncthreads();
  if (line >= pass.lines) return;
  for (int64_t first = static_cast<int64_t>(threadIdx.y) * kBlock; first < pass.places; first += blockDim.y * kBlock) {
    float values[kBlock], costs[kBlock];
    Fold::fold(Tile<kLines>{column}, Tile<kLines>{cost_column}, pass, first, values, costs);
#pragma unroll
    for (int b = 0; b < kBlock; ++b) {
      if (first + b >= pass.places) break;
      const int64_t from = (first + b) * pass.lines + line;
      const int64_t at = origin + from % pass.turned * (pass.places * pass.lines / pass.turned) + from / pass.turned;
      if (pass.out) pass.out[at] = end(values[b], pass.out[at]);
      if (Fold::kPlanes > 1) pass.out_costs[at] = costs[b];
    }
  }
}

template <class Fold>
void run(CudaStream& stream, int64_t count, const Pass& pass, const Start& start, const End& end) {
  constexpr int64_t kMostThreads = 256;
  const int64_t blocks = cuda::ceil_div(pass.places, Fold::kBlock);
  const dim3 threads(Fold::kLines, static_cast<unsigned>(std::min(blocks, kMostThreads / Fold::kLines)));
  const int64_t floats = Fold::kPlanes * blocks * Fold::kBlock * (Fold::kLines + 1);
  const auto tiles = static_cast<unsigned>(count * cuda::ceil_div(pass.lines, Fold::kLines));
  cuda::launch_shared(stream, pass_kernel<Fold>, tiles, threads, static_cast<size_t>(floats) * sizeof(float), pass,
                      start, end);
}

/// Both passes over the images. `out` gets the values, or, of costs, `out_costs` the costs.
template <class Fold>
void transform(CudaStream& stream, ImageView<const float> phi, const float* log_mass, float scale, const End& end,
               float* out, float* out_costs) {
  const int64_t across = phi.width * phi.channels, down = phi.channels * phi.height;
  const int64_t floats = phi.size() * Fold::kPlanes;
  auto* between = static_cast<float*>(stream.workspace(static_cast<size_t>(floats) * sizeof(float)));
  float* const costs = Fold::kPlanes > 1 ? between + phi.size() : nullptr;
  constexpr bool kHard = std::is_same_v<Fold, HardFold>;
  run<Fold>(stream, phi.count, {phi.height, across, across, scale, phi.data, nullptr, between, costs},
            {log_mass, kHard}, {false, 1, 1, 0});
  run<Fold>(stream, phi.count, {phi.width, down, phi.height, scale, between, costs, out, out_costs}, {nullptr, kHard},
            end);
}

}  // namespace

void grid_soft_c_transform(CudaStream& stream, const GridTransform& rule, ImageView<const float> phi,
                           ImageView<const float> log_mass, ImageView<float> psi) {
  check_grids("grid_soft_c_transform", rule.epsilon, phi, log_mass, psi);
  check_relaxation(rule);
  if (phi.size() == 0) return;
  const float scale = soft_sum_scale(rule.epsilon);
  const End end{true, -rule.epsilon * 0.693147181f, rule.epsilon, rule.relaxation - 1};
  visit_grid_block(scale, [&]<int kBlock>() {
    transform<SoftFold<kBlock>>(stream, phi, log_mass.data, scale, end, psi.data, nullptr);
  });
}

void grid_c_transform(CudaStream& stream, ImageView<const float> phi, ImageView<const float> log_mass,
                      ImageView<float> psi) {
  check_grids("grid_c_transform", 1, phi, log_mass, psi);
  if (phi.size() == 0) return;
  transform<HardFold>(stream, phi, log_mass.data, 1, {true, -1, 1, 0}, psi.data, nullptr);
}

void grid_transport_cost(CudaStream& stream, float epsilon, ImageView<const float> phi, ImageView<const float> log_mass,
                         ImageView<float> cost) {
  check_grids("grid_transport_cost", epsilon, phi, log_mass, cost);
  if (phi.size() == 0) return;
  transform<CostFold>(stream, phi, log_mass.data, soft_sum_scale(epsilon), {true, 1, 1, 0}, nullptr, cost.data);
}

}  // namespace wasserkern

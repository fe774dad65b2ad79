#include "kernels/grid_transport.h"

#include "kernels/cpu/grid_lines.h"
#include "kernels/cpu/parallel.h"
#include "kernels/soft_sum.h"

WASSERKERN_PER_ISA(                                                                                                 //
    int64_t grid_transport_workspace(int threads, ImageView<const float> phi);                                      //
    void grid_soft_c_transform_kernel(int threads, const GridTransform& rule, ImageView<const float> phi,           //
                                      const float* log_mass, float* workspace, float* psi);                         //
    void grid_c_transform_kernel(int threads, ImageView<const float> phi, const float* log_mass, float* workspace,  //
                                 float* psi);                                                                       //
    void grid_transport_cost_kernel(int threads, float epsilon, ImageView<const float> phi, const float* log_mass,  //
                                    float* workspace, float* cost);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr float kLog2E = 1.44269504f;

/// What every thread has memory for: the values and the costs of the lines of a pass, and those that it makes of them,
/// each with room for the last block's end and for the last word's.
constexpr int kPlanes = 4;
constexpr int64_t plane_floats(int64_t height, int64_t width, int64_t channels) {
  return (height + kMostGridBlock) * (width + kMostGridBlock) * channels + Word::kLanes;
}

/// Four floats on every instruction set; and the lower, or upper, two of two each, in turn.
using Four = float __attribute__((vector_size(16)));
HWY_INLINE Four lower_of(Four a, Four b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
HWY_INLINE Four upper_of(Four a, Four b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }

/// to[c, r] = from[r, c], four by four in registers.
HWY_INLINE void transpose(int64_t rows, int64_t columns, const float* from, float* to) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    int64_t c = 0;
    for (; c + 4 <= columns; c += 4) {
      Four in[4];
      for (int i = 0; i < 4; ++i) __builtin_memcpy(&in[i], from + (r + i) * columns + c, sizeof(Four));
      const Four left_evens = lower_of(in[0], in[2]), left_odds = lower_of(in[1], in[3]);
      const Four right_evens = upper_of(in[0], in[2]), right_odds = upper_of(in[1], in[3]);
      const Four out[4] = {lower_of(left_evens, left_odds), upper_of(left_evens, left_odds),
                           lower_of(right_evens, right_odds), upper_of(right_evens, right_odds)};
      for (int i = 0; i < 4; ++i) __builtin_memcpy(to + (c + i) * rows + r, &out[i], sizeof(Four));
    }
    for (; c < columns; ++c)
      for (int64_t i = r; i < r + 4; ++i) to[c * rows + i] = from[i * columns + c];
  }
  for (; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
}

/// Folds lines side by side, from [places, lines] to [places, lines]. Words at the ends of rows overlap the next row:
/// so they come first, and what they spoil is overwritten.
template <class AnyLines>
HWY_INLINE void fold_lines(const AnyLines& rule, int64_t places, int64_t lines, Lines<float> in, Lines<float> out) {
  for (int64_t i = places * lines; i < AnyLines::rows(places) * lines + Word::kLanes; ++i) in.data[i] = -kGridFar;
  for (int64_t line = (lines - 1) / Word::kLanes * Word::kLanes; line >= 0; line -= Word::kLanes)
    rule.fold({in.data + line, in.stride, in.plane}, {out.data + line, out.stride, out.plane});
}

/// Both passes over every image. take(at, count) gives a word of the images' elements, of which `count` count; give(at,
/// count, value, cost) gets it when it is done.
template <class AnyLines, class Take, class Give>
HWY_INLINE void transform_images(int threads, ImageView<const float> images, float scale, float* workspace, Take take,
                                 Give give) {
  const int64_t height = images.height, width = images.width, channels = images.channels;
  const int64_t across = width * channels, down = height * channels, size = height * across;
  const int64_t plane = plane_floats(height, width, channels);
  const AnyLines along_y(height, scale, workspace);
  const AnyLines along_x(width, scale, workspace + AnyLines::table_floats(height));
  float* const memories = workspace + AnyLines::table_floats(height) + AnyLines::table_floats(width);
  const int64_t workers = threads < images.count ? threads : images.count;

  const auto transform = [&](int64_t image, float* memory) {
    float *const in = memory, *const out = memory + AnyLines::kPlanes * plane;
    for (int64_t i = 0; i < size; i += Word::kLanes) {
      take(image * size + i, size - i).store(in + i);
      if (AnyLines::kPlanes > 1) Word(0.0f).store(in + plane + i);
    }
    // Of an image [y, (x, channel)]; then of [(x, channel), y], whose rows for one x are the lines (channel, y).
    fold_lines(along_y, height, across, {in, across, plane}, {out, across, plane});
    for (int p = 0; p < AnyLines::kPlanes; ++p) transpose(height, across, out + p * plane, in + p * plane);
    fold_lines(along_x, width, down, {in, down, plane}, {out, down, plane});
    for (int p = 0; p < AnyLines::kPlanes; ++p) transpose(across, height, out + p * plane, in + p * plane);
    for (int64_t i = 0; i < size; i += Word::kLanes)
      give(image * size + i, size - i, Word::load(in + i), Word::load(in + (AnyLines::kPlanes - 1) * plane + i));
  };
  parallel_ranges(threads, workers, 1, [&](int64_t first, int64_t last) {
    for (int64_t worker = first; worker < last; ++worker)
      for (int64_t image = images.count * worker / workers; image < images.count * (worker + 1) / workers; ++image)
        transform(image, memories + worker * kPlanes * plane);
  });
}

/// x from -most to most; NaN stays.
HWY_INLINE Word within(Word most, Word x) {
  const Word below = select_greater(x, most, most, x), least = Word(0.0f) - most;
  return select_greater(least, below, least, below);
}
HWY_INLINE Word finite(Word x) { return within(Word(kGridFar), x); }

/// A transform of the largest value, or of the logarithm of the sum.
HWY_INLINE Word infinite_where_far(Word largest, Word transformed) {
  const Word infinity(hn::Inf(Word::Tag()));
  const Word below = select_greater(largest, Word(kGridFar / 2), Word(0.0f) - infinity, transformed);
  return select_greater(Word(-kGridFar / 2), largest, infinity, below);
}

/// v of potentials and masses.
struct ScaledPotential {
  const float *phi, *log_mass;
  float scale;

  HWY_INLINE Word operator()(int64_t at, int64_t count) const {
    const Word masses = Word::load_up_to(log_mass + at, count) * Word(kLog2E);
    return finite(multiply_add(Word::load_up_to(phi + at, count), Word(scale), masses));
  }
};

}  // namespace

int64_t grid_transport_workspace(int threads, ImageView<const float> phi) {
  const auto tables = [](int64_t side) {
    return SoftLines<1>::table_floats(side) + SoftLines<kMostGridBlock>::table_floats(side);
  };
  return tables(phi.height) + tables(phi.width) + threads * kPlanes * plane_floats(phi.height, phi.width, phi.channels);
}

void grid_soft_c_transform_kernel(int threads, const GridTransform& rule, ImageView<const float> phi,
                                  const float* log_mass, float* workspace, float* psi) {
  const float scale = soft_sum_scale(rule.epsilon);
  const Word unscale(-rule.epsilon * 0.693147181f), epsilon(rule.epsilon), beyond(rule.relaxation - 1);
  const bool overwrites = rule.relaxation == 1;
  visit_grid_block(scale, [&]<int kBlock>() {
    transform_images<SoftLines<kBlock>>(threads, phi, scale, workspace, ScaledPotential{phi.data, log_mass, scale},
                                        [=](int64_t at, int64_t count, Word value, Word) {
                                          Word transformed = infinite_where_far(value, value * unscale);
                                          if (!overwrites) {
                                            const Word before = Word::load_up_to(psi + at, count);
                                            transformed = multiply_add(beyond, within(epsilon, transformed - before),
                                                                       transformed);
                                          }
                                          transformed.store_up_to(psi + at, count);
                                        });
  });
}

void grid_c_transform_kernel(int threads, ImageView<const float> phi, const float* log_mass, float* workspace,
                             float* psi) {
  const auto take = [=](int64_t at, int64_t count) {
    const Word masses = Word::load_up_to(log_mass + at, count), potential = Word::load_up_to(phi.data + at, count);
    const Word none(Word(0.0f) - Word(hn::Inf(Word::Tag())));
    return finite(select_greater(masses, none, potential, masses));  // NaN of either stays
  };
  transform_images<HardLines>(threads, phi, 1, workspace, take, [=](int64_t at, int64_t count, Word value, Word) {
    infinite_where_far(value, Word(0.0f) - value).store_up_to(psi + at, count);
  });
}

void grid_transport_cost_kernel(int threads, float epsilon, ImageView<const float> phi, const float* log_mass,
                                float* workspace, float* cost) {
  const float scale = soft_sum_scale(epsilon);
  transform_images<CostLines>(threads, phi, scale, workspace, ScaledPotential{phi.data, log_mass, scale},
                              [=](int64_t at, int64_t count, Word, Word mean) { mean.store_up_to(cost + at, count); });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/grid_contracts.h"

namespace wasserkern {
namespace {

float* workspace_of(CpuStream& stream, ImageView<const float> phi) {
  const int64_t floats = WASSERKERN_SIMD(grid_transport_workspace)(stream.threads(), phi);
  return static_cast<float*>(stream.workspace(static_cast<size_t>(floats) * sizeof(float)));
}

}  // namespace

void grid_soft_c_transform(CpuStream& stream, const GridTransform& rule, ImageView<const float> phi,
                           ImageView<const float> log_mass, ImageView<float> psi) {
  check_grids("grid_soft_c_transform", rule.epsilon, phi, log_mass, psi);
  check_relaxation(rule);
  if (phi.size() == 0) return;
  WASSERKERN_SIMD(grid_soft_c_transform_kernel)
  (stream.threads(), rule, phi, log_mass.data, workspace_of(stream, phi), psi.data);
}

void grid_c_transform(CpuStream& stream, ImageView<const float> phi, ImageView<const float> log_mass,
                      ImageView<float> psi) {
  check_grids("grid_c_transform", 1, phi, log_mass, psi);
  if (phi.size() == 0) return;
  WASSERKERN_SIMD(grid_c_transform_kernel)
  (stream.threads(), phi, log_mass.data, workspace_of(stream, phi), psi.data);
}

void grid_transport_cost(CpuStream& stream, float epsilon, ImageView<const float> phi, ImageView<const float> log_mass,
                         ImageView<float> cost) {
  check_grids("grid_transport_cost", epsilon, phi, log_mass, cost);
  if (phi.size() == 0) return;
  WASSERKERN_SIMD(grid_transport_cost_kernel)
  (stream.threads(), epsilon, phi, log_mass.data, workspace_of(stream, phi), cost.data);
}

}  // namespace wasserkern

#endif

#include "kernels/pairwise_cost.h"

#include "kernels/cpu/pair_gradient.h"
#include "kernels/cpu/pair_tiles.h"
#include "kernels/cpu/parallel.h"

namespace wasserkern {

/// The arguments of batched_pairwise_cost, on their way into code that is compiled per instruction set.
struct PairwiseCosts {
  int64_t problems;
  Matrix<const float> x, y;
  Matrix<float> out;

  PairwiseCosts problem(int64_t index) const {
    const int64_t m = x.rows / problems, n = y.rows / problems;
    return {1,
            {x.data + index * m * x.stride, m, x.columns, x.stride},
            {y.data + index * n * y.stride, n, y.columns, y.stride},
            {out.data + index * m * out.stride, m, n, out.stride}};
  }
};

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                                   //
    int64_t pairwise_cost_workspace(int threads, const PairwiseCosts& task);          //
    void pairwise_cost_kernel(int threads, CostForm cost, const PairwiseCosts& task,  //
                              float* workspace);                                      //
    int64_t packed_targets_count(Matrix<const float> y);                              //
    void pack_targets_kernel(int threads, Matrix<const float> y, float* packed);      //
    void pairwise_cost_packed_kernel(int threads, CostForm cost, Matrix<const float> x, Matrix<const float> y,
                                     const float* packed, Matrix<float> out);  //
    int64_t pairwise_cost_gradient_workspace(int threads, CostForm cost, Matrix<const float> x,
                                             Matrix<const float> y);                             //
    void pairwise_cost_gradient_kernel(int threads, CostForm cost, Matrix<const float> x,        //
                                       Matrix<const float> y, Factor weights, float* workspace,  //
                                       Matrix<float> out);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

template <class Form>
HWY_INLINE void store_tile(const Form& cost, Matrix<const float> x, Matrix<const float> y, const PairTile& tile,
                           Matrix<float> out) {
  for (int64_t at = 0; at < tile.rows * kColumns; at += Word::kLanes) {
    const int64_t row = tile.first_row + at / kColumns, column = tile.first_column + at % kColumns;
    if (column >= y.rows) continue;
    const Word costs = costs_of(cost, x, y, row, column, Word::load_aligned(tile.sums + at));
    costs.store_up_to(out.data + row * out.stride + column, y.rows - column);
  }
}

/// The costs of one share of the pairs.
template <class Form>
void fill_share(const Form& cost, Matrix<const float> x, Matrix<const float> y, const PairShare& share, int64_t chunk,
                float* packed, Matrix<float> out) {
  for_each_tile(cost, x, y, share, chunk, packed, [&](const PairTile& tile) { store_tile(cost, x, y, tile, out); });
}

/// The same, of panels that are packed, all of y.
template <class Form>
void fill_packed_share(const Form& cost, Matrix<const float> x, Matrix<const float> y, const PairShare& share,
                       const float* packed, Matrix<float> out) {
  alignas(64) float sums[kMaxBlockRows * kColumns];
  for_each_block(x, share, packed + share.first_panel * y.columns * kColumns, [&](const PairBlock& block) {
    fill_tile(cost, x, block.first_row, block.rows, block.panel, sums);
    store_tile(cost, x, y, {block.first_row, block.rows, block.first_column, sums}, out);
  });
}

/// How the threads divide the work: whole problems when there are enough, else the pairs of each in turn.
struct Plan {
  int problem_parts;
  PairGrid grid;
  int64_t packed_size;  // floats, of a thread
};

HWY_INLINE Plan plan_of(const PairwiseCosts& task, int threads) {
  const PairwiseCosts first = task.problem(0);
  const bool whole = task.problems >= threads && task.problems > 1;
  const PairGrid grid = whole ? PairGrid{1, 1} : pair_grid(first.x, first.y, threads);
  return {whole ? threads : 1, grid, packed_size(first.y, grid)};
}

/// The weights of a block from a matrix of all.
struct GivenWeights {
  static constexpr bool kNeedsSums = false;
  Factor given;

  template <class Form>
  HWY_INLINE void fill(const Form&, Matrix<const float>, Matrix<const float>, const PairBlock& block, const float*,
                       float* weights) const {
    const Matrix<const float> matrix = given.matrix;
    const int64_t columns = smaller(kColumns, (given.transposed ? matrix.rows : matrix.columns) - block.first_column);
    if (!given.transposed) {
      for (int64_t at = 0; at < block.rows * kColumns; at += Word::kLanes) {
        const int64_t row = block.first_row + at / kColumns, column = at % kColumns;
        const float* from = matrix.data + row * matrix.stride + block.first_column;
        Word::load_up_to(from + smaller(column, columns), larger(0, columns - column)).store(weights + at);
      }
      return;
    }
    for (int64_t row = 0; row < block.rows; ++row)
      for (int64_t column = columns; column < kColumns; ++column) weights[row * kColumns + column] = 0;
    for (int64_t column = 0; column < columns; ++column) {
      const float* from = matrix.data + (block.first_column + column) * matrix.stride + block.first_row;
      for (int64_t row = 0; row < block.rows; ++row) weights[row * kColumns + column] = from[row];
    }
  }
};

}  // namespace

int64_t pairwise_cost_workspace(int threads, const PairwiseCosts& task) {
  const Plan plan = plan_of(task, threads);
  return plan.problem_parts * plan.grid.shares() * plan.packed_size;
}

void pairwise_cost_kernel(int threads, CostForm form, const PairwiseCosts& task, float* workspace) {
  const Plan plan = plan_of(task, threads);
  const PairGrid grid = plan.grid;
  visit_form(form, [=, &task](const auto& cost) {
    const auto fill = [&](int64_t index, int share, float* packed) {
      const PairwiseCosts one = task.problem(index);
      fill_share(cost, one.x, one.y, pair_share(one.x, one.y, grid, share), chunk_panels(one.y, grid), packed, one.out);
    };
    if (plan.problem_parts > 1) {
#pragma omp parallel for num_threads(plan.problem_parts) schedule(static, 1)
      for (int part = 0; part < plan.problem_parts; ++part) {
        const int64_t end = task.problems * (part + 1) / plan.problem_parts;
        for (int64_t index = task.problems * part / plan.problem_parts; index < end; ++index)
          fill(index, 0, workspace + part * plan.packed_size);
      }
      return;
    }
    for (int64_t index = 0; index < task.problems; ++index) {
#pragma omp parallel for num_threads(grid.shares()) schedule(static, 1)
      for (int share = 0; share < grid.shares(); ++share) fill(index, share, workspace + share * plan.packed_size);
    }
  });
}

int64_t packed_targets_count(Matrix<const float> y) { return panels_of(y) * kColumns * y.columns; }

void pack_targets_kernel(int threads, Matrix<const float> y, float* packed) {
  parallel_ranges(threads, panels_of(y), 1 + kTermsPerThread / (kColumns * (y.columns + 1)),
                  [=](int64_t begin, int64_t end) {
                    for (int64_t panel = begin; panel < end; ++panel)
                      pack_panel(y, panel * kColumns, packed + panel * kColumns * y.columns);
                  });
}

void pairwise_cost_packed_kernel(int threads, CostForm form, Matrix<const float> x, Matrix<const float> y,
                                 const float* packed, Matrix<float> out) {
  const PairGrid grid = pair_grid(x, y, threads);
  visit_form(form, [=](const auto& cost) {
#pragma omp parallel for num_threads(grid.shares()) schedule(static, 1)
    for (int share = 0; share < grid.shares(); ++share)
      fill_packed_share(cost, x, y, pair_share(x, y, grid, share), packed, out);
  });
}

int64_t pairwise_cost_gradient_workspace(int threads, CostForm form, Matrix<const float> x, Matrix<const float> y) {
  return gradient_workspace(form, x, y, threads);
}

void pairwise_cost_gradient_kernel(int threads, CostForm form, Matrix<const float> x, Matrix<const float> y,
                                   Factor weights, float* workspace, Matrix<float> out) {
  visit_form(form,
             [=](const auto& cost) { weighted_gradient(cost, x, y, GivenWeights{weights}, threads, workspace, out); });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {
namespace {

float* workspace_of(CpuStream& stream, int64_t floats) {
  return static_cast<float*>(stream.workspace(static_cast<size_t>(floats) * sizeof(float)));
}

}  // namespace

void batched_pairwise_cost(CpuStream& stream, const Cost& cost, int64_t problems, Matrix<const float> x,
                           Matrix<const float> y, Matrix<float> out) {
  check_batched_pairwise_cost(problems, x, y, out);
  const PairwiseCosts task{problems, x, y, out};
  with_cost_form(cost, [&](CostForm form) {
    if (problems == 0) return;
    float* workspace = workspace_of(stream, WASSERKERN_SIMD(pairwise_cost_workspace)(stream.threads(), task));
    WASSERKERN_SIMD(pairwise_cost_kernel)(stream.threads(), form, task, workspace);
  });
}

void pairwise_cost(CpuStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                   Matrix<float> out) {
  check_pairwise_cost(x, y, out);
  batched_pairwise_cost(stream, cost, 1, x, y, out);
}

int64_t packed_targets_size(CpuStream&, Matrix<const float> y) { return WASSERKERN_SIMD(packed_targets_count)(y); }

void pack_targets(CpuStream& stream, Matrix<const float> y, Vector<float> packed) {
  check_equal("pack_targets: size of packed", packed.size, packed_targets_size(stream, y));
  WASSERKERN_SIMD(pack_targets_kernel)(stream.threads(), y, packed.data);
}

void pairwise_cost_packed(CpuStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                          Vector<const float> packed, Matrix<float> out) {
  check_pairwise_cost(x, y, out);
  check_equal("pairwise_cost_packed: size of packed", packed.size, packed_targets_size(stream, y));
  with_cost_form(cost, [&](CostForm form) {
    WASSERKERN_SIMD(pairwise_cost_packed_kernel)(stream.threads(), form, x, y, packed.data, out);
  });
}

void pairwise_cost_gradient(CpuStream& stream, const Cost& cost, Matrix<const float> x, Matrix<const float> y,
                            Factor weights, Matrix<float> out) {
  check_pairwise_cost_gradient(x, y, weights, out);
  with_cost_form(cost, [&](CostForm form) {
    const int threads = stream.threads();
    float* workspace = workspace_of(stream, WASSERKERN_SIMD(pairwise_cost_gradient_workspace)(threads, form, x, y));
    WASSERKERN_SIMD(pairwise_cost_gradient_kernel)(threads, form, x, y, weights, workspace, out);
  });
}

}  // namespace wasserkern

#endif

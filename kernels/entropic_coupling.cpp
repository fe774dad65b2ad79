#include "kernels/entropic_coupling.h"

#include "kernels/cpu/column_sums.h"
#include "kernels/cpu/pair_gradient.h"
#include "kernels/soft_sum.h"

WASSERKERN_PER_ISA(                                                                                          //
    int64_t entropic_marginal_workspace(int threads, Matrix<const float> x, Matrix<const float> y);          //
    void entropic_marginal_kernel(int threads, CostForm cost, float epsilon, const EntropicSide& rows,       //
                                  const EntropicSide& columns, float* workspace, float* out);                //
    int64_t entropic_cost_gradient_workspace(int threads, CostForm cost, Matrix<const float> x,              //
                                             Matrix<const float> y);                                         //
    void entropic_cost_gradient_kernel(int threads, CostForm cost, float epsilon, const EntropicSide& from,  //
                                       const EntropicSide& at, float* workspace, Matrix<float> out);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// As many elements of a vector as there are; 0 past its end.
HWY_INLINE Word load_from(Vector<const float> vector, int64_t at) {
  return at < vector.size ? Word::load_up_to(vector.data + at, vector.size - at) : Word(0.0f);
}

/// exp((u_i + v_j - c_ij) / epsilon) for row i and a word of columns j.
HWY_INLINE Word gibbs(float u, Word v, Word cost, Word scale) { return exp2(((Word(u) - cost) + v) * scale); }

/// The weights of a block from potentials and masses.
struct EntropicWeights {
  static constexpr bool kNeedsSums = true;
  const EntropicSide& from;
  const EntropicSide& at;
  float scale;

  template <class Form>
  HWY_INLINE void fill(const Form& cost, Matrix<const float> x, Matrix<const float> y, const PairBlock& block,
                       const float* sums, float* weights) const {
    for (int word = 0; word < kWords; ++word) {
      const int64_t column = block.first_column + word * Word::kLanes;
      const Word potential = load_from(at.potential, column), mass = load_from(at.mass, column);
      for (int64_t row = 0; row < block.rows; ++row) {
        const int64_t place = row * kColumns + word * Word::kLanes, i = block.first_row + row;
        const Word costs = costs_of(cost, x, y, i, column, Word::load_aligned(sums + place));
        const Word coupling = gibbs(from.potential.data[i], potential, costs, Word(scale));
        (Word(from.mass.data[i]) * mass * coupling).store(weights + place);
      }
    }
  }
};

}  // namespace

int64_t entropic_marginal_workspace(int threads, Matrix<const float> x, Matrix<const float> y) {
  return ColumnSumPlan(x, y, threads).floats(1);
}

// Costs are symmetric, so that the sums over j can run down the tiles: y gives their rows, x their columns.
void entropic_marginal_kernel(int threads, CostForm form, float epsilon, const EntropicSide& side,
                              const EntropicSide& other, float* workspace, float* out) {
  const Matrix<const float> x = other.points, y = side.points;
  const ColumnSumPlan plan(x, y, threads);
  const Word scale(soft_sum_scale(epsilon));
  float* sums = plan.state(workspace, 0);
  for (int64_t at = 0; at < plan.state_size(); ++at) sums[at] = 0;
  visit_form(form, [&](const auto& cost) {
    fold_columns(plan, cost, x, y, workspace, [&](const PairTile& tile, int word, int64_t at) {
      const int64_t column = tile.first_column + word * Word::kLanes;
      const Word potential = load_from(side.potential, column);
      Word sum(0.0f);
      for (int64_t row = 0; row < tile.rows; ++row) {
        const int64_t j = tile.first_row + row;
        const Word tile_sum = Word::load_aligned(tile.sums + row * kColumns + word * Word::kLanes);
        const Word costs = costs_of(cost, x, y, j, column, tile_sum);
        sum = multiply_add(Word(other.mass.data[j]), gibbs(other.potential.data[j], potential, costs, scale), sum);
      }
      (Word::load(sums + at) + sum).store(sums + at);
    });
  });
  for (int64_t column = 0; column < y.rows; ++column) {
    float sum = sums[column];
    for (int part = 1; part < plan.grid.row_parts; ++part) sum += sums[part * plan.padded_columns + column];
    out[column] = side.mass.data[column] * sum;
  }
}

int64_t entropic_cost_gradient_workspace(int threads, CostForm form, Matrix<const float> x, Matrix<const float> y) {
  return gradient_workspace(form, x, y, threads);
}

void entropic_cost_gradient_kernel(int threads, CostForm form, float epsilon, const EntropicSide& from,
                                   const EntropicSide& at, float* workspace, Matrix<float> out) {
  const EntropicWeights weights{from, at, soft_sum_scale(epsilon)};
  visit_form(form, [&](const auto& cost) {
    weighted_gradient(cost, from.points, at.points, weights, threads, workspace, out);
  });
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

void entropic_marginal(CpuStream& stream, const Cost& cost, float epsilon, const EntropicSide& rows,
                       const EntropicSide& columns, Vector<float> out) {
  check_entropic_marginal(epsilon, rows, columns, out);
  with_cost_form(cost, [&](CostForm form) {
    const int threads = stream.threads();
    float* workspace =
        workspace_of(stream, WASSERKERN_SIMD(entropic_marginal_workspace)(threads, columns.points, rows.points));
    WASSERKERN_SIMD(entropic_marginal_kernel)(threads, form, epsilon, rows, columns, workspace, out.data);
  });
}

void entropic_cost_gradient(CpuStream& stream, const Cost& cost, float epsilon, const EntropicSide& from,
                            const EntropicSide& at, Matrix<float> out) {
  check_entropic_cost_gradient(epsilon, from, at, out);
  with_cost_form(cost, [&](CostForm form) {
    const int threads = stream.threads();
    float* workspace =
        workspace_of(stream, WASSERKERN_SIMD(entropic_cost_gradient_workspace)(threads, form, from.points, at.points));
    WASSERKERN_SIMD(entropic_cost_gradient_kernel)(threads, form, epsilon, from, at, workspace, out);
  });
}

}  // namespace wasserkern

#endif

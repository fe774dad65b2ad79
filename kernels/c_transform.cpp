#include "kernels/c_transform.h"

#include <omp.h>

#include "kernels/cpu/minima.h"
#include "kernels/cpu/pair_tiles.h"

namespace wasserkern {

/// The arguments of c_transform, on their way into code that is compiled per instruction set.
struct CTransform {
  Matrix<const float> x;
  const float* phi;
  Matrix<const float> y;
  float* out;
  int32_t* argmin;

  /// The one of `problems` c-transforms at place `index`.
  CTransform problem(int64_t index, int64_t problems) const {
    const int64_t m = x.rows / problems, n = y.rows / problems;
    return {{x.data + index * m * x.stride, m, x.columns, x.stride},
            phi + index * m,
            {y.data + index * n * y.stride, n, y.columns, y.stride},
            out + index * n,
            argmin + index * n};
  }
};

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                                                //
    int64_t c_transform_workspace(const CTransform& task, int64_t problems, int threads);          //
    void c_transform_kernel(CostForm cost, const CTransform& task, int64_t problems, int threads,  //
                            void* workspace);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

/// Takes the costs of a tile into the minima of one word of its columns.
template <class Form>
HWY_INLINE void fold_word(const Form& cost, const CTransform& task, const PairTile& tile, int word, Minima minima) {
  const int64_t column = tile.first_column + word * Word::kLanes;
  const Minima own{minima.best + column, minima.place + column};
  WordMinima best(own);
  const float* sums = tile.sums + word * Word::kLanes;
  for (int64_t row = tile.first_row; row < tile.first_row + tile.rows; ++row, sums += kColumns) {
    const Word costs = costs_of(cost, task.x, task.y, row, column, Word::load_aligned(sums));
    best.take(costs - Word(task.phi[row]), row);
  }
  best.store(own);
}

template <class Form>
void minimise(const Form& cost, const CTransform& task, const PairShare& share, int64_t chunk, float* packed,
              Minima minima) {
  for (int64_t column = share.first_panel * kColumns; column < share.last_panel * kColumns; ++column) {
    minima.best[column] = HUGE_VALF;
    minima.place[column] = 0;
  }
  for_each_tile(cost, task.x, task.y, share, chunk, packed, [&](const PairTile& tile) {
    for (int word = 0; word < kWords; ++word) fold_word(cost, task, tile, word, minima);
  });
}

/// How the threads divide the work: whole problems when there are enough, else the pairs of each in turn.
struct Plan {
  int problem_parts;
  PairGrid grid;
  int64_t packed_size;     // floats, of a thread
  int64_t padded_columns;  // of a problem

  int64_t minima_size() const { return grid.row_parts * padded_columns; }
};

HWY_INLINE Plan plan_of(const CTransform& first, int64_t problems, int threads) {
  const bool whole = problems >= threads && problems > 1;
  const PairGrid grid = whole ? PairGrid{1, 1} : pair_grid(first.x, first.y, threads);
  return {whole ? threads : 1, grid, packed_size(first.y, grid), panels_of(first.y) * kColumns};
}

}  // namespace

int64_t c_transform_workspace(const CTransform& task, int64_t problems, int threads) {
  const Plan plan = plan_of(task.problem(0, problems), problems, threads);
  const int64_t floats = plan.grid.shares() * plan.packed_size + 2 * plan.minima_size();
  return plan.problem_parts * floats * static_cast<int64_t>(sizeof(float));
}

void c_transform_kernel(CostForm form, const CTransform& task, int64_t problems, int threads, void* workspace) {
  const Plan plan = plan_of(task.problem(0, problems), problems, threads);
  const PairGrid grid = plan.grid;
  const int workers = plan.problem_parts * grid.shares();
  auto* packed = static_cast<float*>(workspace);
  auto* best = packed + workers * plan.packed_size;
  auto* place = reinterpret_cast<int32_t*>(best + plan.problem_parts * plan.minima_size());

  visit_form(form, [=, &task](const auto& cost) {
    const auto minimise_share = [=, &cost](const CTransform& problem, int index, float* own_packed, Minima minima) {
      const int64_t part = index / grid.panel_parts * plan.padded_columns;
      minimise(cost, problem, pair_share(problem.x, problem.y, grid, index), chunk_panels(problem.y, grid), own_packed,
               {minima.best + part, minima.place + part});
    };
    if (plan.problem_parts > 1) {
#pragma omp parallel for num_threads(workers) schedule(static, 1)
      for (int part = 0; part < plan.problem_parts; ++part) {
        const Minima minima{best + part * plan.minima_size(), place + part * plan.minima_size()};
        const int64_t end = problems * (part + 1) / plan.problem_parts;
        for (int64_t index = problems * part / plan.problem_parts; index < end; ++index) {
          const CTransform problem = task.problem(index, problems);
          minimise_share(problem, 0, packed + part * plan.packed_size, minima);
          merge_minima(1, plan.padded_columns, minima, problem.y.rows, problem.out, problem.argmin);
        }
      }
      return;
    }
    for (int64_t index = 0; index < problems; ++index) {
      const CTransform problem = task.problem(index, problems);
#pragma omp parallel for num_threads(workers) schedule(static, 1)
      for (int share = 0; share < workers; ++share)
        minimise_share(problem, share, packed + share * plan.packed_size, {best, place});
      merge_minima(grid.row_parts, plan.padded_columns, {best, place}, problem.y.rows, problem.out, problem.argmin);
    }
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"
#include "kernels/cpu/c_transform_filter.h"

namespace wasserkern {

void batched_c_transform(CpuStream& stream, const Cost& cost, int64_t problems, Matrix<const float> x,
                         Vector<const float> phi, Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  check_batched_c_transform(problems, x, phi, y, out, argmin);
  const CTransform task{x, phi.data, y, out.data, argmin.data};
  if (problems == 1 && filter_pays(cost, x.rows, y.rows, x.columns))
    return filtered_c_transform(stream, cost, x, phi, y, out, argmin);
  with_cost_form(cost, [&](CostForm form) {
    if (problems == 0) return;
    void* workspace =
        stream.workspace(static_cast<size_t>(WASSERKERN_SIMD(c_transform_workspace)(task, problems, stream.threads())));
    WASSERKERN_SIMD(c_transform_kernel)(form, task, problems, stream.threads(), workspace);
  });
}

void c_transform(CpuStream& stream, const Cost& cost, Matrix<const float> x, Vector<const float> phi,
                 Matrix<const float> y, Vector<float> out, Vector<int32_t> argmin) {
  check_c_transform(x, phi, y, out, argmin);
  batched_c_transform(stream, cost, 1, x, phi, y, out, argmin);
}

}  // namespace wasserkern

#endif

#include "losses/transport/batched_exact.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/ops/view.h"
#include "engine/stream.h"
#include "kernels/check.h"
#include "kernels/error.h"
#include "kernels/pairwise_cost.h"

namespace wasserkern::losses {
namespace {

/// Problems of n points with d coordinates each.
struct Batch {
  int64_t problems, n, d = 1;

  explicit Batch(const Shape& shape) {
    if (shape.rank() < 2 || shape[1] < 1 || shape[1] > kMostAssigned)
      throw ShapeError("batched_exact_transport: a batch of shape " + shape.text() +
                       "; it must be [problems, n, ...], with n from 1 to " + std::to_string(kMostAssigned) +
                       "; exact_transport takes more");
    problems = shape[0];
    n = shape[1];
    for (int axis = 2; axis < shape.rank(); ++axis) d *= shape[axis];
  }

  int64_t rows() const { return problems * n; }
};

Batch batch_of(const Tensor& x, const Tensor& y) {
  if (!(x.shape() == y.shape()))
    throw ShapeError("batched_exact_transport: x is " + x.shape().text() + " and y " + y.shape().text() +
                     "; both need as many points in each problem");
  return Batch(x.shape());
}

BatchedExact room_for(Device& device, const Batch& batch) {
  return {{device, batch.rows()}, {device, batch.rows()}, {device, batch.rows()}, {device, batch.problems}};
}

Assignments views(const BatchedExact& of) {
  return {of.assignment.vector(), of.source_potential.vector(), of.target_potential.vector(), of.sums.vector()};
}

/// The matrices of how many problems exist at a time: few stay in caches, many keep a GPU busy.
int64_t problems_at_a_time(const Device& device, const Batch& batch) {
  const int64_t most_costs = device.is_cuda() ? int64_t{1} << 26 : int64_t{1} << 20;
  return std::clamp<int64_t>(most_costs / (batch.n * batch.n), 1, std::max<int64_t>(batch.problems, 1));
}

template <class T>
Vector<T> part(Vector<T> of, int64_t begin, int64_t end) {
  return {of.data + begin, end - begin};
}

template <class T>
Matrix<T> part(Matrix<T> of, int64_t begin, int64_t end) {
  return {of.data + begin * of.stride, end - begin, of.columns, of.stride};
}

/// Solves problems of n points [begin, end), whose costs fit in `room`.
template <class AnyStream>
void solve(AnyStream& stream, const Cost& cost, int64_t n, int64_t begin, int64_t end, Matrix<const float> x,
           Matrix<const float> y, Matrix<float> room, const Assignments& out) {
  const int64_t first = begin * n, last = end * n;
  const Matrix<float> costs = part(room, 0, last - first);
  batched_pairwise_cost(stream, cost, end - begin, part(x, first, last), part(y, first, last), costs);
  assignment(stream, end - begin, costs,
             {part(out.columns, first, last), part(out.row_potential, first, last),
              part(out.column_potential, first, last), part(out.value, begin, end), first});
}

}  // namespace

std::vector<double> BatchedExact::certified_values() const {
  std::vector<double> values;
  const double n = static_cast<double>(assignment.size()) / static_cast<double>(problems());
  for (const AssignmentValue& of : sums.to_host()) {
    const std::string problem = "batched_exact_transport: problem " + std::to_string(values.size());
    if (std::isnan(of.cost))
      throw DataError(problem + " has costs that are not finite; look for NaN and infinity in the points");
    if (!of.certified())
      throw Error(problem + " costs " + std::to_string(of.cost) + " and no less than " +
                  std::to_string(of.lower_bound) + ": not certified; its costs differ too much in size for double");
    values.push_back(of.cost / n);
  }
  return values;
}

BatchedExact batched_exact_transport(const Tensor& costs) {
  const Batch batch(costs.shape());
  if (costs.shape().rank() != 3 || batch.d != batch.n)
    throw ShapeError("batched_exact_transport: costs are " + costs.shape().text() + "; they must be [problems, n, n]");
  BatchedExact answer = room_for(costs.device(), batch);
  submit(costs.device(), [batch, from = Matrix<const float>{costs.data(), batch.rows(), batch.n},
                          to = views(answer)](auto& stream) { assignment(stream, batch.problems, from, to); });
  return answer;
}

BatchedExact batched_exact_transport(const Cost& cost, const Tensor& x, const Tensor& y) {
  const Batch batch = batch_of(x, y);
  BatchedExact answer = room_for(x.device(), batch);
  const int64_t count = problems_at_a_time(x.device(), batch);
  const Tensor costs = Tensor::empty(x.device(), {count * batch.n, batch.n});
  submit(x.device(), [=, from = Matrix<const float>{x.data(), batch.rows(), batch.d},
                      at = Matrix<const float>{y.data(), batch.rows(), batch.d}, room = costs.matrix(),
                      to = views(answer)](auto& stream) {
    for (int64_t begin = 0; begin < batch.problems; begin += count)
      solve(stream, cost, batch.n, begin, std::min(begin + count, batch.problems), from, at, room, to);
  });
  return answer;
}

Tensor assignment_cost(const Cost& cost, const Tensor& x, const Tensor& y, const Array<int32_t>& assignment) {
  const Batch batch = batch_of(x, y);
  check_equal("assignment_cost: size of assignment", assignment.size(), batch.rows());
  const Shape points{batch.rows(), batch.d};
  const Tensor costs = paired_cost(cost, reshape(x, points), gather_rows(reshape(y, points), assignment));
  const Tensor sums = sum_over_columns(reshape(costs, {batch.problems, batch.n}));
  return reshape(sums, {batch.problems}) / static_cast<float>(batch.n);
}

}  // namespace wasserkern::losses

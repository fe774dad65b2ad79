#pragma once

#include <limits>
#include <string>

#include "kernels/check.h"
#include "kernels/matmul.h"
#include "kernels/view.h"

/// What kernel families of both backends ask of their arguments: one text, so that the backends cannot drift apart.
namespace wasserkern {

inline void check_same_shape(const char* what, Matrix<const float> matrix, Matrix<const float> expected) {
  if (matrix.rows == expected.rows && matrix.columns == expected.columns) return;
  const auto text = [](Matrix<const float> of) {
    return "[" + std::to_string(of.rows) + ", " + std::to_string(of.columns) + "]";
  };
  throw ShapeError(std::string(what) + " is " + text(matrix) + ", expected " + text(expected));
}

inline void check_c_transform(Matrix<const float> x, Vector<const float> phi, Matrix<const float> y,
                              Vector<const float> out, Vector<const int32_t> argmin) {
  check_equal("c_transform: columns of y", y.columns, x.columns);
  check_equal("c_transform: size of phi", phi.size, x.rows);
  check_equal("c_transform: size of out", out.size, y.rows);
  check_equal("c_transform: size of argmin", argmin.size, y.rows);
  if (x.rows < 1 || x.rows > std::numeric_limits<int32_t>::max())
    throw ShapeError("c_transform: x has " + std::to_string(x.rows) + " rows; a minimum needs 1 to 2^31 - 1");
}

inline void check_paired_cost(Matrix<const float> x, Matrix<const float> y, Vector<const float> out) {
  check_same_shape("paired_cost: shape of y", y, x);
  check_equal("paired_cost: size of out", out.size, x.rows);
}

inline void check_paired_cost_gradient(Matrix<const float> x, Matrix<const float> y, Vector<const float> scale,
                                       Matrix<const float> out) {
  check_same_shape("paired_cost_gradient: shape of y", y, x);
  check_equal("paired_cost_gradient: size of scale", scale.size, x.rows);
  check_same_shape("paired_cost_gradient: shape of out", out, x);
}

inline void check_paired_cost_hessian(Matrix<const float> x, Matrix<const float> y, Vector<const float> scale,
                                      Matrix<const float> direction, Matrix<const float> out) {
  check_same_shape("paired_cost_hessian: shape of y", y, x);
  check_equal("paired_cost_hessian: size of scale", scale.size, x.rows);
  check_same_shape("paired_cost_hessian: shape of direction", direction, x);
  check_same_shape("paired_cost_hessian: shape of out", out, x);
}

inline void check_matmul(const Epilogue& epilogue, const Factor& a, const Factor& b, Matrix<const float> out) {
  check_equal("matmul: inner size of b", b.rows(), a.columns());
  check_equal("matmul: rows of out", out.rows, a.rows());
  check_equal("matmul: columns of out", out.columns, b.columns());
  if (epilogue.bias.size) check_equal("matmul: size of bias", epilogue.bias.size, out.columns);
}

inline void check_gather_rows(Matrix<const float> x, Vector<const int32_t> index, Matrix<const float> out) {
  check_equal("gather_rows: rows of out", out.rows, index.size);
  check_equal("gather_rows: columns of out", out.columns, x.columns);
}

inline void check_scatter_rows(Matrix<const float> x, Vector<const int32_t> index, Matrix<const float> out) {
  check_equal("scatter_rows: size of index", index.size, x.rows);
  check_equal("scatter_rows: columns of out", out.columns, x.columns);
}

inline void check_adam(Vector<const float> rate, Vector<const float> gradient, Vector<const double> powers,
                       Vector<const float> first, Vector<const float> second, Vector<const float> parameter) {
  check_equal("adam: size of rate", rate.size, 1);
  check_equal("adam: size of powers", powers.size, 2);
  check_equal("adam: size of gradient", gradient.size, parameter.size);
  check_equal("adam: size of the first moment", first.size, parameter.size);
  check_equal("adam: size of the second moment", second.size, parameter.size);
}

inline void check_rmsprop(Vector<const float> rate, Vector<const float> gradient, Vector<const float> square,
                          Vector<const float> parameter) {
  check_equal("rmsprop: size of rate", rate.size, 1);
  check_equal("rmsprop: size of gradient", gradient.size, parameter.size);
  check_equal("rmsprop: size of the mean square", square.size, parameter.size);
}

inline void check_dropout(float rate, Vector<const float> x, Vector<const float> y) {
  check_equal("dropout: size of y", y.size, x.size);
  if (!(rate >= 0 && rate < 1))
    throw UsageError("dropout: the rate is " + std::to_string(rate) + "; it must lie in [0, 1)");
}

inline void check_record_metric(int64_t column, Vector<const float> value, Matrix<const float> values,
                                Vector<const uint64_t> bad_step) {
  check_equal("record_metric: size of value", value.size, 1);
  check_equal("record_metric: size of bad_step", bad_step.size, 1);
  if (column < 0 || column >= values.columns || values.rows < 1)
    throw ShapeError("record_metric: column " + std::to_string(column) + " of a ring of " +
                     std::to_string(values.columns) + " columns and " + std::to_string(values.rows) + " rows");
}

}  // namespace wasserkern

#pragma once

#include <limits>
#include <string>

#include "kernels/assignment.h"
#include "kernels/check.h"
#include "kernels/convolution.h"
#include "kernels/entropic_coupling.h"
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

inline void check_batch(const char* kernel, int64_t problems, Matrix<const float> x, Matrix<const float> y) {
  if (problems < 0 || (problems == 0 ? x.rows + y.rows : x.rows % problems + y.rows % problems) != 0)
    throw ShapeError(std::string(kernel) + ": " + std::to_string(x.rows) + " and " + std::to_string(y.rows) +
                     " rows do not divide into " + std::to_string(problems) + " problems");
}

inline void check_batched_c_transform(int64_t problems, Matrix<const float> x, Vector<const float> phi,
                                      Matrix<const float> y, Vector<const float> out, Vector<const int32_t> argmin) {
  check_batch("batched_c_transform", problems, x, y);
  if (problems > 0) check_c_transform(x, phi, y, out, argmin);
}

inline void check_admissibility(Matrix<const float> x, Vector<const float> phi, Matrix<const float> y,
                                Vector<const float> psi, Vector<const float> value, Vector<const float> phi_gradient,
                                Vector<const float> psi_gradient) {
  check_equal("admissibility: columns of y", y.columns, x.columns);
  check_equal("admissibility: size of phi", phi.size, x.rows);
  check_equal("admissibility: size of psi", psi.size, y.rows);
  check_equal("admissibility: size of value", value.size, 1);
  check_equal("admissibility: size of phi_gradient", phi_gradient.size, x.rows);
  check_equal("admissibility: size of psi_gradient", psi_gradient.size, y.rows);
  if (x.rows < 1 || y.rows < 1)
    throw ShapeError("admissibility: the mean over " + std::to_string(x.rows) + " x " + std::to_string(y.rows) +
                     " pairs does not exist");
}

inline void check_assignment(int64_t problems, Matrix<const float> costs, const Assignments& out) {
  const int64_t n = costs.columns;
  if (problems < 0 || n > kMostAssigned || out.rows_before + problems * n > std::numeric_limits<int32_t>::max())
    throw ShapeError("assignment: " + std::to_string(problems) + " problems of " + std::to_string(n) +
                     " columns; there can be up to " + std::to_string(kMostAssigned) +
                     " in each, and 2^31 - 1 in all: losses/transport/exact.h takes larger ones");
  check_equal("assignment: rows of costs", costs.rows, problems * n);
  check_equal("assignment: size of columns", out.columns.size, costs.rows);
  check_equal("assignment: size of row_potential", out.row_potential.size, costs.rows);
  check_equal("assignment: size of column_potential", out.column_potential.size, costs.rows);
  check_equal("assignment: size of value", out.value.size, problems);
}

inline void check_nearest(Matrix<const float> x, Matrix<const float> y, Matrix<const float> values,
                          Matrix<const int32_t> indices) {
  constexpr int64_t kMostNeighbours = 64;
  check_equal("nearest: columns of y", y.columns, x.columns);
  check_equal("nearest: rows of values", values.rows, y.rows);
  check_equal("nearest: rows of indices", indices.rows, y.rows);
  check_equal("nearest: columns of indices", indices.columns, values.columns);
  if (values.columns < 1 || values.columns > kMostNeighbours || values.columns > x.rows ||
      x.rows > std::numeric_limits<int32_t>::max())
    throw ShapeError("nearest: " + std::to_string(values.columns) + " neighbours among " + std::to_string(x.rows) +
                     " rows of x; there can be 1 to " + std::to_string(kMostNeighbours) +
                     " of them, among no fewer and at most 2^31 - 1 rows");
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

inline void check_pairwise_cost(Matrix<const float> x, Matrix<const float> y, Matrix<const float> out) {
  check_equal("pairwise_cost: columns of y", y.columns, x.columns);
  check_equal("pairwise_cost: rows of out", out.rows, x.rows);
  check_equal("pairwise_cost: columns of out", out.columns, y.rows);
}

inline void check_batched_pairwise_cost(int64_t problems, Matrix<const float> x, Matrix<const float> y,
                                        Matrix<const float> out) {
  check_batch("batched_pairwise_cost", problems, x, y);
  check_equal("batched_pairwise_cost: columns of y", y.columns, x.columns);
  check_equal("batched_pairwise_cost: rows of out", out.rows, x.rows);
  if (problems > 0) check_equal("batched_pairwise_cost: columns of out", out.columns, y.rows / problems);
}

inline void check_pairwise_cost_gradient(Matrix<const float> x, Matrix<const float> y, const Factor& weights,
                                         Matrix<const float> out) {
  check_equal("pairwise_cost_gradient: columns of y", y.columns, x.columns);
  check_equal("pairwise_cost_gradient: rows of weights", weights.rows(), x.rows);
  check_equal("pairwise_cost_gradient: columns of weights", weights.columns(), y.rows);
  check_same_shape("pairwise_cost_gradient: shape of out", out, y);
}

inline void check_epsilon(const char* what, float epsilon) {
  if (!(epsilon > 0) || epsilon > std::numeric_limits<float>::max())
    throw UsageError(std::string(what) + ": epsilon is " + std::to_string(epsilon) +
                     "; it must be positive and finite");
}

inline void check_soft_c_transform(float epsilon, Matrix<const float> x, Vector<const float> phi, Matrix<const float> y,
                                   Vector<const float> out) {
  check_epsilon("soft_c_transform", epsilon);
  check_equal("soft_c_transform: columns of y", y.columns, x.columns);
  check_equal("soft_c_transform: size of phi", phi.size, x.rows);
  check_equal("soft_c_transform: size of out", out.size, y.rows);
  if (x.rows < 1) throw ShapeError("soft_c_transform: x has no rows; a mean needs at least 1");
}

inline void check_entropic_sides(float epsilon, const EntropicSide& first, const EntropicSide& second) {
  check_epsilon("entropic coupling", epsilon);
  check_equal("entropic coupling: columns of the second points", second.points.columns, first.points.columns);
  for (const EntropicSide* side : {&first, &second}) {
    check_equal("entropic coupling: size of a potential", side->potential.size, side->points.rows);
    check_equal("entropic coupling: size of a mass", side->mass.size, side->points.rows);
  }
}

inline void check_entropic_marginal(float epsilon, const EntropicSide& rows, const EntropicSide& columns,
                                    Vector<const float> out) {
  check_entropic_sides(epsilon, rows, columns);
  check_equal("entropic_marginal: size of out", out.size, rows.points.rows);
}

inline void check_entropic_cost_gradient(float epsilon, const EntropicSide& from, const EntropicSide& at,
                                         Matrix<const float> out) {
  check_entropic_sides(epsilon, from, at);
  check_same_shape("entropic_cost_gradient: shape of out", out, at.points);
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

inline void check_bytes(const char* kernel, Matrix<const uint8_t> x, Matrix<const uint8_t> y) {
  constexpr int64_t kMostColumns = std::numeric_limits<int32_t>::max() / 255;
  if (y.columns != x.columns || x.columns > kMostColumns)
    throw ShapeError(std::string(kernel) + ": x has " + std::to_string(x.columns) + " columns and y " +
                     std::to_string(y.columns) + "; both need as many, at most " + std::to_string(kMostColumns));
}

inline void check_l1_bytes(Matrix<const uint8_t> x, Matrix<const uint8_t> y, Matrix<const int32_t> out) {
  check_bytes("l1_bytes", x, y);
  check_equal("l1_bytes: rows of out", out.rows, x.rows);
  check_equal("l1_bytes: columns of out", out.columns, y.rows);
}

inline void check_c_transform_bytes(Matrix<const uint8_t> x, Vector<const float> phi, Matrix<const uint8_t> y,
                                    Vector<const float> out, Vector<const int32_t> argmin) {
  check_bytes("c_transform_bytes", x, y);
  check_equal("c_transform_bytes: size of phi", phi.size, x.rows);
  check_equal("c_transform_bytes: size of out", out.size, y.rows);
  check_equal("c_transform_bytes: size of argmin", argmin.size, y.rows);
  if (x.rows < 1 || x.rows > std::numeric_limits<int32_t>::max())
    throw ShapeError("c_transform_bytes: x has " + std::to_string(x.rows) + " rows; a minimum needs 1 to 2^31 - 1");
}

inline void check_interpolate(Matrix<const float> x, Matrix<const float> y, Matrix<const float> out) {
  check_same_shape("interpolate: shape of y", y, x);
  check_same_shape("interpolate: shape of out", out, x);
}

inline void check_record_metric(int64_t column, Vector<const float> value, Matrix<const float> values,
                                Vector<const uint64_t> bad_step) {
  check_equal("record_metric: size of value", value.size, 1);
  check_equal("record_metric: size of bad_step", bad_step.size, 1);
  if (column < 0 || column >= values.columns || values.rows < 1)
    throw ShapeError("record_metric: column " + std::to_string(column) + " of a ring of " +
                     std::to_string(values.columns) + " columns and " + std::to_string(values.rows) + " rows");
}

/// `like` has the shape of x too.
inline void check_stencil(ImageView<const float> x, ImageView<const float> g, ImageView<const float> like,
                          Vector<const float> per_image) {
  const auto same = [&](ImageView<const float> other) {
    return other.count == x.count && other.height == x.height && other.width == x.width && other.channels == x.channels;
  };
  const auto text = [](ImageView<const float> of) {
    return "[" + std::to_string(of.count) + ", " + std::to_string(of.height) + ", " + std::to_string(of.width) + ", " +
           std::to_string(of.channels) + "]";
  };
  if (!same(g) || !same(like))
    throw ShapeError("stencil: images are " + text(x) + ", the gradient " + text(g) + " and the product " + text(like) +
                     "; all have one shape");
  check_equal("stencil: values, one for each image", per_image.size, x.count);
}

/// For all passes; the window, w and one of x and y say what the other must be. The last rows and columns of x that no
/// window reaches are fine.
inline void check_convolution(const char* pass, const Window& window, ImageView<const float> x,
                              FilterView<const float> w, ImageView<const float> y) {
  const auto fits = [&](int64_t input, int64_t filter, int64_t output) {
    return filter >= 1 && input >= 1 && output >= 1 && output == window.output_extent(input, filter);
  };
  if (window.padding >= 0 && x.count >= 0 && y.count == x.count && w.inputs >= 1 && w.outputs >= 1 &&
      x.channels == w.inputs && y.channels == w.outputs && fits(x.height, w.height, y.height) &&
      fits(x.width, w.width, y.width))
    return;
  const auto text = [](int64_t a, int64_t b, int64_t c, int64_t d) {
    return "[" + std::to_string(a) + ", " + std::to_string(b) + ", " + std::to_string(c) + ", " + std::to_string(d) +
           "]";
  };
  throw ShapeError(std::string(pass) + ": images " + text(x.count, x.height, x.width, x.channels) + ", filters " +
                   text(w.outputs, w.height, w.width, w.inputs) + " and outputs " +
                   text(y.count, y.height, y.width, y.channels) + " do not fit together with stride " +
                   std::to_string(window.stride) + " and padding " + std::to_string(window.padding));
}

inline void check_epilogue(const char* pass, const Epilogue& epilogue, int64_t channels) {
  if (epilogue.bias.size && epilogue.bias.size != channels)
    throw ShapeError(std::string(pass) + ": size of bias is " + std::to_string(epilogue.bias.size) + ", expected " +
                     std::to_string(channels));
}

}  // namespace wasserkern

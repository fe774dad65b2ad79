#include "kernels/cpu/onednn/packed_product.h"

#include <omp.h>

#include "kernels/cpu/onednn/engine.h"

namespace wasserkern::onednn {
namespace {

/// While one lives, primitives are made for one thread, and run on it.
class OneThread {
 public:
  OneThread() { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = omp_get_max_threads();
};

dnnl::matmul::primitive_desc describe(const dnnl::memory::desc& a, int64_t columns, const dnnl::memory::desc& out) {
  const dnnl::memory::desc b({a.dims()[1], columns}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::matmul::primitive_desc chosen(dnnl::matmul::desc(a, b, out), attributes, cpu_engine());
  note_implementation(chosen.impl_info_str());
  return chosen;
}

dnnl::memory memory_at(const dnnl::memory::desc& description, const void* data) {
  return {description, cpu_engine(), const_cast<void*>(data)};
}

}  // namespace

struct PackedProduct::State {
  OneThread one_thread;
  Matrix<const float> b;
  dnnl::matmul::primitive_desc description;
  dnnl::matmul primitive;

  State(int64_t rows, int64_t a_stride, Matrix<const float> matrix)
      : b(matrix),
        description(describe(matrix_descriptor(rows, b.columns, a_stride, false), b.rows,
                             matrix_descriptor(rows, b.rows, b.rows, false))),
        primitive(description) {}
};

PackedProduct::PackedProduct(int64_t rows, int64_t a_stride, Matrix<const float> b)
    : state_(std::make_unique<State>(rows, a_stride, b)) {}

PackedProduct::~PackedProduct() = default;

int64_t PackedProduct::packed_bytes() const {
  return static_cast<int64_t>(state_->description.weights_desc().get_size());
}

int64_t PackedProduct::scratch_bytes() const {
  return static_cast<int64_t>(state_->description.scratchpad_desc().get_size());
}

void PackedProduct::pack(void* packed) const {
  const Matrix<const float>& b = state_->b;
  dnnl::stream queue(cpu_engine());
  dnnl::memory from = memory_at(matrix_descriptor(b.columns, b.rows, b.stride, true), b.data);
  dnnl::memory to = memory_at(state_->description.weights_desc(), packed);
  dnnl::reorder(from, to).execute(queue, from, to);
}

void PackedProduct::run(const float* a, const void* packed, float* out, void* scratch) const {
  dnnl::stream queue(cpu_engine());
  const auto& description = state_->description;
  state_->primitive.execute(queue, {{DNNL_ARG_SRC, memory_at(description.src_desc(), a)},
                                    {DNNL_ARG_WEIGHTS, memory_at(description.weights_desc(), packed)},
                                    {DNNL_ARG_DST, memory_at(description.dst_desc(), out)},
                                    {DNNL_ARG_SCRATCHPAD, memory_at(description.scratchpad_desc(), scratch)}});
}

}  // namespace wasserkern::onednn

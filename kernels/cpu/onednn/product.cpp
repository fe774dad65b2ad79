#include "kernels/cpu/onednn/product.h"

#include <omp.h>

#include <atomic>
#include <map>
#include <tuple>

#include "kernels/cpu/onednn/engine.h"

namespace wasserkern::onednn {
namespace {

std::atomic<int64_t> reference_count = 0;

/// What a primitive is specialised to.
struct ProductKey {
  int64_t m, n, k;
  int64_t a_stride, b_stride, out_stride;
  bool a_transposed, b_transposed, biased;
  Activation activation;
  float slope;
  int threads;

  auto operator<=>(const ProductKey&) const = default;
};

/// A primitive with its arguments; only their addresses change between calls.
struct ProductPrimitive {
  dnnl::matmul primitive;
  size_t scratchpad_bytes;
  dnnl::memory a, b, bias, out, scratchpad;
  std::unordered_map<int, dnnl::memory> arguments;
};

dnnl::post_ops activation_of(const ProductKey& key) {
  dnnl::post_ops operations;
  switch (key.activation) {
    case Activation::None: break;
    case Activation::Relu: operations.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0); break;
    case Activation::LeakyRelu: operations.append_eltwise(1, dnnl::algorithm::eltwise_relu, key.slope, 0); break;
    case Activation::Tanh: operations.append_eltwise(1, dnnl::algorithm::eltwise_tanh, 0, 0); break;
  }
  return operations;
}

ProductPrimitive make_primitive(const ProductKey& key) {
  const auto a = matrix_descriptor(key.m, key.k, key.a_stride, key.a_transposed);
  const auto b = matrix_descriptor(key.k, key.n, key.b_stride, key.b_transposed);
  const auto out = matrix_descriptor(key.m, key.n, key.out_stride, false);
  const auto bias = matrix_descriptor(1, key.n, key.n, false);

  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attributes.set_post_ops(activation_of(key));
  const auto description = key.biased ? dnnl::matmul::desc(a, b, bias, out) : dnnl::matmul::desc(a, b, out);
  const dnnl::matmul::primitive_desc chosen(description, attributes, cpu_engine());
  note_implementation(chosen.impl_info_str());

  const auto& engine = cpu_engine();
  ProductPrimitive made{dnnl::matmul(chosen),
                        chosen.scratchpad_desc().get_size(),
                        dnnl::memory(a, engine, nullptr),
                        dnnl::memory(b, engine, nullptr),
                        dnnl::memory(bias, engine, nullptr),
                        dnnl::memory(out, engine, nullptr),
                        dnnl::memory(chosen.scratchpad_desc(), engine, nullptr),
                        {}};
  made.arguments = {{DNNL_ARG_SRC, made.a},
                    {DNNL_ARG_WEIGHTS, made.b},
                    {DNNL_ARG_DST, made.out},
                    {DNNL_ARG_SCRATCHPAD, made.scratchpad}};
  if (key.biased) made.arguments.emplace(DNNL_ARG_BIAS, made.bias);
  return made;
}

void set_address(dnnl::memory& memory, const float* data) { memory.set_data_handle(const_cast<float*>(data)); }

}  // namespace

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

void note_implementation(std::string_view name) {
  if (name.starts_with("ref")) ++reference_count;
}

dnnl::memory::desc matrix_descriptor(int64_t rows, int64_t columns, int64_t stride, bool transposed) {
  using dnnl::memory;
  return {{rows, columns}, memory::data_type::f32, transposed ? memory::dims{1, stride} : memory::dims{stride, 1}};
}

void product(CpuStream& stream, const Epilogue& epilogue, Factor a, Factor b, Matrix<float> out) {
  // A device belongs to one thread, and so do the primitives it uses: their addresses change with every call.
  thread_local std::map<ProductKey, ProductPrimitive> primitives;
  thread_local dnnl::stream queue(cpu_engine());

  if (omp_get_max_threads() != stream.threads()) omp_set_num_threads(stream.threads());
  const ProductKey key{out.rows,       out.columns,     a.columns(),  a.matrix.stride,        b.matrix.stride,
                       out.stride,     a.transposed,    b.transposed, epilogue.bias.size > 0, epilogue.activation,
                       epilogue.slope, stream.threads()};
  auto found = primitives.find(key);
  if (found == primitives.end()) found = primitives.emplace(key, make_primitive(key)).first;
  ProductPrimitive& made = found->second;

  set_address(made.a, a.matrix.data);
  set_address(made.b, b.matrix.data);
  set_address(made.out, out.data);
  if (epilogue.bias.size) set_address(made.bias, epilogue.bias.data);
  made.scratchpad.set_data_handle(stream.workspace(made.scratchpad_bytes));
  made.primitive.execute(queue, made.arguments);
}

std::string version() {
  const dnnl_version_t* version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
}

int64_t reference_primitives() { return reference_count; }

}  // namespace wasserkern::onednn

#include "kernels/cpu/onednn/convolution.h"

#include <omp.h>

#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kernels/cpu/onednn/engine.h"
#include "kernels/error.h"

namespace wasserkern::onednn {
namespace {

using dnnl::memory;

enum class Pass { Forward, Data, Filters };

/// What a primitive is specialised to.
struct ConvolutionKey {
  Pass pass;
  Window window;
  int64_t count, x_height, x_width, inputs, y_height, y_width, outputs, filter_height, filter_width;
  bool biased = false;
  Activation activation = Activation::None;
  float slope = 0;
  int threads;

  ConvolutionKey(CpuStream& stream, Pass of, const Window& moved, ImageView<const float> x, FilterView<const float> w,
                 ImageView<const float> y)
      : pass(of),
        window(moved),
        count(x.count),
        x_height(x.height),
        x_width(x.width),
        inputs(x.channels),
        y_height(y.height),
        y_width(y.width),
        outputs(y.channels),
        filter_height(w.height),
        filter_width(w.width),
        threads(stream.threads()) {}

  auto operator<=>(const ConvolutionKey&) const = default;

  memory::dims x_dims() const { return {count, inputs, x_height, x_width}; }
  memory::dims w_dims() const { return {outputs, inputs, filter_height, filter_width}; }
  memory::dims y_dims() const { return {count, outputs, y_height, y_width}; }
};

memory::desc images(const memory::dims& dims) { return {dims, memory::data_type::f32, memory::format_tag::nhwc}; }

memory::desc any_filters(const memory::dims& dims) { return {dims, memory::data_type::f32, memory::format_tag::any}; }

memory::desc plain_filters(const memory::dims& dims) {
  return {dims, memory::data_type::f32, memory::format_tag::ohwi};
}

/// A primitive with its arguments, of which only the addresses change between calls. w is packed.
struct ConvolutionPrimitive {
  dnnl::primitive primitive;
  memory x, w, bias, y, scratchpad;
  std::unordered_map<int, memory> arguments;
  int64_t layout;  // of w, in the table of layouts

  size_t scratchpad_bytes() const { return scratchpad.get_desc().get_size(); }
  size_t packed_bytes() const { return w.get_desc().get_size(); }
};

/// What has been made. A device belongs to one thread, and so do the primitives it uses.
struct Primitives {
  std::map<ConvolutionKey, ConvolutionPrimitive> convolutions;
  std::vector<memory::desc> layouts;
  dnnl::stream queue{cpu_engine()};

  int64_t layout_of(const memory::desc& filters) {
    for (size_t i = 0; i < layouts.size(); ++i)
      if (layouts[i] == filters) return static_cast<int64_t>(i);
    layouts.push_back(filters);
    return static_cast<int64_t>(layouts.size()) - 1;
  }
};

Primitives& primitives() {
  thread_local Primitives made;
  return made;
}

template <class Primitive>
ConvolutionPrimitive prepare(const ConvolutionKey& key, const typename Primitive::primitive_desc& chosen,
                             const memory::desc& filters) {
  note_implementation(chosen.impl_info_str());
  const auto& engine = cpu_engine();
  const memory::desc bias({key.outputs}, memory::data_type::f32, memory::format_tag::x);
  return {Primitive(chosen),
          memory(images(key.x_dims()), engine, nullptr),
          memory(filters, engine, nullptr),
          memory(bias, engine, nullptr),
          memory(images(key.y_dims()), engine, nullptr),
          memory(chosen.scratchpad_desc(), engine, nullptr),
          {},
          0};
}

ConvolutionPrimitive make_primitive(const ConvolutionKey& key) {
  constexpr auto kDirect = dnnl::algorithm::convolution_direct;
  const memory::desc x = images(key.x_dims()), y = images(key.y_dims()), w = any_filters(key.w_dims());
  const memory::desc bias({key.outputs}, memory::data_type::f32, memory::format_tag::x);
  const memory::dims strides{key.window.stride, key.window.stride}, padding{key.window.padding, key.window.padding};

  const auto forward_of = [&](const dnnl::primitive_attr& attributes) {
    using Forward = dnnl::convolution_forward;
    constexpr auto kTraining = dnnl::prop_kind::forward_training;
    return Forward::primitive_desc(key.biased
                                       ? Forward::desc(kTraining, kDirect, x, w, bias, y, strides, padding, padding)
                                       : Forward::desc(kTraining, kDirect, x, w, y, strides, padding, padding),
                                   attributes, cpu_engine());
  };
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  switch (key.pass) {
    case Pass::Forward: {
      attributes.set_post_ops(activation_operation(key.activation, key.slope));
      const auto chosen = forward_of(attributes);
      auto made = prepare<dnnl::convolution_forward>(key, chosen, chosen.weights_desc());
      made.arguments = {{DNNL_ARG_SRC, made.x}, {DNNL_ARG_WEIGHTS, made.w}, {DNNL_ARG_DST, made.y}};
      if (key.biased) made.arguments.emplace(DNNL_ARG_BIAS, made.bias);
      return made;
    }
    case Pass::Data: {
      using Data = dnnl::convolution_backward_data;
      const Data::primitive_desc chosen(Data::desc(kDirect, x, w, y, strides, padding, padding), attributes,
                                        cpu_engine(), forward_of({}));
      auto made = prepare<Data>(key, chosen, chosen.weights_desc());
      made.arguments = {{DNNL_ARG_DIFF_SRC, made.x}, {DNNL_ARG_WEIGHTS, made.w}, {DNNL_ARG_DIFF_DST, made.y}};
      return made;
    }
    default: {
      using Filters = dnnl::convolution_backward_weights;
      const Filters::primitive_desc chosen(Filters::desc(kDirect, x, w, y, strides, padding, padding), attributes,
                                           cpu_engine(), forward_of({}));
      auto made = prepare<Filters>(key, chosen, chosen.diff_weights_desc());
      made.arguments = {{DNNL_ARG_SRC, made.x}, {DNNL_ARG_DIFF_WEIGHTS, made.w}, {DNNL_ARG_DIFF_DST, made.y}};
      return made;
    }
  }
}

ConvolutionPrimitive& primitive_for(const ConvolutionKey& key) {
  Primitives& all = primitives();
  auto found = all.convolutions.find(key);
  if (found == all.convolutions.end()) {
    if (omp_get_max_threads() != key.threads) omp_set_num_threads(key.threads);
    found = all.convolutions.emplace(key, make_primitive(key)).first;
    ConvolutionPrimitive& made = found->second;
    made.arguments.emplace(DNNL_ARG_SCRATCHPAD, made.scratchpad);
    made.layout = all.layout_of(made.w.get_desc());
  }
  return found->second;
}

void set_address(memory& memory, const void* data) { memory.set_data_handle(const_cast<void*>(data)); }

void reorder(const memory::desc& from, const void* source, const memory::desc& to, void* target) {
  memory source_memory(from, cpu_engine(), const_cast<void*>(source)), target_memory(to, cpu_engine(), target);
  dnnl::reorder(source_memory, target_memory).execute(primitives().queue, source_memory, target_memory);
}

/// A call's scratch memory: the primitive's own, and room for packed filters where they are needed.
struct Scratch {
  void* own;
  float* packed;

  Scratch(CpuStream& stream, const ConvolutionPrimitive& made, bool pack) {
    const size_t before = (made.scratchpad_bytes() + 63) / 64 * 64;
    own = stream.workspace(before + (pack ? made.packed_bytes() : 0));
    packed = reinterpret_cast<float*>(static_cast<std::byte*>(own) + before);
  }
};

void run(CpuStream& stream, ConvolutionPrimitive& made, const Scratch& scratch, const float* x, const float* w,
         const float* y) {
  if (omp_get_max_threads() != stream.threads()) omp_set_num_threads(stream.threads());
  set_address(made.x, x);
  set_address(made.w, w);
  set_address(made.y, y);
  made.scratchpad.set_data_handle(scratch.own);
  made.primitive.execute(primitives().queue, made.arguments);
}

void pack(const memory::desc& layout, FilterView<const float> w, float* packed) {
  reorder(plain_filters({w.outputs, w.inputs, w.height, w.width}), w.data, layout, packed);
}

/// A pass that reads filters, which are packed here if the caller has not.
void run_with_filters(CpuStream& stream, ConvolutionPrimitive& made, const float* x, FilterView<const float> w,
                      const float* y) {
  const Scratch scratch(stream, made, !w.packed);
  if (!w.packed) pack(made.w.get_desc(), w, scratch.packed);
  run(stream, made, scratch, x, w.packed ? w.packed : scratch.packed, y);
}

}  // namespace

void convolution(CpuStream& stream, const Window& window, const Epilogue& epilogue, ImageView<const float> x,
                 FilterView<const float> w, ImageView<float> y) {
  ConvolutionKey key(stream, Pass::Forward, window, x, w, y);
  key.biased = epilogue.bias.size > 0;
  key.activation = epilogue.activation;
  key.slope = epilogue.slope;
  ConvolutionPrimitive& made = primitive_for(key);
  if (key.biased) set_address(made.bias, epilogue.bias.data);
  run_with_filters(stream, made, x.data, w, y.data);
}

void transposed_convolution(CpuStream& stream, const Window& window, ImageView<const float> y,
                            FilterView<const float> w, ImageView<float> x) {
  ConvolutionPrimitive& made = primitive_for({stream, Pass::Data, window, x, w, y});
  run_with_filters(stream, made, x.data, w, y.data);
}

void convolution_filter_gradient(CpuStream& stream, const Window& window, ImageView<const float> x,
                                 ImageView<const float> y, FilterView<float> w) {
  const ConvolutionKey key(stream, Pass::Filters, window, x, w, y);
  ConvolutionPrimitive& made = primitive_for(key);
  const Scratch scratch(stream, made, true);
  run(stream, made, scratch, x.data, scratch.packed, y.data);
  reorder(made.w.get_desc(), scratch.packed, plain_filters(key.w_dims()), w.data);
}

FilterLayout filter_layout(CpuStream& stream, FilterPass pass, const Window& window, ImageView<const float> x,
                           FilterView<const float> w, ImageView<const float> y) {
  const Pass of = pass == FilterPass::Convolution ? Pass::Forward : Pass::Data;
  const ConvolutionPrimitive& made = primitive_for({stream, of, window, x, w, y});
  return {made.layout, static_cast<int64_t>(made.packed_bytes() / sizeof(float))};
}

void pack_filters(CpuStream&, const FilterLayout& layout, FilterView<const float> w, Vector<float> packed) {
  pack(primitives().layouts.at(static_cast<size_t>(layout.id)), w, packed.data);
}

}  // namespace wasserkern::onednn

#include "kernels/cuda/cudnn.h"

#include <cudnn.h>

#include <array>
#include <compare>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/cuda/check.h"
#include "kernels/cuda/handles.h"

namespace wasserkern::cudnn {
namespace {

void check(cudnnStatus_t status, const char* what) {
  if (status != CUDNN_STATUS_SUCCESS) throw DeviceError(std::string(what) + " failed: " + cudnnGetErrorString(status));
}

/// Statuses come in families: of those that say "not supported" every reason has its own.
bool refused(cudnnStatus_t status) { return CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED; }

/// One of cuDNN's objects, for as long as this lives.
template <class T, cudnnStatus_t (*create)(T*), cudnnStatus_t (*destroy)(T)>
class Owned {
 public:
  Owned() { check(create(&object_), "making an object of cuDNN"); }
  ~Owned() { destroy(object_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  operator T() const { return object_; }

 private:
  T object_ = nullptr;
};

using Handle = Owned<cudnnHandle_t, cudnnCreate, cudnnDestroy>;
using TensorDescriptor = Owned<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>;
using FilterDescriptor = Owned<cudnnFilterDescriptor_t, cudnnCreateFilterDescriptor, cudnnDestroyFilterDescriptor>;
using WindowDescriptor =
    Owned<cudnnConvolutionDescriptor_t, cudnnCreateConvolutionDescriptor, cudnnDestroyConvolutionDescriptor>;

/// What an algorithm is chosen for: the sizes of x (NHWC), w (OHWI) and y (NHWC), in that order, and the window.
struct Geometry {
  std::array<int, 4> x, w, y;
  int stride, padding;

  auto operator<=>(const Geometry&) const = default;
};

std::string text(const std::array<int, 4>& sizes) {
  std::string all;
  for (const int size : sizes) all += (all.empty() ? "[" : ", ") + std::to_string(size);
  return all + "]";
}

std::string text(const Geometry& of) {
  return "images " + text(of.x) + ", filters " + text(of.w) + ", outputs " + text(of.y) + ", stride " +
         std::to_string(of.stride) + ", padding " + std::to_string(of.padding);
}

constexpr int64_t kMost = std::numeric_limits<int>::max();

int narrow(const char* what, int64_t value) {
  if (value > kMost)
    throw ShapeError("convolution: " + std::string(what) + " " + std::to_string(value) +
                     " is more than cuDNN takes (2^31 - 1)");
  return static_cast<int>(value);
}

/// All sizes are at least 1, so that the number of elements bounds each of them.
std::array<int, 4> narrow(const char* what, std::array<int64_t, 4> sizes) {
  int64_t elements = 1;
  for (const int64_t size : sizes) {
    if (size > kMost / elements)
      throw ShapeError("convolution: " + std::string(what) + " of [" + std::to_string(sizes[0]) + ", " +
                       std::to_string(sizes[1]) + ", " + std::to_string(sizes[2]) + ", " + std::to_string(sizes[3]) +
                       "] have more elements than cuDNN takes (2^31 - 1); use a smaller batch");
    elements *= size;
  }
  std::array<int, 4> narrowed;
  for (size_t i = 0; i < sizes.size(); ++i) narrowed[i] = static_cast<int>(sizes[i]);
  return narrowed;
}

Geometry geometry(const Window& window, ImageView<const float> x, FilterView<const float> w, ImageView<const float> y) {
  return {narrow("images", {x.count, x.height, x.width, x.channels}),
          narrow("filters", {w.outputs, w.height, w.width, w.inputs}),
          narrow("outputs", {y.count, y.height, y.width, y.channels}), narrow("a stride of", window.stride),
          narrow("a padding of", window.padding)};
}

struct Descriptors {
  TensorDescriptor x, y;
  FilterDescriptor w;
  WindowDescriptor window;

  Descriptors(const Geometry& of, bool tf32) {
    describe(x, of.x);
    describe(y, of.y);
    const auto [outputs, height, width, inputs] = of.w;
    check(cudnnSetFilter4dDescriptor(w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, outputs, inputs, height, width),
          "cudnnSetFilter4dDescriptor");
    check(cudnnSetConvolution2dDescriptor(window, of.padding, of.padding, of.stride, of.stride, 1, 1,
                                          CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
          "cudnnSetConvolution2dDescriptor");
    // The default lets tensor cores round factors to TF32.
    check(cudnnSetConvolutionMathType(window, tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH),
          "cudnnSetConvolutionMathType");
  }

 private:
  static void describe(cudnnTensorDescriptor_t tensor, const std::array<int, 4>& sizes) {
    const auto [count, height, width, channels] = sizes;
    check(cudnnSetTensor4dDescriptor(tensor, CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, count, channels, height, width),
          "cudnnSetTensor4dDescriptor");
  }
};

/// A call's two inputs and its output, in the order of the pass, and its scratch.
struct Memory {
  const float* first;
  const float* second;
  float* out;
  void* workspace;
  size_t workspace_bytes;
};

constexpr float kOne = 1, kZero = 0;

// cuDNN has the same four functions for each pass, of other types and orders.

struct Forward {
  using Listed = cudnnConvolutionFwdAlgoPerf_t;
  using Algorithm = cudnnConvolutionFwdAlgo_t;
  static constexpr int kAlgorithms = CUDNN_CONVOLUTION_FWD_ALGO_COUNT;
  static constexpr const char* kName = "cudnnConvolutionForward";

  static cudnnStatus_t list(cudnnHandle_t handle, const Descriptors& of, int* count, Listed* listed) {
    return cudnnGetConvolutionForwardAlgorithm_v7(handle, of.x, of.w, of.window, of.y, kAlgorithms, count, listed);
  }
  static cudnnStatus_t workspace(cudnnHandle_t handle, const Descriptors& of, Algorithm algorithm, size_t* bytes) {
    return cudnnGetConvolutionForwardWorkspaceSize(handle, of.x, of.w, of.window, of.y, algorithm, bytes);
  }
  static cudnnStatus_t run(cudnnHandle_t handle, const Descriptors& of, Algorithm algorithm, const Memory& at) {
    return cudnnConvolutionForward(handle, &kOne, of.x, at.first, of.w, at.second, of.window, algorithm, at.workspace,
                                   at.workspace_bytes, &kZero, of.y, at.out);
  }
};

struct BackwardData {
  using Listed = cudnnConvolutionBwdDataAlgoPerf_t;
  using Algorithm = cudnnConvolutionBwdDataAlgo_t;
  static constexpr int kAlgorithms = CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT;
  static constexpr const char* kName = "cudnnConvolutionBackwardData";

  static cudnnStatus_t list(cudnnHandle_t handle, const Descriptors& of, int* count, Listed* listed) {
    return cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, of.w, of.y, of.window, of.x, kAlgorithms, count, listed);
  }
  static cudnnStatus_t workspace(cudnnHandle_t handle, const Descriptors& of, Algorithm algorithm, size_t* bytes) {
    return cudnnGetConvolutionBackwardDataWorkspaceSize(handle, of.w, of.y, of.window, of.x, algorithm, bytes);
  }
  static cudnnStatus_t run(cudnnHandle_t handle, const Descriptors& of, Algorithm algorithm, const Memory& at) {
    return cudnnConvolutionBackwardData(handle, &kOne, of.w, at.second, of.y, at.first, of.window, algorithm,
                                        at.workspace, at.workspace_bytes, &kZero, of.x, at.out);
  }
};

struct BackwardFilter {
  using Listed = cudnnConvolutionBwdFilterAlgoPerf_t;
  using Algorithm = cudnnConvolutionBwdFilterAlgo_t;
  static constexpr int kAlgorithms = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT;
  static constexpr const char* kName = "cudnnConvolutionBackwardFilter";

  static cudnnStatus_t list(cudnnHandle_t handle, const Descriptors& of, int* count, Listed* listed) {
    return cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, of.x, of.y, of.window, of.w, kAlgorithms, count,
                                                         listed);
  }
  static cudnnStatus_t workspace(cudnnHandle_t handle, const Descriptors& of, Algorithm algorithm, size_t* bytes) {
    return cudnnGetConvolutionBackwardFilterWorkspaceSize(handle, of.x, of.y, of.window, of.w, algorithm, bytes);
  }
  static cudnnStatus_t run(cudnnHandle_t handle, const Descriptors& of, Algorithm algorithm, const Memory& at) {
    return cudnnConvolutionBackwardFilter(handle, &kOne, of.x, at.first, of.y, at.second, of.window, algorithm,
                                          at.workspace, at.workspace_bytes, &kZero, of.w, at.out);
  }
};

/// How a pass over one geometry is run.
template <class Pass>
class Plan {
 public:
  /// The heuristic's deterministic algorithms, its favourite first, as far as they name their workspace.
  Plan(cudnnHandle_t handle, const Geometry& of, bool tf32) : descriptors_(of, tf32) {
    std::array<typename Pass::Listed, Pass::kAlgorithms> listed;
    int count = 0;
    const cudnnStatus_t status = Pass::list(handle, descriptors_, &count, listed.data());
    if (refused(status)) return;
    check(status, "the list of cuDNN's algorithms");
    for (int i = 0; i < count; ++i)
      if (listed[i].status == CUDNN_STATUS_SUCCESS && listed[i].determinism == CUDNN_DETERMINISTIC)
        add(handle, listed[i].algo);
  }

  /// False when every algorithm has refused. One that refuses has done nothing yet, and is not asked again; while the
  /// stream records, that is an error: the first call has found one that does not.
  bool run(cudnnHandle_t handle, CudaStream& stream, const float* first, const float* second, float* out) {
    for (; turn_ < candidates_.size(); ++turn_) {
      const auto [algorithm, bytes] = candidates_[turn_];
      void* workspace = bytes > 0 ? stream.workspace(bytes) : nullptr;
      const cudnnStatus_t status = Pass::run(handle, descriptors_, algorithm, {first, second, out, workspace, bytes});
      if (!refused(status) || stream.handles().recording) {
        check(status, Pass::kName);
        return true;
      }
    }
    return false;
  }

 private:
  struct Candidate {
    typename Pass::Algorithm algorithm;
    size_t bytes;
  };

  void add(cudnnHandle_t handle, typename Pass::Algorithm algorithm) {
    size_t bytes = 0;
    const cudnnStatus_t status = Pass::workspace(handle, descriptors_, algorithm, &bytes);
    if (refused(status)) return;
    check(status, "the size of cuDNN's workspace");
    candidates_.push_back({algorithm, bytes});
  }

  Descriptors descriptors_;
  std::vector<Candidate> candidates_;
  size_t turn_ = 0;
};

}  // namespace

class Plans {
 public:
  explicit Plans(cudaStream_t stream) { check(cudnnSetStream(handle_, stream), "cudnnSetStream"); }

  template <class Pass>
  void run(CudaStream& stream, const Geometry& of, const float* first, const float* second, float* out) {
    auto& plans = std::get<std::map<Geometry, Plan<Pass>>>(plans_);
    auto plan = plans.find(of);
    if (plan == plans.end()) {
      check_not_recording(stream, of);
      plan = plans.try_emplace(of, handle_, of, stream.handles().tf32).first;
    }
    if (!plan->second.run(handle_, stream, first, second, out))
      throw DeviceError(std::string(Pass::kName) + ": none of cuDNN's deterministic algorithms takes " + text(of) +
                        "; change the sizes, or use --device cpu");
  }

  static void check_not_recording(CudaStream& stream, const Geometry& of) {
    if (stream.handles().recording)
      throw DeviceError("a convolution of " + text(of) +
                        " is new while a phase is recorded: run the phase once before recording it");
  }

 private:
  Handle handle_;
  std::tuple<std::map<Geometry, Plan<Forward>>, std::map<Geometry, Plan<BackwardData>>,
             std::map<Geometry, Plan<BackwardFilter>>>
      plans_;
};

namespace {

/// Runs a pass; cuDNN is loaded by the first, because that takes memory and a moment, and many programs have none.
template <class Pass>
void run(CudaStream& stream, const Geometry& of, const float* first, const float* second, float* out) {
  CudaStream::Handles& handles = stream.handles();
  cuda::check(cudaSetDevice(handles.device), "cudaSetDevice");
  if (!handles.cudnn_plans) {
    Plans::check_not_recording(stream, of);
    handles.cudnn_plans = std::make_shared<Plans>(handles.stream);
  }
  handles.cudnn_plans->run<Pass>(stream, of, first, second, out);
}

}  // namespace

void convolution(CudaStream& stream, const Window& window, ImageView<const float> x, FilterView<const float> w,
                 ImageView<float> y) {
  run<Forward>(stream, geometry(window, x, w, y), x.data, w.data, y.data);
}

void transposed_convolution(CudaStream& stream, const Window& window, ImageView<const float> y,
                            FilterView<const float> w, ImageView<float> x) {
  run<BackwardData>(stream, geometry(window, x, w, y), y.data, w.data, x.data);
}

void filter_gradient(CudaStream& stream, const Window& window, ImageView<const float> x, ImageView<const float> y,
                     FilterView<float> w) {
  run<BackwardFilter>(stream, geometry(window, x, w, y), x.data, y.data, w.data);
}

std::string version() {
  const size_t number = cudnnGetVersion();
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
}

}  // namespace wasserkern::cudnn

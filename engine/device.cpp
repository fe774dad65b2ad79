#include "engine/device.h"

#include <omp.h>

#include <optional>
#include <vector>

#include "engine/host_copy.h"
#include "engine/packed_weights.h"
#include "engine/stream.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

/// Why there is no CUDA here, or nothing if there is.
std::optional<std::string> cuda_missing() {
#if WASSERKERN_CUDA
  const std::string reason = CudaStream::unavailable();
  return reason.empty() ? std::nullopt : std::optional(reason);
#else
  return "this build has no CUDA";
#endif
}

#if WASSERKERN_CUDA
constexpr char kRemedy[] = "use --device cpu";
#elif defined(WASSERKERN_CUDA_LACKS)
constexpr char kRemedy[] = "install " WASSERKERN_CUDA_LACKS " and build again, or use --device cpu";
#else
constexpr char kRemedy[] = "build it with -DWASSERKERN_CUDA=ON, or use --device cpu";
#endif

std::unique_ptr<Stream> make_cpu(const DeviceOptions& options) {
  return std::make_unique<Stream>(std::in_place_type<CpuStream>,
                                  options.threads == 0 ? omp_get_num_procs() : options.threads);
}

std::unique_ptr<Stream> make_cuda([[maybe_unused]] const DeviceOptions& options) {
#if WASSERKERN_CUDA
  return std::make_unique<Stream>(std::in_place_type<CudaStream>, CudaStream::Options{.tf32 = options.tf32});
#else
  return nullptr;
#endif
}

}  // namespace

struct Device::State {
  std::unique_ptr<Stream> stream;
  std::string choice;
  std::shared_ptr<Pool> pool;
  std::shared_ptr<Pool> outer_pool;  // while a phase has its own
  std::vector<std::weak_ptr<Pool>> pools;
  const char* phase = nullptr;
  PackedWeights packed_weights;
};

Device::Device(const DeviceOptions& options) : state_(std::make_unique<State>()) {
  if (options.threads < 0)
    throw UsageError("device: " + std::to_string(options.threads) + " threads; give a number, or 0 for all there are");
  const auto missing = options.name == "cpu" ? std::nullopt : cuda_missing();
  if (options.name == "cpu") {
    state_->choice = "cpu (as asked)";
  } else if (options.name == "cuda") {
    if (missing) throw DeviceError("--device cuda: " + *missing + "; " + kRemedy);
    state_->choice = "cuda (as asked)";
  } else if (options.name == "auto") {
    state_->choice = missing ? "cpu (auto: " + *missing + ")" : "cuda (auto: there is a GPU)";
  } else {
    throw UsageError("device \"" + options.name + "\" is unknown; use auto, cpu or cuda");
  }
  state_->stream = state_->choice.starts_with("cpu") ? make_cpu(options) : make_cuda(options);
  state_->pool = make_pool();
}

Device::~Device() = default;

bool Device::is_cuda() const { return state_->choice.starts_with("cuda"); }
std::string Device::choice() const { return state_->choice; }

std::string Device::description() const {
  return state_->stream->visit([](auto& stream) { return stream.description(); });
}

void Device::synchronize() {
  state_->stream->visit([](auto& stream) { stream.synchronize(); });
}

const std::shared_ptr<Pool>& Device::pool() const { return state_->pool; }

std::shared_ptr<Pool> Device::make_pool() {
  Stream* stream = state_->stream.get();
  auto pool = std::make_shared<Pool>(
      [stream](size_t bytes) { return stream->visit([&](auto& backend) { return backend.allocate(bytes); }); },
      [stream](void* block) { stream->visit([&](auto& backend) { backend.release(block); }); });
  state_->pools.push_back(pool);
  return pool;
}

int64_t Device::memory_growths() const {
  int64_t growths =
      state_->stream->visit([](auto& stream) { return static_cast<int64_t>(stream.workspace_growths()); });
  for (const auto& pool : state_->pools)
    if (const auto alive = pool.lock()) growths += alive->growths();
  return growths;
}

void Device::forbid_in_phase(const char* what) const {
  if (state_->phase)
    throw Error("phase \"" + std::string(state_->phase) + "\": " + what +
                " is not possible inside a phase; do it between phases, or record the value");
}

Stream& Device::stream() const { return *state_->stream; }
PackedWeights& Device::packed_weights() const { return state_->packed_weights; }

void Device::enter_phase(const char* name, std::shared_ptr<Pool> pool) {
  forbid_in_phase("running another phase");
  state_->phase = name;
  state_->packed_weights.forget_all();
  std::swap(state_->pool, pool);
  state_->outer_pool = std::move(pool);
}

void Device::leave_phase() noexcept {
  state_->phase = nullptr;
  state_->packed_weights.forget_all();
  state_->pool = std::move(state_->outer_pool);
}

void copy_from_host(Device& device, const void* host, void* data, size_t bytes) {
  device.forbid_in_phase("copying from the host");
  device.stream().visit([&](auto& stream) { stream.copy_from_host(host, data, bytes); });
}

void copy_to_host(Device& device, const void* data, void* host, size_t bytes) {
  device.forbid_in_phase("reading a value");
  device.stream().visit([&](auto& stream) { stream.copy_to_host(data, host, bytes); });
}

}  // namespace wasserkern

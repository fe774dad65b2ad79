#include "engine/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "engine/host_copy.h"
#include "engine/safetensors.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

constexpr const char* kFormat = "wasserkern checkpoint 1";

/// An entry on its way to the file, with its bytes on the host.
struct Pending {
  std::string name;
  DType type;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;
};

std::vector<int64_t> extents_of(const Shape& shape) {
  std::vector<int64_t> extents;
  extents.reserve(static_cast<size_t>(shape.rank()));
  for (int axis = 0; axis < shape.rank(); ++axis) extents.push_back(shape[axis]);
  return extents;
}

/// OHWI to OIHW, or back: the inputs are the last axis of one and the second of the other.
void exchange_inputs(const Shape& ohwi, const float* from, float* to, bool back) {
  const int64_t outputs = ohwi[0], taps = ohwi[1] * ohwi[2], inputs = ohwi[3];
  for (int64_t o = 0; o < outputs; ++o)
    for (int64_t t = 0; t < taps; ++t)
      for (int64_t i = 0; i < inputs; ++i) {
        const int64_t in_memory = (o * taps + t) * inputs + i, in_file = (o * inputs + i) * taps + t;
        to[back ? in_memory : in_file] = from[back ? in_file : in_memory];
      }
}

}  // namespace

struct Checkpoint::State {
  std::optional<SafetensorsFile> file;  // when restoring
  std::string path;
  std::vector<Pending> pending;  // when writing
  SafetensorsMetadata notes;

  /// Room for an entry to write, or the bytes of the one to restore after its type and shape were compared.
  std::span<std::byte> add(const std::string& name, DType type, std::vector<int64_t> shape, size_t bytes) {
    pending.push_back({name, type, std::move(shape), std::vector<std::byte>(bytes)});
    return pending.back().bytes;
  }
  std::span<const std::byte> find(const std::string& name, DType type, const std::vector<int64_t>& shape) const {
    const TensorEntry& entry = file->at(name);
    if (entry.type != type || entry.shape != shape)
      throw DataError(path + ": \"" + name +
                      "\" has another type or shape than this run; was it made by another program?");
    return entry.bytes;
  }

  void visit_filters(const std::string& name, const Tensor& filters, bool restore) {
    const Shape& ohwi = filters.shape();
    const std::vector<int64_t> oihw{ohwi[0], ohwi[3], ohwi[1], ohwi[2]};
    std::vector<float> inside(static_cast<size_t>(ohwi.size())), outside(inside.size());
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(outside));
    if (restore) {
      std::ranges::copy(find(name, DType::F32, oihw), bytes.begin());
      exchange_inputs(ohwi, outside.data(), inside.data(), true);
      filters.copy_from_host(inside);
    } else {
      inside = filters.to_host();
      exchange_inputs(ohwi, inside.data(), outside.data(), false);
      std::ranges::copy(bytes, add(name, DType::F32, oihw, bytes.size()).begin());
    }
  }
};

Checkpoint::Checkpoint() : state_(std::make_unique<State>()) { state_->notes["format"] = kFormat; }

Checkpoint::Checkpoint(const std::string& path) : state_(std::make_unique<State>()) {
  state_->path = path;
  state_->file = SafetensorsFile::read(path);
  state_->notes = state_->file->metadata();
  if (note("format") != kFormat)
    throw DataError(path + ": a safetensors file, but not a checkpoint of this version of wasserkern");
}

Checkpoint::~Checkpoint() = default;

void Checkpoint::visit(const std::string& name, const Tensor& tensor) {
  const auto shape = extents_of(tensor.shape());
  if (restoring()) {
    const auto bytes = state_->find(name, DType::F32, shape);
    copy_from_host(tensor.device(), bytes.data(), tensor.data(), bytes.size());
    tensor.bump_version();
  } else {
    const auto bytes = state_->add(name, DType::F32, shape, static_cast<size_t>(tensor.size()) * sizeof(float));
    copy_to_host(tensor.device(), tensor.data(), bytes.data(), bytes.size());
  }
}

void Checkpoint::visit(const std::string& name, const Array<double>& array) {
  if (restoring()) {
    const auto bytes = state_->find(name, DType::F64, {array.size()});
    copy_from_host(array.device(), bytes.data(), array.data(), bytes.size());
  } else {
    const auto bytes =
        state_->add(name, DType::F64, {array.size()}, static_cast<size_t>(array.size()) * sizeof(double));
    copy_to_host(array.device(), array.data(), bytes.data(), bytes.size());
  }
}

void Checkpoint::visit(const std::string& name, uint64_t& value) {
  if (restoring())
    std::memcpy(&value, state_->find(name, DType::U64, {}).data(), sizeof value);
  else
    std::memcpy(state_->add(name, DType::U64, {}, sizeof value).data(), &value, sizeof value);
}

void Checkpoint::visit(const std::string& prefix, const Parameters& parameters) {
  for (const auto& named : parameters.named()) {
    const std::string name = prefix + "." + named.name;
    if (named.tensor.shape().rank() == 4)
      state_->visit_filters(name, named.tensor, restoring());
    else
      visit(name, named.tensor);
  }
}

bool Checkpoint::restoring() const { return state_->file.has_value(); }

void Checkpoint::set_note(const std::string& key, const std::string& text) { state_->notes[key] = text; }

std::string Checkpoint::note(const std::string& key) const {
  const auto found = state_->notes.find(key);
  return found == state_->notes.end() ? std::string() : found->second;
}

void Checkpoint::commit(const std::string& path) const {
  std::vector<TensorEntry> entries;
  for (const Pending& entry : state_->pending) entries.push_back({entry.name, entry.type, entry.shape, entry.bytes});
  write_safetensors(path, entries, state_->notes);
}

}  // namespace wasserkern

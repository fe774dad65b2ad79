#include "bench/kernels/pairs_bench.h"
#include "kernels/elementwise.h"
#include "kernels/interpolate.h"
#include "kernels/optimizer.h"
#include "kernels/paired_cost.h"
#include "kernels/random.h"
#include "kernels/reduce.h"
#include "kernels/rows.h"

// Kernels that touch every element once: bytes per second, counted as they must be read and written, and the share of
// what the memory does in a triad. Random numbers are bound by arithmetic.

namespace wasserkern::bench {
namespace {

constexpr int64_t kColumns = 4096;
constexpr int64_t kRows = 4096;  // 64 MiB: more than the caches
constexpr int64_t kSize = kRows * kColumns;

/// Memory that all of these kernels can use.
struct Memory {
  CpuStream stream{omp_get_max_threads()};
  std::vector<float> a = random_values(kSize), b = random_values(kSize), c = random_values(kSize);
  std::vector<float> d = std::vector<float>(static_cast<size_t>(kSize), 1);
  std::vector<float> rate = {1e-4f};
  std::vector<double> powers = {1, 1};
  std::vector<int32_t> index = std::vector<int32_t>(static_cast<size_t>(kRows));
  uint64_t step = 1;

  Memory() {
    for (int64_t row = 0; row < kRows; ++row) index[static_cast<size_t>(row)] = static_cast<int32_t>(row * 61 % kRows);
  }
  static Vector<float> vector(std::vector<float>& of) { return {of.data(), kSize}; }
  static Matrix<float> matrix(std::vector<float>& of) { return {of.data(), kRows, kColumns}; }
  static Vector<float> per_row(std::vector<float>& of) { return {of.data(), kRows}; }
  static Vector<float> per_column(std::vector<float>& of) { return {of.data(), kColumns}; }
  static Broadcast all(const std::vector<float>& of) { return {of.data(), kColumns, 1}; }
  Vector<const int32_t> rows() const { return {index.data(), kRows}; }
  Draw draw() const { return {1, &step, 0}; }
};

struct Streaming {
  const char* name;
  int floats;  // read or written per element
  void (*run)(Memory&);
};

const Streaming kKernels[] = {
    {"unary/tanh", 2,
     [](Memory& m) { unary(m.stream, {UnaryFunction::Kind::Tanh}, Memory::vector(m.a), Memory::vector(m.b)); }},
    {"unary/softplus", 2,
     [](Memory& m) { unary(m.stream, {UnaryFunction::Kind::Softplus}, Memory::vector(m.a), Memory::vector(m.b)); }},
    {"binary/multiply", 3,
     [](Memory& m) {
       binary(m.stream, {BinaryFunction::Kind::Multiply}, Memory::all(m.a), Memory::all(m.b), Memory::matrix(m.c));
     }},
    {"accumulate", 3, [](Memory& m) { accumulate(m.stream, Memory::vector(m.a), Memory::vector(m.b)); }},
    {"fill", 1, [](Memory& m) { fill(m.stream, 1, Memory::vector(m.a)); }},
    {"copy", 2, [](Memory& m) { copy(m.stream, Memory::vector(m.a), Memory::vector(m.b)); }},
    {"sum", 1,
     [](Memory& m) {
       sum(m.stream, Memory::vector(m.a), {m.b.data(), 1});
     }},
    {"sum_over_rows", 1, [](Memory& m) { sum_over_rows(m.stream, Memory::matrix(m.a), Memory::per_column(m.b)); }},
    {"sum_over_columns", 1, [](Memory& m) { sum_over_columns(m.stream, Memory::matrix(m.a), Memory::per_row(m.b)); }},
    {"gather_rows", 2, [](Memory& m) { gather_rows(m.stream, Memory::matrix(m.a), m.rows(), Memory::matrix(m.b)); }},
    {"scatter_rows", 2, [](Memory& m) { scatter_rows(m.stream, Memory::matrix(m.a), m.rows(), Memory::matrix(m.b)); }},
    {"uniform", 1, [](Memory& m) { uniform(m.stream, m.draw(), Memory::vector(m.a)); }},
    {"normal", 1, [](Memory& m) { normal(m.stream, m.draw(), Memory::vector(m.a)); }},
    {"dropout", 2, [](Memory& m) { dropout(m.stream, m.draw(), 0.3f, Memory::vector(m.a), Memory::vector(m.b)); }},
    {"interpolate", 3,
     [](Memory& m) { interpolate(m.stream, m.draw(), Memory::matrix(m.a), Memory::matrix(m.b), Memory::matrix(m.c)); }},
    {"adam", 7,
     [](Memory& m) {
       adam(m.stream, {}, {m.rate.data(), 1}, Memory::vector(m.a), {m.powers.data(), 2}, Memory::vector(m.b),
            Memory::vector(m.d), Memory::vector(m.c));
     }},
    {"rmsprop", 5,
     [](Memory& m) {
       rmsprop(m.stream, {}, {m.rate.data(), 1}, Memory::vector(m.a), Memory::vector(m.d), Memory::vector(m.c));
     }},
    {"paired_cost/l1", 2,
     [](Memory& m) {
       paired_cost(m.stream, LqCost{1, 1}, Memory::matrix(m.a), Memory::matrix(m.b), Memory::per_row(m.c));
     }},
    {"paired_cost_gradient/l1", 3,
     [](Memory& m) {
       paired_cost_gradient(m.stream, LqCost{1, 1}, Memory::matrix(m.a), Memory::matrix(m.b), Memory::per_row(m.d),
                            Memory::matrix(m.c));
     }},
};

void run(benchmark::State& state, const Streaming& kernel) {
  Memory memory;
  const double bytes = static_cast<double>(kSize * kernel.floats) * sizeof(float);
  measure(state, "B/s", bytes, {{"share_of_triad", triad_limit(memory.stream.threads())}}, [&] { kernel.run(memory); });
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const Streaming& kernel : kKernels)
    benchmark::RegisterBenchmark((std::string("streaming/") + kernel.name).c_str(),
                                 [&kernel](benchmark::State& state) { run(state, kernel); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench

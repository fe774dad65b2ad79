#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/flags.h"
#include "bench/harness/image_grid.h"
#include "bench/harness/result_table.h"
#include "data/batches.h"
#include "engine/checkpoint.h"
#include "engine/device.h"
#include "engine/parameters.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/cost/lq.h"

namespace wasserkern::bench {

class Interrupts;

/// What a program is, and the values of the common flags that it starts from.
struct About {
  std::string name;     // "qp_wgan/mnist"
  std::string summary;  // one line for --help
  int64_t iterations;
  int64_t batch;  // 0: there is none
  int64_t samples_every = 1000;
  std::string iteration = "training iterations";              // what is counted as one, for --help
  std::string batch_counts = "images, or points, per batch";  // the same of --batch
};

/// One run of an experiment: flags, device, random numbers, training loop, and the run's folder (run_folder.h). First
/// the options are taken, then everything is made, then what a checkpoint has to hold is kept, then it trains.
class Experiment {
 public:
  Experiment(const About& about, const std::string& program, std::vector<std::string> arguments);
  ~Experiment();
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;

  // Options, before anything else is used. A resumed run has the values that it was started with.

  Flags& flags();
  /// --q and --p.
  LqCost option(const LqCost& cost);
  int64_t batch_size() const;
  int64_t iterations() const;
  uint64_t seed() const;
  /// Every how many iterations samples are drawn.
  int64_t samples_every() const;

  // What a run is made of.

  /// The folder of a data set; throws DataError with the command that fetches it.
  std::filesystem::path data(const std::string& name);
  /// The pictures of a data set's folder, `[count, side, side, 3]`; see data/image_folder.h. Says how far it is, and
  /// can be stopped by a signal.
  data::Images images(const std::string& name, int64_t side);
  /// For what takes long before an iteration is done: to be called with how many `unit` of how many are. Says so, and
  /// throws when a signal came.
  std::function<void(int64_t done, int64_t count)> preparation(const std::string& unit);
  Device& device();
  Random& random();
  /// Standard normal values. Outside of phases draw them before train(), so that a resumed run draws the same.
  Tensor noise(const Shape& shape);
  /// A tensor that is filled between phases.
  Tensor slot(const Shape& shape);
  /// Overwrites a slot with the next batch; its rows in use are the batch's.
  void fill(const Tensor& slot, data::Batches& batches);

  // What a checkpoint holds, by name.

  void keep(const std::string& name, const Parameters& parameters);
  void keep(const std::string& name, data::Batches& batches);
  /// An optimizer, or whatever else has `visit(Checkpoint&, name)`.
  template <class Stateful>
  void keep(const std::string& name, Stateful& object) {
    keep_state([name, &object](Checkpoint& checkpoint) { object.visit(checkpoint, name); });
  }

  // Training.

  /// Calls `body` after every `steps` iterations and after the last one, off the tape.
  void every(int64_t steps, std::function<void()> body);
  /// Calls `body` once per iteration until there are enough, or a signal, or a value that is not finite; saves,
  /// restores and says how far it is.
  void train(const std::function<void()>& body);
  /// Inside train(): a part of an iteration that is recorded and replayed. See Phases::run.
  void phase(const std::string& name, const std::function<void()>& body);
  /// Inside train(), in phases and between them: values of this iteration, each a tensor of size 1.
  void record(std::initializer_list<std::pair<std::string, Tensor>> values);
  /// The same between phases, for numbers of the host.
  void measure(std::initializer_list<std::pair<std::string, double>> values);
  /// After train(): (iteration, value) of every row of metrics.csv that has a value in `column`, those before a resume
  /// included.
  std::vector<std::pair<uint64_t, double>> measured(const std::string& column);
  /// After train(): says the table, and replaces the run's results.csv.
  void results(const ResultTable& table);
  /// The iteration at hand, from 1.
  uint64_t step() const;

  /// A picture of all images, named by the iteration, in the run's samples/.
  void save_grid(const Tensor& images, const ImageShape& shape, data::PixelRange range, const std::string& name = "");
  /// Points `[count, ...]` as an array of NumPy's, named `name` and the iteration, in the run's samples/.
  void save_points(const std::string& name, const Tensor& points);

 private:
  struct Common;
  struct Running;
  void keep_state(std::function<void(Checkpoint&)> visit);
  Running& running();
  void train_until(const Interrupts& interrupts, const std::function<void()>& body);
  void open_folder();
  void restore();
  void visit_state(Checkpoint& checkpoint);
  void call_back();
  void stop_at_bad_value();
  void save();

  std::unique_ptr<Common> common_;
  std::unique_ptr<Running> running_;
};

/// The main function of a program: runs `body`, and turns what it throws into one line and an exit status. 0: done.
/// 1: failed. 2: wrong usage. 128 + signal: interrupted, and saved.
int run_experiment(const About& about, int argc, char** argv, const std::function<void(Experiment&)>& body);

}  // namespace wasserkern::bench

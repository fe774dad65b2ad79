#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace wasserkern::bench {

/// Whether a run that is resumed must have the value it was started with.
enum class OnResume { MustAgree, MayDiffer };

/// A flag's name without dashes, what its value counts or names (its unit), and what it is for.
struct Flag {
  std::string name;
  std::string unit;
  std::string help;
  OnResume on_resume = OnResume::MustAgree;
  bool hidden = false;
};

/// A command line whose flags are declared one after another, each giving its value at once, so that a program reads
/// from top to bottom. When all are declared, finish() reports what was not expected. Every failure is a UsageError.
class Flags {
 public:
  /// `arguments` without the program's name.
  Flags(std::string program, std::string about, std::vector<std::string> arguments);
  ~Flags();
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;

  /// The value of the command line, else the resumed run's, else `value`.
  int64_t integer(const Flag& flag, int64_t value, int64_t least, int64_t most = std::numeric_limits<int64_t>::max());
  double number(const Flag& flag, double value);
  std::string text(const Flag& flag, const std::string& value);
  std::string choice(const Flag& flag, const std::vector<std::string>& choices);  // the first is the default
  bool toggle(const Flag& flag);
  /// A word without a flag, such as a file, that has to be there; in their order, and after all flags: a value of a
  /// flag that is not declared yet would be taken for it.
  std::string positional(const Flag& flag);

  bool given(const std::string& name) const;

  /// The values that the run in `folder` was started with, as from values(): flags declared from now on take them.
  void resume(const std::string& folder, const nlohmann::json& values);

  /// All flags are declared. Throws HelpWanted when --help was given.
  void finish();
  bool finished() const;
  /// Name and value of every flag so far.
  const nlohmann::json& values() const;

 private:
  struct State;
  template <class T>
  T declare(const Flag& flag, const T& value, const std::string& default_text);
  void parse();

  std::unique_ptr<State> state_;
};

/// The number that a float was written as: 0.1 for 0.1f. For defaults, which --help shows.
double decimal(float value);

/// Not an error: the text that --help asked for.
struct HelpWanted {
  std::string text;
};

}  // namespace wasserkern::bench

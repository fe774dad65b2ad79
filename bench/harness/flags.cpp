#include "bench/harness/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::bench {

struct Flags::State {
  CLI::App app;
  std::string program;
  std::vector<std::string> reversed_arguments;  // as CLI11 takes them
  bool help = false;
  bool has_positionals = false;
  bool finished = false;
  std::string resumed_folder;
  nlohmann::json resumed = nlohmann::json::object();
  nlohmann::json values = nlohmann::json::object();
};

namespace {

/// A value as a person writes it.
std::string shown(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// All of `text` as a number; CLI11 would take what is too large for the largest.
template <class T>
T number_of(const std::string& name, const std::string& text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) throw UsageError("--" + name + " " + printable(text) + " is too large");
  if (error != std::errc() || end != text.data() + text.size()) {
    const char* kind = std::is_integral_v<T> ? " is not a whole number" : " is not a number";
    throw UsageError("--" + name + " " + printable(text) + kind);
  }
  return value;
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

}  // namespace

Flags::Flags(std::string program, std::string about, std::vector<std::string> arguments)
    : state_(std::make_unique<State>()) {
  state_->program = std::move(program);
  state_->app.description(std::move(about));
  state_->app.name(state_->program);
  state_->app.set_help_flag("-h,--help", "print this and stop");
  state_->app.option_defaults()->take_last();
  state_->help = std::any_of(arguments.begin(), arguments.end(),
                             [](const std::string& word) { return word == "--help" || word == "-h"; });
  state_->reversed_arguments.assign(arguments.rbegin(), arguments.rend());
}

Flags::~Flags() = default;

void Flags::parse() {
  if (state_->help) return;  // Whatever else is wrong, help helps.
  try {
    std::vector<std::string> arguments = state_->reversed_arguments;
    state_->app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    throw UsageError(printable(error.what()) + "; see " + state_->program + " --help");
  }
}

template <class T>
T Flags::declare(const Flag& flag, const T& value, const std::string& default_text) {
  if (state_->finished) throw Error("flag --" + flag.name + " is declared after the first use of the run");
  if (state_->has_positionals) throw Error("flag --" + flag.name + " is declared after a positional argument");
  CLI::Option* option = nullptr;
  T parsed = value;
  if constexpr (std::is_same_v<T, bool>) {
    option = state_->app.add_flag("--" + flag.name, flag.help);
  } else {
    option = state_->app.add_option("--" + flag.name, flag.help)->type_name(flag.unit)->default_str(default_text);
  }
  if (flag.hidden) option->group("");

  state_->app.allow_extras();  // The others are not declared yet.
  parse();
  const bool on_command_line = option->count() > 0;
  if (on_command_line) {
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      parsed = number_of<T>(flag.name, option->results().back());
    } else {
      parsed = option->as<T>();
    }
  }

  const auto resumed = state_->resumed.find(flag.name);
  if (resumed != state_->resumed.end()) {
    if (on_command_line && flag.on_resume == OnResume::MustAgree && *resumed != nlohmann::json(parsed)) {
      throw UsageError(printable(state_->resumed_folder) + " was started with --" + flag.name + " " + shown(*resumed) +
                       ", not " + shown(nlohmann::json(parsed)) + "; leave the flag out, or start a new run");
    }
    try {
      if (!on_command_line) parsed = resumed->get<T>();
    } catch (const nlohmann::json::exception&) {
      throw DataError(printable(state_->resumed_folder) + "/config.json: " + flag.name +
                      " has a value of another kind");
    }
  }
  state_->values[flag.name] = parsed;
  return parsed;
}

int64_t Flags::integer(const Flag& flag, int64_t value, int64_t least, int64_t most) {
  const int64_t result = declare<int64_t>(flag, value, std::to_string(value));
  if (result < least || result > most) {
    throw UsageError("--" + flag.name + " must be at " + (result < least ? "least " : "most ") +
                     std::to_string(result < least ? least : most) + ", not " + std::to_string(result));
  }
  return result;
}

double Flags::number(const Flag& flag, double value) {
  const double result = declare<double>(flag, value, shown(nlohmann::json(value)));
  if (!std::isfinite(result)) throw UsageError("--" + flag.name + " must be a finite number");
  return result;
}

std::string Flags::text(const Flag& flag, const std::string& value) {
  const std::string result = declare<std::string>(flag, value, value);
  if (result.empty() && given(flag.name)) throw UsageError("--" + flag.name + " is empty; give it a value");
  return result;
}

std::string Flags::choice(const Flag& flag, const std::vector<std::string>& choices) {
  Flag with_choices = flag;
  if (with_choices.unit.empty()) with_choices.unit = joined(choices, "|");
  const std::string result = declare<std::string>(with_choices, choices.front(), choices.front());
  if (std::find(choices.begin(), choices.end(), result) == choices.end()) {
    throw UsageError("--" + flag.name + " is one of " + joined(choices, ", ") + "; not " + printable(result));
  }
  return result;
}

bool Flags::toggle(const Flag& flag) { return declare<bool>(flag, false, ""); }

std::string Flags::positional(const Flag& flag) {
  if (state_->finished) throw Error("argument " + flag.name + " is declared after the first use of the run");
  state_->has_positionals = true;
  const CLI::Option* option = state_->app.add_option(flag.name, flag.help)->type_name(flag.unit)->required();
  state_->app.allow_extras();
  parse();
  const std::string value = state_->help ? "" : option->as<std::string>();
  state_->values[flag.name] = value;
  return value;
}

bool Flags::given(const std::string& name) const {
  const CLI::Option* option = state_->app.get_option_no_throw("--" + name);
  return option && option->count() > 0;
}

void Flags::resume(const std::string& folder, const nlohmann::json& values) {
  state_->resumed_folder = folder;
  state_->resumed = values;
}

void Flags::finish() {
  if (state_->finished) return;
  state_->finished = true;
  if (state_->help) throw HelpWanted{state_->app.help()};
  state_->app.allow_extras(false);
  parse();
}

bool Flags::finished() const { return state_->finished; }

const nlohmann::json& Flags::values() const { return state_->values; }

double decimal(float value) {
  char text[32];
  const auto written = std::to_chars(text, text + sizeof text, value);
  double read = 0;
  std::from_chars(text, written.ptr, read);
  return read;
}

}  // namespace wasserkern::bench

#include "bench/harness/flags.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "bench/harness/cost_flags.h"
#include "kernels/error.h"

using namespace wasserkern;
using namespace wasserkern::bench;
using Catch::Matchers::Contains;

namespace {

using Words = std::vector<std::string>;

struct Declared {
  int64_t steps;
  double rate;
  std::string name;
  std::string mode;
  bool fast;
};

Declared declare(Flags& flags) {
  return {.steps = flags.integer({"steps", "STEPS", "how many", OnResume::MayDiffer}, 10, 1, 1000),
          .rate = flags.number({"rate", "NUMBER", "how fast"}, 0.5),
          .name = flags.text({"name", "NAME", "of it"}, "nobody"),
          .mode = flags.choice({"mode", "", "of two"}, {"plain", "fancy"}),
          .fast = flags.toggle({"fast", "", "or not"})};
}

Declared parse(const Words& words) {
  Flags flags("program", "a program", words);
  const Declared declared = declare(flags);
  flags.finish();
  return declared;
}

}  // namespace

TEST_CASE("flags have defaults, and values from the command line", "[flags]") {
  const Declared defaults = parse({});
  CHECK(defaults.steps == 10);
  CHECK(defaults.rate == 0.5);
  CHECK(defaults.name == "nobody");
  CHECK(defaults.mode == "plain");
  CHECK_FALSE(defaults.fast);

  const Declared given = parse({"--mode", "fancy", "--fast", "--rate=1e-3", "--name", "a b", "--steps", "7"});
  CHECK(given.steps == 7);
  CHECK(given.rate == 1e-3);
  CHECK(given.name == "a b");
  CHECK(given.mode == "fancy");
  CHECK(given.fast);
  CHECK(parse({"--steps", "7", "--steps", "8"}).steps == 8);
}

TEST_CASE("a wrong command line is a UsageError of one line that names the flag", "[flags]") {
  const auto [words, part] = GENERATE(table<Words, std::string>({
      {{"--unknown"}, "--unknown"},
      {{"--fast", "word"}, "word"},
      {{"--steps"}, "--steps"},
      {{"--steps", "0"}, "at least 1"},
      {{"--steps", "1001"}, "at most 1000"},
      {{"--steps", "1.5"}, "1.5"},
      {{"--steps", "99999999999999999999"}, "--steps"},
      {{"--steps", "1\n2"}, "--steps"},
      {{"--rate", "nan"}, "finite"},
      {{"--rate", "1e999"}, "--rate"},
      {{"--rate", ""}, "--rate"},
      {{"--name", ""}, "empty"},
      {{"--mode", "other"}, "plain, fancy"},
  }));
  try {
    parse(words);
    FAIL("accepted: " << words.front());
  } catch (const UsageError& error) {
    CHECK_THAT(error.what(), Contains(part));
    CHECK_THAT(error.what(), !Contains("\n"));
  }
}

TEST_CASE("words without a flag are arguments, in their order, wherever they stand", "[flags]") {
  const auto parsed = [](const Words& words) {
    Flags flags("program", "a program", words);
    declare(flags);
    const Flag from{"FROM", "FILE", "where it begins"}, to{"TO", "FILE", "and ends"};
    const std::string first = flags.positional(from), second = flags.positional(to);
    flags.finish();
    return std::pair(first, second);
  };
  using Pair = std::pair<std::string, std::string>;
  CHECK(parsed({"a", "b"}) == Pair("a", "b"));
  CHECK(parsed({"--steps", "7", "a", "--fast", "b c", "--name", "x"}) == Pair("a", "b c"));
  CHECK_THROWS_WITH(parsed({"--fast"}), Contains("FROM") && Contains("--help"));
  CHECK_THROWS_WITH(parsed({"a", "--rate", "1"}), Contains("TO"));
  CHECK_THROWS_WITH(parsed({"a", "b", "more"}), Contains("more"));
  CHECK_THROWS_WITH(parsed({"a", "b", "--unknown"}), Contains("--unknown"));
  CHECK_THROWS_AS(parsed({}), UsageError);
  try {
    parsed({"--help"});
    FAIL("no help");
  } catch (const HelpWanted& help) {
    for (const char* part : {"FROM", "where it begins", "TO", "--steps"}) CHECK_THAT(help.text, Contains(part));
  }
}

TEST_CASE("no flag can be declared after an argument, whose value it would take", "[flags]") {
  Flags flags("program", "a program", {"a"});
  flags.positional({"FROM", "FILE", "where it begins"});
  CHECK_THROWS_WITH(flags.toggle({"fast", "", "or not"}), Contains("--fast"));
}

TEST_CASE("a ground cost has a name, or numbers", "[flags]") {
  const auto cost = [](const Words& words) {
    Flags flags("program", "a program", words);
    const LqCost chosen = cost_flags(flags);
    flags.finish();
    return std::pair(chosen.q, chosen.p);
  };
  CHECK(cost({}) == std::pair(2.0f, 2.0f));
  CHECK(cost({"--cost", "l1"}) == std::pair(1.0f, 1.0f));
  CHECK(cost({"--cost", "l2"}) == std::pair(2.0f, 1.0f));
  CHECK(cost({"--cost", "squared-l2"}) == std::pair(2.0f, 2.0f));
  CHECK(cost({"--p", "5"}) == std::pair(2.0f, 5.0f));
  CHECK(cost({"--cost", "lq", "--q", "1.5", "--p", "1"}) == std::pair(1.5f, 1.0f));
  CHECK_THROWS_WITH(cost({"--cost", "l1", "--q", "2"}), Contains("--q") && Contains("l1"));
  CHECK_THROWS_WITH(cost({"--q", "0.5"}), Contains("at least 1"));
}

TEST_CASE("help lists defaults and units, whatever else is wrong, and hides what is hidden", "[flags]") {
  Flags flags("program", "a program", {"--steps", "none", "--unknown", "--help"});
  declare(flags);
  flags.integer({.name = "secret", .unit = "NUMBER", .help = "for tests", .hidden = true}, 1, 1);
  try {
    flags.finish();
    FAIL("no help");
  } catch (const HelpWanted& help) {
    for (const char* part : {"program", "--steps STEPS", "10", "--rate NUMBER", "0.5", "plain|fancy"}) {
      CHECK_THAT(help.text, Contains(part));
    }
    CHECK_THAT(help.text, !Contains("secret"));
  }
}

TEST_CASE("a resumed run has the values it was started with", "[flags]") {
  Flags first("program", "a program", {"--rate", "0.25", "--fast", "--mode", "fancy", "--steps", "20"});
  declare(first);

  const auto resume = [&](const Words& words) {
    Flags flags("program", "a program", words);
    flags.resume("runs/one", first.values());
    const Declared declared = declare(flags);
    flags.finish();
    return declared;
  };
  const Declared same = resume({});
  CHECK(same.rate == 0.25);
  CHECK(same.fast);
  CHECK(same.mode == "fancy");
  CHECK(same.steps == 20);
  CHECK(resume({"--rate", "0.25", "--steps", "30"}).steps == 30);
  CHECK_THROWS_WITH(resume({"--rate", "1"}), Contains("runs/one") && Contains("--rate 0.25") && Contains("not 1"));
}

TEST_CASE("a resumed value of another kind is a DataError", "[flags]") {
  Flags flags("program", "a program", {});
  flags.resume("runs/one", {{"rate", "fast"}});
  CHECK_THROWS_AS(declare(flags), DataError);
}

TEST_CASE("no flag can be declared late", "[flags]") {
  Flags flags("program", "a program", {});
  flags.finish();
  CHECK_THROWS_WITH(flags.toggle({"fast", "", "or not"}), Contains("--fast"));
}

TEST_CASE("a default that is a float is shown as it was written", "[flags]") {
  for (const auto& [value, shown] : {std::pair(0.1f, 0.1), std::pair(1e-4f, 1e-4), std::pair(10.0f, 10.0)})
    CHECK(decimal(value) == shown);
}

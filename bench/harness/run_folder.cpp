#include "bench/harness/run_folder.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <span>

#include "engine/atomic_file.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

namespace fs = std::filesystem;

constexpr char kConfig[] = "config.json";

std::string date_and_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local = {};
  ::localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
  return text;
}

/// runs/NAME-DATE-TIME, with a number when a run of the same second took that.
fs::path new_folder(std::string name) {
  std::replace(name.begin(), name.end(), '/', '-');
  const std::string stem = "runs/" + name + "-" + date_and_time();
  std::error_code ignored;
  fs::path path = stem;
  for (int i = 2; fs::exists(path, ignored); ++i) path = stem + "-" + std::to_string(i);
  return path;
}

/// Only what a run leaves that was killed before it had a config.json.
bool is_unused(const fs::path& folder, std::error_code& error) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    const bool empty_room = (name == "samples" || name == "figures") && fs::is_empty(entry.path(), error);
    if (!empty_room && name != std::string(kConfig) + ".partial") return false;
  }
  return true;
}

}  // namespace

RunFolder::RunFolder(fs::path path, const std::string& experiment)
    : path_(path.empty() ? new_folder(experiment) : std::move(path)) {}

std::string RunFolder::text() const { return printable(path_.native()); }

void RunFolder::check_unused() const {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path_, error))) return;
  if (!fs::is_directory(path_, error)) throw DataError(text() + ": is not a folder; choose another --out");
  const bool unused = is_unused(path_, error);
  if (error) throw DataError(text() + ": cannot be read: " + error.message());
  if (!unused) {
    throw DataError(
        text() + ": is not empty and nothing is overwritten; choose another --out, or go on with --resume " + text());
  }
}

void RunFolder::create(const nlohmann::json& config) const {
  for (const char* room : {"samples", "figures"}) {
    std::error_code error;
    fs::create_directories(path_ / room, error);
    if (error)
      throw DataError((path_ / room).string() + ": cannot be made: " + error.message() + "; choose another --out");
  }
  write_config(config);
}

void RunFolder::write_config(const nlohmann::json& config) const {
  const std::string text = config.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  AtomicFile file(path_ / kConfig);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

nlohmann::json RunFolder::read_config(const std::string& experiment) const {
  const fs::path path = path_ / kConfig;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    throw DataError(text() + ": is not a run's folder, it has no config.json; name another");
  }
  const std::vector<std::byte> bytes = read_file(path);
  const auto* begin = reinterpret_cast<const char*>(bytes.data());
  const nlohmann::json config = nlohmann::json::parse(begin, begin + bytes.size(), nullptr, false);
  if (!config.is_object() || !config.contains("experiment") || !config.contains("flags") ||
      !config["experiment"].is_string() || !config["flags"].is_object()) {
    throw DataError(printable(path.native()) + ": is damaged; restore it, or start a new run");
  }
  if (config["experiment"] != experiment) {
    throw DataError(text() + ": is a run of " + printable(config["experiment"].get<std::string>()) + ", not of " +
                    experiment + "; name another, or use that program");
  }
  return config;
}

fs::path RunFolder::samples(uint64_t step, const std::string& name, const std::string& ending) const {
  char number[24];
  std::snprintf(number, sizeof number, "%09llu", static_cast<unsigned long long>(step));
  return path_ / "samples" / ((name.empty() ? "" : name + "-") + number + ending);
}

}  // namespace wasserkern::bench

#include <algorithm>
#include <array>
#include <cctype>

#include "libs/settings/load_state.hpp"
#include "libs/settings/nearest.hpp"

namespace swarm::settings {
namespace {

/// Programs of ours that have variables of their own.
constexpr std::array<std::string_view, 4> kOtherPrograms = {"SWARM_CTL_", "SWARM_SDK_", "SWARM_DEMO_", "SWARM_TEST_"};

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

/// Kubernetes puts the addresses of every service of the namespace into each container: a service `swarm-gateway` gives
/// SWARM_GATEWAY_SERVICE_HOST, …_SERVICE_PORT[_<name>], …_PORT and …_PORT_<n>_TCP[_…].
bool is_from_kubernetes(std::string_view name) {
  if (name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT")) return true;
  if (name.find("_SERVICE_PORT") != std::string_view::npos) return true;
  const auto port = name.find("_PORT_");
  if (port == std::string_view::npos) return false;
  const auto digits = name.substr(port + 6);
  const auto end = digits.find('_');
  if (end == std::string_view::npos || !is_digits(digits.substr(0, end))) return false;
  const auto protocol = digits.substr(end + 1);
  return protocol.starts_with("TCP") || protocol.starts_with("UDP") || protocol.starts_with("SCTP");
}

void report_unknown_variables(Load& load) {
  std::set<std::string> known;
  for (const std::string& path : load.scalars) known.insert(environment_name(path));
  for (const auto& [name, value] : load.environment) {
    const auto starts = [&name = name](std::string_view prefix) { return name.starts_with(prefix); };
    if (!starts("SWARM_") || std::any_of(kOtherPrograms.begin(), kOtherPrograms.end(), starts)) continue;
    if (known.count(name) != 0 || is_from_kubernetes(name)) continue;
    const bool in_collection = std::any_of(load.collections.begin(), load.collections.end(), [&](const auto& path) {
      const std::string prefix = environment_name(path);
      return name == prefix || starts(prefix + "_");
    });
    load.faults.push_back({kEnvironmentOrigin, 0, name,
                           in_collection ? "lists and mappings can only be set in the file"
                                         : "is not a setting" + suggestion(name, known)});
  }
}

void report_unknown_assignments(Load& load) {
  for (const auto& [path, value] : load.assignments) {
    if (load.scalars.count(path) != 0) continue;
    const bool is_collection = load.collections.count(path) != 0;
    load.faults.push_back({kFlagOrigin, 0, path,
                           is_collection ? "lists and mappings can only be set in the file"
                                         : "is not a setting" + suggestion(path, load.scalars)});
  }
}

void parse_assignments(const std::vector<std::string>& assignments, Load& load) {
  for (const std::string& assignment : assignments) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      load.faults.push_back({kFlagOrigin, 0, "", "must be path=value, is " + assignment});
    } else {
      load.assignments[assignment.substr(0, equals)] = assignment.substr(equals + 1);
    }
  }
}

/// One line each and each only once: the file's in its order, then the environment's, then the flags'.
std::string report(std::vector<Fault> faults) {
  const auto place = [](const Fault& f) {
    const int source = f.origin == kEnvironmentOrigin ? 1 : f.origin == kFlagOrigin ? 2 : 0;
    return std::pair(source, f.line);
  };
  std::stable_sort(faults.begin(), faults.end(),
                   [&](const Fault& a, const Fault& b) { return place(a) < place(b); });
  std::set<std::string> seen;
  std::string out;
  for (const Fault& fault : faults) {
    std::string line = text(fault);
    if (seen.insert(line).second) out += (out.empty() ? "" : "\n") + line;
  }
  return out;
}

}  // namespace

Result<void> load(const Sources& sources, const Reader& read) {
  std::vector<std::string> files;
  return load(sources, read, files);
}

Result<void> load(const Sources& sources, const Reader& read, std::vector<std::string>& files) {
  auto state = std::make_shared<Object::State>();
  auto shared = std::make_shared<Load>();
  shared->file = sources.file;
  shared->environment = sources.environment;
  parse_assignments(sources.assignments, *shared);
  const bool has_file = !sources.file.empty();
  Node root;
  if (has_file) {
    shared->files.push_back(sources.file);
    root = read_document(sources.file, shared->faults);
  }
  state->load = shared;
  state->node = &root;
  state->line = 1;
  Object object(state);
  read(object);
  state->report_unknown_keys();
  report_unknown_variables(*shared);
  report_unknown_assignments(*shared);
  files = std::move(shared->files);
  if (shared->faults.empty()) return outcome::success();
  return Error{Code::InvalidArgument, report(std::move(shared->faults))};
}

std::vector<Description> describe(const Reader& read) {
  std::vector<Description> out;
  auto state = std::make_shared<Object::State>();
  state->load = std::make_shared<Load>();
  state->load->describing = &out;
  Object object(state);
  read(object);
  return out;
}

}  // namespace swarm::settings

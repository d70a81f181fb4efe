#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/base/secret.hpp"

namespace swarm::settings {

/// Where a process's settings come from, weakest first: the defaults in its struct, one YAML file, environment
/// variables (`grpc.listen` is SWARM_GRPC_LISTEN), `--set grpc.listen=…` flags.
struct Sources {
  std::string file;                                // empty: no file
  std::map<std::string, std::string> environment;  // only SWARM_… names are looked at
  std::vector<std::string> assignments;            // "path=value"
};

/// One setting, for the generated documentation.
struct Description {
  std::string path;  // `upstreams.<name>.url` below a mapping, `rules[].text` below a list
  std::string type;
  std::string default_text;
  std::string help;
};

/// Inclusive limits of a whole number.
struct Bounds {
  std::int64_t min = INT64_MIN;
  std::int64_t max = INT64_MAX;
};

/// One mapping of the configuration while a service reads it into its struct. A service describes its settings once, in
/// a function `void read(Object&, MySettings&)`; the same function fills the struct, finds every fault, and generates
/// the documentation. Every call names a key, the variable that already holds the default, and one sentence of help.
/// Faults are collected with file, line and key, never thrown. Not thread-safe.
class Object {
 public:
  /// Returns an empty string, or what is wrong with the value.
  using Check = std::function<std::string(const std::string&)>;

  Object& value(std::string_view key, std::string& out, std::string_view help, Check check = {});
  Object& value(std::string_view key, bool& out, std::string_view help);
  Object& value(std::string_view key, std::int64_t& out, std::string_view help, Bounds bounds = {});
  Object& value(std::string_view key, int& out, std::string_view help, Bounds bounds = {});
  Object& value(std::string_view key, double& out, std::string_view help, double min = -1e300, double max = 1e300);
  /// Written as 250ms, 20s, 5m or 1h.
  Object& value(std::string_view key, std::chrono::milliseconds& out, std::string_view help,
                std::chrono::milliseconds min = std::chrono::milliseconds(0),
                std::chrono::milliseconds max = std::chrono::hours(24 * 365));
  /// Written as a number of bytes, or 64KiB, 16MiB, 2GiB.
  Object& bytes(std::string_view key, std::uint64_t& out, std::string_view help, std::uint64_t min = 0,
                std::uint64_t max = UINT64_MAX);
  Object& value(std::string_view key, std::vector<std::string>& out, std::string_view help);
  /// A secret is given by value, as `key_file: path`, or as `key_env: NAME`; never printed.
  Object& secret(std::string_view key, Secret& out, std::string_view help);

  Object& section(std::string_view key, std::string_view help, const std::function<void(Object&)>& read);
  /// A list of mappings; `read` is called once for each.
  Object& list(std::string_view key, std::string_view help, const std::function<void(Object&)>& read);
  /// A mapping from names to mappings, in the file's order.
  Object& map(std::string_view key, std::string_view help,
              const std::function<void(const std::string& name, Object&)>& read);
  /// A free mapping of strings.
  Object& value(std::string_view key, std::map<std::string, std::string>& out, std::string_view help);

  // A list, map or free mapping that the file gives replaces the default as a whole: clear yours if has(key).

  /// Reports a fault of this mapping found by the service itself, at `key`'s line.
  void fault(std::string_view key, std::string_view message);
  /// True when the key stands in the file, the environment or the flags.
  bool has(std::string_view key) const;

  struct State;
  explicit Object(std::shared_ptr<State> state);

 private:
  std::shared_ptr<State> state_;
};

using Reader = std::function<void(Object&)>;

/// Reads all sources through `read`. The error holds every fault found, one a line, each as `file:line: key: what`.
Result<void> load(const Sources& sources, const Reader& read);
/// The same, and names every file that was read for it, secrets' files included: what to watch for a change.
Result<void> load(const Sources& sources, const Reader& read, std::vector<std::string>& files);

/// Every setting that `read` knows, with its default.
std::vector<Description> describe(const Reader& read);

/// What each service's command line has in common.
struct CommandLine {
  std::string program;
  Sources sources;
  bool check_only = false;   // --check-config
  bool describe = false;     // --describe-config: the settings as Markdown
  int exit_code = -1;        // >= 0: print nothing more and exit with it (--help, --version, a bad flag)
  std::vector<std::string> rest;  // from the first argument that is not a common flag, e.g. {"backup", "DIR"}
};

/// Parses --config FILE, --set path=value (repeatable), --check-config, --describe-config, --version, --help, and takes
/// SWARM_… from the environment of the process. Further subcommands are the service's own: pass what is left on.
CommandLine parse_command_line(int argc, char** argv, std::string_view program, std::string_view purpose);

/// The whole start-up ritual: parse, load, answer --check-config and --describe-config, print faults to stderr.
/// Returns -1 to go on, or the exit code. Arguments left in `line.rest` are a usage error here: take yours out before.
int read_or_exit_code(const CommandLine& line, const Reader& read);

/// A check for Object::value: anything but nothing.
std::string check_given(const std::string& text);
/// Checks for Object::value: "host:port" to listen on; port 0 takes a free one.
std::string check_address(const std::string& text);
/// Another program's "host:port", whose port can't be 0.
std::string check_peer_address(const std::string& text);
/// The same, or nothing at all.
std::string check_peer_address_or_empty(const std::string& text);

}  // namespace swarm::settings

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libs/settings/settings.hpp"
#include "libs/settings/yaml_document.hpp"

namespace swarm::settings {

inline constexpr const char* kEnvironmentOrigin = "environment";
inline constexpr const char* kFlagOrigin = "--set";
inline constexpr const char* kNoFileOrigin = "settings";  // of what the service itself finds wrong without a file

/// What one load() or describe() shares between all its Objects.
struct Load {
  std::string file;
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> assignments;
  std::vector<Fault> faults;
  std::set<std::string> scalars;      // full paths that environment and flags may set
  std::set<std::string> collections;  // full paths of lists and maps
  std::vector<std::string> files;     // that were read
  std::vector<Description>* describing = nullptr;
};

/// `grpc.listen` → SWARM_GRPC_LISTEN.
std::string environment_name(std::string_view path);

/// A setting's text and where it stands.
struct Given {
  std::string text;
  std::string origin;
  int line = 0;
  int rank = 0;  // 0 file, 1 environment, 2 flag: the higher one wins
};

struct Object::State {
  enum class Below { Section, List, Map };

  std::shared_ptr<Load> load;
  std::string path;             // "" for the root
  const Node* node = nullptr;   // null when the file does not have this mapping
  int line = 0;
  bool in_list = false;         // neither flags nor the environment reach here
  bool in_map = false;          // the environment does not reach here
  std::set<std::string> known;  // keys asked for

  std::string full(std::string_view key) const;
  const Entry* entry(std::string_view key);
  /// The strongest source of a scalar, without judging it.
  std::optional<Given> strongest(std::string_view key) const;
  /// The same, and notes that the setting exists. A file value that is no scalar is a fault.
  std::optional<Given> given(std::string_view key);
  /// The file's list or mapping; null when absent or, which is a fault, something else.
  const Node* collection(std::string_view key, Node::Kind kind);
  bool is_set_below(std::string_view key) const;

  void report(std::string_view key, const Given& at, std::string what);
  void report_in_file(std::string_view key, int at_line, std::string what);
  void document(std::string_view key, std::string type, std::string default_text, std::string_view help);
  bool is_describing() const { return load->describing != nullptr; }

  /// Reads a mapping below this one and reports its unknown keys.
  void read_child(std::string child_path, const Node* child, int child_line, Below below,
                  const std::function<void(Object&)>& read);
  void report_unknown_keys();
};

}  // namespace swarm::settings

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace swarm::settings {

/// A fault and where it is. `line` is 0 for what does not come from a line of a file.
struct Fault {
  std::string origin;  // the file's name, "environment" or "--set"
  int line = 0;
  std::string key;  // full path; empty when the whole source is at fault
  std::string what;
};

/// `origin:line: key: what`, leaving out what is not there.
std::string text(const Fault& fault);

struct Entry;

/// One YAML value and the line on which it begins.
struct Node {
  enum class Kind { Null, Scalar, Sequence, Map };

  Kind kind = Kind::Null;
  int line = 0;
  std::string scalar;
  std::vector<Node> items;
  std::vector<Entry> entries;  // in the file's order, each key once

  const Entry* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  int line = 0;
  Node value;
};

/// Limits of a document, so that a hostile one costs little memory and no stack.
inline constexpr std::size_t kDocumentBytesMax = 1 << 20;
inline constexpr std::size_t kDocumentNodesMax = 100'000;
inline constexpr std::size_t kDocumentDepthMax = 32;

/// Parses one YAML document whose root is a mapping (or nothing). Anchors, aliases, a second document, repeated keys
/// and keys that are not plain text are faults. Faults are appended; the tree holds what could be read.
Node parse_document(const std::string& yaml, const std::string& origin, std::vector<Fault>& faults);

/// Reads and parses a file of at most kDocumentBytesMax.
Node read_document(const std::string& path, std::vector<Fault>& faults);

}  // namespace swarm::settings

#include "libs/settings/yaml_document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace swarm::settings {
namespace {

/// Ends the parser's run from within an event.
struct Refused {
  int line;
  std::string what;
};

/// Builds our tree from the parser's events, which unlike YAML::Node lets us see repeated keys, refuse aliases and stop
/// at the limits before memory is spent.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& origin, std::vector<Fault>& faults) : origin_(origin), faults_(faults) {}

  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{mark.line + 1, "aliases are not supported; write the value out"};
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, anchor, Node::Kind::Null, "");
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    add(mark, anchor, Node::Kind::Scalar, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, Node::Kind::Sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, Node::Kind::Map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    std::map<std::string, int> seen;  // key → line
    std::string key;                  // of the value that comes next, while has_key
    int key_line = 0;
    bool has_key = false;
  };

  void check(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) throw Refused{mark.line + 1, "anchors are not supported; write the value out"};
    if (++nodes_ > kDocumentNodesMax) {
      throw Refused{mark.line + 1, "more than " + std::to_string(kDocumentNodesMax) + " values"};
    }
  }

  bool expects_key() const {
    return !stack_.empty() && stack_.back().node.kind == Node::Kind::Map && !stack_.back().has_key;
  }

  void add(const YAML::Mark& mark, YAML::anchor_t anchor, Node::Kind kind, std::string scalar) {
    check(mark, anchor);
    if (expects_key()) {
      if (kind == Node::Kind::Null) throw Refused{mark.line + 1, "a key is missing"};
      stack_.back().key = std::move(scalar);
      stack_.back().key_line = mark.line + 1;
      stack_.back().has_key = true;
      return;
    }
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.scalar = std::move(scalar);
    attach(std::move(node));
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Node::Kind kind) {
    check(mark, anchor);
    if (stack_.size() >= kDocumentDepthMax) {
      throw Refused{mark.line + 1, "nested deeper than " + std::to_string(kDocumentDepthMax) + " levels"};
    }
    if (expects_key()) throw Refused{mark.line + 1, "a key must be plain text"};
    Frame frame;
    frame.node.kind = kind;
    frame.node.line = mark.line + 1;
    stack_.push_back(std::move(frame));
  }

  void close() {
    Node node = std::move(stack_.back().node);
    stack_.pop_back();
    attach(std::move(node));
  }

  void attach(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& parent = stack_.back();
    if (parent.node.kind == Node::Kind::Sequence) {
      parent.node.items.push_back(std::move(node));
      return;
    }
    parent.has_key = false;
    if (const auto [first, is_new] = parent.seen.try_emplace(parent.key, parent.key_line); !is_new) {
      faults_.push_back(
          {origin_, parent.key_line, path(), "given twice, first in line " + std::to_string(first->second)});
      return;
    }
    parent.node.entries.push_back({parent.key, parent.key_line, std::move(node)});
  }

  /// Of the value being read. Made on demand: a long key above many values would make it dear.
  std::string path() const {
    std::string out;
    for (const Frame& frame : stack_) {
      if (frame.node.kind == Node::Kind::Map) {
        out += (out.empty() ? "" : ".") + frame.key;
      } else {
        out += "[" + std::to_string(frame.node.items.size()) + "]";
      }
    }
    return out;
  }

  const std::string& origin_;
  std::vector<Fault>& faults_;
  std::vector<Frame> stack_;
  std::size_t nodes_ = 0;
  Node root_;
};

}  // namespace

std::string text(const Fault& fault) {
  std::string out = fault.origin;
  if (fault.line > 0) out += ":" + std::to_string(fault.line);
  if (!fault.key.empty()) out += ": " + fault.key;
  return out + ": " + fault.what;
}

const Entry* Node::find(std::string_view key) const {
  const auto it = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return it == entries.end() ? nullptr : &*it;
}

Node parse_document(const std::string& yaml, const std::string& origin, std::vector<Fault>& faults) {
  if (yaml.size() > kDocumentBytesMax) {
    faults.push_back({origin, 0, "", "larger than " + std::to_string(kDocumentBytesMax) + " bytes"});
    return {};
  }
  std::istringstream in(yaml);
  TreeBuilder builder(origin, faults);
  try {
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) return {};
    Node root = builder.take_root();
    if (parser.HandleNextDocument(builder)) {
      faults.push_back({origin, 0, "", "holds more than one YAML document"});
    }
    if (root.kind != Node::Kind::Map && root.kind != Node::Kind::Null) {
      faults.push_back({origin, root.line, "", "is not a mapping of settings"});
      return {};
    }
    return root;
  } catch (const Refused& refused) {
    faults.push_back({origin, refused.line, "", refused.what});
  } catch (const YAML::Exception& e) {
    faults.push_back({origin, e.mark.line + 1, "", "not valid YAML: " + e.msg});
  }
  return {};
}

Node read_document(const std::string& path, std::vector<Fault>& faults) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    faults.push_back({path, 0, "", "no such file"});
    return {};
  }
  if (std::filesystem::is_directory(status)) {
    faults.push_back({path, 0, "", "is a directory"});
    return {};
  }
  std::ifstream in(path, std::ios::binary);
  std::string yaml(kDocumentBytesMax + 1, '\0');
  if (in) in.read(yaml.data(), static_cast<std::streamsize>(yaml.size()));
  if (!in.is_open() || in.bad()) {
    faults.push_back({path, 0, "", "can't be read"});
    return {};
  }
  yaml.resize(static_cast<std::size_t>(in.gcount()));
  return parse_document(yaml, path, faults);
}

}  // namespace swarm::settings

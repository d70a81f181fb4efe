#include "libs/settings/load_state.hpp"

#include <algorithm>

#include "libs/settings/nearest.hpp"

namespace swarm::settings {

std::string environment_name(std::string_view path) {
  std::string out = "SWARM_";
  for (const char c : path) {
    if (c >= 'a' && c <= 'z') {
      out += static_cast<char>(c - 'a' + 'A');
    } else {
      out += c == '.' || c == '-' ? '_' : c;
    }
  }
  return out;
}

std::string Object::State::full(std::string_view key) const {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

const Entry* Object::State::entry(std::string_view key) {
  known.emplace(key);
  return node == nullptr ? nullptr : node->find(key);
}

std::optional<Given> Object::State::strongest(std::string_view key) const {
  const std::string name = full(key);
  if (!in_list) {
    if (const auto it = load->assignments.find(name); it != load->assignments.end()) {
      return Given{it->second, kFlagOrigin, 0, 2};
    }
  }
  if (!in_list && !in_map) {
    if (const auto it = load->environment.find(environment_name(name)); it != load->environment.end()) {
      return Given{it->second, kEnvironmentOrigin, 0, 1};
    }
  }
  const Entry* e = node == nullptr ? nullptr : node->find(key);
  if (e != nullptr && e->value.kind == Node::Kind::Scalar) return Given{e->value.scalar, load->file, e->line, 0};
  return std::nullopt;
}

std::optional<Given> Object::State::given(std::string_view key) {
  if (is_describing()) return std::nullopt;
  if (const Entry* e = entry(key); e != nullptr && e->value.kind != Node::Kind::Scalar) {
    report_in_file(key, e->line, e->value.kind == Node::Kind::Null
                                     ? "has no value; write \"\" for an empty text"
                                     : "must be a single value");
  }
  if (!in_list) load->scalars.insert(full(key));
  return strongest(key);
}

const Node* Object::State::collection(std::string_view key, Node::Kind kind) {
  if (is_describing()) return nullptr;
  load->collections.insert(full(key));
  const Entry* e = entry(key);
  if (e == nullptr) return nullptr;
  if (e->value.kind == kind || e->value.kind == Node::Kind::Null) return &e->value;
  report_in_file(key, e->line, kind == Node::Kind::Map ? "must be a mapping" : "must be a list");
  return nullptr;
}

bool Object::State::is_set_below(std::string_view key) const {
  if (in_list) return false;
  const auto any_below = [](const std::map<std::string, std::string>& from, const std::string& prefix) {
    const auto it = from.lower_bound(prefix);
    return it != from.end() && it->first.compare(0, prefix.size(), prefix) == 0;
  };
  const std::string prefix = full(key) + ".";
  return any_below(load->assignments, prefix) ||
         (!in_map && any_below(load->environment, environment_name(prefix)));
}

void Object::State::report(std::string_view key, const Given& at, std::string what) {
  const std::string name = at.rank == 1 ? environment_name(full(key)) : full(key);
  load->faults.push_back({at.origin, at.line, name, std::move(what)});
}

void Object::State::report_in_file(std::string_view key, int at_line, std::string what) {
  const bool no_file = load->file.empty();
  load->faults.push_back({no_file ? kNoFileOrigin : load->file, no_file ? 0 : at_line, full(key), std::move(what)});
}

void Object::State::document(std::string_view key, std::string type, std::string default_text,
                             std::string_view help) {
  if (is_describing()) {
    load->describing->push_back({full(key), std::move(type), std::move(default_text), std::string(help)});
  }
}

void Object::State::read_child(std::string child_path, const Node* child, int child_line, Below below,
                               const std::function<void(Object&)>& read) {
  auto state = std::make_shared<State>();
  state->load = load;
  state->path = std::move(child_path);
  state->node = child != nullptr && child->kind == Node::Kind::Map ? child : nullptr;
  state->line = child_line;
  state->in_list = in_list || below == Below::List;
  state->in_map = in_map || below == Below::Map;
  Object object(state);
  read(object);
  state->report_unknown_keys();
}

void Object::State::report_unknown_keys() {
  if (node == nullptr || is_describing()) return;
  for (const Entry& e : node->entries) {
    if (known.count(e.key) == 0) report_in_file(e.key, e.line, "is not a setting" + suggestion(e.key, known));
  }
}

}  // namespace swarm::settings

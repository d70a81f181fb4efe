#include "libs/settings/settings.hpp"

#include <algorithm>
#include <fstream>
#include <limits>

#include "libs/settings/load_state.hpp"
#include "libs/settings/scalar.hpp"

namespace swarm::settings {
namespace {

/// Reads one scalar into `out`, or leaves the default and reports what is wrong.
template <class T, class Parse, class Judge>
void take(Object::State& state, std::string_view key, T& out, Parse parse, Judge judge) {
  const auto given = state.given(key);
  if (!given) return;
  auto parsed = parse(given->text);
  if (!parsed) return state.report(key, *given, parsed.error());
  const std::string wrong = judge(parsed.value());
  if (!wrong.empty()) return state.report(key, *given, wrong);
  out = static_cast<T>(parsed.value());
}

template <class T, class Show>
auto within(T min, T max, Show show_value) {
  return [=](T value) -> std::string {
    if (value >= min && value <= max) return "";
    return "must be " + show_value(min) + " to " + show_value(max) + ", is " + show_value(value);
  };
}

std::string show_integer(std::int64_t value) { return std::to_string(value); }

std::string integer_type(Bounds bounds) {
  const bool from = bounds.min != INT64_MIN;
  const bool to = bounds.max != INT64_MAX;
  if (from && to) return "whole number, " + show_integer(bounds.min) + " to " + show_integer(bounds.max);
  if (from) return "whole number, at least " + show_integer(bounds.min);
  if (to) return "whole number, at most " + show_integer(bounds.max);
  return "whole number";
}

template <class T>
void take_integer(Object::State& state, std::string_view key, T& out, Bounds bounds) {
  bounds.min = std::max<std::int64_t>(bounds.min, std::numeric_limits<T>::min());
  bounds.max = std::min<std::int64_t>(bounds.max, std::numeric_limits<T>::max());
  take(state, key, out, parse_integer, within<std::int64_t>(bounds.min, bounds.max, show_integer));
}

std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

}  // namespace

Object::Object(std::shared_ptr<State> state) : state_(std::move(state)) {}

Object& Object::value(std::string_view key, std::string& out, std::string_view help, Check check) {
  state_->document(key, "text", out, help);
  const auto given = state_->given(key);
  if (!given) return *this;
  const std::string wrong = check ? check(given->text) : "";
  if (wrong.empty()) {
    out = given->text;
  } else {
    state_->report(key, *given, wrong);
  }
  return *this;
}

Object& Object::value(std::string_view key, bool& out, std::string_view help) {
  state_->document(key, "true or false", out ? "true" : "false", help);
  take(*state_, key, out, parse_bool, [](bool) { return std::string(); });
  return *this;
}

Object& Object::value(std::string_view key, std::int64_t& out, std::string_view help, Bounds bounds) {
  state_->document(key, integer_type(bounds), std::to_string(out), help);
  take_integer(*state_, key, out, bounds);
  return *this;
}

Object& Object::value(std::string_view key, int& out, std::string_view help, Bounds bounds) {
  state_->document(key, integer_type(bounds), std::to_string(out), help);
  take_integer(*state_, key, out, bounds);
  return *this;
}

Object& Object::value(std::string_view key, double& out, std::string_view help, double min, double max) {
  state_->document(key, "number", show(out), help);
  take(*state_, key, out, parse_number, within<double>(min, max, [](double v) { return show(v); }));
  return *this;
}

Object& Object::value(std::string_view key, std::chrono::milliseconds& out, std::string_view help,
                      std::chrono::milliseconds min, std::chrono::milliseconds max) {
  state_->document(key, "duration", show(out), help);
  const auto show_duration = [](std::chrono::milliseconds v) { return show(v); };
  take(*state_, key, out, parse_duration, within(min, max, show_duration));
  return *this;
}

Object& Object::bytes(std::string_view key, std::uint64_t& out, std::string_view help, std::uint64_t min,
                      std::uint64_t max) {
  state_->document(key, "bytes", show_bytes(out), help);
  take(*state_, key, out, parse_bytes, within(min, max, show_bytes));
  return *this;
}

Object& Object::value(std::string_view key, std::vector<std::string>& out, std::string_view help) {
  state_->document(key, "list of texts", join(out), help);
  const Node* list = state_->collection(key, Node::Kind::Sequence);
  if (list == nullptr) return *this;
  std::vector<std::string> items;
  for (const Node& item : list->items) {
    if (item.kind == Node::Kind::Scalar) {
      items.push_back(item.scalar);
    } else {
      state_->report_in_file(key, item.line, "must be a list of texts");
    }
  }
  out = std::move(items);
  return *this;
}

Object& Object::value(std::string_view key, std::map<std::string, std::string>& out, std::string_view help) {
  state_->document(key, "mapping of texts", "", help);
  const Node* mapping = state_->collection(key, Node::Kind::Map);
  if (mapping == nullptr) return *this;
  std::map<std::string, std::string> items;
  for (const Entry& e : mapping->entries) {
    if (e.value.kind == Node::Kind::Scalar) {
      items[e.key] = e.value.scalar;
    } else {
      state_->report_in_file(std::string(key) + "." + e.key, e.line, "must be a single value");
    }
  }
  out = std::move(items);
  return *this;
}

Object& Object::section(std::string_view key, std::string_view,
                        const std::function<void(Object&)>& read) {
  const Entry* e = state_->entry(key);
  const bool fits = e == nullptr || e->value.kind == Node::Kind::Map || e->value.kind == Node::Kind::Null;
  if (!fits) state_->report_in_file(key, e->line, "must be a mapping");
  state_->read_child(state_->full(key), e == nullptr ? nullptr : &e->value, e == nullptr ? state_->line : e->line,
                     Object::State::Below::Section, read);
  return *this;
}

Object& Object::list(std::string_view key, std::string_view help, const std::function<void(Object&)>& read) {
  state_->document(key, "list", "", help);
  if (state_->is_describing()) {
    state_->read_child(state_->full(key) + "[]", nullptr, 0, Object::State::Below::List, read);
    return *this;
  }
  const Node* list = state_->collection(key, Node::Kind::Sequence);
  if (list == nullptr) return *this;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    const std::string name = std::string(key) + "[" + std::to_string(i) + "]";
    if (item.kind != Node::Kind::Map) state_->report_in_file(name, item.line, "must be a mapping");
    state_->read_child(state_->full(name), &item, item.line, Object::State::Below::List, read);
  }
  return *this;
}

Object& Object::map(std::string_view key, std::string_view help,
                    const std::function<void(const std::string& name, Object&)>& read) {
  state_->document(key, "mapping", "", help);
  const auto read_entry = [&](const std::string& name, const Node* node, int line) {
    state_->read_child(state_->full(key) + "." + name, node, line, Object::State::Below::Map,
                       [&](Object& object) { read(name, object); });
  };
  if (state_->is_describing()) {
    read_entry("<name>", nullptr, 0);
    return *this;
  }
  const Node* mapping = state_->collection(key, Node::Kind::Map);
  if (mapping == nullptr) return *this;
  for (const Entry& e : mapping->entries) {
    if (e.value.kind == Node::Kind::Map || e.value.kind == Node::Kind::Null) {
      read_entry(e.key, &e.value, e.line);
    } else {
      state_->report_in_file(std::string(key) + "." + e.key, e.line, "must be a mapping");
    }
  }
  return *this;
}

void Object::fault(std::string_view key, std::string_view message) {
  if (state_->is_describing()) return;
  if (const auto given = state_->strongest(key)) return state_->report(key, *given, std::string(message));
  const Entry* e = state_->node == nullptr ? nullptr : state_->node->find(key);
  state_->report_in_file(key, e == nullptr ? state_->line : e->line, std::string(message));
}

bool Object::has(std::string_view key) const {
  return state_->entry(key) != nullptr || state_->strongest(key).has_value() || state_->is_set_below(key);
}

std::string check_given(const std::string& text) { return text.empty() ? "must not be empty" : ""; }

std::string check_address(const std::string& text) {
  const auto colon = text.rfind(':');
  const std::string wrong = "is not an address such as 127.0.0.1:8080: " + text;
  if (colon == std::string::npos || colon == 0) return wrong;
  const std::string host = text.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (!bracketed && host.find_first_of(":[]/ ") != std::string::npos) return wrong;
  const auto port = parse_integer(text.substr(colon + 1));
  if (!port || port.value() < 0 || port.value() > 65535) return wrong;
  return "";
}

std::string check_peer_address(const std::string& text) {
  const std::string wrong = check_address(text);
  const bool port_zero = text.find_first_not_of('0', text.rfind(':') + 1) == std::string::npos;
  return wrong.empty() && port_zero ? "has port 0, where nothing can listen: " + text : wrong;
}

std::string check_peer_address_or_empty(const std::string& text) { return text.empty() ? "" : check_peer_address(text); }

}  // namespace swarm::settings

#include "adapters/codec/json_check.hpp"

#include <algorithm>
#include <string_view>

namespace swarm::gateway {
namespace {

namespace sj = simdjson;
namespace od = simdjson::ondemand;

constexpr int kDepthMax = 1000;

std::string_view digits(std::string_view& text) {
  const auto n = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto taken = text.substr(0, n);
  text.remove_prefix(n);
  return taken;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// RFC 8259, section 6.
bool is_number(std::string_view text) {
  take(text, "-");
  const auto whole = digits(text);
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return false;
  if (take(text, ".") && digits(text).empty()) return false;
  if (take(text, "eE")) {
    take(text, "+-");
    if (digits(text).empty()) return false;
  }
  return text.empty();
}

std::string_view token(od::value& value) {
  std::string_view text = value.raw_json_token();
  const auto end = text.find_last_not_of(" \t\r\n");
  return text.substr(0, end + 1);
}

bool is_json(od::value value, int depth);

bool are_json(od::object& members, int depth) {
  for (auto member : members) {
    od::value value;
    if (member.value().get(value) != sj::SUCCESS || !is_json(value, depth)) return false;
  }
  return true;
}

bool are_json(od::array& elements, int depth) {
  for (auto element : elements) {
    od::value value;
    if (element.get(value) != sj::SUCCESS || !is_json(value, depth)) return false;
  }
  return true;
}

bool is_json(od::value value, int depth) {
  od::json_type type;
  od::object object;
  od::array array;
  if (depth == 0 || value.type().get(type) != sj::SUCCESS) return false;
  switch (type) {
    case od::json_type::object: return value.get_object().get(object) == sj::SUCCESS && are_json(object, depth - 1);
    case od::json_type::array: return value.get_array().get(array) == sj::SUCCESS && are_json(array, depth - 1);
    case od::json_type::string: return true;
    case od::json_type::number: return is_number(token(value));
    case od::json_type::boolean: return token(value) == "true" || token(value) == "false";
    case od::json_type::null: return token(value) == "null";
  }
  return false;
}

}  // namespace

bool is_json_object(od::document& document) {
  if (!document.is_alive()) return false;  // it met an error already
  document.rewind();
  od::object root;
  if (document.get_object().get(root) != sj::SUCCESS || !are_json(root, kDepthMax)) return false;
  const char* behind = nullptr;
  return document.current_location().get(behind) == sj::OUT_OF_BOUNDS;
}

}  // namespace swarm::gateway

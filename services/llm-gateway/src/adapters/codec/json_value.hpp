#pragma once

#include <boost/json.hpp>

#include <optional>
#include <string_view>

namespace swarm::gateway {

// Reading of JSON whose shape nobody has checked: what is missing or of another type reads as nothing.

/// Nested no deeper than 128; nothing when it is no JSON.
inline std::optional<boost::json::value> parse_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 128;
  boost::system::error_code error;
  auto value = boost::json::parse(boost::json::string_view(text.data(), text.size()), error, {}, options);
  if (error) return std::nullopt;
  return value;
}

inline std::string_view view_of(const boost::json::string& text) { return {text.data(), text.size()}; }
inline boost::json::string_view json_view(std::string_view text) { return {text.data(), text.size()}; }

inline std::string_view text_at(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? view_of(value->get_string()) : std::string_view();
}
inline const boost::json::object* object_at(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}
inline const boost::json::array* array_at(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr ? value->if_array() : nullptr;
}
inline std::int64_t number_at(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  boost::system::error_code error;
  const auto number = value != nullptr ? value->to_number<std::int64_t>(error) : 0;
  return error ? 0 : number;
}
inline bool true_at(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}
/// The key is there and not null.
inline bool given(const boost::json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && !value->is_null();
}

}  // namespace swarm::gateway

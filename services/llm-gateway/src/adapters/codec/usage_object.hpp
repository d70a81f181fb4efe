#pragma once

#include <cstdint>
#include <optional>
#include <simdjson.h>
#include <string_view>

namespace swarm::gateway {

/// The object behind `usage` in an answer or an event, parsed as a document of its own: what stands around it may be cut or
/// wrong in any way, and looking for a second field in a half-read object of simdjson's on-demand reader is only safe in
/// good JSON. Good until the next one is made on this thread.
class UsageObject {
 public:
  /// `holder`: the object in which usage stands; empty: the document itself. Nothing when there is none that can be read.
  static std::optional<UsageObject> find(simdjson::ondemand::parser& parser, std::string_view json, std::size_t capacity, std::string_view holder);

  bool has(std::string_view key) const;
  /// Nothing when it is missing or no whole number.
  std::optional<std::uint64_t> number(std::string_view key) const;
  /// The same of an object within.
  std::optional<std::uint64_t> number(std::string_view object, std::string_view key) const;
  std::string_view text(std::string_view key) const;

 private:
  explicit UsageObject(simdjson::dom::object object) : object_(object) {}
  simdjson::dom::object object_;
};

}  // namespace swarm::gateway

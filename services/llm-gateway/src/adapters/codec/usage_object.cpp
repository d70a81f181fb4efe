#include "adapters/codec/usage_object.hpp"

#include "adapters/codec/request_fields.hpp"

namespace swarm::gateway {
namespace sj = simdjson;
namespace od = simdjson::ondemand;

std::optional<UsageObject> UsageObject::find(od::parser& parser, std::string_view json, std::size_t capacity, std::string_view holder) {
  od::document document;
  od::object root;
  od::object found;
  std::string_view raw;
  if (parser.iterate(padded(json, capacity)).get(document) != sj::SUCCESS) return std::nullopt;
  if (document.get_object().get(root) != sj::SUCCESS) return std::nullopt;
  if (!holder.empty()) {
    od::object inner;
    if (root.find_field(holder).get_object().get(inner) != sj::SUCCESS) return std::nullopt;
    root = inner;
  }
  if (root.find_field("usage").get_object().get(found) != sj::SUCCESS) return std::nullopt;
  if (found.raw_json().get(raw) != sj::SUCCESS) return std::nullopt;
  thread_local sj::dom::parser whole;
  sj::dom::object object;
  if (whole.parse(raw.data(), raw.size()).get_object().get(object) != sj::SUCCESS) return std::nullopt;
  return UsageObject(object);
}

bool UsageObject::has(std::string_view key) const { return object_.at_key(key).error() == sj::SUCCESS; }

std::optional<std::uint64_t> UsageObject::number(std::string_view key) const {
  std::uint64_t n = 0;
  if (object_.at_key(key).get_uint64().get(n) != sj::SUCCESS) return std::nullopt;
  return n;
}

std::optional<std::uint64_t> UsageObject::number(std::string_view object, std::string_view key) const {
  sj::dom::object inner;
  std::uint64_t n = 0;
  if (object_.at_key(object).get_object().get(inner) != sj::SUCCESS || inner.at_key(key).get_uint64().get(n) != sj::SUCCESS) return std::nullopt;
  return n;
}

std::string_view UsageObject::text(std::string_view key) const {
  std::string_view found;
  if (object_.at_key(key).get_string().get(found) != sj::SUCCESS) return {};
  return found;
}

}  // namespace swarm::gateway

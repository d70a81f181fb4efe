#include "commands/failure_rows.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace swarm::ctl {
namespace {

constexpr std::size_t kLogMax = 8u << 20;

std::string text_at(const boost::json::object& row, std::string_view key) {
  const auto* value = row.if_contains(key);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : std::string(*text);
}

std::string id_of_line(std::string_view line, std::uint64_t number) {
  std::uint64_t h = 14695981039346656037u;
  for (const char c : line) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char id[64];
  std::snprintf(id, sizeof id, "import-%llu-%016llx", static_cast<unsigned long long>(number), static_cast<unsigned long long>(h));
  return id;
}

}  // namespace

Result<analyst::FailureEvent> failure_of_json(std::string_view line, std::uint64_t number) {
  boost::system::error_code failed;
  const auto value = boost::json::parse(boost::json::string_view(line.data(), line.size()), failed);
  if (failed) return Error{Code::InvalidArgument, "no JSON: " + failed.message()};
  const auto* row = value.if_object();
  if (row == nullptr) return Error{Code::InvalidArgument, "no JSON object"};
  analyst::FailureEvent event;
  std::string log = text_at(*row, "error_log");
  if (log.empty()) return Error{Code::InvalidArgument, "error_log is missing or empty"};
  if (log.size() > kLogMax) {
    // The cut may fall into a character, so it goes as bytes.
    event.set_raw_log(log.substr(0, kLogMax / 2) + "\n[…]\n" + log.substr(log.size() - kLogMax / 2));
  } else {
    event.set_error_log(std::move(log));
  }
  event.set_agent_id(text_at(*row, "agent_id"));
  event.set_task_id(text_at(*row, "task_id"));
  event.set_role(text_at(*row, "role"));
  event.set_stack(text_at(*row, "stack"));
  if (const auto* attempt = row->if_contains("attempt"); attempt != nullptr && attempt->is_int64())
    event.set_attempt(static_cast<std::int32_t>(std::clamp<std::int64_t>(attempt->get_int64(), 0, INT32_MAX)));
  event.set_event_id(text_at(*row, "event_id"));
  if (event.event_id().empty()) event.set_event_id(id_of_line(line, number));
  return event;
}

}  // namespace swarm::ctl

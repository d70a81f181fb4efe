#include "libs/knowledge/records.hpp"

#include <boost/json.hpp>

#include <ctime>
#include <optional>

#include "libs/knowledge/vocabulary.hpp"

namespace swarm::knowledge {
namespace {

constexpr int kNoteEncodingsMax = 4;
constexpr std::int64_t kNanosPerDollar = 1'000'000'000;
constexpr std::size_t kFractionDigits = 9;

Statement text(std::string subject, std::string_view predicate, std::string_view object) {
  return {std::move(subject), std::string(predicate), storable_text(object), true};
}
Statement link(std::string subject, std::string_view predicate, std::string_view object) {
  return {std::move(subject), std::string(predicate), std::string(object), false};
}

/// Paths keep their slashes, each segment is encoded.
std::string iri_of(std::string_view kind, std::string_view id) {
  std::string iri = "http://swarm.os/ontology/" + std::string(kind);
  for (std::size_t at = 0; at <= id.size();) {
    const auto end = std::min(id.find('/', at), id.size());
    iri += '/' + percent_encode(id.substr(at, end - at));
    at = end + 1;
  }
  return iri;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// What is inside one layer of JSON: a text, the first element of a list, the message of an object. Nothing when the text
/// is no JSON, or only looks like it: a bare number, an object without a message.
std::optional<std::string> unwrapped(std::string_view text) {
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error);
  if (error) return std::nullopt;
  const auto* found = &value;
  if (const auto* list = value.if_array()) {
    if (list->empty()) return std::string();
    found = &list->front();
  }
  if (const auto* object = found->if_object()) {
    for (const char* field : {"message", "error_log", "error", "note"}) {
      const auto* inner = object->if_contains(field);
      if (inner != nullptr && inner->is_string()) return std::string(inner->get_string());
    }
  }
  if (found->is_string()) return std::string(found->get_string());
  if (value.is_array()) return boost::json::serialize(*found);
  return std::nullopt;
}

}  // namespace

std::vector<Statement> rule_statements(std::string_view stack, std::string_view role, std::string_view rule) {
  return {text(stack_iri(stack.empty() ? role : stack), kHardConstraint, rule)};
}

Statement consolidation_mark(std::string_view execution) { return text(std::string(execution), kIsConsolidated, "true"); }

std::vector<Statement> spend_statements(std::string_view id, std::string_view date, std::int64_t nanodollars) {
  const auto event = iri_of("spend", id);
  return {link(event, kType, kSpendEvent), text(event, kDate, date), text(event, kAmount, dollars_text(nanodollars))};
}

std::vector<Statement> limit_statements(std::string_view id, std::string_view scope, const SpendLimit& limit, WallTime at) {
  const auto event = iri_of("limit", id);
  const auto amount = limit.unlimited ? std::string(kUnlimited) : dollars_text(limit.nanodollars);
  return {link(event, kType, kLimitEvent), text(event, kScope, scope), text(event, kAmount, amount),
          text(event, kGeneratedAt, iso_time(at))};
}

std::vector<Statement> execution_statements(const Execution& e) {
  const auto run = iri_of("execution", e.task + "/" + std::to_string(e.attempt));
  const auto agent = agent_iri(e.agent);
  std::vector<Statement> out = {link(run, kType, kExecutionRecord),
                                text(run, kResultState, e.success ? "success" : "on_failure"),
                                link(run, kAssociatedWith, agent),
                                link(run, kRelatedTask, iri_of("task", e.task_type)),
                                link(run, kOfTask, iri_of("task", e.task)),
                                text(run, kGeneratedAt, iso_time(e.at))};
  if (!e.role.empty()) out.push_back(link(agent, kType, role_iri(e.role)));
  if (!e.stack.empty()) out.push_back(text(run, kHasStack, e.stack));
  if (!e.success) out.push_back(text(run, kHistoryNote, e.note));
  return out;
}

std::vector<Statement> task_state_statements(std::string_view task, std::uint64_t version, std::string_view state,
                                             std::string_view reason, WallTime at) {
  const auto change = iri_of("transition", std::string(task) + "/" + std::to_string(version));
  std::vector<Statement> out = {link(change, kType, kTaskTransition), link(change, kOfTask, iri_of("task", task)),
                                text(change, kTaskState, state), text(change, kGeneratedAt, iso_time(at))};
  if (!reason.empty()) out.push_back(text(change, kReason, reason));
  return out;
}

std::vector<Statement> control_statements(std::string_view id, bool halted, WallTime at) {
  const auto event = "http://nist.gov/caisi/event/status/" + percent_encode(id);
  return {link(event, kType, kStatusChange), text(event, kNewStatus, halted ? "HALTED" : "OPERATIONAL"),
          text(event, kGeneratedAt, iso_time(at)), link(std::string(kSystemControl), kStatusHistory, event)};
}

std::string dollars_text(std::int64_t nanodollars) {
  const bool negative = nanodollars < 0;
  const auto magnitude = negative ? 0 - static_cast<std::uint64_t>(nanodollars) : static_cast<std::uint64_t>(nanodollars);
  auto fraction = std::to_string(magnitude % kNanosPerDollar);
  fraction.insert(0, kFractionDigits - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  auto out = (negative ? "-" : "") + std::to_string(magnitude / kNanosPerDollar);
  return fraction.empty() ? out : out + '.' + fraction;
}

Result<std::int64_t> nanodollars_of(std::string_view amount) {
  const Error bad{Code::InvalidArgument, "not an amount in dollars: " + std::string(amount.substr(0, 40))};
  const bool negative = amount.starts_with('-');
  const auto digits = amount.substr(negative ? 1 : 0);
  const auto point = std::min(digits.find('.'), digits.size());
  if (digits.empty() || digits == ".") return bad;
  std::int64_t nanos = 0;
  for (std::size_t i = 0; i < std::max(digits.size(), point + 1 + kFractionDigits); ++i) {
    if (i == point) continue;
    const char c = i < digits.size() ? digits[i] : '0';
    if (c < '0' || c > '9') return bad;
    if (i > point + kFractionDigits) continue;
    if (__builtin_mul_overflow(nanos, 10, &nanos) || __builtin_add_overflow(nanos, c - '0', &nanos)) return bad;
  }
  return negative ? -nanos : nanos;
}

std::string message_of_note(std::string_view note) {
  std::string message(note);
  for (int i = 0; i < kNoteEncodingsMax; ++i) {
    const auto text = trimmed(message);
    if (text.empty() || std::string_view("\"[{").find(text.front()) == text.npos) break;
    auto inner = unwrapped(text);
    // The store's literals are quoted without any escaping.
    if (!inner && text.size() >= 2 && text.front() == '"' && text.back() == '"') inner = unwrapped(text.substr(1, text.size() - 2));
    if (!inner) break;
    message = std::move(*inner);
  }
  return message;
}

std::string iso_time(WallTime at) {
  const auto ms = unix_ms(at);
  const auto seconds = static_cast<std::time_t>(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char day[24];
  char out[48];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(out, sizeof out, "%s.%03dZ", day, static_cast<int>(ms - static_cast<std::int64_t>(seconds) * 1000));
  return out;
}

}  // namespace swarm::knowledge

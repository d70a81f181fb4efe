#include "adapters/lmdb/record.hpp"

#include <cstring>

namespace swarm::analyst::adapters {

namespace {

constexpr char kFormat = 1;

class Writer {
 public:
  Writer() : out_(1, kFormat) {}
  std::string take() { return std::move(out_); }

  void operator()(std::uint64_t n) { out_.append(reinterpret_cast<const char*>(&n), sizeof n); }
  void operator()(std::int64_t n) { (*this)(static_cast<std::uint64_t>(n)); }
  void operator()(const std::string& text) {
    (*this)(static_cast<std::uint64_t>(text.size()));
    out_.append(text);
  }
  void operator()(const domain::Id& id) {
    (*this)(id.high);
    (*this)(id.low);
  }
  template <class T>
    requires std::is_enum_v<T>
  void operator()(const T& value) { (*this)(static_cast<std::uint64_t>(value)); }
  void operator()(const domain::RuleVersion& step);
  template <class T>
  void operator()(const std::vector<T>& list) {
    (*this)(static_cast<std::uint64_t>(list.size()));
    for (const auto& item : list) (*this)(item);
  }
  template <class T>
  void later(const T& value) { (*this)(value); }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {
    good_ = !left_.empty() && left_.front() == kFormat;  // what a later version wrote may mean something else
    if (good_) left_.remove_prefix(1);
  }
  bool good() const { return good_; }

  void operator()(std::uint64_t& n) {
    if (!take(sizeof n)) return;
    std::memcpy(&n, left_.data(), sizeof n);
    left_.remove_prefix(sizeof n);
  }
  void operator()(std::int64_t& n) {
    std::uint64_t raw = 0;
    (*this)(raw);
    n = static_cast<std::int64_t>(raw);
  }
  void operator()(std::string& text) {
    std::uint64_t size = 0;
    (*this)(size);
    if (!take(size)) return;
    text.assign(left_.substr(0, size));
    left_.remove_prefix(size);
  }
  void operator()(domain::Id& id) {
    (*this)(id.high);
    (*this)(id.low);
  }
  template <class T>
    requires std::is_enum_v<T>
  void operator()(T& value) {
    std::uint64_t raw = 0;
    (*this)(raw);
    value = static_cast<T>(raw);
  }
  void operator()(domain::RuleVersion& step);
  /// A field that records of an earlier version of the program end before.
  template <class T>
  void later(T& value) {
    if (!left_.empty()) (*this)(value);
  }
  template <class T>
  void operator()(std::vector<T>& list) {
    std::uint64_t size = 0;
    (*this)(size);
    if (!take(size)) return;  // every item has at least a byte
    list.resize(size);
    for (auto& item : list) (*this)(item);
  }

 private:
  bool take(std::uint64_t size) { return good_ = good_ && size <= left_.size(); }
  std::string_view left_;
  bool good_;
};

void Writer::operator()(const domain::RuleVersion& s) {
  (*this)(s.version), (*this)(s.at_ms), (*this)(s.state), (*this)(s.author), (*this)(s.text), (*this)(s.reason);
}

void Reader::operator()(domain::RuleVersion& s) {
  (*this)(s.version), (*this)(s.at_ms), (*this)(s.state), (*this)(s.author), (*this)(s.text), (*this)(s.reason);
}

// One list of fields per record, for both directions.
template <class Visit, class T>
void fields(Visit& visit, T& r) {
  using Record = std::remove_const_t<T>;
  if constexpr (std::is_same_v<Record, domain::KindText>) {
    visit(r.kind), visit(r.role), visit(r.stack), visit(r.family), visit(r.cause), visit(r.sample), visit(r.excerpt);
  } else if constexpr (std::is_same_v<Record, domain::Group>) {
    visit(r.kind), visit(r.events), visit(r.tasks), visit(r.first_ms), visit(r.last_ms);
    visit.later(r.agents), visit.later(r.returned_ms), visit.later(r.day), visit.later(r.today), visit.later(r.yesterday);
    visit.later(r.merged_tasks), visit.later(r.merged_agents);
  } else if constexpr (std::is_same_v<Record, domain::GoldenRule>) {
    visit(r.id), visit(r.kind), visit(r.stack), visit(r.role), visit(r.text), visit(r.state), visit(r.author);
    visit(r.evidence), visit(r.created_ms), visit(r.version), visit(r.cause), visit(r.state_reason);
    visit(r.effect.given_successes), visit(r.effect.given_failures), visit(r.effect.held_successes);
    visit(r.effect.held_failures), visit(r.effect.kind_failures_before), visit(r.effect.scope_outcomes_before);
    visit.later(r.effect.given_kind_failures), visit.later(r.effect.held_kind_failures), visit.later(r.activated_ms);
    visit.later(r.expires_ms), visit.later(r.must_not_match), visit.later(r.history), visit.later(r.must_match);
    visit.later(r.schema_proposal);
  } else if constexpr (std::is_same_v<Record, domain::ScopeOutcomes>) {
    visit(r.stack), visit(r.role), visit(r.successes), visit(r.failures);
  } else if constexpr (std::is_same_v<Record, ports::GroupRoute>) {
    visit(r.from), visit(r.into), visit(r.pattern), visit(r.name), visit(r.by), visit(r.reason), visit(r.at_ms);
  } else if constexpr (std::is_same_v<Record, domain::Totals>) {
    visit(r.events), visit(r.repeats), visit(r.aged_events), visit(r.aged_groups), visit(r.next_sequence), visit(r.rule_version);
  } else {
    visit(r.sequence), visit(r.repeat_keys), visit(r.kind), visit(r.place), visit(r.task), visit(r.event_id);
    visit(r.task_id), visit(r.agent_id), visit(r.at_ms), visit.later(r.agent);
  }
}

template <class T>
std::string encode_record(const T& record) {
  Writer writer;
  fields(writer, record);
  return writer.take();
}

template <class T>
Result<void> decode_record(std::string_view bytes, T& record) {
  Reader reader(bytes);
  fields(reader, record);
  if (!reader.good()) return Error{Code::DataLoss, "record of " + std::to_string(bytes.size()) + " bytes can't be read"};
  return outcome::success();
}

}  // namespace

std::string encode(const domain::KindText& r) { return encode_record(r); }
std::string encode(const domain::Group& r) { return encode_record(r); }
std::string encode(const domain::GoldenRule& r) { return encode_record(r); }
std::string encode(const domain::ScopeOutcomes& r) { return encode_record(r); }
std::string encode(const domain::Totals& r) { return encode_record(r); }
std::string encode(const ports::GroupRoute& r) { return encode_record(r); }
std::string encode(const ports::JournalEntry& r) { return encode_record(r); }

Result<void> decode(std::string_view bytes, domain::KindText& r) { return decode_record(bytes, r); }
Result<void> decode(std::string_view bytes, domain::Group& r) { return decode_record(bytes, r); }
Result<void> decode(std::string_view bytes, domain::GoldenRule& r) { return decode_record(bytes, r); }
Result<void> decode(std::string_view bytes, domain::ScopeOutcomes& r) { return decode_record(bytes, r); }
Result<void> decode(std::string_view bytes, domain::Totals& r) { return decode_record(bytes, r); }
Result<void> decode(std::string_view bytes, ports::GroupRoute& r) { return decode_record(bytes, r); }
Result<void> decode(std::string_view bytes, ports::JournalEntry& r) { return decode_record(bytes, r); }

}  // namespace swarm::analyst::adapters

#include "libs/knowledge/synapse/synapse_knowledge.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "libs/knowledge/vocabulary.hpp"

namespace swarm::knowledge::synapse {
namespace {

constexpr std::size_t kBatchBytesMax = 3u << 20;  // the server's limit is 4 MiB
constexpr std::size_t kBatchStatementsMax = 2'000;
constexpr std::size_t kRowsPerRecord = 2;         // an agent may have several roles
constexpr std::size_t kTextsMax = 8;
constexpr std::string_view kStandardTypes = "http://www.w3.org/";

const Error kBadAnswer{Code::DataLoss, "the knowledge store's answer lacks a value that was asked for"};

const Term* find(const Row& row, std::string_view variable) {
  const auto it = row.find(variable);
  return it == row.end() ? nullptr : &it->second;
}

std::string text_of(const Row& row, std::string_view variable) {
  const auto* term = find(row, variable);
  return term == nullptr ? std::string() : term->value;
}

Statement statement_of(std::string subject, std::string_view predicate, const Term& object) {
  return {std::move(subject), std::string(predicate), object.value, object.kind == Term::Kind::Text};
}

/// Rows of one execution differ in role or note: the first role that is one of the swarm's own counts.
bool is_better_role(const std::string& known, const std::string& other) {
  return known.starts_with(kStandardTypes) && !other.starts_with(kStandardTypes);
}

std::vector<FailureRecord> records_of(const std::vector<Row>& rows) {
  std::vector<FailureRecord> records;
  for (const auto& row : rows) {
    auto execution = text_of(row, "e");
    const auto role = text_of(row, "role");
    if (records.empty() || records.back().execution != execution) {
      records.push_back({std::move(execution), text_of(row, "agent"), role, text_of(row, "note"), text_of(row, "stack")});
    } else if (is_better_role(records.back().role, role)) {
      records.back().role = role;
    }
  }
  for (auto& record : records) record.role = name_of_iri(record.role);
  return records;
}

}  // namespace

Result<void> SynapseKnowledge::check(const std::vector<Statement>& statements) const {
  return check_stored_statements(statements);
}

Result<void> SynapseKnowledge::add(const std::vector<Statement>& statements) {
  BOOST_OUTCOME_TRY(check(statements));
  return send(statements);
}

Result<void> SynapseKnowledge::send(const std::vector<Statement>& statements) {
  for (std::size_t first = 0; first < statements.size();) {
    std::size_t bytes = 0;
    std::size_t end = first;
    while (end < statements.size() && end - first < kBatchStatementsMax) {
      bytes += wire_bytes(statements[end]);
      if (bytes > kBatchBytesMax && end > first) break;
      ++end;
    }
    BOOST_OUTCOME_TRY(client_.ingest(statements.data() + first, end - first));
    first = end;
  }
  return outcome::success();
}

/// Asks page by page until `limit` rows came or a page was not full. Halves pages that the receive limit refuses.
template <class MakeQuery>
Result<std::vector<Row>> SynapseKnowledge::paged(std::size_t limit, MakeQuery&& make_query) {
  std::vector<Row> rows;
  auto page_rows = rows_per_page_;
  while (rows.size() < limit) {
    const Page page{rows.size(), std::min(page_rows, limit - rows.size())};
    BOOST_OUTCOME_TRY(const Query query, make_query(page));
    auto part = client_.query(query);
    if (!part && part.error().code == Code::ResourceExhausted && page.limit > 1) {
      page_rows = page.limit / 2;
      continue;
    }
    if (!part) return part.error();
    auto& found = part.value();
    std::move(found.begin(), found.end(), std::back_inserter(rows));
    if (found.size() < page.limit) break;
  }
  return rows;
}

Result<std::vector<Statement>> SynapseKnowledge::about(std::string_view subject, std::string_view predicate) {
  BOOST_OUTCOME_TRY(check_iri(subject));
  BOOST_OUTCOME_TRY(check_iri(predicate));
  BOOST_OUTCOME_TRY(const auto rows, paged(std::numeric_limits<std::size_t>::max(), [&](Page page) {
                      return sparql::objects_of(subject, predicate, page);
                    }));
  // A set, as a statement that comes in between two pages shifts the second one.
  std::set<Statement> found;
  for (const auto& row : rows) {
    const auto* object = find(row, "o");
    if (object == nullptr) return kBadAnswer;
    found.insert(statement_of(std::string(subject), predicate, *object));
  }
  return std::vector<Statement>(found.begin(), found.end());
}

Result<std::vector<Statement>> SynapseKnowledge::all(std::string_view predicate, std::size_t limit) {
  BOOST_OUTCOME_TRY(check_iri(predicate));
  BOOST_OUTCOME_TRY(const auto rows,
                    paged(limit, [&](Page page) { return sparql::statements_with(predicate, page); }));
  std::set<Statement> found;
  for (const auto& row : rows) {
    const auto* object = find(row, "o");
    const auto* subject = find(row, "s");
    if (object == nullptr || subject == nullptr) return kBadAnswer;
    found.insert(statement_of(subject->value, predicate, *object));
  }
  return std::vector<Statement>(found.begin(), found.end());
}

Result<std::vector<FailureRecord>> SynapseKnowledge::unconsolidated(std::string_view after, std::size_t limit) {
  std::vector<FailureRecord> records;
  std::string last(after);
  auto rows_max = std::min(limit, rows_per_page_) * kRowsPerRecord;
  while (records.size() < limit) {
    BOOST_OUTCOME_TRY(const auto query, sparql::unconsolidated(last, rows_max));
    auto rows = client_.query(query);
    if (!rows && rows.error().code == Code::ResourceExhausted && rows_max > 1) {
      rows_max /= 2;
      continue;
    }
    if (!rows) return rows.error();
    auto part = records_of(rows.value());
    const bool full = rows.value().size() == rows_max;
    // The last one of a full page may lack rows; it comes again with the next page.
    if (full && part.size() > 1) part.pop_back();
    for (auto& record : part) {
      if (record.execution.empty()) return kBadAnswer;
      if (records.size() < limit) records.push_back(std::move(record));
    }
    if (!full) break;
    last = records.back().execution;
  }
  return records;
}

Result<std::int64_t> SynapseKnowledge::spent_on(std::string_view date) {
  BOOST_OUTCOME_TRY(const auto query, sparql::spent_on(date));
  BOOST_OUTCOME_TRY(const auto rows, client_.query(query));
  const auto* total = rows.size() == 1 ? find(rows[0], "total") : nullptr;
  if (total == nullptr) return kBadAnswer;
  return nanodollars_of(total->value);
}

Result<std::optional<SpendLimit>> SynapseKnowledge::limit_of(std::string_view scope) {
  BOOST_OUTCOME_TRY(const auto query, sparql::limit_of(scope));
  BOOST_OUTCOME_TRY(const auto rows, client_.query(query));
  if (rows.empty()) return std::optional<SpendLimit>();
  const auto amount = text_of(rows[0], "amount");
  if (amount == kUnlimited) return std::optional(SpendLimit{0, true});
  BOOST_OUTCOME_TRY(const auto nanodollars, nanodollars_of(amount));
  return std::optional(SpendLimit{nanodollars, false});
}

Result<std::optional<ControlState>> SynapseKnowledge::control_state() {
  BOOST_OUTCOME_TRY(const auto rows, client_.query(sparql::control_state()));
  if (rows.empty()) return std::optional<ControlState>();
  return std::optional(ControlState{text_of(rows[0], "status") == "HALTED", text_of(rows[0], "at")});
}

Result<std::vector<Similar>> SynapseKnowledge::nearest(std::string_view text, std::size_t count) {
  BOOST_OUTCOME_TRY(check_text(text));
  return client_.hybrid_search(text, count);
}

Result<std::vector<std::string>> SynapseKnowledge::texts_of(std::string_view subject, std::string_view predicate) {
  BOOST_OUTCOME_TRY(const auto query, sparql::objects_of(subject, predicate, {0, kTextsMax}));
  BOOST_OUTCOME_TRY(const auto rows, client_.query(query, Client::kSearchTimeout));
  std::vector<std::string> out;
  for (const auto& row : rows) {
    const auto* object = find(row, "o");
    if (object != nullptr && object->kind == Term::Kind::Text) out.push_back(object->value);
  }
  return out;
}

Result<bool> SynapseKnowledge::holds(const Statement& statement) {
  BOOST_OUTCOME_TRY(const auto query, sparql::holds(statement));
  BOOST_OUTCOME_TRY(const auto rows, client_.query(query));
  return !rows.empty();
}

Result<std::vector<std::string>> SynapseKnowledge::values(const Query& query, std::string_view variable) {
  BOOST_OUTCOME_TRY(const auto rows, client_.query(query));
  std::vector<std::string> out;
  for (const auto& row : rows) out.push_back(text_of(row, variable));
  return out;
}

Result<std::vector<std::string>> SynapseKnowledge::rules_of_stack(std::string_view stack) {
  BOOST_OUTCOME_TRY(const auto query, sparql::rules_of_stack(stack));
  return values(query, "rule");
}

Result<std::vector<std::string>> SynapseKnowledge::lessons_of_stack(std::string_view stack, std::size_t limit) {
  BOOST_OUTCOME_TRY(const auto query, sparql::lessons_of_stack(stack, limit));
  return values(query, "note");
}

}  // namespace swarm::knowledge::synapse

#include <algorithm>
#include <cctype>

#include "adapters/codec/record.hpp"
#include "adapters/lmdb/task_store.hpp"

// The reading half of LmdbTaskStore.
namespace swarm::orchestrator::lmdb_store {
using namespace codec;
namespace {

Error torn(std::string_view what) {
  return {Code::DataLoss, "a record of the task store is malformed or newer than this program: " + std::string(what)};
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::tolower(c) : c); });
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : lower(text)) {
    if (c != ' ') {
      word.push_back(c);
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) out.push_back(std::move(word));
  return out;
}

bool contains_all(const std::string& text, const std::vector<std::string>& words) {
  const std::string haystack = lower(text);
  return std::all_of(words.begin(), words.end(),
                     [&](const auto& word) { return haystack.find(word) != std::string::npos; });
}

bool fits(const TaskFilter& filter, const StoredTask& task) {
  const auto& spec = *task.spec;
  const auto& state = *task.state;
  if (filter.status && state.status != *filter.status) return false;
  if (!filter.stack.empty() && spec.stack != filter.stack) return false;
  if (!filter.workflow_state.empty() && state.workflow_state != filter.workflow_state) return false;
  if (!filter.parent.empty() && spec.parent != filter.parent) return false;
  if (filter.created_from != WallTime{} && spec.created < filter.created_from) return false;
  if (filter.created_before != WallTime{} && spec.created >= filter.created_before) return false;
  if (!filter.tenant.empty() && spec.tenant != filter.tenant) return false;
  if (filter.with_budget && (!spec.terms || spec.terms->budget_nanos == 0)) return false;
  return std::all_of(filter.labels.begin(), filter.labels.end(), [&](const auto& label) {
    const auto it = spec.labels.find(label.first);
    return it != spec.labels.end() && it->second == label.second;
  });
}

bool begins_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

}  // namespace

Result<std::optional<StoredTask>> LmdbTaskStore::find(TaskId id) const {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  BOOST_OUTCOME_TRY(auto number, txn.get(tables_.ids, lmdb::key_u64(id.high) + lmdb::key_u64(id.low)));
  if (!number) return std::optional<StoredTask>();
  return load(txn, *number);
}

Result<std::optional<TaskId>> LmdbTaskStore::find_key(KeyHash key) const {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  BOOST_OUTCOME_TRY(auto id, txn.get(tables_.keys, lmdb::key_u64(key.high) + lmdb::key_u64(key.low)));
  if (!id) return std::optional<TaskId>();
  if (id->size() != 16) return torn("idempotency key");
  return std::optional(TaskId{lmdb::u64_of_key(id->substr(0, 8)), lmdb::u64_of_key(id->substr(8))});
}

Result<TaskTexts> LmdbTaskStore::texts(const TaskSpec& spec, const TaskState& state) const {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  TaskTexts out;
  const auto number = lmdb::key_u64(spec.number);
  BOOST_OUTCOME_TRY(auto input, txn.get(tables_.inputs, number));
  if (!input) return torn("a task without texts");
  auto texts = decode_input(*input);
  if (!texts) return torn("texts");
  out.input = std::move(*texts);
  // Most tasks have no result yet, and none of them feedback: then there is nothing to look for.
  if (state.attempts_counted > 0) {
    BOOST_OUTCOME_TRY(auto artifact, txn.get(tables_.results, number + static_cast<char>(TextKind::Artifact)));
    if (artifact) out.artifact = *artifact;
    BOOST_OUTCOME_TRY(auto error, txn.get(tables_.results, number + static_cast<char>(TextKind::Error)));
    if (error) out.error_message = *error;
  }
  if (state.feedback_count == 0) return out;
  bool ok = true;
  BOOST_OUTCOME_TRY(txn.scan(tables_.feedback, number, [&](std::string_view key, std::string_view bytes) {
    if (!begins_with(key, number)) return false;
    auto entry = decode_feedback(bytes);
    ok = entry.has_value();
    if (ok) out.feedback.push_back(std::move(*entry));
    return ok;
  }));
  if (!ok) return torn("feedback");
  return out;
}

Result<std::vector<Transition>> LmdbTaskStore::history(TaskNumber number) const {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  std::vector<Transition> out;
  bool ok = true;
  const auto prefix = lmdb::key_u64(number);
  BOOST_OUTCOME_TRY(txn.scan(tables_.history, prefix, [&](std::string_view key, std::string_view bytes) {
    if (!begins_with(key, prefix)) return false;
    auto entry = decode_transition(bytes);
    ok = entry.has_value();
    if (ok) out.push_back(std::move(*entry));
    return ok;
  }));
  if (!ok) return torn("history");
  return out;
}

Result<TaskPage> LmdbTaskStore::list(const TaskFilter& filter) const {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  TaskPage page;
  const auto words = words_of(filter.text);
  const bool live_only = filter.live_only || (filter.status && !is_final(*filter.status));
  const lmdb::Table walked = live_only ? tables_.live : tables_.specs;
  std::size_t looked_at = 0;
  std::optional<Error> fault;
  const auto before = filter.before == 0 ? std::string() : lmdb::key_u64(filter.before);
  BOOST_OUTCOME_TRY(txn.scan_reverse(walked, before, [&](std::string_view key, std::string_view) {
    if (page.items.size() >= filter.limit || looked_at++ >= options_.scan_max) return false;
    page.next_before = lmdb::u64_of_key(key);
    auto task = load(txn, key);
    if (!task) {
      fault = task.error();
      return false;
    }
    if (!task.value() || !fits(filter, *task.value())) return true;
    auto input = txn.get(tables_.inputs, key);
    auto texts = input && input.value() ? decode_input(*input.value()) : std::nullopt;
    if (!texts) {
      fault = torn("texts");
      return false;
    }
    if (!contains_all(texts->description, words)) return true;
    auto error = txn.get(tables_.results, std::string(key) + static_cast<char>(TextKind::Error));
    std::string error_message = error && error.value() ? std::string(*error.value()) : std::string();
    page.items.push_back({std::move(*task.value()), std::move(texts->description), std::move(error_message)});
    return true;
  }));
  if (fault) return *fault;
  const bool all_seen = page.items.size() < filter.limit && looked_at <= options_.scan_max;
  if (all_seen) page.next_before = 0;
  return page;
}

Result<FinishedPage> LmdbTaskStore::finished(TaskNumber after, std::size_t limit) const {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  FinishedPage page;
  BOOST_OUTCOME_TRY(page.total, txn.count(tables_.done));
  bool ok = true;
  std::size_t looked_at = 0;
  BOOST_OUTCOME_TRY(txn.scan(tables_.done, lmdb::key_u64(after + 1), [&](std::string_view key, std::string_view bytes) {
    if (looked_at++ >= limit) return false;
    page.next_after = lmdb::u64_of_key(key);
    const auto state = decode_state(bytes);
    const auto spec_bytes = txn.get(tables_.specs, key);
    const auto spec = spec_bytes && spec_bytes.value() ? decode_spec(*spec_bytes.value()) : std::nullopt;
    ok = state && spec;
    if (ok) page.items.push_back({spec->id, state->status, state->updated});
    return ok;
  }));
  if (!ok) return torn("finished task");
  if (looked_at <= limit) page.next_after = 0;
  return page;
}

Result<void> LmdbTaskStore::recover_settings(RecoverySink& sink) const {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  bool ok = true;
  BOOST_OUTCOME_TRY(txn.scan(tables_.holds, {}, [&](std::string_view, std::string_view bytes) {
    auto hold = decode_hold(bytes);
    ok = hold.has_value();
    if (ok) sink.hold(std::move(*hold));
    return ok;
  }));
  if (!ok) return torn("hold");
  BOOST_OUTCOME_TRY(txn.scan(tables_.schedules, {}, [&](std::string_view, std::string_view bytes) {
    auto schedule = decode_schedule(bytes);
    ok = schedule.has_value();
    if (ok) sink.schedule(std::move(*schedule));
    return ok;
  }));
  if (!ok) return torn("schedule");
  return outcome::success();
}

Result<std::vector<Outcome>> LmdbTaskStore::outcomes(std::size_t limit) const {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  std::vector<Outcome> out;
  bool ok = true;
  BOOST_OUTCOME_TRY(txn.scan(tables_.outcomes, {}, [&](std::string_view, std::string_view bytes) {
    auto entry = decode_outcome(bytes);
    ok = entry.has_value();
    if (ok) out.push_back(std::move(*entry));
    return ok && out.size() < limit;
  }));
  if (!ok) return torn("outcome");
  return out;
}

}  // namespace swarm::orchestrator::lmdb_store

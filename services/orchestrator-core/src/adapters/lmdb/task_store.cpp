#include "adapters/lmdb/task_store.hpp"

#include "adapters/codec/record.hpp"

namespace swarm::orchestrator::lmdb_store {
using namespace codec;
namespace {

constexpr std::string_view kDispatchKey = "dispatch";
constexpr std::string_view kOutcomeKey = "outcome";

template <class Tag>
std::string key_of(const Bits128<Tag>& id) {
  return lmdb::key_u64(id.high) + lmdb::key_u64(id.low);
}

std::string key_of(TaskNumber number, TextKind kind) {
  return lmdb::key_u64(number) + static_cast<char>(kind);
}

std::string key_of(TaskNumber number, std::uint32_t index) {
  std::string key = lmdb::key_u64(number);
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(index >> shift));
  return key;
}

template <class T>
std::string bytes_of(const T& value) {
  Writer out;
  encode(out, value);
  return out.bytes();
}

Error torn(std::string_view what) {
  return {Code::DataLoss, "a record of the task store is malformed or newer than this program: " + std::string(what)};
}

}  // namespace

Result<std::unique_ptr<LmdbTaskStore>> LmdbTaskStore::open(StoreOptions options) {
  BOOST_OUTCOME_TRY(auto environment, lmdb::Environment::open(options.environment));
  Tables t;
  const std::pair<lmdb::Table*, const char*> names[] = {
      {&t.specs, "specs"},       {&t.live, "live"},       {&t.done, "done"},   {&t.ids, "ids"},
      {&t.keys, "keys"},         {&t.inputs, "inputs"},   {&t.results, "results"}, {&t.feedback, "feedback"},
      {&t.history, "history"},   {&t.rules, "rules"},     {&t.outcomes, "outcomes"},
      {&t.schedules, "schedules"}, {&t.holds, "holds"},   {&t.meta, "meta"},
      {&t.files, "files"},       {&t.told, "told"}};
  for (const auto& [table, name] : names) {
    BOOST_OUTCOME_TRY(*table, environment->table(name));
  }
  std::unique_ptr<LmdbTaskStore> store(new LmdbTaskStore(std::move(options), std::move(environment), t));
  BOOST_OUTCOME_TRY(store->read_feed());
  return store;
}

LmdbTaskStore::LmdbTaskStore(StoreOptions options, std::unique_ptr<lmdb::Environment> environment, Tables tables)
    : options_(std::move(options)), environment_(std::move(environment)), tables_(tables) {}

Result<void> LmdbTaskStore::commit(const Changes& changes) {
  BOOST_OUTCOME_TRY(auto txn, environment_->write());
  for (const auto& task : changes.erased) {
    BOOST_OUTCOME_TRY(erase_task(txn, task));
  }
  BOOST_OUTCOME_TRY(write_tasks(txn, changes));
  BOOST_OUTCOME_TRY(write_texts(txn, changes));
  BOOST_OUTCOME_TRY(write_rest(txn, changes));
  BOOST_OUTCOME_TRY(write_settings(txn, changes));
  for (const auto& file : changes.files) {
    const auto key = file.sha256 + lmdb::key_u64(file.number);
    BOOST_OUTCOME_TRYV(file.held ? txn.put(tables_.files, key, "1") : txn.erase(tables_.files, key));
  }
  std::uint64_t last = feed_last_;
  std::uint64_t erased = feed_erased_;
  BOOST_OUTCOME_TRY(write_feed(txn, changes, last, erased));
  BOOST_OUTCOME_TRY(txn.commit());
  feed_last_ = last;
  feed_erased_ = erased;
  std::lock_guard lock(released_mutex_);
  for (const auto& file : changes.files) {
    if (!file.held) released_.push_back(file.sha256);
  }
  return outcome::success();
}

Result<bool> LmdbTaskStore::refers_to(const std::string& sha256) const {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  bool found = false;
  BOOST_OUTCOME_TRY(txn.scan(tables_.files, sha256, [&](std::string_view key, std::string_view) {
    found = key.starts_with(sha256);
    return false;
  }));
  return found;
}

std::vector<std::string> LmdbTaskStore::take_released() {
  std::lock_guard lock(released_mutex_);
  return std::exchange(released_, {});
}

Result<void> LmdbTaskStore::write_tasks(lmdb::WriteTxn& txn, const Changes& changes) {
  Writer out;
  for (const auto& write : changes.tasks) {
    const TaskSpec& spec = *write.task.spec;
    const auto number = lmdb::key_u64(spec.number);
    if (write.is_new) {
      out.clear();
      encode(out, spec);
      BOOST_OUTCOME_TRY(txn.put(tables_.specs, number, out.bytes()));
      BOOST_OUTCOME_TRY(txn.put(tables_.ids, key_of(spec.id), number));
      if (!spec.key.empty()) {
        BOOST_OUTCOME_TRY(txn.put(tables_.keys, key_of(spec.key), key_of(spec.id)));
      }
    }
    const bool final = is_final(write.task.state->status);
    out.clear();
    encode(out, *write.task.state);
    BOOST_OUTCOME_TRY(txn.put(final ? tables_.done : tables_.live, number, out.bytes()));
    if (!write.is_new) {
      BOOST_OUTCOME_TRY(txn.erase(final ? tables_.live : tables_.done, number));
    }
  }
  return outcome::success();
}

Result<void> LmdbTaskStore::write_texts(lmdb::WriteTxn& txn, const Changes& changes) {
  Writer out;
  for (const auto& write : changes.inputs) {
    out.clear();
    encode(out, *write.texts);
    BOOST_OUTCOME_TRY(txn.put(tables_.inputs, lmdb::key_u64(write.number), out.bytes()));
  }
  for (const auto& write : changes.results) {
    const auto key = key_of(write.number, write.artifact ? TextKind::Artifact : TextKind::Error);
    const auto& text = write.artifact ? write.texts->artifact : write.texts->error_message;
    BOOST_OUTCOME_TRY(txn.put(tables_.results, key, text));
  }
  for (const auto& write : changes.feedback) {
    out.clear();
    encode(out, write.entry);
    BOOST_OUTCOME_TRY(txn.put(tables_.feedback, key_of(write.number, write.index), out.bytes()));
    if (write.index < options_.feedback_kept) continue;
    BOOST_OUTCOME_TRY(txn.erase(tables_.feedback, key_of(write.number, write.index - options_.feedback_kept)));
  }
  for (const auto& write : changes.history) {
    out.clear();
    encode(out, write.entry);
    BOOST_OUTCOME_TRY(txn.put(tables_.history, key_of(write.number, write.index), out.bytes()));
    if (write.index < options_.history_kept) continue;
    BOOST_OUTCOME_TRY(txn.erase(tables_.history, key_of(write.number, write.index - options_.history_kept)));
  }
  return outcome::success();
}

Result<void> LmdbTaskStore::write_rest(lmdb::WriteTxn& txn, const Changes& changes) {
  for (const auto& rule : changes.rules) {
    BOOST_OUTCOME_TRY(txn.put(tables_.rules, rule.id, bytes_of(rule)));
  }
  for (const auto& entry : changes.outcomes) {
    BOOST_OUTCOME_TRY(txn.put(tables_.outcomes, lmdb::key_u64(entry.sequence), bytes_of(entry)));
  }
  if (changes.outcomes_erased_to > 0) {
    std::vector<std::string> gone;
    const auto end = lmdb::key_u64(changes.outcomes_erased_to);
    BOOST_OUTCOME_TRY(txn.scan(tables_.outcomes, {}, [&](std::string_view key, std::string_view) {
      if (key <= end) gone.emplace_back(key);
      return key < end;
    }));
    for (const auto& key : gone) {
      BOOST_OUTCOME_TRY(txn.erase(tables_.outcomes, key));
    }
    BOOST_OUTCOME_TRY(txn.put(tables_.meta, kOutcomeKey, end));
  }
  if (changes.dispatch) {
    BOOST_OUTCOME_TRY(txn.put(tables_.meta, kDispatchKey, bytes_of(*changes.dispatch)));
  }
  return outcome::success();
}

Result<std::optional<StoredTask>> LmdbTaskStore::load(const lmdb::ReadTxn& txn, std::string_view number_key) const {
  BOOST_OUTCOME_TRY(auto spec_bytes, txn.get(tables_.specs, number_key));
  if (!spec_bytes) return std::optional<StoredTask>();
  BOOST_OUTCOME_TRY(auto state_bytes, txn.get(tables_.live, number_key));
  if (!state_bytes) {
    BOOST_OUTCOME_TRY(auto done, txn.get(tables_.done, number_key));
    state_bytes = done;
  }
  if (!state_bytes) return torn("a task without state");
  auto spec = decode_spec(*spec_bytes);
  auto state = decode_state(*state_bytes);
  if (!spec || !state) return torn("task");
  return std::optional<StoredTask>(StoredTask{std::make_shared<TaskSpec>(std::move(*spec)),
                                              std::make_shared<TaskState>(std::move(*state))});
}

Result<void> LmdbTaskStore::write_settings(lmdb::WriteTxn& txn, const Changes& changes) {
  for (const auto& write : changes.holds) {
    const auto key = static_cast<char>(write.hold.kind) + write.hold.name;
    if (write.held) {
      BOOST_OUTCOME_TRY(txn.put(tables_.holds, key, bytes_of(write.hold)));
    } else {
      BOOST_OUTCOME_TRY(txn.erase(tables_.holds, key));
    }
  }
  for (const auto& name : changes.schedules_erased) {
    BOOST_OUTCOME_TRY(txn.erase(tables_.schedules, name));
  }
  for (const auto& schedule : changes.schedules) {
    BOOST_OUTCOME_TRY(txn.put(tables_.schedules, schedule.name, bytes_of(schedule)));
  }
  return outcome::success();
}

Result<void> LmdbTaskStore::erase_task(lmdb::WriteTxn& txn, const Changes::TaskErasure& task) {
  const auto number = lmdb::key_u64(task.number);
  for (const lmdb::Table table : {tables_.specs, tables_.live, tables_.done, tables_.inputs}) {
    BOOST_OUTCOME_TRY(txn.erase(table, number));
  }
  BOOST_OUTCOME_TRY(txn.erase(tables_.ids, key_of(task.id)));
  if (!task.key.empty()) {
    BOOST_OUTCOME_TRY(txn.erase(tables_.keys, key_of(task.key)));
  }
  std::vector<std::string> keys;
  for (const lmdb::Table table : {tables_.results, tables_.feedback, tables_.history}) {
    keys.clear();
    BOOST_OUTCOME_TRY(txn.scan(table, number, [&](std::string_view key, std::string_view) {
      if (!key.starts_with(number)) return false;
      keys.emplace_back(key);
      return true;
    }));
    for (const auto& key : keys) {
      BOOST_OUTCOME_TRY(txn.erase(table, key));
    }
  }
  return outcome::success();
}

Result<void> LmdbTaskStore::recover(RecoverySink& sink) {
  BOOST_OUTCOME_TRY(auto txn, environment_->read());
  std::optional<Error> fault;
  BOOST_OUTCOME_TRY(txn.scan(tables_.live, {}, [&](std::string_view number, std::string_view state_bytes) {
    auto spec_bytes = txn.get(tables_.specs, number);
    if (!spec_bytes) {
      fault = spec_bytes.error();
      return false;
    }
    auto spec = spec_bytes.value() ? decode_spec(*spec_bytes.value()) : std::nullopt;
    auto state = decode_state(state_bytes);
    if (!spec || !state) {
      fault = torn("live task");
      return false;
    }
    sink.task({std::make_shared<TaskSpec>(std::move(*spec)), std::make_shared<TaskState>(std::move(*state))});
    return true;
  }));
  if (fault) return *fault;
  BOOST_OUTCOME_TRY(txn.scan(tables_.rules, {}, [&](std::string_view, std::string_view bytes) {
    auto rule = decode_rule(bytes);
    if (rule) sink.rule(std::move(*rule));
    if (!rule) fault = torn("rule");
    return rule.has_value();
  }));
  if (fault) return *fault;
  BOOST_OUTCOME_TRY(auto dispatch, txn.get(tables_.meta, kDispatchKey));
  if (dispatch) {
    auto state = decode_dispatch(*dispatch);
    if (!state) return torn("dispatch");
    sink.dispatch(std::move(*state));
  }
  BOOST_OUTCOME_TRY(recover_settings(sink));
  BOOST_OUTCOME_TRY(auto delivered, txn.get(tables_.meta, kOutcomeKey));
  sink.last_outcome = delivered ? lmdb::u64_of_key(*delivered) : 0;
  sink.first_outcome = sink.last_outcome + 1;
  BOOST_OUTCOME_TRY(txn.scan_reverse(tables_.outcomes, {}, [&](std::string_view key, std::string_view) {
    sink.last_outcome = lmdb::u64_of_key(key);
    return false;
  }));
  BOOST_OUTCOME_TRY(txn.scan_reverse(tables_.specs, {}, [&](std::string_view key, std::string_view) {
    sink.next_number = lmdb::u64_of_key(key) + 1;
    return false;
  }));
  return outcome::success();
}

}  // namespace swarm::orchestrator::lmdb_store

#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "libs/lmdb/environment.hpp"
#include "ports/artifact_files.hpp"
#include "ports/change_feed.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator::lmdb_store {

struct StoreOptions {
  lmdb::Options environment;
  std::uint32_t feedback_kept = 6;
  std::uint32_t history_kept = 200;
  std::size_t scan_max = 20'000;  // records looked at for one page of a list
  std::uint64_t untold_max = 1'000'000;  // changes that wait to be told; beyond, the oldest go
};

/// Tasks in LMDB. Tables, keyed by the task's number (big-endian, so by creation) unless said otherwise:
///   specs  what was asked for, written once      live / done  the state of tasks before and after their end
///   ids    task id → number                      keys         hash of the idempotency key → task id
///   inputs description and context               results      number, kind → artefact or error message
///   feedback, history  number, index → entry     rules, outcomes, schedules, holds, meta
///   files  SHA-256 of an artefact, number of a task that refers to it
///   told   number of a change → what the common knowledge is told of it, until it was
/// `live` holds only what is not finished, so that recovery costs by active tasks and not by all there ever were.
class LmdbTaskStore final : public TaskStore, public ArtifactIndex, public ChangeFeed {
 public:
  static Result<std::unique_ptr<LmdbTaskStore>> open(StoreOptions options);

  Result<void> recover(RecoverySink& sink) override;
  Result<void> recover_settings(RecoverySink& sink) const override;
  Result<void> commit(const Changes& changes) override;
  Result<std::optional<StoredTask>> find(TaskId id) const override;
  Result<std::optional<TaskId>> find_key(KeyHash key) const override;
  Result<TaskTexts> texts(const TaskSpec& spec, const TaskState& state) const override;
  Result<std::vector<Transition>> history(TaskNumber number) const override;
  Result<TaskPage> list(const TaskFilter& filter) const override;
  Result<FinishedPage> finished(TaskNumber after, std::size_t limit) const override;
  Result<std::vector<Outcome>> outcomes(std::size_t limit) const override;
  Result<bool> refers_to(const std::string& sha256) const override;
  std::vector<std::string> take_released() override;
  Result<Page> changes(std::uint64_t after, std::size_t limit) const override;
  void told(std::uint64_t number) override { told_ = number; }

  const lmdb::Environment& environment() const { return *environment_; }

 private:
  struct Tables {
    lmdb::Table specs, live, done, ids, keys, inputs, results, feedback, history, rules, outcomes, schedules, holds, meta, files, told;
  };
  LmdbTaskStore(StoreOptions options, std::unique_ptr<lmdb::Environment> environment, Tables tables);

  Result<void> write_tasks(lmdb::WriteTxn& txn, const Changes& changes);
  Result<void> write_texts(lmdb::WriteTxn& txn, const Changes& changes);
  Result<void> write_rest(lmdb::WriteTxn& txn, const Changes& changes);
  Result<void> write_settings(lmdb::WriteTxn& txn, const Changes& changes);
  Result<void> erase_task(lmdb::WriteTxn& txn, const Changes::TaskErasure& task);
  Result<void> read_feed();
  Result<void> write_feed(lmdb::WriteTxn& txn, const Changes& changes, std::uint64_t& last, std::uint64_t& erased);
  Result<std::optional<StoredTask>> load(const lmdb::ReadTxn& txn, std::string_view number_key) const;

  StoreOptions options_;
  std::unique_ptr<lmdb::Environment> environment_;
  Tables tables_;
  std::mutex released_mutex_;
  std::vector<std::string> released_;
  std::atomic<std::uint64_t> told_{0};
  std::uint64_t feed_last_ = 0;    // number of the last change; of whoever commits, as the next
  std::uint64_t feed_erased_ = 0;  // nothing up to here is left
};

}  // namespace swarm::orchestrator::lmdb_store

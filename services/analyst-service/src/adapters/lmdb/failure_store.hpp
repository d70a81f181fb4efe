#pragma once

#include <filesystem>
#include <memory>

#include "libs/lmdb/environment.hpp"
#include "ports/failure_store.hpp"

namespace swarm::analyst::adapters {

/// FailureStore in one LMDB environment. Tables: kinds, groups, tasks (kind + task), journal (by sequence), repeats
/// (key → sequence), evidence (kind + sequence → event id), rules, scopes, meta.
class LmdbFailureStore final : public ports::FailureStore {
 public:
  struct Options {
    std::filesystem::path directory;
    std::uint64_t size_bytes_max = 0;
    bool sync = true;  // false only for tests
  };
  static Result<std::unique_ptr<LmdbFailureStore>> open(const Options& options);

  Result<ports::Recovered> recover() override;
  Result<void> commit(const ports::Changes& changes) override;
  Result<bool> is_repeat(const domain::Id& key) override;
  Result<bool> has_task(const domain::Id& kind, const domain::Id& task) override;
  Result<void> each_task(const domain::Id& kind, const std::function<void(const domain::Id& id, bool agent)>& visit) override;
  Result<domain::Id> kind_of(const domain::Id& repeat_key) override;
  Result<domain::KindText> kind_text(const domain::Id& kind) override;
  Result<std::vector<std::string>> evidence(const domain::Id& kind, std::size_t limit) override;
  /// Gives memory back that only a burst needed. On the writing thread.
  void rest();
  std::uint64_t bytes_used() const { return environment_->bytes_used(); }
  const lmdb::Environment& environment() const { return *environment_; }

 private:
  explicit LmdbFailureStore(std::unique_ptr<lmdb::Environment> environment) : environment_(std::move(environment)) {}
  Result<void> open_tables();
  Result<void> put_journal(lmdb::WriteTxn& txn, const ports::Changes& changes);
  Result<void> prune_journal(lmdb::WriteTxn& txn, const ports::Changes& changes);
  Result<void> forget(lmdb::WriteTxn& txn, const domain::Id& kind);
  Result<bool> contains(lmdb::Table table, const std::string& key);

  std::unique_ptr<lmdb::Environment> environment_;
  lmdb::Table kinds_, groups_, tasks_, journal_, repeats_, evidence_, rules_, scopes_, meta_, routes_;
};

}  // namespace swarm::analyst::adapters

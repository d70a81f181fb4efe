#include "adapters/grpc/watch_stream.hpp"

#include <unordered_map>

#include "adapters/grpc/mapping.hpp"
#include "libs/rpc/status.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

constexpr std::size_t kSnapshotPage = 100;

}  // namespace

class WatchStream final : public grpc::ServerWriteReactor<::orchestrator::TaskEvent> {
 public:
  WatchStream(WatchHub& hub, const TaskStore& store, WatchStreams& streams, WatchFilter filter, bool snapshot)
      : hub_(hub), store_(store), streams_(streams), filter_(std::move(filter)), in_snapshot_(snapshot) {
    {
      std::lock_guard lock(streams_.mutex_);
      streams_.open_.insert(this);
    }
    // Followed before the snapshot is read, so that no change falls between the two.
    bool followed = false;
    {
      std::lock_guard lock(mutex_);  // the hub may call pump() before watch() has returned
      watcher_ = hub_.watch(filter_, [this] { pump(); });
      followed = watcher_ != nullptr;
    }
    if (!followed) {
      end(rpc::to_status(Error{Code::ResourceExhausted, "too many watch streams are open"}));
    } else {
      StartSendInitialMetadata();
      pump();
    }
  }

  void OnWriteDone(bool ok) override {
    {
      std::lock_guard lock(mutex_);
      writing_ = false;
    }
    if (ok) return pump();
    end(grpc::Status::CANCELLED);
  }
  void OnCancel() override { end(grpc::Status::CANCELLED); }
  void OnDone() override {
    if (watcher_) hub_.leave(watcher_);
    {
      std::lock_guard lock(streams_.mutex_);
      streams_.open_.erase(this);
    }
    delete this;
  }

  void end(grpc::Status status) {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    Finish(std::move(status));
  }

 private:
  /// Writes the next event unless one is being written.
  void pump() {
    std::lock_guard lock(mutex_);
    if (writing_ || finished_) return;
    event_.Clear();
    if (!(in_snapshot_ && next_of_snapshot()) && !next_of_changes()) return;
    event_.set_sequence(++sequence_);
    writing_ = true;
    StartWrite(&event_);
  }

  bool next_of_snapshot() {
    while (page_.empty()) {
      if (page_ends_) {
        in_snapshot_ = false;
        return false;
      }
      TaskFilter filter;
      filter.parent = filter_.parent;
      filter.before = before_;
      filter.limit = kSnapshotPage;
      auto page = store_.list(filter);
      if (!page) {
        in_snapshot_ = false;
        return false;
      }
      before_ = page.value().next_before;
      page_ends_ = before_ == 0;
      for (auto& item : page.value().items) {
        const bool wanted = filter_.ids.empty() || filter_.ids.contains(item.task.spec->id);
        if (wanted) page_.push_back(std::move(item));
      }
    }
    auto& item = page_.front();
    sent_[item.task.spec->number] = item.task.state->version;
    event_.set_kind("snapshot");
    fill(*event_.mutable_task(), item.task);
    event_.mutable_task()->set_description(std::move(item.description));
    event_.mutable_task()->set_error_message(std::move(item.error_message));
    page_.pop_front();
    return true;
  }

  bool next_of_changes() {
    while (auto item = watcher_->next()) {
      const auto& change = std::get<TaskChanged>(*item->event);
      missed_ += item->missed;
      const auto sent = sent_.find(change.task.spec->number);
      if (sent != sent_.end() && change.task.state->version <= sent->second) continue;
      event_.set_kind(change.created ? "created" : "updated");
      event_.set_missed(missed_);
      missed_ = 0;
      fill(*event_.mutable_task(), change.task);
      if (auto texts = store_.texts(*change.task.spec, *change.task.state)) {
        event_.mutable_task()->set_description(texts.value().input.description);
        event_.mutable_task()->set_error_message(texts.value().error_message);
      }
      return true;
    }
    return false;
  }

  WatchHub& hub_;
  const TaskStore& store_;
  WatchStreams& streams_;
  const WatchFilter filter_;
  std::shared_ptr<Watcher> watcher_;
  std::mutex mutex_;  // guards the rest
  bool writing_ = false;
  bool finished_ = false;
  bool in_snapshot_;
  bool page_ends_ = false;
  TaskNumber before_ = 0;
  std::deque<TaskPage::Item> page_;
  std::unordered_map<TaskNumber, std::uint64_t> sent_;
  std::uint64_t sequence_ = 0;
  std::uint64_t missed_ = 0;
  ::orchestrator::TaskEvent event_;
};

void WatchStreams::end_all(const Error& error) {
  std::lock_guard lock(mutex_);
  for (auto* stream : open_) stream->end(rpc::to_status(error));
}

std::size_t WatchStreams::size() const {
  std::lock_guard lock(mutex_);
  return open_.size();
}

grpc::ServerWriteReactor<::orchestrator::TaskEvent>* start_watch_stream(WatchHub& hub, const TaskStore& store,
                                                                        WatchStreams& streams, WatchFilter filter,
                                                                        bool snapshot) {
  return new WatchStream(hub, store, streams, std::move(filter), snapshot);  // deletes itself in OnDone
}

}  // namespace swarm::orchestrator::grpc_api

#include "commands/task_watch.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "call.hpp"
#include "commands/task_text.hpp"
#include "output/format.hpp"
#include "output/printable.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

constexpr const char* kWhat = "tasks watch";
constexpr std::size_t kRememberedMax = 100'000;
constexpr std::size_t kStatusWidth = 18;  // "blocked (approval)"
constexpr std::size_t kTailMin = 10;
using Stub = orchestrator::Orchestrator::Stub;

gpr_timespec in(std::chrono::milliseconds time) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(time.count(), GPR_TIMESPAN));
}

class Watch {
 public:
  Watch(Session& session, const std::vector<std::string>& ids, const std::string& parent)
      : session_(session),
        stub_(orchestrator::Orchestrator::NewStub(session.channel(Peer::Orchestrator))),
        open_(ids.begin(), ids.end()) {
    for (const std::string& id : ids) request_.add_task_ids(id);
    request_.set_parent_id(parent);
    // Without a snapshot nothing tells us about tasks that are final already.
    request_.set_snapshot(!ids.empty());
  }

  void run() {
    if (!is_there()) return;
    while (true) {
      const BootTime began = session_.clock.boot_now();
      const Error error = follow();
      if (is_done()) break;
      if (error.code != Code::Unavailable && error.code != Code::Aborted) {
        return session_.fail(kWhat, Peer::Orchestrator, error);
      }
      if (!reconnect(began)) return session_.fail(kWhat, Peer::Orchestrator, error);
      request_.set_snapshot(true);  // what changed meanwhile
    }
    if (!all_succeeded_) session_.exit_code = 1;
  }

 private:
  bool is_done() const { return request_.task_ids_size() > 0 && open_.empty(); }

  /// A task that does not exist would never become final, and a server that is not there should not be waited for.
  bool is_there() {
    const auto dispatch = call(session_, *stub_, &Stub::GetDispatch, orchestrator::DispatchQuery());
    if (!dispatch) session_.fail(kWhat, Peer::Orchestrator, dispatch.error());
    for (int i = 0; i < request_.task_ids_size() && session_.exit_code == 0; ++i) {
      orchestrator::TaskRef ref;
      ref.set_task_id(request_.task_ids(i));
      const auto task = call(session_, *stub_, &Stub::GetTask, ref);
      if (!task) session_.fail(kWhat, Peer::Orchestrator, task.error());
    }
    return session_.exit_code == 0;
  }

  /// One stream's life. Why it ended, unless all is done.
  Error follow() {
    grpc::ClientContext context;
    session_.prepare(context, false);
    const auto stream = stub_->WatchTasks(&context, request_);
    orchestrator::TaskEvent event;
    bool fell_behind = false;
    while (!is_done() && !fell_behind && stream->Read(&event)) {
      show(event);
      fell_behind = event.missed() > 0;
    }
    if (is_done() || fell_behind) context.TryCancel();
    const grpc::Status status = stream->Finish();
    if (fell_behind) return {Code::Aborted, "events were missed"};
    if (status.ok()) return {Code::Unavailable, "the stream ended"};
    return rpc::from_status(status);
  }

  /// True when another attempt is worth making: within the time-out since the connection was lost.
  bool reconnect(BootTime attempt_began) {
    const BootTime now = session_.clock.boot_now();
    if (now - attempt_began > session_.timeout) lost_at_.reset();
    if (!lost_at_) {
      lost_at_ = now;
      session_.err << "swarmctl: connection lost, trying again" << std::endl;
    }
    if (now - *lost_at_ > session_.timeout) return false;
    const auto& channel = session_.channel(Peer::Orchestrator);
    // A server that is draining answers at once: the pause keeps us from asking in a tight loop.
    channel->WaitForStateChange(channel->GetState(true), in(std::chrono::milliseconds(250)));
    return channel->WaitForConnected(in(session_.timeout));
  }

  void show(const orchestrator::TaskEvent& event) {
    lost_at_.reset();
    const orchestrator::Task& task = event.task();
    if (event.missed() > 0) session_.err << "swarmctl: " << event.missed() << " events missed, looking again\n";
    if (is_final(task.status()) && open_.erase(task.task_id()) > 0 && task.status() != orchestrator::SUCCEEDED) {
      all_succeeded_ = false;
    }
    if (task.task_id().empty() || !is_new(task)) return;
    if (session_.json) return session_.print_json(event);
    print_line(task);
  }

  void print_line(const orchestrator::Task& task) {
    const Cell status = status_cell(task);
    std::string where = task.workflow_state().empty() ? task.role() : task.workflow_state();
    if (task.attempt() > 0) where += " #" + std::to_string(task.attempt());
    if (!task.holder().empty()) where += " " + task.holder();
    const std::string& why = task.status_reason().empty() ? task.description() : task.status_reason();
    const std::string head = utc(task.updated_unix_ms()) + "  " + one_line(task.task_id()) + "  ";
    const std::string tail = one_line(where + (where.empty() ? "" : ": ") + why);
    const std::size_t status_width = std::max(kStatusWidth, display_width(status.text));
    const std::size_t used = head.size() + status_width + 2;
    const std::size_t width = session_.terminal.width;
    session_.out << head << styled(status.text, status.style, session_.terminal)
                 << std::string(status_width - display_width(status.text) + 2, ' ')
                 << (width > used + kTailMin ? shorten(tail, width - used) : tail) << std::endl;
  }

  /// After a reconnection the snapshot repeats what was shown.
  bool is_new(const orchestrator::Task& task) {
    if (shown_.size() > kRememberedMax) shown_.clear();
    auto& version = shown_[task.task_id()];
    if (version != 0 && version == task.version()) return false;
    version = task.version();
    return true;
  }

  Session& session_;
  std::unique_ptr<Stub> stub_;
  orchestrator::WatchTasksRequest request_;
  std::set<std::string> open_;
  std::map<std::string, std::int64_t> shown_;
  bool all_succeeded_ = true;
  std::optional<BootTime> lost_at_;
};

}  // namespace

void watch_tasks(Session& session, const std::vector<std::string>& ids, const std::string& parent) {
  Watch(session, ids, parent).run();
}

}  // namespace swarm::ctl

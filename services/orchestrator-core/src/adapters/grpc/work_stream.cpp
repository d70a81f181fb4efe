#include "adapters/grpc/work_stream.hpp"

#include <grpcpp/server_context.h>

#include "adapters/grpc/stream_base.hpp"
#include "libs/rpc/refusal_log.hpp"
#include "libs/rpc/unreadable.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

using ::orchestrator::WorkRequest;
using ::orchestrator::WorkResponse;

constexpr std::string_view kMethod = "/orchestrator.Orchestrator/Work";
constexpr int kResultsPerMessageMax = 10'000;
constexpr std::size_t kAckBytes = 64;
// Beyond the first, nothing more is read from an agent that does not read; beyond the second its stream is over.
constexpr std::size_t kUnreadPause = 1u << 20;
constexpr std::size_t kUnreadMax = 32u << 20;

/// Answers become messages: everything of one batch travels in one.
class WorkLink final : public Link {
 public:
  WorkLink(StreamContext context, StreamWriter<WorkRequest, WorkResponse>::Reactor* reactor)
      : context_(context), writer(reactor) {}

  void answer(CallId call, Reply&& reply) override {
    if (const auto* error = std::get_if<Error>(&reply)) return end(*error);
    std::optional<Error> fault;
    const std::size_t unread = writer.merge([&](WorkResponse& out) {
      std::size_t added = kAckBytes;
      if (auto* registered = std::get_if<Registered>(&reply)) {
        context_.router.fill_registered(*out.mutable_joined(), *registered);
      } else if (auto* assigned = std::get_if<Assigned>(&reply)) {
        auto& message = *out.add_assignments();
        auto filled = context_.router.fill_assignment(message, *assigned);
        if (!filled) fault = filled.error();
        added += message.ByteSizeLong();
      } else if (auto* results = std::get_if<ResultsAnswered>(&reply)) {
        for (const auto& result : results->answers) fill(*out.add_acks(), result);
        added += kAckBytes * results->answers.size();
      } else if (auto* beat = std::get_if<HeartbeatAnswered>(&reply)) {
        // Only the newest counts.
        out.mutable_heartbeat()->Clear();
        fill(*out.mutable_heartbeat(), *beat);
      }
      return added;
    });
    if (fault) end(*fault);
    if (unread > kUnreadMax) give_up(call);
  }
  void flush() override { writer.flush(); }
  void drain() override {
    writer.merge([](WorkResponse& out) {
      out.set_drain(true);
      return kAckBytes;
    });
    writer.flush();
  }
  void end(const Error& error) override { writer.finish(rpc::to_status(error)); }

 private:
  /// The status waits behind a write that the agent does not read, but its tasks need not wait for that.
  void give_up(CallId call) {
    writer.abandon({grpc::StatusCode::RESOURCE_EXHAUSTED, "the agent does not read its stream"});
    context_.loop.submit(LeaveStream{call});
    log::warn("an agent does not read its stream, it gets nothing more over it");
  }

  StreamContext context_;

 public:

  StreamWriter<WorkRequest, WorkResponse> writer;
};

class WorkStream final : public grpc::ServerBidiReactor<WorkRequest, WorkResponse> {
 public:
  WorkStream(StreamContext context, const grpc::CallbackServerContext& call)
      : context_(context), call_(call), link_(std::make_shared<WorkLink>(context, this)) {
    number_ = context_.router.add_link(link_);
    id_ = call_id(CallKind::Link, number_ << 24);
    read();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return rpc::is_unreadable(request_) ? refuse(rpc::unreadable(kMethod)) : link_->writer.finish(grpc::Status::OK);
    auto handled = handle();
    if (!handled) return refuse(handled.error());
    std::lock_guard lock(reading_);
    paused_ = link_->writer.open_bytes() > kUnreadPause;
    if (!paused_) read();
  }
  void OnWriteDone(bool ok) override {
    link_->writer.written(ok);
    std::lock_guard lock(reading_);
    if (!paused_ || link_->writer.open_bytes() > kUnreadPause) return;
    paused_ = false;
    read();
  }
  void OnCancel() override { link_->writer.finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    link_->writer.detach();
    context_.router.remove_link(number_);
    context_.loop.submit(LeaveStream{id_});
    delete this;
  }

 private:
  void read() {
    rpc::mark_unread(request_);
    StartRead(&request_);
  }
  void refuse(const Error& error) {
    rpc::log_refusal(kMethod, rpc::to_status(error), call_);
    link_->end(error);
  }

  Result<void> handle() {
    switch (request_.payload_case()) {
      case WorkRequest::kJoin: {
        BOOST_OUTCOME_TRY(auto profile, to_profile(request_.join(), context_.limits));
        name_ = profile.name;
        return submit(JoinStream{id_, std::move(profile)});
      }
      case WorkRequest::kCredit:
        if (request_.credit() <= 0) return Error{Code::InvalidArgument, "credit: must be above 0"};
        return submit(GrantCredit{id_, request_.credit()});
      case WorkRequest::kResults: return report();
      case WorkRequest::kHeartbeat: {
        BOOST_OUTCOME_TRY(auto signs, to_signs(std::move(*request_.mutable_heartbeat()), context_.limits));
        return submit(Heartbeat{id_, id_, name_, std::move(signs)});
      }
      case WorkRequest::PAYLOAD_NOT_SET: break;
    }
    return Error{Code::InvalidArgument, "a message without payload"};
  }

  Result<void> report() {
    auto& results = *request_.mutable_results()->mutable_results();
    if (results.size() > kResultsPerMessageMax) return Error{Code::InvalidArgument, "results: more than 10000"};
    ReportResults command{id_, id_, {}};
    command.results.reserve(static_cast<std::size_t>(results.size()));
    for (auto& result : results) {
      BOOST_OUTCOME_TRY(auto report, to_report(std::move(result), context_.limits));
      command.results.push_back(std::move(report));
    }
    return submit(std::move(command));
  }

  Result<void> submit(Command command) {
    if (name_.empty()) return Error{Code::FailedPrecondition, "the first message of the stream must be join"};
    if (context_.loop.submit(std::move(command))) return outcome::success();
    return Error{Code::ResourceExhausted, "the command queue is full, try again"};
  }

  StreamContext context_;
  const grpc::CallbackServerContext& call_;
  std::shared_ptr<WorkLink> link_;
  std::uint64_t number_ = 0;
  CallId id_ = 0;
  std::string name_;
  WorkRequest request_;
  std::mutex reading_;
  bool paused_ = false;
};

}  // namespace

grpc::ServerBidiReactor<WorkRequest, WorkResponse>* start_work_stream(StreamContext context, const grpc::CallbackServerContext& call) {
  return new WorkStream(context, call);  // deletes itself in OnDone
}

}  // namespace swarm::orchestrator::grpc_api

#include "adapters/grpc/work_stream.hpp"

#include "adapters/grpc/stream_base.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

using ::orchestrator::WorkRequest;
using ::orchestrator::WorkResponse;

constexpr int kResultsPerMessageMax = 10'000;

/// Answers become messages: everything of one batch travels in one.
class WorkLink final : public Link {
 public:
  WorkLink(const ReplyRouter& router, StreamWriter<WorkRequest, WorkResponse>::Reactor* reactor)
      : router_(router), writer(reactor) {}

  void answer(CallId, Reply&& reply) override {
    if (const auto* error = std::get_if<Error>(&reply)) return end(*error);
    std::optional<Error> fault;
    writer.merge([&](WorkResponse& out) {
      if (auto* registered = std::get_if<Registered>(&reply)) {
        router_.fill_registered(*out.mutable_joined(), *registered);
      } else if (auto* assigned = std::get_if<Assigned>(&reply)) {
        auto filled = router_.fill_assignment(*out.add_assignments(), *assigned);
        if (!filled) fault = filled.error();
      } else if (auto* results = std::get_if<ResultsAnswered>(&reply)) {
        for (const auto& result : results->answers) fill(*out.add_acks(), result);
      } else if (auto* beat = std::get_if<HeartbeatAnswered>(&reply)) {
        fill(*out.mutable_heartbeat(), *beat);
      }
    });
    if (fault) end(*fault);
  }
  void flush() override { writer.flush(); }
  void drain() override {
    writer.merge([](WorkResponse& out) { out.set_drain(true); });
    writer.flush();
  }
  void end(const Error& error) override { writer.finish(rpc::to_status(error)); }

 private:
  const ReplyRouter& router_;

 public:
  StreamWriter<WorkRequest, WorkResponse> writer;
};

class WorkStream final : public grpc::ServerBidiReactor<WorkRequest, WorkResponse> {
 public:
  explicit WorkStream(StreamContext context)
      : context_(context), link_(std::make_shared<WorkLink>(context.router, this)) {
    number_ = context_.router.add_link(link_);
    id_ = call_id(CallKind::Link, number_ << 24);
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return link_->writer.finish(grpc::Status::OK);
    auto handled = handle();
    if (!handled) return link_->end(handled.error());
    StartRead(&request_);
  }
  void OnWriteDone(bool ok) override { link_->writer.written(ok); }
  void OnCancel() override { link_->writer.finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    link_->writer.detach();
    context_.router.remove_link(number_);
    context_.loop.submit(LeaveStream{id_});
    delete this;
  }

 private:
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
  std::shared_ptr<WorkLink> link_;
  std::uint64_t number_ = 0;
  CallId id_ = 0;
  std::string name_;
  WorkRequest request_;
};

}  // namespace

grpc::ServerBidiReactor<WorkRequest, WorkResponse>* start_work_stream(StreamContext context) {
  return new WorkStream(context);  // deletes itself in OnDone
}

}  // namespace swarm::orchestrator::grpc_api

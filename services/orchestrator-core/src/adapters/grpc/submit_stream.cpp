#include <grpcpp/server_context.h>

#include "adapters/grpc/stack_lookup.hpp"
#include "adapters/grpc/stream_base.hpp"
#include "adapters/grpc/work_stream.hpp"
#include "libs/rpc/refusal_log.hpp"
#include "libs/rpc/unreadable.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

using ::orchestrator::SubmitTasksRequest;
using ::orchestrator::SubmitTasksResponse;

constexpr std::string_view kMethod = "/orchestrator.Orchestrator/SubmitStream";
constexpr std::size_t kUnderWayMax = 64;

/// Keeps the order of requests: an answer that comes early waits for those before it.
class SubmitLink final : public Link, public std::enable_shared_from_this<SubmitLink> {
 public:
  SubmitLink(EngineLoop& loop, StackSource* stacks, StreamWriter<SubmitTasksRequest, SubmitTasksResponse>::Reactor* reactor)
      : loop_(loop), stacks_(stacks), writer(reactor) {}

  /// Hands a request's tasks in, after those of the requests before it: they may name each other.
  void hand_in(SubmitTasks&& request) {
    std::lock_guard lock(order_mutex_);
    waiting_.push_back(std::move(request));
    hand_on();
  }

  /// Reserves the next place; `place` comes back as the lower part of the call id.
  std::uint64_t expect(std::int64_t request_id) {
    std::lock_guard lock(mutex_);
    slots_.push_back({request_id, std::nullopt});
    return first_ + slots_.size() - 1;
  }

  void answer(CallId call, Reply&& reply) override {
    SubmitTasksResponse out;
    if (const auto* error = std::get_if<Error>(&reply)) {
      out.set_error(std::string(name(error->code)) + ": " + error->message);
    } else if (const auto* submitted = std::get_if<Submitted>(&reply)) {
      fill(out, *submitted);
    }
    put(call & 0xff'ffff, std::move(out));
  }

  void put(std::uint64_t place, SubmitTasksResponse&& response) {
    std::lock_guard lock(mutex_);
    // Places travel cut to 24 bits; far fewer are ever open.
    const std::uint64_t index = (place - first_) & 0xff'ffff;
    if (index >= slots_.size()) return;
    response.set_request_id(slots_[index].request_id);
    slots_[index].response = std::move(response);
    while (!slots_.empty() && slots_.front().response) {
      writer.send(std::move(*slots_.front().response));
      slots_.pop_front();
      ++first_;
    }
    if (end_ && slots_.empty()) writer.finish(*end_);
  }

  /// The client has sent its last request; `status` follows the answers to those before.
  void no_more(const grpc::Status& status) {
    std::lock_guard lock(mutex_);
    end_ = status;
    if (slots_.empty()) writer.finish(*end_);
  }

  std::size_t under_way() {
    std::lock_guard lock(mutex_);
    return slots_.size() + writer.backlog();
  }

  void flush() override {}
  void drain() override {}
  void end(const Error& error) override { writer.finish(rpc::to_status(error)); }

 private:
  struct Slot {
    std::int64_t request_id;
    std::optional<SubmitTasksResponse> response;
  };

  /// Up to the first whose stacks have to be looked up. Under order_mutex_.
  void hand_on() {
    while (!looking_ && !waiting_.empty()) {
      SubmitTasks request = std::move(waiting_.front());
      waiting_.pop_front();
      looking_ = look_stacks_up(stacks_, request, [self = shared_from_this()](SubmitTasks found) {
        std::lock_guard lock(self->order_mutex_);
        self->submit(std::move(found));
        self->looking_ = false;
        self->hand_on();
      });
      if (!looking_) submit(std::move(request));
    }
  }

  void submit(SubmitTasks&& request) {
    const CallId call = request.call;
    if (!loop_.submit(Command(std::move(request)))) answer(call, Error{Code::ResourceExhausted, "the command queue is full, try again"});
  }

  std::mutex mutex_;
  std::deque<Slot> slots_;
  std::uint64_t first_ = 0;
  std::optional<grpc::Status> end_;

  EngineLoop& loop_;
  StackSource* stacks_;
  std::mutex order_mutex_;
  std::deque<SubmitTasks> waiting_;  // no more than have slots
  bool looking_ = false;

 public:
  StreamWriter<SubmitTasksRequest, SubmitTasksResponse> writer;
};

class SubmitStream final : public grpc::ServerBidiReactor<SubmitTasksRequest, SubmitTasksResponse> {
 public:
  SubmitStream(StreamContext context, const grpc::CallbackServerContext& call, StackSource* stacks)
      : context_(context), call_(call), link_(std::make_shared<SubmitLink>(context.loop, stacks, this)) {
    number_ = context_.router.add_link(link_);
    read();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return rpc::is_unreadable(request_) ? refuse(rpc::unreadable(kMethod)) : link_->no_more(grpc::Status::OK);
    take();
    std::lock_guard lock(mutex_);
    paused_ = link_->under_way() >= kUnderWayMax;
    if (!paused_) read();
  }
  void OnWriteDone(bool ok) override {
    link_->writer.written(ok);
    std::lock_guard lock(mutex_);
    if (!paused_ || link_->under_way() >= kUnderWayMax) return;
    paused_ = false;
    read();
  }
  void OnCancel() override { link_->writer.finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    link_->writer.detach();
    context_.router.remove_link(number_);
    delete this;
  }

 private:
  void read() {
    rpc::mark_unread(request_);
    StartRead(&request_);
  }
  void refuse(const Error& error) {
    const auto status = rpc::to_status(error);
    rpc::log_refusal(kMethod, status, call_);
    link_->no_more(status);
  }
  void take() {
    const std::uint64_t place = link_->expect(request_.request_id());
    const CallId call = call_id(CallKind::Link, (number_ << 24) | (place & 0xff'ffff));
    auto tasks = to_submissions(request_, context_.limits);
    if (!tasks) return link_->answer(call, tasks.error());
    link_->hand_in(SubmitTasks{call, std::move(tasks.value())});
  }

  StreamContext context_;
  const grpc::CallbackServerContext& call_;
  std::shared_ptr<SubmitLink> link_;
  std::uint64_t number_ = 0;
  std::mutex mutex_;
  bool paused_ = false;
  SubmitTasksRequest request_;
};

}  // namespace

grpc::ServerBidiReactor<SubmitTasksRequest, SubmitTasksResponse>* start_submit_stream(StreamContext context, const grpc::CallbackServerContext& call,
                                                                              StackSource* stacks) {
  return new SubmitStream(context, call, stacks);  // deletes itself in OnDone
}

}  // namespace swarm::orchestrator::grpc_api

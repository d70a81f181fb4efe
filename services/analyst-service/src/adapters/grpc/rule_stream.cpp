#include "adapters/grpc/rule_stream.hpp"

#include "adapters/grpc/mapping.hpp"

namespace swarm::analyst::adapters {

namespace {

constexpr std::size_t kBatch = 64;

}  // namespace

std::shared_ptr<RuleStream> RuleStream::open(application::RuleBoard& board, std::uint64_t from_version) {
  auto stream = std::make_shared<RuleStream>(board, from_version);
  stream->self_ = stream;
  board.watch(stream);
  stream->pump();
  return stream;
}

// Fills event_ with what comes next; false when there is nothing to say. A fresh follower is not told of rules that were
// retired before it came.
bool RuleStream::prepare() {
  while (batch_.empty()) {
    auto rules = board_.after(sent_, kBatch);
    if (rules.empty()) break;
    for (auto& rule : rules) {
      sent_ = rule.version;
      if (synced_ || resumed_ || rule.state != domain::RuleState::Retired) batch_.push_back(std::move(rule));
    }
  }
  event_.Clear();
  if (!batch_.empty()) {
    event_.set_kind("rule");
    event_.set_version(batch_.front().version);
    fill(batch_.front(), nullptr, *event_.mutable_rule());
    batch_.pop_front();
    return true;
  }
  if (synced_) return false;
  synced_ = true;
  event_.set_kind("synced");
  event_.set_version(sent_);
  return true;
}

// gRPC may call back from within StartWrite and Finish, so neither is called under the lock; `writing_` keeps a second
// caller out, and a Finish waits for the write to end.
void RuleStream::pump() {
  {
    std::lock_guard lock(mutex_);
    if (writing_ || ending_ || !prepare()) return;
    writing_ = true;
  }
  StartWrite(&event_);
}

void RuleStream::OnWriteDone(bool ok) {
  if (!ok) end(grpc::Status::CANCELLED);
  bool finish = false;
  {
    std::lock_guard lock(mutex_);
    writing_ = false;
    finish = ending_ && !finished_;
    finished_ = finished_ || finish;
  }
  if (finish) Finish(status_);
  else pump();
}

void RuleStream::end(const grpc::Status& status) {
  {
    std::lock_guard lock(mutex_);
    if (ending_) return;
    ending_ = true;
    status_ = status;
    if (writing_) return;
    finished_ = true;
  }
  Finish(status);
}

void RuleStream::OnDone() {
  const auto last = std::move(self_);
}

}  // namespace swarm::analyst::adapters

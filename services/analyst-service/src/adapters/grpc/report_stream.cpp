#include "adapters/grpc/report_stream.hpp"

#include <grpcpp/server_context.h>

#include "adapters/grpc/mapping.hpp"
#include "libs/rpc/refusal_log.hpp"
#include "libs/rpc/status.hpp"
#include "libs/rpc/unreadable.hpp"

namespace swarm::analyst::adapters {

namespace {

constexpr std::string_view kMethod = "/analyst.Analyst/ReportFailures";
constexpr int kEventsMax = 1000;

}  // namespace

std::shared_ptr<ReportStream> ReportStream::open(grpc::CallbackServerContext* context, application::Analyzers& analyzers,
                                                 application::LedgerLoop& ledger) {
  auto stream = std::make_shared<ReportStream>(context, analyzers, ledger);
  stream->self_ = stream;
  stream->read();
  return stream;
}

void ReportStream::read() {
  bool ending = false;
  {
    std::lock_guard lock(mutex_);
    ending = ending_;
  }
  if (ending) return finish(status_);
  rpc::mark_unread(batch_);
  StartRead(&batch_);  // an end() from now on cancels it
}

void ReportStream::OnReadDone(bool ok) {
  if (!ok && rpc::is_unreadable(batch_)) return refuse(rpc::unreadable(kMethod));
  if (!ok) {
    std::unique_lock lock(mutex_);
    const auto status = ending_ ? status_ : grpc::Status::OK;
    lock.unlock();
    return finish(status);
  }
  if (batch_.events_size() > kEventsMax)
    return refuse({Code::InvalidArgument, "more than " + std::to_string(kEventsMax) + " events in one batch"});
  count_batch();
}

// The ledger commits everything that waits together, so a batch costs one fdatasync.
void ReportStream::count_batch() {
  ack_.Clear();
  ack_.set_sequence(batch_.sequence());
  {
    std::lock_guard lock(mutex_);
    missing_ = 1;  // for this loop itself
  }
  for (const auto& event : batch_.events()) {
    if (const auto good = check(event); !good) {
      std::lock_guard lock(mutex_);
      ack_.set_refused(ack_.refused() + 1);
      if (ack_.message().empty()) ack_.set_message(good.error().message);
      continue;
    }
    auto report = analyzers_.with([&](domain::Analyzer& analyzer) {
      return to_report(event, analyzer.analyse({event.role(), event.stack(), log_of(event)}));
    });
    {
      std::lock_guard lock(mutex_);
      ++missing_;
    }
    ledger_.submit(std::move(report), [self = self_](const Result<application::FailureAnswer>& answer) { self->counted(answer); });
  }
  one_less();
}

void ReportStream::counted(const Result<application::FailureAnswer>& answer) {
  {
    std::lock_guard lock(mutex_);
    if (!answer) {
      if (!failed_) failed_ = answer.error();
    } else if (answer.value().repeat) {
      ack_.set_repeats(ack_.repeats() + 1);
    } else {
      ack_.set_counted(ack_.counted() + 1);
      ack_.set_rules_made(ack_.rules_made() + (answer.value().rule_made ? 1 : 0));
    }
  }
  one_less();
}

void ReportStream::one_less() {
  {
    std::lock_guard lock(mutex_);
    if (--missing_ > 0) return;
  }
  answer_batch();
}

void ReportStream::answer_batch() {
  if (failed_) finish(rpc::to_status(*failed_));
  else StartWrite(&ack_);
}

void ReportStream::OnWriteDone(bool ok) {
  if (ok) read();
  else finish(grpc::Status::CANCELLED);
}

void ReportStream::end(const grpc::Status& status) {
  std::lock_guard lock(mutex_);
  if (ending_ || context_ == nullptr) return;
  ending_ = true;
  status_ = status;
  if (missing_ == 0) context_->TryCancel();  // nothing of it is being counted: it waits for the client
}

void ReportStream::refuse(const Error& error) {
  const auto status = rpc::to_status(error);
  rpc::log_refusal(kMethod, status, *context_);
  finish(status);
}

void ReportStream::finish(const grpc::Status& status) {
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
  }
  Finish(status);
}

void ReportStream::OnDone() {
  {
    std::lock_guard lock(mutex_);
    context_ = nullptr;
  }
  const auto last = std::move(self_);
}

}  // namespace swarm::analyst::adapters

#include "adapters/grpc/artifact_transfers.hpp"

#include <grpcpp/server_context.h>

#include <algorithm>

namespace swarm::orchestrator::grpc_api {

TransferBook::Entry::Entry(TransferBook& book, Kind kind, grpc::ServerContextBase* context)
    : book_(book), kind_(kind), context_(context), last_(book.clock_.boot_now()) {}

TransferBook::Entry::~Entry() {
  std::lock_guard lock(book_.mutex_);
  book_.entries_.remove(this);
}

void TransferBook::Entry::moved() {
  std::lock_guard lock(book_.mutex_);
  last_ = book_.clock_.boot_now();
}

std::unique_ptr<TransferBook::Entry> TransferBook::open(Kind kind, grpc::ServerContextBase* context) {
  auto entry = std::make_unique<Entry>(*this, kind, context);
  {
    std::lock_guard lock(mutex_);
    const auto open = static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const Entry* e) { return e->kind_ == kind; }));
    if (open < (kind == Kind::Upload ? limits_.uploads_max : limits_.downloads_max)) {
      entries_.push_back(entry.get());
      return entry;
    }
  }
  return nullptr;
}

void TransferBook::end_idle() {
  std::lock_guard lock(mutex_);
  const auto now = clock_.boot_now();
  for (Entry* entry : entries_) {
    if (now - entry->last_ > limits_.idle_max) entry->context_->TryCancel();
  }
}

}  // namespace swarm::orchestrator::grpc_api

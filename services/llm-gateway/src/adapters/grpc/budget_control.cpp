#include "adapters/grpc/budget_control.hpp"

#include <charconv>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "adapters/grpc/answer.hpp"
#include "adapters/grpc/mapping.hpp"

namespace swarm::gateway {
namespace {

constexpr std::size_t kScopesLookedAt = 10'000;

Result<void> acknowledge(::llm_gateway::Ack& ack, const Result<void>& done, const std::string& what) {
  if (!done) return done.error();
  ack.set_accepted(true);
  ack.set_message(what);
  return outcome::success();
}

}  // namespace

/// One WatchScopes call: the latest view of each scope that its client has not read yet, so that a slow reader costs at
/// most one message for each scope.
class ScopeStream final : public grpc::ServerWriteReactor<::llm_gateway::ScopeEvent> {
 public:
  ScopeStream(ScopeStreams& owner, std::size_t pending_max) : owner_(owner), pending_max_(pending_max) {}

  void push(const std::vector<AccountView>& views, std::uint64_t sequence, bool limited_only) {
    std::lock_guard lock(mutex_);
    if (finishing_) return;
    for (const AccountView& view : views) {
      if (limited_only && view.account.limit.unlimited) continue;
      ::llm_gateway::ScopeEvent event;
      fill(*event.mutable_scope(), view);
      event.set_sequence(sequence);
      const std::string key = view.scope + '\0' + std::string(name(view.account.limit.window));
      if (const auto waiting = pending_.find(key); waiting != pending_.end()) waiting->second = std::move(event);
      else if (pending_.size() < pending_max_) {
        order_.push_back(key);
        pending_.emplace(key, std::move(event));
      }
    }
    write_next();
  }
  void finish(const grpc::Status& status) {
    std::lock_guard lock(mutex_);
    if (std::exchange(finishing_, true)) return;
    status_ = status;
    if (!writing_) Finish(status_);
  }
  void keep(std::shared_ptr<void> watch) { watch_ = std::move(watch); }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (finishing_) return Finish(status_);
    if (!ok) {
      finishing_ = true;
      return Finish(grpc::Status::CANCELLED);
    }
    write_next();
  }
  void OnCancel() override { finish(grpc::Status::CANCELLED); }
  void OnDone() override;

 private:
  void write_next() {
    if (writing_ || order_.empty()) return;
    auto node = pending_.extract(order_.front());
    order_.pop_front();
    current_ = std::move(node.mapped());
    writing_ = true;
    StartWrite(&current_);
  }

  ScopeStreams& owner_;
  std::size_t pending_max_;
  std::mutex mutex_;
  std::map<std::string, ::llm_gateway::ScopeEvent> pending_;
  std::deque<std::string> order_;
  ::llm_gateway::ScopeEvent current_;
  std::shared_ptr<void> watch_;
  grpc::Status status_;
  bool writing_ = false;
  bool finishing_ = false;
};

/// The open watches. A stream is owned here until gRPC is done with it, and by whoever is pushing to it just then.
class ScopeStreams {
 public:
  std::shared_ptr<ScopeStream> open() {
    auto made = std::make_shared<ScopeStream>(*this, kPendingMax);
    std::lock_guard lock(mutex_);
    streams_.insert(made);
    return made;
  }
  void done(ScopeStream* stream) {
    std::shared_ptr<ScopeStream> last;
    std::lock_guard lock(mutex_);
    for (auto it = streams_.begin(); it != streams_.end(); ++it) {
      if (it->get() != stream) continue;
      last = *it;
      streams_.erase(it);
      break;
    }
  }
  void finish_all(const grpc::Status& status) {
    std::set<std::shared_ptr<ScopeStream>> all;
    {
      std::lock_guard lock(mutex_);
      all = streams_;
    }
    for (const auto& stream : all) stream->finish(status);
  }

 private:
  static constexpr std::size_t kPendingMax = 200'000;
  std::mutex mutex_;
  std::set<std::shared_ptr<ScopeStream>> streams_;
};

void ScopeStream::OnDone() {
  watch_.reset();
  owner_.done(this);
}

BudgetControlService::BudgetControlService(rpc::Gate& gate, BudgetDesk& desk, KeyDesk& keys, SpendReports& reports, Explanations& explanations,
                                           const Clock& clock)
    : gate_(gate), desk_(desk), keys_(keys), reports_(reports), explanations_(explanations), clock_(clock), streams_(std::make_unique<ScopeStreams>()) {}
BudgetControlService::~BudgetControlService() = default;

void BudgetControlService::drain() {
  streams_->finish_all({grpc::StatusCode::UNAVAILABLE, "this server is shutting down; watch again on another connection"});
}

grpc::ServerUnaryReactor* BudgetControlService::GetCurrentSpend(grpc::CallbackServerContext* context, const ::llm_gateway::Empty* request,
                                                                ::llm_gateway::SpendReport* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/GetCurrentSpend"); !in) return answer(context, in.error());
  const auto view = desk_.current(scope_or_global(request->scope()));
  if (!view) return answer(context, view.error());
  fill(*response, view.value());
  return answer(context, outcome::success());
}

grpc::ServerUnaryReactor* BudgetControlService::ResetBudget(grpc::CallbackServerContext* context, const ::llm_gateway::Empty* request,
                                                            ::llm_gateway::Ack* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/ResetBudget"); !in) return answer(context, in.error());
  const std::string scope = scope_or_global(request->scope());
  return answer(context, acknowledge(*response, desk_.reset(scope), "budget " + scope + " starts again at zero"));
}

grpc::ServerUnaryReactor* BudgetControlService::SetLimit(grpc::CallbackServerContext* context, const ::llm_gateway::LimitConfig* request,
                                                         ::llm_gateway::Ack* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/SetLimit"); !in) return answer(context, in.error());
  if (const auto said = check_said(*request); !said) return answer(context, said.error());
  const auto limit = limit_of(*request);
  if (!limit) return answer(context, limit.error());
  const std::string scope = scope_or_global(request->scope());
  return answer(context, acknowledge(*response, desk_.set_limit(scope, limit.value()), "limit of " + scope + " is set"));
}

grpc::ServerUnaryReactor* BudgetControlService::OverrideBudget(grpc::CallbackServerContext* context, const ::llm_gateway::OverrideRequest* request,
                                                               ::llm_gateway::Ack* response) {
  const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/OverrideBudget");
  if (!in) return answer(context, in.error());
  auto wish = override_of(*request);
  if (!wish) return answer(context, wish.error());
  if (in.value().authenticated) wish.value().by = in.value().subject;
  const std::string what = request->seconds() == 0 ? "override of " + wish.value().scope + " has ended" : "override of " + wish.value().scope + " is in force";
  return answer(context, acknowledge(*response, desk_.override_limits(wish.value()), what));
}

grpc::ServerUnaryReactor* BudgetControlService::ListScopes(grpc::CallbackServerContext* context, const ::llm_gateway::ScopeQuery* request,
                                                           ::llm_gateway::ScopeList* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/ListScopes"); !in) return answer(context, in.error());
  ScopeId from = 0;
  const std::string& token = request->page_token();
  if (std::from_chars(token.data(), token.data() + token.size(), from).ptr != token.data() + token.size()) {
    return answer(context, Error{Code::InvalidArgument, "page_token is none of ours"});
  }
  const auto wanted = static_cast<std::size_t>(std::max(0, request->page_size()));
  const auto page = desk_.page(request->scope_prefix(), from, wanted == 0 ? kScopesLookedAt : std::min(wanted, kScopesLookedAt));
  for (const AccountView& view : page.views) {
    if (!request->limited_only() || !view.account.limit.unlimited) fill(*response->add_scopes(), view);
  }
  if (page.next) response->set_next_page_token(std::to_string(*page.next));
  return answer(context, outcome::success());
}

grpc::ServerWriteReactor<::llm_gateway::ScopeEvent>* BudgetControlService::WatchScopes(grpc::CallbackServerContext* context,
                                                                                      const ::llm_gateway::ScopeQuery* request) {
  const auto stream = streams_->open();
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/WatchScopes"); !in) {
    stream->finish(rpc::to_status(in.error()));
    return stream.get();
  }
  const std::weak_ptr<ScopeStream> weak = stream;
  // Before the look at everything, so that no change falls between; changes also of what has no limit: it may just have
  // lost it.
  stream->keep(desk_.watch(request->scope_prefix(), [weak](const std::vector<AccountView>& views, std::uint64_t sequence) {
    if (const auto open = weak.lock()) open->push(views, sequence, false);
  }));
  desk_.show_all(request->scope_prefix(), [&](const std::vector<AccountView>& views, std::uint64_t sequence) {
    stream->push(views, sequence, request->limited_only());
  });
  return stream.get();
}

grpc::ServerUnaryReactor* BudgetControlService::SetTaskBudget(grpc::CallbackServerContext* context, const ::llm_gateway::TaskBudget* request,
                                                              ::llm_gateway::Ack* response) {
  if (const auto in = gate_.admit(*context, "/llm_gateway.BudgetControl/SetTaskBudget"); !in) return answer(context, in.error());
  const std::string scope = "task/" + request->task_id();
  if (request->ended()) return answer(context, acknowledge(*response, desk_.drop_limit(scope, WindowKind::Total), "limit of " + scope + " is dropped"));
  const auto limit = limit_of(*request);
  if (!limit) return answer(context, limit.error());
  return answer(context, acknowledge(*response, desk_.set_limit(scope, limit.value()), "limit of " + scope + " is set"));
}

}  // namespace swarm::gateway
